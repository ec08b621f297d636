import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

/** Mounts need root; tests that need them are skipped visibly without it. */
export const isRoot = process.getuid?.() === 0;

export interface Mounted {
  readonly path: string;
  /** Options of `mount -o remount,…`, for example `size=8m` or `ro`. */
  remount(options: string): void;
  unmount(): void;
}

/** A small file system in memory; the directory is made where it is missing. */
export function mountMemory(path: string, size: string): Mounted {
  mkdirSync(path, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path]);
  return {
    path,
    remount: (options) => void execFileSync('mount', ['-o', `remount,${options}`, path]),
    unmount: () => void execFileSync('umount', [path]),
  };
}
