import { type Entry, sameContent } from '../../model/entry.ts';
import { madeEntry, ownerNames } from '../../model/local.ts';
import type { BytePath } from '../../model/path.ts';
import type { Expected, Outcome, PreciseStat, Staged } from '../../ports/filesystem.ts';
import { DiskFault } from '../../ports/filesystem.ts';
import type { Intent, WantReason } from '../../ports/journal.ts';
import { noteAudit } from './audit.ts';
import type { ApplyTask, Run } from './run.ts';

const attemptsMax = 3;

export function guarded(run: Run, task: ApplyTask, work: () => void): void {
  if (!run.options.signal.aborted) attempt(run, task, work);
}

/** Disk trouble is the path's own reason, never the end of the run (rule I2). */
export function attempt(run: Run, task: ApplyTask, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    fail(run, task, reasonOf(error), error.message);
  }
}

export function reasonOf(fault: DiskFault): WantReason {
  if (fault.code === 'full') return 'full';
  return fault.code === 'unsupported' ? 'unsupported' : 'refused';
}

export function fail(run: Run, task: ApplyTask, reason: WantReason, detail: string): void {
  if (!task.wanted) {
    run.left.push({ task, reason, detail });
    return;
  }
  run.done.push(() => {
    if (run.ports.journal.want(task.path)?.version === task.version)
      run.ports.journal.setWantReason(task.path, reason, detail, task.attempts + 1);
  });
}

/** The disk was not what it was when the plan was made: a local change came first. After some tries the path counts as busy. */
export function retry(run: Run, task: ApplyTask, outcome?: Outcome): void {
  const isLast = task.attempts + 1 >= attemptsMax;
  // What has been tried often enough waits for the next cycle, and this one does not wait for it.
  run.again ||= !isLast;
  if (outcome === 'occupied' || outcome === 'not-empty') run.occupied.add(task.path);
  if (!isLast) fail(run, task, 'pending', '');
  else if (run.occupied.has(task.path)) fail(run, task, 'occupied', 'something that this member leaves out of the share');
  else fail(run, task, 'busy', '');
}

/**
 * A directory or link that was made is the base from now on, whatever becomes of its rights: a deletion that comes next would else take
 * it for one that was made here, and publish it again.
 */
export function noteMade(run: Run, { path, version, wanted }: ApplyTask, entry: Entry & { kind: 'dir' | 'link' }, stat: PreciseStat): void {
  const { journal, owners } = run.ports;
  if (!wanted) return;
  run.done.push(() => journal.putAgreed({ path, entry: madeEntry(entry, stat, ownerNames(owners, stat)), version, stamp: null }));
}

/** `changed` is false where the disk already was what is wanted: an agreement, but nothing that was done to it. */
export function settle(run: Run, task: ApplyTask, stat: PreciseStat | null, changed = true): void {
  const { journal } = run.ports;
  const stamp = stat === null ? null : run.options.stampOf(stat, run.options.nowUs());
  run.done.push(() => {
    if (task.entry === null) journal.dropAgreed(task.path);
    else journal.putAgreed({ path: task.path, entry: task.entry, version: task.version, stamp });
    journal.dropWantAt(task.path, task.version);
    if (changed) noteAudit(run, task);
  });
  if (task.entry === null) run.removed++;
  else run.placed++;
}

/** What went to the trash changed its inode's change time by that. */
export function noteMoved(run: Run, task: ApplyTask): void {
  const seen = run.ports.tree.lookInTrash(trashName(run, task));
  const before = run.moved.get(task.expected?.ino ?? 0)?.before ?? task.expected?.ctimeKey ?? 0;
  if (seen !== null) run.moved.set(seen.ino, { before, after: seen.ctimeKey });
}

/**
 * Rule I4: ends one burst, and says what the next is about to do before it does it: its intents, and a row for every version that is
 * going to the trash, so that a kill leaves nothing there which nobody knows of, and forgets nothing that is owed.
 */
export async function commit(run: Run, next: readonly ApplyTask[], staged: ReadonlyMap<BytePath, Staged> = new Map()): Promise<void> {
  await makeDurable(run);
  note(run, next, staged);
  // A disk that is ahead of its journal after a power cut shows what others have written as if somebody had put it there.
  if (next.length > 0) run.ports.journal.flush();
}

/**
 * What the journal says was done must outlive a power cut: a file of which only the journal knows would look like one that somebody has
 * deleted here. What cannot be flushed stays wanted, and the next cycle finds it done by looking.
 */
async function makeDurable(run: Run): Promise<void> {
  if (run.done.length === 0) return;
  try {
    await run.ports.tree.flushChanges();
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    run.ports.log.warn({ step: 'flush', code: error.code }, 'what was applied could not be flushed');
    run.done = [];
  }
}

function note(run: Run, next: readonly ApplyTask[], staged: ReadonlyMap<BytePath, Staged>): void {
  const { journal, random, log } = run.ports;
  const used = [...run.trash].map(([path, name]) => ({ path, name }));
  if (run.done.length + used.length + next.length === 0) return;
  const unused = new Set(used.filter(({ name }) => !isInTrash(run, name)));
  run.displaced.push(...used.filter((each) => !unused.has(each)));
  run.trash = new Map(next.filter(displaces).map((task) => [task.path, random.hex(16)]));
  journal.transaction(() => {
    for (const write of run.done) write();
    for (const { name } of unused) journal.dropTrash(name);
    journal.clearIntents();
    for (const task of next) announce(run, task);
    journal.putIntents(next.map((task) => intentOf(run, task, staged)));
  });
  run.done = [];
  log.debug({ step: 'burst', paths: next.length }, next.length > 0 ? 'intents committed' : 'journal committed');
}

/** Ends the last burst. What was displaced stays announced until its second look (rule A2), which a kill must not take away. */
export async function finish(run: Run): Promise<void> {
  const { journal } = run.ports;
  await makeDurable(run);
  journal.transaction(() => {
    note(run, [], new Map());
    journal.putIntents(run.displaced.map(({ path, name }) => ({ path, version: 0, stagedIno: 0, trashName: name })));
  });
}

/** The row's stat is the one that was reconciled, so that any later write is noticed by the second look (rule A2). */
function announce({ ports, options, trash }: Run, { path, standing, expected, why, version }: ApplyTask): void {
  const name = trash.get(path);
  if (name === undefined || standing === null || expected === null) return;
  const owed = why === 'conflict' && options.isOwed(path, version, standing);
  const { ino, size, mtimeKey } = expected;
  ports.journal.putTrash({ name, path, entry: standing, atMs: options.bucketNowMs, why, owed, lostTo: version, ino, size, mtimeKey });
}

function intentOf(run: Run, { path, version }: ApplyTask, staged: ReadonlyMap<BytePath, Staged>): Intent {
  return { path, version, stagedIno: staged.get(path)?.stat.ino ?? 0, trashName: run.trash.get(path) ?? '' };
}

/** True where a file or another link stands in the way of what is wanted. */
export function displaces({ expected, standing, entry }: ApplyTask): boolean {
  if (expected === null || expected.kind === 'dir') return false;
  return !(entry?.kind === 'link' && sameContent(standing, entry));
}

/** What cannot be looked at keeps its row. */
function isInTrash(run: Run, name: string): boolean {
  try {
    return run.ports.tree.lookInTrash(name) !== null;
  } catch (error) {
    if (error instanceof DiskFault) return true;
    throw error;
  }
}

export function expectedNow(run: Run, expected: Expected): Expected {
  const moved = run.moved.get(expected.ino);
  return moved === undefined || moved.before !== expected.ctimeKey ? expected : { ...expected, ctimeKey: moved.after };
}

export function trashName(run: Run, task: ApplyTask): string {
  return run.trash.get(task.path) as string;
}
