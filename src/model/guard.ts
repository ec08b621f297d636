import type { Entry, Hash } from './entry.ts';
import type { BytePath } from './path.ts';

/** `maxDelete` of the config. */
export interface MaxDelete {
  /** Of the share's files and links, 0 to 100. */
  readonly percent: number;
  /** The same for shares below 40 files. */
  readonly percentBelow40: number;
  readonly floor: number;
  readonly windowMs: number;
}

/** A file or link that would go, or a file that would be cut to zero bytes. */
export interface Loss {
  readonly path: BytePath;
  readonly before: Entry;
  /** Bucket time for receivers; the same value throughout for a publisher. */
  readonly atMs: number;
  readonly truncation: boolean;
}

export interface GuardInput {
  readonly losses: readonly Loss[];
  /** Content that appears at paths that were absent: each excuses one deletion of equal, non-empty content (a move). */
  readonly appearing: readonly { readonly hash: Hash; readonly size: number }[];
  /** Files and links that the share has now, before the losses. */
  readonly live: number;
  /** A publisher's: losses already let through inside the window that ends now. */
  readonly recent: number;
  /** A receiver's: losses already let through, by the tombstones' bucket times, ms. */
  readonly applied?: readonly PastLosses[];
}

export interface PastLosses {
  readonly atMs: number;
  readonly count: number;
}

const smallShareFiles = 40;

/**
 * Rule G2: the paths to hold, empty when the losses are within bounds. Losses count when they are more than `floor` and more than
 * `percent` of the files inside one window; then all of that window are held.
 */
export function guardLosses(input: GuardInput, limit: MaxDelete): BytePath[] {
  const applied = input.applied ?? [];
  const counted = [
    ...unexcused(input).map(({ path, atMs }) => ({ path, atMs, count: 1 })),
    ...applied.map((past) => ({ path: null, ...past })),
  ];
  const base = input.live + input.recent + applied.reduce((sum, past) => sum + past.count, 0);
  const percent = base < smallShareFiles ? limit.percentBelow40 : limit.percent;
  const tooMany = (count: number) => count > limit.floor && count * 100 > percent * base;
  const held = new Set<BytePath>();
  const sorted = counted.sort((a, b) => a.atMs - b.atMs);
  let next = 0;
  let marked = 0;
  let inside = input.recent;
  for (let first = 0; first < sorted.length; inside -= at(sorted, first).count, first++) {
    for (; next < sorted.length && at(sorted, next).atMs - at(sorted, first).atMs <= limit.windowMs; next++)
      inside += at(sorted, next).count;
    if (!tooMany(inside)) continue;
    for (marked = Math.max(marked, first); marked < next; marked++) {
      const { path } = at(sorted, marked);
      if (path !== null) held.add(path);
    }
  }
  return [...held].sort();
}

interface Counted {
  /** null for losses that went through before: they count and cannot be held. */
  readonly path: BytePath | null;
  readonly atMs: number;
  readonly count: number;
}

function at(losses: readonly Counted[], index: number): Counted {
  return losses[index] as Counted;
}

/** The losses that count: each new path with equal content excuses one. */
export function unexcused(input: Pick<GuardInput, 'losses' | 'appearing'>): Loss[] {
  const excuses = new Map<string, number>();
  for (const { hash, size } of input.appearing) {
    if (size > 0) excuses.set(hash, (excuses.get(hash) ?? 0) + 1);
  }
  return input.losses.filter((loss) => {
    if (loss.truncation || loss.before.kind !== 'file' || loss.before.size === 0) return true;
    const left = excuses.get(loss.before.hash) ?? 0;
    if (left === 0) return true;
    excuses.set(loss.before.hash, left - 1);
    return false;
  });
}
