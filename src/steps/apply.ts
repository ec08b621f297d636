import { batches, splitRemovals, targetWithin } from '../model/apply-order.ts';
import type { Entry, FileEntry, Hash, Sequence } from '../model/entry.ts';
import { sameContent } from '../model/entry.ts';
import type { FixedMetadata } from '../model/local.ts';
import type { BytePath } from '../model/path.ts';
import { comparePaths, isWithin, nameOf, parentOf } from '../model/path.ts';
import type { DiskMetadata, Expected, Outcome, Owners, Placed, PreciseStat, ShareTree, Staged } from '../ports/filesystem.ts';
import { DiskFault } from '../ports/filesystem.ts';
import type { DiskStamp, Intent, Journal, TrashRow, Want, WantReason } from '../ports/journal.ts';
import type { Log } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';

/** One path to bring to `entry` (null removes it). See plan. */
export interface ApplyTask {
  readonly path: BytePath;
  readonly entry: Entry | null;
  readonly version: Sequence;
  readonly expected: Expected | null;
  readonly standing: Entry | null;
  readonly why: TrashRow['why'];
  readonly wanted: boolean;
  readonly attempts: number;
}

export interface ApplyPorts {
  readonly tree: ShareTree;
  readonly journal: Journal;
  readonly owners: Owners;
  readonly random: Random;
  readonly log: Log;
  /** Stages verified content; results in any order (see fetch). */
  readonly fetch: (requests: readonly FileRequest[]) => AsyncIterable<FetchResult>;
  readonly onPlaced: (files: number) => void;
}

export interface FileRequest {
  readonly path: BytePath;
  readonly entry: FileEntry;
  readonly metadata: DiskMetadata;
}

export type FetchResult =
  | { readonly ok: true; readonly request: FileRequest; readonly staged: Staged }
  | {
      readonly ok: false;
      readonly request: FileRequest;
      readonly reason: WantReason;
      readonly detail: string;
      readonly missing: readonly Hash[];
    };

export interface ApplyOptions {
  readonly fixed: FixedMetadata | null;
  readonly bucketNowMs: number;
  /** This machine's clock, microseconds, for the racy flag of stat stamps. */
  readonly nowUs: () => number;
  readonly stampOf: (stat: PreciseStat, nowUs: number) => DiskStamp;
  /** An unpublished version that goes to the trash still has to be published (publishing is not possible in this run). */
  readonly oweLosers: boolean;
  readonly signal: AbortSignal;
}

export interface Applied {
  readonly placed: number;
  readonly removed: number;
  readonly bytes: number;
  /** Contents that no location of the log delivers. */
  readonly missing: readonly Hash[];
  /** Something local came in between: look again before the next try. */
  readonly again: boolean;
  /** Trash names of what was displaced, to be looked at once more after `settle` (rule A2). */
  readonly displaced: readonly string[];
}

const attemptsMax = 3;
const specialBits = 0o6000;

/** Brings the disk to what the log wants, in the order of rule A3. Everything that fails becomes the reason of its own want. */
export async function apply(ports: ApplyPorts, tasks: readonly ApplyTask[], options: ApplyOptions): Promise<Applied> {
  const run: Run = {
    ports,
    options,
    placed: 0,
    removed: 0,
    bytes: 0,
    missing: [],
    again: false,
    displaced: [],
    done: [],
    modes: [],
    trash: new Map(),
    moved: new Map(),
    groupSetting: new Map(),
    occupied: new Set(),
  };
  const sorted = [...tasks].sort((a, b) => comparePaths(a.path, b.path));
  const { early, late } = splitRemovals(sorted);
  commit(run, early);
  removeAll(run, early);
  const directories = sorted.filter((task) => task.entry?.kind === 'dir');
  commit(run, directories);
  makeDirectories(run, directories);
  ports.log.debug({ step: 'directory', directories: directories.length }, 'directories made');
  commit(run, []);
  await placeFiles(
    run,
    sorted.filter((task) => task.entry?.kind === 'file'),
  );
  const links = sorted.filter((task) => task.entry?.kind === 'link' && !waitsForTarget(run, task, task.entry.target));
  commit(run, [...links, ...late]);
  for (const task of links) guarded(run, task, () => placeLink(run, task, task.entry as Entry & { kind: 'link' }));
  ports.log.debug({ step: 'link', links: links.length }, 'links placed');
  removeAll(run, late);
  ports.log.debug({ step: 'remove', paths: late.length }, 'removals done');
  for (const { task, metadata } of run.modes.reverse()) guarded(run, task, () => finishDirectory(run, task, metadata));
  commit(run, []);
  const { placed, removed, bytes, missing, again, displaced } = run;
  return { placed, removed, bytes, missing, again, displaced };
}

interface Run {
  readonly ports: ApplyPorts;
  readonly options: ApplyOptions;
  placed: number;
  removed: number;
  bytes: number;
  missing: Hash[];
  again: boolean;
  displaced: string[];
  /** Journal writes of the current burst, committed together with the end of its intents. */
  done: (() => void)[];
  modes: { task: ApplyTask; metadata: Partial<DiskMetadata> }[];
  /** Paths at which something stood that the plan did not know of. */
  readonly occupied: Set<BytePath>;
  /** Names in the trash for what the current burst displaces. */
  trash: Map<BytePath, string>;
  /** Directories that were asked whether new files take their group. */
  readonly groupSetting: Map<BytePath, boolean>;
  /** Change times of inodes that went to the trash, before and after: other names of theirs are still what was expected. */
  readonly moved: Map<number, { readonly before: number; readonly after: number }>;
}

// ---- bookkeeping -------------------------------------------------------------------------------------------------------------

/** Disk trouble is the path's own reason, never the end of the run (rule I2). */
function guarded(run: Run, task: ApplyTask, work: () => void): void {
  if (run.options.signal.aborted) return;
  try {
    work();
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    fail(run, task, reasonOf(error), error.message);
  }
}

function reasonOf(fault: DiskFault): WantReason {
  if (fault.code === 'full') return 'full';
  return fault.code === 'unsupported' ? 'unsupported' : 'refused';
}

function fail(run: Run, task: ApplyTask, reason: WantReason, detail: string): void {
  if (!task.wanted) return;
  run.done.push(() => {
    if (run.ports.journal.want(task.path)?.version === task.version)
      run.ports.journal.setWantReason(task.path, reason, detail, task.attempts + 1);
  });
}

/** The disk was not what it was when the plan was made: a local change came first. After some tries the path counts as busy. */
function retry(run: Run, task: ApplyTask, outcome?: Outcome): void {
  run.again = true;
  if (outcome === 'occupied' || outcome === 'not-empty') run.occupied.add(task.path);
  if (task.attempts + 1 < attemptsMax) fail(run, task, 'pending', '');
  else if (run.occupied.has(task.path)) fail(run, task, 'occupied', 'something that this member leaves out of the share');
  else fail(run, task, 'busy', 'it changes whenever a newer version is about to be put in place');
}

function settle(run: Run, task: ApplyTask, stat: PreciseStat | null): void {
  const { journal } = run.ports;
  const stamp = stat === null ? null : run.options.stampOf(stat, run.options.nowUs());
  run.done.push(() => {
    if (task.entry === null) journal.dropAgreed(task.path);
    else journal.putAgreed({ path: task.path, entry: task.entry, version: task.version, stamp });
    if (journal.want(task.path)?.version === task.version) journal.dropWant(task.path);
  });
  if (task.entry === null) run.removed++;
  else run.placed++;
}

/** What went to the trash changed its inode's change time by that. */
function noteMoved(run: Run, task: ApplyTask): void {
  const seen = run.ports.tree.lookInTrash(trashName(run, task));
  const before = run.moved.get(task.expected?.ino ?? 0)?.before ?? task.expected?.ctimeKey ?? 0;
  if (seen !== null) run.moved.set(seen.ino, { before, after: seen.ctimeKey });
}

/**
 * Rule I4: ends one burst, and says what the next is about to do before it does it: its intents, and a row for every version that is
 * going to the trash, so that a kill leaves nothing there which nobody knows of, and forgets nothing that is owed.
 */
function commit(run: Run, next: readonly ApplyTask[], staged: ReadonlyMap<BytePath, Staged> = new Map()): void {
  const { journal, random, log } = run.ports;
  const used = [...run.trash.values()];
  if (run.done.length + used.length + next.length === 0) return;
  const unused = new Set(used.filter((name) => !isInTrash(run, name)));
  run.displaced.push(...used.filter((name) => !unused.has(name)));
  run.trash = new Map(next.filter(displaces).map((task) => [task.path, random.hex(16)]));
  journal.transaction(() => {
    for (const write of run.done) write();
    for (const name of unused) journal.dropTrash(name);
    journal.clearIntents();
    for (const task of next) announce(run, task);
    journal.putIntents(next.map((task) => intentOf(run, task, staged)).filter((intent) => intent.stagedIno > 0 || intent.trashName !== ''));
  });
  run.done = [];
  log.debug({ step: 'burst', paths: next.length }, next.length > 0 ? 'intents committed' : 'journal committed');
}

/** The row's stat is the one that was reconciled, so that any later write is noticed by the second look (rule A2). */
function announce({ ports, options, trash }: Run, { path, standing, expected, why, version }: ApplyTask): void {
  const name = trash.get(path);
  if (name === undefined || standing === null || expected === null) return;
  const owed = options.oweLosers && why === 'conflict';
  const { ino, size, mtimeKey } = expected;
  ports.journal.putTrash({ name, path, entry: standing, atMs: options.bucketNowMs, why, owed, lostTo: version, ino, size, mtimeKey });
}

function intentOf(run: Run, { path, entry, version }: ApplyTask, staged: ReadonlyMap<BytePath, Staged>): Intent {
  return { path, entry, version, stagedIno: staged.get(path)?.stat.ino ?? 0, trashName: run.trash.get(path) ?? '' };
}

/** True where a file or another link stands in the way of what is wanted. */
function displaces({ expected, standing, entry }: ApplyTask): boolean {
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

function expectedNow(run: Run, expected: Expected): Expected {
  const moved = run.moved.get(expected.ino);
  return moved === undefined || moved.before !== expected.ctimeKey ? expected : { ...expected, ctimeKey: moved.after };
}

function trashName(run: Run, task: ApplyTask): string {
  return run.trash.get(task.path) as string;
}

// ---- directories -------------------------------------------------------------------------------------------------------------

function makeDirectories(run: Run, tasks: readonly ApplyTask[]): void {
  for (const task of tasks) guarded(run, task, () => makeDirectory(run, task, task.entry as Entry & { kind: 'dir' }));
}

function makeDirectory(run: Run, task: ApplyTask, entry: Entry & { kind: 'dir' }): void {
  const metadata = diskMetadata(run, entry, task);
  if (task.expected?.kind === 'dir') {
    run.modes.push({ task, metadata });
    return;
  }
  if (task.expected !== null && !clearTheWay(run, task, task.expected)) return;
  // Writable for us until its children stand; the real mode comes last.
  const made = run.ports.tree.makeDirectory(task.path, 0o700);
  if (made.outcome !== 'done') return retry(run, task, made.outcome);
  run.ports.journal.setLingering(task.path, false);
  run.modes.push({ task, metadata });
}

function finishDirectory(run: Run, task: ApplyTask, metadata: Partial<DiskMetadata>): void {
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
function clearTheWay(run: Run, task: ApplyTask, expected: Expected): boolean {
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

// ---- files -------------------------------------------------------------------------------------------------------------------

async function placeFiles(run: Run, tasks: readonly ApplyTask[]): Promise<void> {
  const replacing: ApplyTask[] = [];
  for (const task of tasks) {
    const metadataOnly = task.expected?.kind === 'file' && task.standing !== null && sameContent(task.standing, task.entry);
    if (metadataOnly && !hasOtherNames(run, task.path)) guarded(run, task, () => changeMetadata(run, task, task.entry as FileEntry));
    else replacing.push(task);
  }
  commit(run, []);
  for (const batch of batches(replacing)) {
    if (run.options.signal.aborted) return;
    await placeBatch(run, batch);
  }
}

/** Rights and times belong to the inode: where it has a second name, only a file of its own can change under one of them alone. */
function hasOtherNames({ ports }: Run, path: BytePath): boolean {
  try {
    return (ports.tree.look(path)?.links ?? 0) > 1;
  } catch (error) {
    if (error instanceof DiskFault) return false;
    throw error;
  }
}

function changeMetadata(run: Run, task: ApplyTask, entry: FileEntry): void {
  const { tree } = run.ports;
  const seen = tree.look(task.path);
  if (seen === null || task.expected === null || seen.ino !== task.expected.ino || seen.ctimeKey !== task.expected.ctimeKey)
    return retry(run, task);
  const set = tree.setMetadata(task.path, seen.ino, diskMetadata(run, entry, task));
  if (set.outcome === 'done') settle(run, task, set.stat);
  else retry(run, task);
}

/** Stage all, flush once, commit intents, then the burst of renames (rule A1). */
async function placeBatch(run: Run, batch: readonly ApplyTask[]): Promise<void> {
  const tasks = new Map(batch.map((task) => [task.path, task]));
  const requests = batch.map((task) => ({
    path: task.path,
    entry: task.entry as FileEntry,
    metadata: diskMetadata(run, task.entry as FileEntry, task),
  }));
  const ready: Ready[] = [];
  for await (const result of run.ports.fetch(requests)) {
    const task = tasks.get(result.request.path) as ApplyTask;
    if (result.ok) ready.push({ task, staged: result.staged });
    else {
      run.missing.push(...result.missing);
      fail(run, task, result.reason, result.detail);
    }
  }
  run.ports.log.debug({ step: 'stage', files: ready.length }, 'files staged');
  if (ready.length > 0 && !(await flushed(run, ready))) return commit(run, []);
  run.ports.log.debug({ step: 'flush', files: ready.length }, 'staged files flushed');
  const staged = new Map(ready.map((each) => [each.task.path, each.staged]));
  commit(
    run,
    ready.map(({ task }) => task),
    staged,
  );
  // New files first, then changed ones: what is changed may refer to what is new.
  for (const group of byDirectory(ready.filter(({ task }) => task.expected === null))) placeGroup(run, group);
  run.ports.log.debug({ step: 'place', files: ready.length }, 'new files placed');
  for (const { task, staged } of ready) if (task.expected !== null) guarded(run, task, () => placeFile(run, task, staged));
  run.ports.log.debug({ step: 'replace', files: ready.length }, 'changed files replaced');
  commit(run, []);
  run.ports.onPlaced(run.placed);
}

interface Ready {
  readonly task: ApplyTask;
  readonly staged: Staged;
}

/** Nothing is put in place that a power cut could empty. */
async function flushed(run: Run, ready: readonly Ready[]): Promise<boolean> {
  try {
    await run.ports.tree.flush();
    return true;
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    for (const { task } of ready) fail(run, task, reasonOf(error), error.message);
    return false;
  }
}

function byDirectory(files: readonly Ready[]): Iterable<readonly Ready[]> {
  const groups = new Map<BytePath, Ready[]>();
  for (const file of files) {
    const directory = parentOf(file.task.path);
    const group = groups.get(directory);
    if (group === undefined) groups.set(directory, [file]);
    else group.push(file);
  }
  return groups.values();
}

/** New files of one directory. */
function placeGroup(run: Run, group: readonly Ready[]): void {
  const [first] = group;
  if (first === undefined || run.options.signal.aborted) return;
  const files = group.map(({ task, staged }) => ({ staged, name: nameOf(task.path) }));
  const results = run.ports.tree.placeAllNew(parentOf(first.task.path), files);
  group.forEach(({ task, staged }, at) => {
    const placed = results[at] as Placed | DiskFault;
    if (placed instanceof DiskFault) fail(run, task, reasonOf(placed), placed.message);
    else finishFile(run, task, staged, placed);
  });
}

function placeFile(run: Run, task: ApplyTask, staged: Staged): void {
  const { tree } = run.ports;
  const { expected } = task;
  let placed: Placed;
  if (expected === null) placed = tree.placeNew(staged, task.path);
  else if (expected.kind === 'dir') placed = clearTheWay(run, task, expected) ? tree.placeNew(staged, task.path) : { outcome: 'changed' };
  else placed = tree.placeOver(staged, task.path, expectedNow(run, expected), trashName(run, task));
  if (placed.outcome === 'done' && displaces(task)) noteMoved(run, task);
  finishFile(run, task, staged, placed);
}

function finishFile(run: Run, task: ApplyTask, staged: Staged, placed: Placed): void {
  if (placed.outcome !== 'done') {
    if (placed.outcome !== 'moved') run.ports.tree.discard(staged);
    return retry(run, task, placed.outcome);
  }
  run.bytes += (task.entry as FileEntry).size;
  settle(run, task, placed.stat);
}

// ---- links and removals ------------------------------------------------------------------------------------------------------

/** Rule P4: a link into the share is not switched before what it points at is here. */
function waitsForTarget(run: Run, task: ApplyTask, target: string): boolean {
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

function placeLink(run: Run, task: ApplyTask, entry: Entry & { kind: 'link' }): void {
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
  const owned = ownership(run, entry, task);
  if (!sameTarget && (owned.uid !== undefined || owned.gid !== undefined)) placed = tree.setMetadata(task.path, placed.stat.ino, owned);
  if (placed.outcome === 'done') settle(run, task, placed.stat);
  else retry(run, task);
}

function removeAll(run: Run, tasks: readonly ApplyTask[]): void {
  for (const task of tasks) guarded(run, task, () => removeOne(run, task));
}

function removeOne(run: Run, task: ApplyTask): void {
  if (task.expected === null) {
    // Nothing is expected there: where a name stands all the same, the next look decides about it.
    if (run.ports.tree.look(task.path) === null) settle(run, task, null);
    else retry(run, task);
    return;
  }
  if (task.expected.kind === 'dir') return removeDirectory(run, task);
  const moved = run.ports.tree.moveToTrash(task.path, expectedNow(run, task.expected), trashName(run, task));
  if (moved === 'changed' || moved === 'moved') return retry(run, task);
  if (moved === 'done') noteMoved(run, task);
  settle(run, task, null);
}

/** Rule R4: a directory that keeps children which the log does not have lingers. It is no entry of this share any more. */
function removeDirectory(run: Run, task: ApplyTask): void {
  const removed = run.ports.tree.removeDirectory(task.path);
  if (removed === 'changed') return retry(run, task);
  if (removed === 'not-empty') run.done.push(() => run.ports.journal.setLingering(task.path, true));
  settle(run, task, null);
}

// ---- metadata ----------------------------------------------------------------------------------------------------------------

/** What the entry's metadata becomes on this disk: the config's fixed values first, set-id bits of the bucket never (rule A4). */
function diskMetadata(run: Run, entry: FileEntry | (Entry & { kind: 'dir' }), task: ApplyTask): DiskMetadata {
  const { fixed } = run.options;
  const mode = (entry.kind === 'file' ? fixed?.fileMode : fixed?.dirMode) ?? entry.mode & ~specialBits;
  const times = entry.kind === 'file' ? { mtimeUs: entry.mtimeUs } : {};
  return { mode, ...times, ...ownership(run, entry, task) };
}

/** Only root gives files away. A name that this machine does not know leaves what is there. */
function ownership(run: Run, entry: Entry, task: ApplyTask): { uid?: number; gid?: number } {
  const { owners, journal } = run.ports;
  if (!owners.privileged) return {};
  const { fixed } = run.options;
  const base = task.expected === null ? null : journal.agreed(task.path)?.stamp;
  const owner = fixed?.owner ?? entry.owner;
  const group = fixed?.group ?? entry.group;
  const uid = (owner === null ? undefined : owners.userId(owner)) ?? base?.uid;
  const inheritsGroup = task.expected === null && fixed?.group == null && setsGroup(run, parentOf(task.path));
  const gid = inheritsGroup ? undefined : ((group === null ? undefined : owners.groupId(group)) ?? base?.gid);
  return { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
}

/** Asked of the disk once per directory and run. */
function setsGroup(run: Run, directory: BytePath): boolean {
  if (directory === '') return false;
  const known = run.groupSetting.get(directory);
  if (known !== undefined) return known;
  const answer = hasSetgid(run.ports.tree, directory);
  run.groupSetting.set(directory, answer);
  return answer;
}

function hasSetgid(tree: ShareTree, directory: BytePath): boolean {
  try {
    return ((tree.look(directory)?.mode ?? 0) & 0o2000) !== 0;
  } catch (error) {
    if (error instanceof DiskFault) return false;
    throw error;
  }
}
