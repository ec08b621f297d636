import type { Entry, Kind } from './entry.ts';
import type { BytePath } from './path.ts';
import { isWithin } from './path.ts';

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

/** Files that are staged together, flushed once and put in place in one burst. */
export function* batches<T extends Ordered>(tasks: readonly T[]): Generator<T[]> {
  let batch: T[] = [];
  let bytes = 0;
  for (const task of tasks) {
    batch.push(task);
    bytes += task.entry?.kind === 'file' ? task.entry.size : 0;
    if (batch.length < batchFilesMax && bytes < batchBytesMax) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
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
