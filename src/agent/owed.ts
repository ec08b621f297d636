import type { Change } from '../model/change.ts';
import { type BytePath, toText } from '../model/path.ts';
import { DiskFault, type ShareTree } from '../ports/filesystem.ts';
import type { TrashRow } from '../ports/journal.ts';
import { revisitDisplaced } from '../steps/revisit.ts';
import type { Cycle } from './context.ts';

/** Tells a version in the trash from what stands at its path today: no path holds a NUL. */
export function trashKey({ name }: TrashRow): BytePath {
  return `\0${name}`;
}

/** Owed versions that the trash does not hold as they were: one that was written to is owed as it is now, one that is gone is no debt. */
export function reviewOwed(cycle: Cycle, rows: readonly TrashRow[]): void {
  const { tree, journal } = cycle.ports;
  revisitDisplaced(
    tree,
    journal,
    rows.map(({ name }) => name),
  );
  for (const { name, path } of rows) {
    if (isInTrash(tree, name)) continue;
    journal.dropTrash(name);
    cycle.events.push(`the trash has lost a version of ${toText(path)} that was not in the log yet`);
  }
}

/** What cannot be looked at is not gone. */
function isInTrash(tree: ShareTree, name: string): boolean {
  try {
    return tree.lookInTrash(name) !== null;
  } catch (error) {
    if (error instanceof DiskFault) return true;
    throw error;
  }
}

/** Versions that have reached the log are owed no more. */
export function settleKept(cycle: Cycle, changes: readonly Change[]): void {
  const { journal } = cycle.ports;
  const kept = changes.filter((change) => change.op === 'kept');
  for (const row of journal.owedTrash()) {
    const published = kept.some((change) => change.path === row.path && change.lostTo === row.lostTo);
    if (published) journal.settleOwed(row.name);
  }
}
