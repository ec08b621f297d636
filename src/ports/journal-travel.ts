import type { Sequence } from '../model/entry.ts';
import type { BytePath } from '../model/path.ts';
import type { RecordRow, VersionRow } from './journal-rows.ts';

/** The past, as far as the journal holds it: kept losers (k above 0) are no part of any state. */
export interface TravelJournal {
  /** The newest change of the path up to this record: its state then. Null where no change is known. */
  versionAt(path: BytePath, sequence: Sequence): VersionRow | null;
  /** Paths at or below `directory` ('' = the whole share) that a record above `after` and up to `upTo` changed, in byte order. */
  pathsChanged(directory: BytePath, after: Sequence, upTo: Sequence): BytePath[];
  /** Live paths of the fold right below a directory ('' = root). */
  foldedChildren(directory: BytePath): BytePath[];
  /** The newest directory that a change has put at the path; null where none is known. */
  lastDirectory(path: BytePath): VersionRow | null;
  /** The changes and kept losers of one record at or below `directory`, byte order of paths, at most `limit`; and how many there are. */
  changesOf(sequence: Sequence, directory: BytePath, limit: number): { readonly count: number; readonly rows: VersionRow[] };
  /** The newest records that changed something at or below a path, newest first; of those in `record`. */
  recordsAt(path: BytePath, limit: number): RecordRow[];
  /** Numbers of the valid records of a changeset, ascending. */
  recordsOfChangeset(changeset: string): Sequence[];
  /** The newest record up to this bucket time (ms); null where all known ones are younger. */
  recordUpTo(atMs: number): RecordRow | null;
  oldestRecord(): RecordRow | null;
}
