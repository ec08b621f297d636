import type { NewFile } from '../model/apply-order.ts';
import { newTrees, splitRemovals } from '../model/apply-order.ts';
import type { Entry } from '../model/entry.ts';
import { comparePaths } from '../model/path.ts';
import { finishDirectory, makeDirectories } from './apply/directories.ts';
import { placeFiles } from './apply/files.ts';
import { attempt, commit, finish, guarded } from './apply/ledger.ts';
import { placeLink, removeAll, waitsForTarget } from './apply/links.ts';
import type { Applied, ApplyOptions, ApplyPorts, ApplyTask, Run } from './apply/run.ts';

interface ToApply {
  readonly tasks: readonly ApplyTask[];
  /** Of these the journal has wants, and nothing stands there. */
  readonly newFiles: readonly NewFile[];
}

/** Brings the disk to what the log wants, in the order of rule A3. Everything that fails becomes the reason of its own want. */
export async function apply(ports: ApplyPorts, { tasks, newFiles }: ToApply, options: ApplyOptions): Promise<Applied> {
  const run: Run = {
    ports,
    options,
    placed: 0,
    removed: 0,
    bytes: 0,
    discarded: 0,
    missing: [],
    again: false,
    displaced: [],
    left: [],
    done: [],
    modes: [],
    trash: new Map(),
    moved: new Map(),
    groupSetting: new Map(),
    occupied: new Set(),
  };
  const sorted = [...tasks].sort((a, b) => comparePaths(a.path, b.path));
  const { early, late } = splitRemovals(sorted);
  await commit(run, early);
  removeAll(run, early);
  const directories = sorted.filter((task) => task.entry?.kind === 'dir');
  const trees = newTrees([...sorted, ...newFiles].sort((a, b) => comparePaths(a.path, b.path)));
  const apart = new Set<ApplyTask | NewFile>(trees.flatMap((tree) => [...tree.directories, ...tree.files]));
  const inPlace = directories.filter((task) => !apart.has(task));
  await commit(run, inPlace);
  if (!options.signal.aborted) makeDirectories(run, inPlace);
  ports.log.debug({ step: 'directory', directories: directories.length }, 'directories made');
  await commit(run, []);
  await placeFiles(
    run,
    sorted.filter((task) => task.entry?.kind === 'file' && !apart.has(task)),
    newFiles.filter((file) => !apart.has(file)),
    trees,
  );
  const links = sorted.filter((task) => task.entry?.kind === 'link' && !waitsForTarget(run, task, task.entry.target));
  await commit(run, [...links, ...late]);
  for (const task of links) guarded(run, task, () => placeLink(run, task, task.entry as Entry & { kind: 'link' }));
  ports.log.debug({ step: 'link', links: links.length }, 'links placed');
  removeAll(run, late);
  ports.log.debug({ step: 'remove', paths: late.length }, 'removals done');
  // What was made is finished even when the run is told to stop: it takes a moment, and until then nobody else can read it.
  for (const { task, metadata, made } of run.modes.reverse())
    (made ? attempt : guarded)(run, task, () => finishDirectory(run, task, metadata));
  await finish(run);
  const { placed, removed, bytes, discarded, missing, again, left } = run;
  return { placed, removed, bytes, discarded, missing, again, displaced: run.displaced.map(({ name }) => name), left };
}
