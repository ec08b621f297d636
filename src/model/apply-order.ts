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
export interface NewTree<T> {
  readonly top: BytePath;
  /** The top first, ancestors before descendants. */
  readonly directories: T[];
  readonly files: T[];
}

/** What is staged together, flushed once and put in place in one burst. */
export interface Batch<T> {
  readonly trees: readonly NewTree<T>[];
  /** Files of no tree. */
  readonly files: readonly T[];
}

/** The topmost new directories that hold files, and fit into a batch with all that they hold. */
export function newTrees<T extends Ordered>(sorted: readonly T[]): NewTree<T>[] {
  const isNew = ({ entry, expected }: T, kind: Kind) => entry?.kind === kind && expected === null;
  const weights = new Map(sorted.filter((task) => isNew(task, 'dir')).map(({ path }) => [path, { files: 0, bytes: 0 }]));
  for (const task of sorted) {
    if (!isNew(task, 'file')) continue;
    for (let at = parentOf(task.path), weight = weights.get(at); weight !== undefined; at = parentOf(at), weight = weights.get(at)) {
      weight.files += 1;
      weight.bytes += bytesOf(task);
    }
  }
  const trees = new Map<BytePath, NewTree<T>>();
  const within = new Map<BytePath, NewTree<T>>();
  for (const task of sorted) {
    const tree = within.get(parentOf(task.path));
    if (isNew(task, 'file')) tree?.files.push(task);
    const weight = weights.get(task.path);
    if (weight === undefined) continue;
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
export function* batches<T extends Ordered>(files: readonly T[], trees: readonly NewTree<T>[] = []): Generator<Batch<T>> {
  const units = [
    ...files.map((file) => ({ path: file.path, files: [file], tree: null })),
    ...trees.map((tree) => ({ path: tree.top, files: tree.files, tree })),
  ].sort((a, b) => comparePaths(a.path, b.path));
  let batch: { trees: NewTree<T>[]; files: T[] } = { trees: [], files: [] };
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

function bytesOf({ entry }: Ordered): number {
  return entry?.kind === 'file' ? entry.size : 0;
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
