import { batches } from '../../model/apply-order.ts';
import type { FileEntry } from '../../model/entry.ts';
import { sameContent } from '../../model/entry.ts';
import type { BytePath } from '../../model/path.ts';
import { nameOf, parentOf } from '../../model/path.ts';
import type { Placed, Staged } from '../../ports/filesystem.ts';
import { DiskFault } from '../../ports/filesystem.ts';
import { clearTheWay } from './directories.ts';
import { commit, displaces, expectedNow, fail, guarded, noteMoved, reasonOf, retry, settle, trashName } from './ledger.ts';
import { diskMetadata } from './metadata.ts';
import type { ApplyTask, Run } from './run.ts';

export async function placeFiles(run: Run, tasks: readonly ApplyTask[]): Promise<void> {
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
