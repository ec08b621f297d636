import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type BytePath, fromText } from '../model/path.ts';
import { type PresetName, presetOf } from '../model/presets.ts';
import type { Excluded } from './excludes.ts';

/** A site that holds more directories than this is no site, but a place where sites lie. */
const directoriesLookedAt = 100;

/** What a web root holds, by the files that give it away: in the root itself, or right below it. */
export function detectPreset(root: string): PresetName | null {
  const here = presetOf((path) => existsSync(join(root, path)), false);
  if (here !== null) return here;
  for (const name of directoriesIn(root).slice(0, directoriesLookedAt)) {
    const below = presetOf((path) => existsSync(join(root, name, path)), true);
    if (below !== null) return below;
  }
  return null;
}

function directoriesIn(root: string): string[] {
  try {
    const entries = readdirSync(root, { withFileTypes: true });
    return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
  } catch {
    // What is wrong with the root is said by whoever needs it.
    return [];
  }
}

export interface LeftOut {
  /** The first of them in the order of their names; a directory ends with a slash, and stands for everything in it. */
  readonly first: readonly BytePath[];
  readonly count: number;
  /** False where the tree is too large to be looked at as a whole in passing. */
  readonly isAll: boolean;
}

const listedMax = 1000;
/** About a second. */
const entriesLookedAt = 300_000;

/** What the excludes leave out below a root. Directories that cannot be read are passed over. */
export function leftOutBelow(root: string, excluded: Excluded, signal: AbortSignal): LeftOut {
  const first: BytePath[] = [];
  let [count, seen] = [0, 0];
  const pending: BytePath[] = [''];
  for (let directory = pending.pop(); directory !== undefined && seen < entriesLookedAt && !signal.aborted; directory = pending.pop()) {
    for (const { name, isDirectory } of entriesIn(root, directory)) {
      seen++;
      const path = directory === '' ? name : `${directory}/${name}`;
      if (path === '.flocksync') continue;
      if (!excluded(path, isDirectory)) {
        if (isDirectory) pending.push(path);
      } else if (count++ < listedMax) first.push(isDirectory ? `${path}/` : path);
    }
  }
  return { first: first.sort(), count, isAll: seen < entriesLookedAt };
}

function entriesIn(root: string, directory: BytePath): { name: BytePath; isDirectory: boolean }[] {
  const place = Buffer.from(`${fromText(root)}/${directory}`, 'latin1');
  try {
    if (directory !== '' && lstatSync(place).isSymbolicLink()) return [];
    const entries = readdirSync(place, { withFileTypes: true, encoding: 'buffer' });
    return entries.map((entry) => ({ name: entry.name.toString('latin1'), isDirectory: entry.isDirectory() }));
  } catch {
    return [];
  }
}
