import type { NewFile } from '../model/apply-order.ts';
import type { Entry, Hash, Sequence } from '../model/entry.ts';
import type { BytePath } from '../model/path.ts';
import type { AuditJournal } from './journal-audit.ts';
import type { HousekeepingJournal } from './journal-housekeeping.ts';
import type { Location, RecordRow, VersionRow } from './journal-rows.ts';
import type { SnapshotJournal } from './journal-snapshot.ts';
import type { TallyJournal } from './journal-tally.ts';
import type { TravelJournal } from './journal-travel.ts';
import type { VerifyJournal } from './journal-verify.ts';

export type { Location, RecordRow, VersionRow } from './journal-rows.ts';

/** What the disk showed when disk and log last met at a path: the cache that lets an unchanged file go unread. */
export interface DiskStamp {
  readonly ino: number;
  readonly size: number;
  readonly mtimeKey: number;
  readonly ctimeKey: number;
  /** Metadata as read back from this disk; it may differ from the log's where this machine could not or should not follow. */
  readonly mode: number;
  readonly mtimeUs: number;
  readonly uid: number;
  readonly gid: number;
  /** The look was within the clock's tick of the last change: content must be read again before it is trusted. */
  readonly racy: boolean;
}

/** A path at which disk and log have met (rule I1): the merge base. `stamp` is null when the disk must be read to know its state. */
export interface Agreed {
  readonly path: BytePath;
  readonly entry: Entry;
  readonly version: Sequence;
  readonly stamp: DiskStamp | null;
}

/** What files, directories and everything are meant to show on this disk. */
export interface DiskRights {
  readonly fileMode: number | null;
  readonly dirMode: number | null;
  readonly uid: number | null;
  readonly gid: number | null;
}

/**
 * Why a want is not on this disk yet. 'pending' is the normal state between ingest and apply.
 * 'excluded', 'role', 'kept' (delete: keep) and 'drift' are deviations that the config asks for; the others are problems or holds.
 */
export type WantReason =
  | 'pending'
  | 'held'
  | 'excluded'
  | 'role'
  | 'kept'
  | 'drift'
  | 'unfetchable'
  | 'full'
  | 'busy'
  | 'unsupported'
  | 'refused'
  | 'occupied';

/** What the log wants at a path where disk and log have not met. `entry` null is a tombstone. */
export interface Want {
  readonly path: BytePath;
  readonly entry: Entry | null;
  /** The record that says so (for a tombstone: the record that deleted). */
  readonly version: Sequence;
  /** Bucket time of that record, ms. */
  readonly atMs: number;
  /** The deletion record carries the approval of a publisher's hold. */
  readonly approved: boolean;
  readonly reason: WantReason;
  readonly detail: string;
  /** Failed applies so far. */
  readonly attempts: number;
}

/** The log's live entry at a path (fold = want where present, else agreed), or null where the log has none. */
export interface Folded {
  readonly path: BytePath;
  readonly entry: Entry;
  readonly version: Sequence;
}

export interface Outbox {
  readonly sequence: Sequence;
  readonly hash: Hash;
  readonly bytes: Buffer;
  /** null when the payload is inside the record. */
  readonly body: { readonly id: string; readonly bytes: Buffer } | null;
  /** Bucket time of the read that saw the number free (rule S3). */
  readonly freeAtMs: number;
  /**
   * Paths whose published entry is a merge that the disk does not hold yet: they become wants, not agreements. Null: nothing in the record
   * comes from this disk, as when an earlier state is brought back; it is folded like a record of another member.
   */
  readonly notOnDisk: readonly BytePath[] | null;
}

export interface TrashRow {
  /** File name inside the trash directory. */
  readonly name: string;
  readonly path: BytePath;
  readonly entry: Entry;
  /** Bucket time of the move as far as known, ms. */
  readonly atMs: number;
  readonly why: 'replaced' | 'deleted' | 'conflict' | 'join' | 'drift' | 'excluded' | 'adopted';
  /** An unpublished version that still has to reach the log as a `kept` change (rule R2); never pruned while true. */
  readonly owed: boolean;
  /** The version that displaced it. */
  readonly lostTo: Sequence;
  /** ctime and mtime as seen right after the move: a later difference is a late write into the displaced file. */
  readonly ino: number;
  readonly size: number;
  readonly mtimeKey: number;
}

/** One step of an apply burst, committed before the burst (rule I4). */
export interface Intent {
  readonly path: BytePath;
  /** The want's version; the entry stands in the want, which is there until the step is done. */
  readonly version: Sequence;
  /** Inode of the staged file that takes the place; 0 where nothing was staged. */
  readonly stagedIno: number;
  /** Name in the trash for what is displaced; '' when nothing is. */
  readonly trashName: string;
}

export interface ProblemRow {
  /** Stable: code and path. */
  readonly key: string;
  readonly code: string;
  readonly path: BytePath | null;
  readonly text: string;
  readonly fix: string;
  readonly sinceMs: number;
  readonly printedMs: number;
}

export interface Hold {
  readonly id: string;
  /** Deletions that were made here, deletions of others, or changes of others that the command of `check` refuses. */
  readonly kind: 'publisher' | 'receiver' | 'check';
  readonly sinceMs: number;
  readonly state: 'open' | 'approved' | 'rejected';
  /** For people; of a check what it said. */
  readonly detail: string;
}

export interface HoldPath {
  readonly path: BytePath;
  /** The version whose deletion or truncation is held (publisher: the agreed version; receiver: the deletion record). */
  readonly version: Sequence;
}

/** Small facts, one row each; values are strings. See the files of schema/ for the meaning of each key. */
export type MetaKey =
  | 'shareId'
  | 'format'
  | 'cursor'
  | 'cursorHash'
  | 'digest'
  | 'joined'
  /** Besides what 0001.sql says: `trash` or `merge`, what becomes of local files in a join that a person has asked for. */
  | 'joinBase'
  | 'rootDev'
  | 'rootIno'
  | 'exclude'
  | 'metadata'
  | 'halted'
  | 'heartbeatAtMs'
  | 'heartbeatText'
  | 'bucketNowMs'
  | 'suspectBase'
  | 'lastCycle'
  | 'appliedLosses'
  | 'progress'
  | 'openChangeset'
  | 'unsettled'
  | 'inlineFloor'
  | 'horizon'
  | 'housekeptAtMs'
  | 'snapshotTriedAtMs'
  | 'prunedAtMs'
  | 'historyFromMs'
  | 'loadedSnapshot'
  | 'onChange'
  | 'check'
  /** JSON: what sweeps had to find, see agent/missed.ts. */
  | 'missed'
  /** JSON: what a verification by the daemon found, see agent/verified.ts. */
  | 'verified';

/**
 * The journal of one share: one SQLite file (WAL, STRICT, foreign schema versions refused). All calls are synchronous.
 * `transaction` nests by joining the outer one; a throw rolls the outermost back. Iterables must be drained before writing.
 */
export interface Journal extends AuditJournal, HousekeepingJournal, SnapshotJournal, TallyJournal, TravelJournal, VerifyJournal {
  transaction<T>(work: () => T): T;
  /**
   * A long transaction: `goOn` is awaited at each pause of the work; false from it undoes everything, and is the result. Whatever else is
   * written in a pause belongs to it.
   */
  gradually(work: () => Generator<void, void>, goOn: () => Promise<boolean>): Promise<boolean>;
  /** Everything committed so far survives a power cut when this returns. */
  flush(): void;
  /** Bounds the memory that holds what was read; unasked it is as much as large pieces of work are fastest with. */
  limitCache(bytes: number): void;
  close(): void;

  meta(key: MetaKey): string | undefined;
  setMeta(key: MetaKey, value: string | null): void;

  agreed(path: BytePath): Agreed | null;
  /** The agreed children of a directory ('' = root), in byte order of names. */
  agreedChildren(directory: BytePath): Agreed[];
  /** Every agreed path strictly below, any depth, ancestors before descendants. */
  agreedBelow(directory: BytePath): Agreed[];
  /** Those whose last look shows another mode, user or group than given; null asks for nothing. Byte order of paths. */
  agreedUnlike(wanted: DiskRights): Agreed[];
  /** Those whose mode or modification time the last look showed unlike the log's; the mode only of the kinds that are named. */
  agreedUnfollowed(modes: { readonly file: boolean; readonly dir: boolean }, limit: number): { count: number; first: Agreed[] };
  /** Agreed files with this content, at most `limit`. */
  agreedByHash(hash: Hash, limit: number): Agreed[];
  /** Agreed files whose content is addressed in several chunks. Reads the whole table. */
  agreedInChunks(): Agreed[];
  /** Paths of agreed files by content, at most `limit` for each hash that has any: one query for a whole batch. */
  agreedPaths(hashes: readonly Hash[], limit: number): ReadonlyMap<Hash, readonly BytePath[]>;
  agreedCount(): { files: number; directories: number; links: number; bytes: number };
  /** Inserts or replaces; forgets the digest of the containing directory. */
  putAgreed(row: Agreed): void;
  /** Only the stamp; also forgets the directory's digest. */
  putStamp(path: BytePath, stamp: DiskStamp | null): void;
  dropAgreed(path: BytePath): void;
  /** Every stamp becomes racy, so that the next scan reads all content again; what was read back of the metadata stays known. */
  distrustAllStamps(): void;

  /** Digest of a directory whose listed children all equalled their agreed rows; undefined when not known. */
  directoryDigest(directory: BytePath): string | undefined;
  putDirectoryDigest(directory: BytePath, digest: string): void;
  forgetDirectoryDigests(): void;

  want(path: BytePath): Want | null;
  /** All wants, or those with one of the reasons; byte order of paths. */
  wants(reasons?: readonly WantReason[]): Want[];
  /**
   * Only the paths, in no order: a fraction of what a hundred thousand wants would take. Apart from all others: files that are wanted where
   * nothing is agreed.
   */
  wantPaths(reasons: readonly WantReason[]): { newFiles: NewFile[]; others: BytePath[] };
  wantsBelow(directory: BytePath): Want[];
  /** Those that one record brought; reads the whole table. */
  wantsOf(version: Sequence): Want[];
  putWant(row: Want): void;
  setWantReason(path: BytePath, reason: WantReason, detail: string, attempts: number): void;
  dropWant(path: BytePath): void;
  /** Drops the want unless it has moved on to another version. */
  dropWantAt(path: BytePath, version: Sequence): void;
  /** The lowest record whose deletion is not on this disk, whatever the reason; null where there is none. */
  oldestDeletion(): Sequence | null;
  /**
   * The first record with a change that this disk has not seen, at any path whose want has one of the reasons: a later one there may have
   * hidden it since. Null where there is no such want.
   */
  oldestUnseen(reasons: readonly WantReason[]): Sequence | null;
  wantCount(): { puts: number; deletes: number; bytes: number };

  folded(path: BytePath): Folded | null;
  /** True when the fold holds a live entry strictly below. */
  foldedAnyBelow(directory: BytePath): boolean;
  foldedBelow(directory: BytePath): Folded[];
  /** The whole fold in byte order of (directory, name). */
  foldedAll(): Iterable<Folded>;
  foldedCount(): number;

  record(sequence: Sequence): RecordRow | null;
  /** Newest first. */
  records(limit: number, before?: Sequence): RecordRow[];
  /** How many records this journal has above `after` and up to `last`, and the bytes of content that they put. */
  recordsBetween(after: Sequence, last: Sequence): { records: number; bytes: number };
  /** `bytes` and `body` are kept for re-puts while the row is among the newest (see keepRecordBytes). */
  putRecord(row: RecordRow, bytes: Buffer | null, body: Buffer | null): void;
  setRecordObject(sequence: Sequence, size: number, modifiedMs: number, tag: string): void;
  recordBytes(sequence: Sequence): Buffer | null;
  /** null also where the record has none. */
  recordBody(sequence: Sequence): Buffer | null;
  /** Drops stored bytes of all but the newest `count` records. */
  keepRecordBytes(count: number): void;

  putVersion(row: VersionRow): void;
  /** Oldest first. */
  versions(path: BytePath): VersionRow[];
  /** The changes of one record. */
  versionsOf(sequence: Sequence): VersionRow[];
  /** Rows whose `against` is not 0 or op is 'kept', newest first. */
  conflicts(limit: number): VersionRow[];
  hadContent(path: BytePath, hash: Hash, size: number): boolean;
  /** The newest version of the path is a delete with a version above `since`. */
  deletedSince(path: BytePath, since: Sequence): boolean;

  putLocation(location: Location): void;
  /** Locations named by the log, pack locations first. */
  locations(hash: Hash): Location[];
  /** `locations` for a whole batch in one query; hashes without any are left out. */
  locationsOf(hashes: readonly Hash[]): ReadonlyMap<Hash, readonly Location[]>;
  /** True when a pack holds it, or a record above meta `inlineFloor`: what new changes may rely on. */
  hasLocation(hash: Hash): boolean;
  dropLocation(location: Location): void;
  /** An upload of ours that no record names yet (rule P3: counts for 6 days of bucket time). */
  putUpload(location: Location, atMs: number): void;
  upload(hash: Hash, notBeforeMs: number): Location | null;
  /** Packs of which an upload stands: a pack that is retired takes its uploads with it. */
  uploadedPacks(): ReadonlySet<string>;
  /** Those of the contents that new changes may rely on, or that were uploaded at `notBeforeMs` or later. */
  reachable(hashes: readonly Hash[], notBeforeMs: number): ReadonlySet<Hash>;
  dropUploads(hashes: readonly Hash[]): void;

  outbox(): Outbox | null;
  putOutbox(row: Outbox): void;
  dropOutbox(): void;

  putTrash(row: TrashRow): void;
  trash(): TrashRow[];
  /** Moved there before this bucket time, what is owed left out. */
  trashBefore(atMs: number): TrashRow[];
  trashByHash(hash: Hash): TrashRow | null;
  owedTrash(): TrashRow[];
  settleOwed(name: string): void;
  dropTrash(name: string): void;

  putIntents(rows: readonly Intent[]): void;
  intents(): Intent[];
  clearIntents(): void;

  problems(): ProblemRow[];
  putProblem(row: ProblemRow): void;
  dropProblem(key: string): void;

  holds(): Hold[];
  putHold(hold: Hold, paths: readonly HoldPath[]): void;
  setHoldState(id: string, state: Hold['state']): void;
  holdPaths(id: string): HoldPath[];
  dropHold(id: string): void;

  /** Deletions published by this member, for the rolling window of maxDelete. */
  noteDeletions(atMs: number, count: number): void;
  deletionsSince(atMs: number): number;

  /** Directories that survive here only because of children that the log does not have (rule R4). */
  lingering(): ReadonlySet<BytePath>;
  setLingering(path: BytePath, on: boolean): void;

  /** Content needs already asked for in the log, hash → bucket time of the newest request. */
  needs(): ReadonlyMap<Hash, number>;
  putNeed(hash: Hash, atMs: number): void;
  dropNeed(hash: Hash): void;

  /**
   * Removes everything of the base, and of `meta` what tells of snapshots and housekeeping: used when a share is re-joined. Trash, owed
   * versions and the audit stay.
   */
  resetBase(): void;
}

/** The journal cannot be used: damaged, or written by a newer program. */
export class JournalFault extends Error {
  override readonly name = 'JournalFault';
  readonly code: 'damaged' | 'newer' | 'unusable';
  /** What a person should do, where that is not what the code alone says. */
  readonly fix: string | undefined;

  constructor(code: 'damaged' | 'newer' | 'unusable', message: string, cause?: unknown, fix?: string) {
    super(message, { cause });
    this.code = code;
    this.fix = fix;
  }
}
