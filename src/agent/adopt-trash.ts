import type { Entry } from '../model/entry.ts';
import { DiskFault, type PreciseStat } from '../ports/filesystem.ts';
import type { Cycle } from './context.ts';

/**
 * Files in the trash that the journal does not know, as after its loss, get rows of their own, so that they age like all others instead
 * of lying there for ever. Where they stood is not known any more, nor whether one of them was owed to the log: that is told.
 */
export function adoptTrash(cycle: Cycle): void {
  const { tree, journal } = cycle.ports;
  if (cycle.options.dryRun || !cycle.canApply) return;
  const known = new Set(journal.trash().map(({ name }) => name));
  const found = orNothing(() => tree.listTrash())?.filter((name) => !known.has(name)) ?? [];
  const adopted = journal.transaction(() => found.filter((name) => adopt(cycle, name)).length);
  if (adopted === 0) return;
  const what = adopted === 1 ? '1 file in the trash is' : `${adopted} files in the trash are`;
  cycle.events.push(
    `${what} unknown to the journal, perhaps versions that never reached the bucket; the trash keeps them for its full time`,
  );
}

function adopt(cycle: Cycle, name: string): boolean {
  const { tree, journal } = cycle.ports;
  const stat = orNothing(() => tree.lookInTrash(name));
  const entry = stat === null ? null : orNothing(() => entryOf(stat, () => tree.readLinkInTrash(name)));
  if (stat === null || entry === null) return false;
  const { ino, size, mtimeKey } = stat;
  const about = { path: '', atMs: cycle.latestNowMs(), why: 'adopted' as const, owed: false, lostTo: 0 };
  journal.putTrash({ name, entry, ...about, ino, size, mtimeKey });
  return true;
}

/** The content is not read for it: no hash is ever looked for under an empty name. */
function entryOf({ kind, mode, mtimeUs, size }: PreciseStat, target: () => string): Entry | null {
  const owners = { owner: null, group: null };
  if (kind === 'link') return { kind, target: target(), ...owners };
  return kind === 'file' ? { kind, mode, mtimeUs, size, hash: '', chunks: null, ...owners } : null;
}

/** Null where the disk does not answer: the next cycle asks again. */
function orNothing<T>(ask: () => T): T | null {
  try {
    return ask();
  } catch (error) {
    if (error instanceof DiskFault) return null;
    throw error;
  }
}
