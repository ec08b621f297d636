import { contentHasher } from '../model/digest.ts';
import type { FileEntry } from '../model/entry.ts';
import type { ShareTree } from '../ports/filesystem.ts';
import { DiskFault } from '../ports/filesystem.ts';
import type { Journal, TrashRow } from '../ports/journal.ts';

const readBytes = 1024 * 1024;

/**
 * The second look of rule A2: a program that had the displaced file open may have written to it after it left the tree. Such a write
 * is a local edit that nobody else has: the trash row takes over its content and is owed to the log as a `kept` version.
 * Returns how many were found.
 */
export function revisitDisplaced(tree: ShareTree, journal: Journal, names: readonly string[]): number {
  if (names.length === 0) return 0;
  const wanted = new Set(names);
  let found = 0;
  for (const row of journal.trash()) {
    if (!wanted.has(row.name) || row.entry.kind !== 'file') continue;
    const late = lateWrite(tree, row, row.entry);
    if (late === null) continue;
    journal.putTrash(late);
    found++;
  }
  return found;
}

function lateWrite(tree: ShareTree, row: TrashRow, entry: FileEntry): TrashRow | null {
  try {
    const seen = tree.lookInTrash(row.name);
    if (seen === null || (seen.size === row.size && seen.mtimeKey === row.mtimeKey)) return null;
    const file = tree.openInTrash(row.name);
    try {
      const { hash, size } = hashOf(file);
      if (hash === entry.hash) return null;
      const changed = { ...entry, size, hash, chunks: null, mtimeUs: file.before.mtimeUs };
      return { ...row, entry: changed, owed: true, size: seen.size, mtimeKey: seen.mtimeKey };
    } finally {
      file.close();
    }
  } catch (error) {
    if (error instanceof DiskFault) return null;
    throw error;
  }
}

function hashOf(file: { read(buffer: Buffer): number }): { hash: string; size: number } {
  const hash = contentHasher();
  const buffer = Buffer.allocUnsafe(readBytes);
  let size = 0;
  for (let length = file.read(buffer); length > 0; length = file.read(buffer)) {
    hash.update(buffer.subarray(0, length));
    size += length;
  }
  return { hash: hash.digest(), size };
}
