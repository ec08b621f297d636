import type { BytePath } from '../model/path.ts';
import type { VersionRow } from './journal-rows.ts';

/** A number of paths, and the first of them in byte order. */
export interface Tally<T> {
  readonly count: number;
  readonly first: readonly T[];
}

/**
 * Figures and first rows, for whoever shows them: however many rows there are, only so many are read into memory. `reasons` are those of
 * wants, see `WantReason`.
 */
export interface TallyJournal {
  /** `bytes`: sizes of the files that are wanted. */
  wantTally(reasons: readonly string[]): { puts: number; deletes: number; bytes: number };
  /** Wants with one of the reasons. */
  wantsFirst(reasons: readonly string[], limit: number): Tally<{ readonly path: BytePath; readonly reason: string }>;
  holdTally(id: string, limit: number): Tally<BytePath>;
  /** At most `limit`. */
  conflictCount(limit: number): number;
  /** Newest first, kept losers of a record after the change itself. */
  newestVersions(path: BytePath, limit: number): VersionRow[];
}
