import type { Entry, Kind } from './entry.ts';
import type { BytePath } from './path.ts';
import { comparePaths, isWithin, parentOf } from './path.ts';

/** What the order of an apply depends on (rule A3). */
export interface Ordered {
  readonly path: BytePath;
  /** null removes. */
  readonly entry: Entry | null;
  /** What stands there now. */
  readonly expected: { readonly kind: Kind | 'other' } | null;
}

/**
 * A file that comes to where nothing stands. What else it needs is asked for when its turn comes: a hundred thousand of them are in memory
 * at once.
 */
export interface NewFile {
  readonly path: BytePath;
  /** Bytes. */
  readonly size: number;
}

const batchFilesMax = 4096;
const batchBytesMax = 512 * 1024 * 1024;

/** Removals below a directory that gives way to a file or link come first; all others last. Children before parents in both. */
export function splitRemovals<T extends Ordered>(sorted: readonly T[]): { early: T[]; late: T[] } {
  const giveWay = sorted.filter((task) => task.expected?.kind === 'dir' && task.entry !== null && task.entry.kind !== 'dir');
  const removals = sorted.filter((task) => task.entry === null).reverse();
  const isEarly = (task: T) => giveWay.some((other) => isWithin(task.path, other.path));
  return {
    early: giveWay.length === 0 ? [] : removals.filter(isEarly),
    late: giveWay.length === 0 ? removals : removals.filter((task) => !isEarly(task)),
  };
}

/** A directory that is new here, with all directories and files that come into it: it is built apart and appears at once. */
export interface NewTree<D, F = D> {
  readonly top: BytePath;
  /** The top first, ancestors before descendants. */
  readonly directories: D[];
  readonly files: F[];
}

/** What is staged together, flushed once and put in place in one burst. */
export interface Batch<D, F = D> {
  readonly trees: readonly NewTree<D, F>[];
  /** Files of no tree. */
  readonly files: readonly F[];
}

/** The topmost new directories that hold files, and fit into a batch with all that they hold. */
export function newTrees<D extends Ordered>(sorted: readonly (D | NewFile)[]): NewTree<D, D | NewFile>[] {
  const weights = new Map(sorted.filter(isNewDirectory).map(({ path }) => [path, { files: 0, bytes: 0 }]));
  for (const task of sorted) {
    if (!isNewFile(task)) continue;
    for (let at = parentOf(task.path), weight = weights.get(at); weight !== undefined; at = parentOf(at), weight = weights.get(at)) {
      weight.files += 1;
      weight.bytes += bytesOf(task);
    }
  }
  const trees = new Map<BytePath, NewTree<D, D | NewFile>>();
  const within = new Map<BytePath, NewTree<D, D | NewFile>>();
  for (const task of sorted) {
    const tree = within.get(parentOf(task.path));
    if (isNewFile(task)) tree?.files.push(task);
    const weight = weights.get(task.path);
    if (weight === undefined || !isNewDirectory(task)) continue;
    const fits = weight.files > 0 && weight.files <= batchFilesMax && weight.bytes <= batchBytesMax;
    const own = tree ?? (fits ? { top: task.path, directories: [], files: [] } : undefined);
    if (own === undefined) continue;
    own.directories.push(task);
    within.set(task.path, own);
    trees.set(own.top, own);
  }
  return [...trees.values()];
}

/** Trees stay whole. Units go by their paths, so that neighbours, which lie side by side in packs too, come together. */
export function* batches<D, F extends Ordered | NewFile>(
  files: readonly F[],
  trees: readonly NewTree<D, F>[] = [],
): Generator<Batch<D, F>> {
  const units = [
    ...files.map((file) => ({ path: file.path, files: [file], tree: null })),
    ...trees.map((tree) => ({ path: tree.top, files: tree.files, tree })),
  ].sort((a, b) => comparePaths(a.path, b.path));
  let batch: { trees: NewTree<D, F>[]; files: F[] } = { trees: [], files: [] };
  let [count, bytes] = [0, 0];
  for (const unit of units) {
    const unitBytes = unit.files.reduce((sum, file) => sum + bytesOf(file), 0);
    if (count > 0 && (count + unit.files.length > batchFilesMax || bytes + unitBytes > batchBytesMax)) {
      yield batch;
      batch = { trees: [], files: [] };
      [count, bytes] = [0, 0];
    }
    if (unit.tree === null) batch.files.push(...unit.files);
    else batch.trees.push(unit.tree);
    count += unit.files.length;
    bytes += unitBytes;
  }
  if (count > 0) yield batch;
}

function isNewFile(task: Ordered | NewFile): boolean {
  return 'size' in task || (task.entry?.kind === 'file' && task.expected === null);
}

function isNewDirectory<D extends Ordered>(task: D | NewFile): task is D {
  return !('size' in task) && task.entry?.kind === 'dir' && task.expected === null;
}

function bytesOf(task: Ordered | NewFile): number {
  if ('size' in task) return task.size;
  return task.entry?.kind === 'file' ? task.entry.size : 0;
}

/** A relative link's target as a path of the share, lexically; null when it leaves the share. */
export function targetWithin(directory: BytePath, target: string): BytePath | null {
  const names = directory === '' ? [] : directory.split('/');
  for (const name of target.split('/')) {
    if (name === '..' && names.pop() === undefined) return null;
    if (name !== '' && name !== '.' && name !== '..') names.push(name);
  }
  return names.join('/');
}
