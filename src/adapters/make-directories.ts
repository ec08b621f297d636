import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from './disk-faults.ts';

/**
 * Makes a directory and what is missing above it; one that is there stays as it is. Node's own way (`recursive`) never comes to an end
 * where a directory is there and cannot hold another, as below /proc. Throws what mkdir(2) said.
 */
export function makeDirectories(path: string, mode: number): void {
  try {
    makeOne(path, mode);
  } catch (error) {
    const above = dirname(path);
    if (errnoOf(error) !== 'ENOENT' || above === path) throw error;
    makeDirectories(above, mode);
    makeOne(path, mode);
  }
}

function makeOne(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST' || !statSync(path).isDirectory()) throw error;
  }
}
