import type { Entry, Hash, Sequence } from './entry.ts';
import type { ShareFormat } from './format.ts';
import type { BytePath } from './path.ts';
import type { Codec } from './record.ts';

/** How many there are of each kind of line, for the reader to check. */
export interface SnapshotCounts {
  readonly records: number;
  readonly versions: number;
  readonly locations: number;
  readonly snapshots: number;
  readonly retired: number;
}

/** The header of a snapshot: the state of a share as of one record, with the history that is within retention. */
export interface SnapshotHead {
  /** 32 hex digits, random. */
  readonly id: string;
  /** Share id. */
  readonly share: string;
  /** The last record that it covers. */
  readonly upTo: Sequence;
  /** Of that record. */
  readonly hash: Hash;
  /** State digest at that record. */
  readonly digest: Hash;
  /** Bucket time of that record, ms. */
  readonly atMs: number;
  /** Versions that were superseded before this bucket time are not in it. */
  readonly historyFromMs: number;
  /** In force at that record. */
  readonly format: ShareFormat;
  readonly counts: SnapshotCounts;
}

/** One ingested record. What a bad or skipped record lacks is ''. */
export interface SnapshotRecord {
  readonly sequence: Sequence;
  readonly hash: Hash;
  readonly id: string;
  readonly authorId: string;
  readonly author: string;
  readonly atMs: number;
  readonly kind: string;
  readonly verdict: 'ok' | 'bad' | 'skipped';
  readonly reason: string;
  readonly changeset: string;
  readonly more: boolean;
  readonly puts: number;
  readonly deletes: number;
  readonly kept: number;
  readonly bytes: number;
  readonly bodyId: string;
}

/** One change of one record. `k` is 0 for the change itself, 1.. for kept losers. */
export interface SnapshotVersion {
  readonly path: BytePath;
  readonly version: Sequence;
  readonly k: number;
  readonly op: 'put' | 'delete' | 'kept';
  readonly entry: Entry | null;
  readonly against: Sequence;
  readonly atMs: number;
  readonly author: string;
  readonly approved: boolean;
}

/** Where a content lies: in a pack, or inline in `record` where `pack` is ''. */
export interface SnapshotLocation {
  readonly hash: Hash;
  readonly size: number;
  readonly codec: Codec;
  readonly record: Sequence;
  readonly pack: string;
  readonly offset: number;
  readonly length: number;
}

/** Another snapshot that the log had announced and not retired by then. */
export interface AnnouncedSnapshot {
  readonly id: string;
  readonly upTo: Sequence;
  readonly hash: Hash;
  readonly record: Sequence;
  readonly atMs: number;
}

/** An object that the log had retired, and that may not have been deleted yet. */
export interface RetiredObject {
  readonly kind: 'pack' | 'body' | 'snapshot';
  readonly id: string;
  readonly record: Sequence;
  readonly atMs: number;
}

/** What a snapshot consists of behind its header, in this order of kinds. */
export type SnapshotItem =
  /** Eight bytes of the hash of each record, from record 1 on without a gap (rule L4). */
  | { readonly item: 'lineage'; readonly prefixes: Buffer }
  /** Without a gap up to `upTo`. */
  | { readonly item: 'record'; readonly row: SnapshotRecord }
  /** In byte order of (path, version, k). */
  | { readonly item: 'version'; readonly row: SnapshotVersion }
  /** In order of (hash, record, pack, offset). */
  | { readonly item: 'location'; readonly row: SnapshotLocation }
  | { readonly item: 'snapshot'; readonly row: AnnouncedSnapshot }
  | { readonly item: 'retired'; readonly row: RetiredObject };

/** Bytes at rest that are read anywhere: a scratch file, or a buffer in tests. */
export interface SnapshotBytes {
  readonly size: number;
  read(offset: number, length: number): Buffer;
}
