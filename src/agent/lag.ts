import type { Journal } from '../ports/journal.ts';
import type { LogEnd } from './members.ts';

/** How far a disk is behind the log. */
export interface Lag {
  readonly records: number;
  /** Content that those records put; null where this member has not read all of them, or no longer knows them. */
  readonly bytes: number | null;
  /** Bucket time since which the oldest of them has been in the bucket, ms; null without a lag, or where nobody knows. */
  readonly sinceMs: number | null;
}

export const noLag: Lag = { records: 0, bytes: 0, sinceMs: null };

/** Of a disk that holds every change up to `appliedTo`, by what this member knows of the log. `journal` is null where it knows nothing. */
export function lagOf(journal: Journal | null, appliedTo: number, { head, sinceMs }: LogEnd): Lag {
  const records = Math.max(0, head - appliedTo);
  if (records === 0) return noLag;
  const known = journal?.recordsBetween(appliedTo, head) ?? { records: 0, bytes: 0 };
  const since = journal?.record(appliedTo + 1)?.atMs ?? sinceMs.get(appliedTo + 1) ?? null;
  return { records, bytes: known.records === records ? known.bytes : null, sinceMs: since };
}
