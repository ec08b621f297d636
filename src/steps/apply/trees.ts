import type { NewTree } from '../../model/apply-order.ts';
import type { Entry, FileEntry } from '../../model/entry.ts';
import type { DiskMetadata, TreePlaced } from '../../ports/filesystem.ts';
import { DiskFault } from '../../ports/filesystem.ts';
import { makeDirectories } from './directories.ts';
import { retry, settle } from './ledger.ts';
import { diskMetadata } from './metadata.ts';
import type { ApplyTask, Ready, Run } from './run.ts';

/** False where it cannot be built apart: its directories are to be made in place then, each with its own outcome. */
export function stageTree(run: Run, tree: NewTree<ApplyTask>): boolean {
  try {
    run.ports.tree.stageTree(tree.directories.map(({ path }) => path));
    return true;
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    return false;
  }
}

/** False where the whole could not appear at once: its directories are made in place then, and `files` are still to be placed. */
export function placeTree(run: Run, tree: NewTree<ApplyTask>, files: readonly Ready[]): boolean {
  const metadata = new Map(tree.directories.map((task) => [task.path, directoryMetadata(run, task)]));
  const placed = placeWhole(run, tree, metadata);
  if (placed?.outcome === 'moved') {
    for (const task of [...tree.directories, ...files.map((file) => file.task)]) retry(run, task, 'moved');
    return true;
  }
  if (placed?.outcome !== 'done') {
    makeDirectories(run, tree.directories);
    return false;
  }
  for (const task of tree.directories) {
    run.done.push(() => run.ports.journal.setLingering(task.path, false));
    const stat = placed.stats.get(task.path);
    if (stat === undefined) run.modes.push({ task, metadata: directoryMetadata(run, task), made: true });
    else settle(run, task, stat);
  }
  for (const { task, staged } of files) {
    run.bytes += (task.entry as FileEntry).size;
    settle(run, task, staged.stat);
  }
  return true;
}

function directoryMetadata(run: Run, task: ApplyTask): DiskMetadata {
  return diskMetadata(run, task.entry as Entry & { kind: 'dir' }, task);
}

/** Null for trouble with the disk: placing one by one tells which path has it. */
function placeWhole({ ports }: Run, { top }: NewTree<ApplyTask>, metadata: ReadonlyMap<string, DiskMetadata>): TreePlaced | null {
  try {
    return ports.tree.placeTree(top, metadata);
  } catch (error) {
    if (error instanceof DiskFault) return null;
    throw error;
  }
}

/** What cannot be removed now goes with the leftovers of the next cycle. */
export function discardTree({ ports }: Run, { top }: NewTree<ApplyTask>): void {
  try {
    ports.tree.discardTree(top);
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
  }
}
