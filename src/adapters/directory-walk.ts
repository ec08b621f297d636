import { type Dirent, promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { Key } from '../ports/datastore.ts';
import { codeOf } from './directory-faults.ts';

/** Where writes grow before they get their name; never listed, and on the same file system. */
export const incoming = '.incoming';

const component = /^[A-Za-z0-9._~@%+=-]+$/;

export function isKey(key: string): boolean {
  const names = key.split('/');
  return names[0] !== incoming && names.every((name) => component.test(name) && name !== '.' && name !== '..');
}

/** The beginning of a key: complete components, then a partial one or none. */
export function isKeyPrefix(prefix: string): boolean {
  const slash = prefix.lastIndexOf('/');
  const rest = prefix.slice(slash + 1);
  return (slash < 0 || isKey(prefix.slice(0, slash))) && (rest === '' || component.test(rest));
}

/** The keys that begin with `prefix` and come after `after`, in byte order. Folders that cannot hold one are not read. */
export async function* walkKeys(root: string, prefix: string, after: Key | undefined): AsyncGenerator<Key> {
  yield* walkFolder(root, prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix, after);
}

async function* walkFolder(root: string, folder: string, prefix: string, after: Key | undefined): AsyncGenerator<Key> {
  for (const name of await namesIn(root, folder)) {
    const key = folder + name;
    if (!key.endsWith('/')) {
      if (key.startsWith(prefix) && (after === undefined || key > after)) yield key;
    } else if (mayHold(key, prefix) && (after === undefined || key > after || after.startsWith(key))) {
      yield* walkFolder(root, key, prefix, after);
    }
  }
}

function mayHold(folder: string, prefix: string): boolean {
  return folder.startsWith(prefix) || prefix.startsWith(folder);
}

/**
 * Names in one folder ('' or ending in '/'), folders with a '/' behind them, in the byte order of the keys below: 'a-b' comes before
 * 'a/', which comes before 'a0'. A folder that does not exist is empty; the caller has made sure of the base directory.
 */
export async function namesIn(root: string, folder: string): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await entriesOf(join(root, folder))) {
    if (!component.test(entry.name) || (folder === '' && entry.name === incoming)) continue;
    if (entry.isDirectory()) names.push(`${entry.name}/`);
    else if (entry.isFile()) names.push(entry.name);
  }
  return names.sort();
}

async function entriesOf(path: string): Promise<Dirent[]> {
  try {
    return await fs.readdir(path, { withFileTypes: true });
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}
