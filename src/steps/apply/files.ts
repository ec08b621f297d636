import type { Batch, NewFile, NewTree } from '../../model/apply-order.ts';
import { batches } from '../../model/apply-order.ts';
import type { FileEntry, Hash } from '../../model/entry.ts';
import { sameContent } from '../../model/entry.ts';
import type { BytePath } from '../../model/path.ts';
import { nameOf, parentOf } from '../../model/path.ts';
import type { Placed, Staged } from '../../ports/filesystem.ts';
import { DiskFault } from '../../ports/filesystem.ts';
import { clearTheWay, makeDirectories } from './directories.ts';
import { attempt, commit, displaces, expectedNow, fail, guarded, noteMoved, reasonOf, retry, settle, trashName } from './ledger.ts';
import { diskMetadata } from './metadata.ts';
import type { ApplyTask, FetchResult, FileRequest, Ready, Run } from './run.ts';
import { discardTree, placeTree, stageTree } from './trees.ts';

/** While one batch is flushed and put in place, the next is being staged. */
export async function placeFiles(
  run: Run,
  tasks: readonly ApplyTask[],
  newFiles: readonly NewFile[],
  trees: readonly NewTree<ApplyTask, ApplyTask | NewFile>[],
): Promise<void> {
  const replacing: (ApplyTask | NewFile)[] = [...newFiles];
  for (const task of tasks) {
    const metadataOnly = task.expected?.kind === 'file' && task.standing !== null && sameContent(task.standing, task.entry);
    if (metadataOnly && !hasOtherNames(run, task.path)) guarded(run, task, () => changeMetadata(run, task, task.entry as FileEntry));
    else replacing.push(task);
  }
  await commit(run, []);
  let before: Before = { hashes: new Set(), placed: Promise.resolve() };
  try {
    for (const batch of batches(replacing, trees)) {
      if (run.options.signal.aborted) break;
      const staged = await stageBatch(run, inFull(run, batch), before);
      await before.placed;
      const placed = placeBatch(run, staged);
      placed.catch(() => undefined);
      before = { hashes: new Set(staged.requests.map(({ entry }) => entry.hash)), placed };
    }
    await before.placed;
  } finally {
    await Promise.allSettled([before.placed]);
  }
}

/** With what the journal wants of each new file. */
function inFull({ ports: { journal } }: Run, { files, trees }: Batch<ApplyTask, ApplyTask | NewFile>): Batch<ApplyTask> {
  const taskOf = (file: ApplyTask | NewFile): ApplyTask[] => {
    if ('wanted' in file) return [file];
    const want = journal.want(file.path);
    if (want === null) return [];
    const { path, entry, version, attempts } = want;
    return [{ path, entry, version, expected: null, standing: null, why: 'replaced', wanted: true, attempts }];
  };
  return journal.transaction(() => ({
    files: files.flatMap(taskOf),
    trees: trees.map((tree) => ({ ...tree, files: tree.files.flatMap(taskOf) })),
  }));
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

/** The batch that is being put in place, and the contents that this disk will have then. */
interface Before {
  readonly hashes: ReadonlySet<Hash>;
  readonly placed: Promise<void>;
}

interface StagedBatch {
  readonly requests: readonly FileRequest[];
  readonly ready: readonly Ready[];
  /** Those that are built apart. */
  readonly trees: readonly NewTree<ApplyTask>[];
}

/** Stage all, flush once, commit intents, then the burst of renames (rule A1). */
async function stageBatch(run: Run, batch: Batch<ApplyTask>, before: Before): Promise<StagedBatch> {
  const begun = await beginTrees(run, batch.trees, before);
  const tasks = [...batch.files, ...batch.trees.flatMap(({ files }) => files)];
  const requests = tasks.map((task) => requestFor(run, task));
  const byPath = new Map(tasks.map((task) => [task.path, task]));
  const ready: Ready[] = [];
  const taken = new Set<ApplyTask>();
  const take = (result: FetchResult) => {
    const task = byPath.get(result.request.path) as ApplyTask;
    taken.add(task);
    if (result.ok) ready.push({ task, staged: result.staged });
    else {
      run.missing.push(...result.missing);
      fail(run, task, result.reason, result.detail);
    }
  };
  const collect = async (wanted: readonly FileRequest[]) => {
    if (wanted.length === 0) return;
    for await (const results of run.ports.fetch(wanted)) {
      for (const result of results) take(result);
      // What is not staged yet stays wanted.
      if (run.options.signal.aborted) break;
    }
  };
  const isOnItsWay = ({ entry }: FileRequest) => before.hashes.has(entry.hash);
  await collect(requests.filter((request) => !isOnItsWay(request)));
  await before.placed;
  await collect(requests.filter(isOnItsWay));
  run.ports.log.debug({ step: 'stage', files: ready.length }, 'files staged');
  return { requests, ...completed(run, begun, ready, taken) };
}

/** Those that are built apart; the directories of the others are made in place, between two bursts. */
async function beginTrees(run: Run, trees: readonly NewTree<ApplyTask>[], before: Before): Promise<NewTree<ApplyTask>[]> {
  const begun: NewTree<ApplyTask>[] = [];
  for (const tree of trees) {
    if (stageTree(run, tree)) begun.push(tree);
    else {
      await before.placed;
      await commit(run, tree.directories);
      makeDirectories(run, tree.directories);
    }
  }
  return begun;
}

/** A new directory appears with all that it holds or, where the run was told to stop before that, not yet. */
function completed(
  run: Run,
  begun: readonly NewTree<ApplyTask>[],
  ready: readonly Ready[],
  taken: ReadonlySet<ApplyTask>,
): Pick<StagedBatch, 'ready' | 'trees'> {
  const isComplete = ({ files }: NewTree<ApplyTask>) => files.every((task) => taken.has(task));
  const cut = begun.filter((tree) => !isComplete(tree));
  if (cut.length === 0) return { ready, trees: begun };
  for (const tree of cut) discardTree(run, tree);
  const left = new Set(cut.flatMap(({ files }) => files));
  for (const { task } of ready) if (left.has(task)) run.discarded += (task.entry as FileEntry).size;
  return { ready: ready.filter(({ task }) => !left.has(task)), trees: begun.filter(isComplete) };
}

function requestFor(run: Run, task: ApplyTask): FileRequest {
  const entry = task.entry as FileEntry;
  return { path: task.path, entry, metadata: diskMetadata(run, entry, task) };
}

/** What is staged is put in place even when the run is told to stop: it takes a moment, and staging it again takes longer. */
async function placeBatch(run: Run, { ready, trees }: StagedBatch): Promise<void> {
  if (ready.length > 0 && !(await flushed(run, ready, trees))) return await commit(run, []);
  run.ports.log.debug({ step: 'flush', files: ready.length }, 'staged files flushed');
  const staged = new Map(ready.map((each) => [each.task.path, each.staged]));
  await commit(run, [...trees.flatMap(({ directories }) => directories), ...ready.map(({ task }) => task)], staged);
  // New files first, then changed ones: what is changed may refer to what is new.
  const single = placeTrees(run, trees, ready);
  for (const group of byDirectory(single.filter(({ task }) => task.expected === null))) placeGroup(run, group);
  run.ports.log.debug({ step: 'place', files: ready.length }, 'new files placed');
  for (const { task, staged } of single) if (task.expected !== null) attempt(run, task, () => placeFile(run, task, staged));
  run.ports.log.debug({ step: 'replace', files: ready.length }, 'changed files replaced');
  for (const tree of trees) discardTree(run, tree);
  await commit(run, []);
  run.ports.onPlaced(run.placed);
}

/** What is still to be placed one by one. */
function placeTrees(run: Run, trees: readonly NewTree<ApplyTask>[], ready: readonly Ready[]): readonly Ready[] {
  const byTask = new Map(ready.map((each) => [each.task, each]));
  const done = new Set<Ready>();
  for (const tree of trees) {
    const files = tree.files.flatMap((task) => byTask.get(task) ?? []);
    if (placeTree(run, tree, files)) for (const file of files) done.add(file);
  }
  return ready.filter((each) => !done.has(each));
}

/** Nothing is put in place that a power cut could empty. */
async function flushed(run: Run, ready: readonly Ready[], trees: readonly NewTree<ApplyTask>[]): Promise<boolean> {
  try {
    await run.ports.tree.flush();
    return true;
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    const directories = trees.flatMap((tree) => tree.directories);
    for (const task of [...directories, ...ready.map((each) => each.task)]) fail(run, task, reasonOf(error), error.message);
    for (const tree of trees) discardTree(run, tree);
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
  if (first === undefined) return;
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
