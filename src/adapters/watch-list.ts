import { type Dirent, lstatSync, readdirSync } from 'node:fs';
import { errnoOf, unless } from './disk-faults.ts';
import { at } from './disk-stat.ts';

/** The names of the directories in an open directory, as bytes. Throws the system's error. */
export function directoriesIn(fd: number): string[] {
  const path = `/proc/self/fd/${fd}`;
  // Without kinds from the file system Node looks at each name itself, by its text: that fails for names that are not ASCII.
  const entries = unless(['ENOENT'], (): Dirent[] => readdirSync(path, { encoding: 'latin1', withFileTypes: true }));
  if (entries === null) return readdirSync(path, 'latin1').filter((name) => isDirectory(fd, name) !== false);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** Whether the name in the open directory is a directory now, and no link to one; null when that cannot be told. */
export function isDirectory(fd: number, name: string): boolean | null {
  try {
    return lstatSync(at(fd, name), { throwIfNoEntry: false })?.isDirectory() === true;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return null;
  }
}
