import type { Chunk, Entry } from '../model/entry.ts';
import { type BytePath, join } from '../model/path.ts';
import { JournalFault } from '../ports/journal.ts';
import type { Row, Value } from './sqlite-connection.ts';

/** The columns that hold an entry, the same in every table. */
export const entryColumns = 'kind, mode, mtime_us, size, hash, chunks, owner, group_name, target';
export const entryWidth = 9;
const noEntry: readonly Value[] = Array.from({ length: entryWidth }, () => null);

/** The values of `entryColumns`; all NULL for an absence. */
export function entryValues(entry: Entry | null): readonly Value[] {
  if (entry === null) return noEntry;
  const { kind, owner, group } = entry;
  if (kind === 'file') return [kind, entry.mode, entry.mtimeUs, entry.size, entry.hash, chunksText(entry.chunks), owner, group, null];
  if (kind === 'dir') return [kind, entry.mode, null, null, null, null, owner, group, null];
  return [kind, null, null, null, null, null, owner, group, entry.target];
}

/** The entry whose columns begin at `at`, or null where they are NULL. */
export function entryAt(row: Row, at: number): Entry | null {
  return row[at] === null ? null : presentEntryAt(row, at);
}

/** Like `entryAt`, where the schema allows no absence. */
export function presentEntryAt(row: Row, at: number): Entry {
  const owner = row[at + 6] as string | null;
  const group = row[at + 7] as string | null;
  switch (row[at]) {
    case 'file':
      return {
        kind: 'file',
        mode: row[at + 1] as number,
        mtimeUs: row[at + 2] as number,
        size: row[at + 3] as number,
        hash: row[at + 4] as string,
        chunks: chunksFrom(row[at + 5] as string | null),
        owner,
        group,
      };
    case 'dir':
      return { kind: 'dir', mode: row[at + 1] as number, owner, group };
    case 'link':
      return { kind: 'link', target: row[at + 8] as string, owner, group };
    default:
      throw new JournalFault('damaged', `The journal holds an entry of kind ${String(row[at])}.`);
  }
}

/** The path whose (dir, name) stand in the first two columns. */
export function pathOf(row: Row): BytePath {
  return join(row[0] as string, row[1] as string);
}

export function jsonFrom<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new JournalFault('damaged', 'The journal holds a text that is no JSON.', cause);
  }
}

/**
 * Bounds for `dir >= low AND dir < high`, which hold the containing directories of everything more than one level below `directory`.
 * Together with `dir = directory` they are the whole subtree: '0' follows '/' in byte order, and U+0100 follows every byte.
 */
export function deeperDirectories(directory: BytePath): [low: string, high: string] {
  return directory === '' ? ['\u0001', '\u0100'] : [`${directory}/`, `${directory}0`];
}

function chunksText(chunks: readonly Chunk[] | null): string | null {
  return chunks === null ? null : JSON.stringify(chunks.map(({ hash, size }) => [hash, size]));
}

function chunksFrom(text: string | null): readonly Chunk[] | null {
  return text === null ? null : jsonFrom<[string, number][]>(text).map(([hash, size]) => ({ hash, size }));
}
