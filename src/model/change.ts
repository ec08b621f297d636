import type { Entry, Sequence } from './entry.ts';
import type { BytePath } from './path.ts';

/** The path now holds `entry`. */
export interface PutChange {
  readonly op: 'put';
  readonly path: BytePath;
  /** The path's version in the fold just before this record; 0 when it was absent, tombstone or not. */
  readonly base: Sequence;
  readonly entry: Entry;
  /** The version that this one beat in a conflict, when there was one (rule R2); that version stays in the history. */
  readonly beats?: Sequence;
  /** A file cut to nothing under an approved hold; receivers do not hold it again (rule G3). */
  readonly approved?: true;
}

/** The path is gone; its tombstone's version is this record's sequence. */
export interface DeleteChange {
  readonly op: 'delete';
  readonly path: BytePath;
  /** Above 0: what is absent cannot be deleted. */
  readonly base: Sequence;
  /** A publisher's hold was approved, so receivers do not hold this deletion again (rule G3). */
  readonly approved?: true;
}

/** The loser of a conflict that was never published (rule R2): kept as a history version, no part of fold, version or digest. */
export interface KeptChange {
  readonly op: 'kept';
  readonly path: BytePath;
  readonly entry: Entry;
  /** The version that won; 0 = the change to the same path in this same record. */
  readonly lostTo: Sequence;
}

export type Change = PutChange | DeleteChange | KeptChange;
