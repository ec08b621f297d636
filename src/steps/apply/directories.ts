import type { Entry } from '../../model/entry.ts';
import type { DiskMetadata, Expected, PreciseStat } from '../../ports/filesystem.ts';
import { attempt, expectedNow, noteMade, noteMoved, retry, settle, trashName } from './ledger.ts';
import { diskMetadata } from './metadata.ts';
import type { ApplyTask, Run } from './run.ts';

export function makeDirectories(run: Run, tasks: readonly ApplyTask[]): void {
  for (const task of tasks) attempt(run, task, () => makeDirectory(run, task, task.entry as Entry & { kind: 'dir' }));
}

function makeDirectory(run: Run, task: ApplyTask, entry: Entry & { kind: 'dir' }): void {
  const metadata = diskMetadata(run, entry, task);
  if (task.expected?.kind === 'dir') {
    run.modes.push({ task, metadata, made: false });
    return;
  }
  if (task.expected !== null && !clearTheWay(run, task, task.expected)) return;
  // Writable for us until its children stand; the real mode comes last.
  const made = run.ports.tree.makeDirectory(task.path, 0o700);
  if (made.outcome !== 'done') return retry(run, task, made.outcome);
  run.done.push(() => run.ports.journal.setLingering(task.path, false));
  noteMade(run, task, entry, made.stat);
  run.modes.push({ task, metadata, made: true });
}

export function finishDirectory(run: Run, task: ApplyTask, metadata: Partial<DiskMetadata>): void {
  const { tree } = run.ports;
  const standing = tree.look(task.path);
  if (standing === null || standing.kind !== 'dir') return retry(run, task);
  const set = tree.setMetadata(task.path, standing.ino, inherited(metadata, standing));
  if (set.outcome === 'done') settle(run, task, set.stat);
  else retry(run, task);
}

/** A setgid bit that the directory inherited here stays, with its group, as if it had been made in place. */
function inherited(metadata: Partial<DiskMetadata>, standing: PreciseStat): Partial<DiskMetadata> {
  if ((standing.mode & 0o2000) === 0 || metadata.mode === undefined) return metadata;
  const { gid: _group, ...rest } = metadata;
  return { ...rest, mode: metadata.mode | 0o2000 };
}

/** Moves a file or link out of the way of another kind. False when it was not what was expected. */
export function clearTheWay(run: Run, task: ApplyTask, expected: Expected): boolean {
  if (expected.kind === 'dir') {
    const removed = run.ports.tree.removeDirectory(task.path);
    if (removed !== 'done' && removed !== 'absent') retry(run, task, removed);
    return removed === 'done' || removed === 'absent';
  }
  const moved = run.ports.tree.moveToTrash(task.path, expectedNow(run, expected), trashName(run, task));
  if (moved === 'done') noteMoved(run, task);
  if (moved !== 'done' && moved !== 'absent') retry(run, task);
  return moved === 'done' || moved === 'absent';
}
