import type { Entry, Hash, Sequence } from '../model/entry.ts';
import type { BytePath } from '../model/path.ts';

/** One ingested record of the log. */
export interface RecordRow {
  readonly sequence: Sequence;
  readonly hash: Hash;
  readonly id: string;
  readonly authorId: string;
  readonly author: string;
  /** Bucket time, ms. */
  readonly atMs: number;
  readonly kind: string;
  readonly verdict: 'ok' | 'bad' | 'skipped';
  readonly reason: string;
  readonly changeset: string;
  readonly more: boolean;
  readonly puts: number;
  readonly deletes: number;
  readonly kept: number;
  /** Bytes of content that its puts name. */
  readonly bytes: number;
  /** Size, time and tag as a listing shows the object, to notice a rewritten one; '' and 0 when not known yet. */
  readonly objectSize: number;
  readonly objectModifiedMs: number;
  readonly objectTag: string;
  /** Id of the object that holds its payload; '' when the payload is inside the record. */
  readonly bodyId: string;
}

/** One change of one ingested record: the history of its path. */
export interface VersionRow {
  readonly path: BytePath;
  readonly version: Sequence;
  /** 0 for the change itself, 1.. for kept losers of that record at that path. */
  readonly k: number;
  readonly op: 'put' | 'delete' | 'kept';
  /** null for a delete. */
  readonly entry: Entry | null;
  /** For 'kept': the version it lost to. For a 'put' that won a conflict: the version it beat. Else 0. */
  readonly against: Sequence;
  readonly atMs: number;
  readonly author: string;
  /** The change carries the approval of a hold, or an approve record names it (rule G3). */
  readonly approved: boolean;
}

/** Where content lies. `record`: inline in that record; else in pack `pack` at `offset`, `length` stored bytes. */
export interface Location {
  readonly hash: Hash;
  readonly size: number;
  readonly codec: 'none' | 'brotli';
  readonly record: Sequence;
  readonly pack: string;
  readonly offset: number;
  readonly length: number;
}
