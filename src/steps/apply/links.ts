import { targetWithin } from '../../model/apply-order.ts';
import type { Entry } from '../../model/entry.ts';
import { isWithin, parentOf } from '../../model/path.ts';
import { DiskFault, type Placed } from '../../ports/filesystem.ts';
import type { Want, WantReason } from '../../ports/journal.ts';
import { clearTheWay } from './directories.ts';
import { expectedNow, fail, guarded, noteMade, noteMoved, retry, settle, trashName } from './ledger.ts';
import { ownership } from './metadata.ts';
import type { ApplyTask, Run } from './run.ts';

/** Rule P4: a link into the share is not switched before what it points at is here. */
export function waitsForTarget(run: Run, task: ApplyTask, target: string): boolean {
  const path = target.startsWith('/') ? null : targetWithin(parentOf(task.path), target);
  if (path === null || path === '' || isWithin(task.path, path)) return false;
  const { journal } = run.ports;
  const missing = [journal.want(path), ...journal.wantsBelow(path)].some((want) => want?.entry != null && isAwaited(run, want));
  if (!missing) return false;
  fail(run, { ...task, attempts: task.attempts - 1 }, 'pending', 'waits for what it points at');
  return true;
}

/** Reasons that come to an end; what the config keeps away from here is not waited for. */
const awaited: ReadonlySet<WantReason> = new Set(['pending', 'held', 'unfetchable', 'full', 'busy', 'refused', 'occupied']);

/** Links wait for content, not for each other; of a directory that stands only the rights are still to come. */
function isAwaited(run: Run, { path, entry, reason }: Want): boolean {
  if (entry?.kind === 'link' || !awaited.has(reason)) return false;
  return entry?.kind !== 'dir' || !run.modes.some((made) => made.task.path === path);
}

export function placeLink(run: Run, task: ApplyTask, entry: Entry & { kind: 'link' }): void {
  const { tree } = run.ports;
  const { expected } = task;
  const sameTarget = task.standing?.kind === 'link' && task.standing.target === entry.target;
  let placed: Placed;
  if (expected?.kind === 'link' && sameTarget) placed = tree.setMetadata(task.path, expected.ino, ownership(run, entry, task));
  else if (expected === null) placed = tree.makeLink(task.path, entry.target);
  else if (expected.kind === 'dir')
    placed = clearTheWay(run, task, expected) ? tree.makeLink(task.path, entry.target) : { outcome: 'changed' };
  else {
    placed = tree.replaceByLink(task.path, entry.target, expectedNow(run, expected), trashName(run, task));
    if (placed.outcome === 'done') noteMoved(run, task);
  }
  if (placed.outcome !== 'done') return retry(run, task, placed.outcome);
  if (!sameTarget) noteMade(run, task, entry, placed.stat);
  const owned = ownership(run, entry, task);
  if (!sameTarget && (owned.uid !== undefined || owned.gid !== undefined)) placed = tree.setMetadata(task.path, placed.stat.ino, owned);
  if (placed.outcome === 'done') settle(run, task, placed.stat);
  else retry(run, task);
}

export function removeAll(run: Run, tasks: readonly ApplyTask[]): void {
  for (const task of tasks) guarded(run, task, () => removeOne(run, task));
}

function removeOne(run: Run, task: ApplyTask): void {
  if (task.expected === null) {
    // Nothing is expected there: where a name stands all the same, the next look decides about it.
    if (isNothingAt(run, task)) settle(run, task, null, false);
    else retry(run, task);
    return;
  }
  if (task.expected.kind === 'dir') return removeDirectory(run, task);
  const moved = run.ports.tree.moveToTrash(task.path, expectedNow(run, task.expected), trashName(run, task));
  if (moved === 'changed' || moved === 'moved') return retry(run, task);
  if (moved === 'done') noteMoved(run, task);
  settle(run, task, null, moved === 'done');
}

/** Also where the directory has gone that held it: a join may have wanted to remove what no directory of the log ever held. */
function isNothingAt({ ports: { tree } }: Run, { path }: ApplyTask): boolean {
  try {
    return tree.look(path) === null;
  } catch (error) {
    if (error instanceof DiskFault && (error.code === 'absent' || error.code === 'not-directory')) return true;
    throw error;
  }
}

/** Rule R4: a directory that keeps children which the log does not have lingers. It is no entry of this share any more. */
function removeDirectory(run: Run, task: ApplyTask): void {
  const removed = run.ports.tree.removeDirectory(task.path);
  if (removed === 'changed') return retry(run, task);
  if (removed === 'not-empty') run.done.push(() => run.ports.journal.setLingering(task.path, true));
  settle(run, task, null, removed === 'done');
}
