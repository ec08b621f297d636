import type { Hash, Sequence } from '../model/entry.ts';
import type { BytePath } from '../model/path.ts';
import type { Location, RecordRow, VersionRow } from './journal-rows.ts';

/** A snapshot that the log announced and no record has retired. */
export interface SnapshotRow {
  readonly id: string;
  /** It holds the state as of this record. */
  readonly upTo: Sequence;
  /** Of that record. */
  readonly hash: Hash;
  /** The record that announced it. */
  readonly record: Sequence;
  /** Bucket time of the announcement, ms. */
  readonly atMs: number;
}

/** An object that a retire record names: nothing may rely on it, and it is deleted after a grace time (rule P3). */
export interface RetiredRow {
  readonly kind: 'pack' | 'body' | 'snapshot';
  readonly id: string;
  /** The retire record. */
  readonly record: Sequence;
  /** Its bucket time, ms. */
  readonly atMs: number;
}

/** What the log says of snapshots and retired objects, and the whole of what a snapshot holds, to write one and to load one. */
export interface SnapshotJournal {
  /** Ascending by `upTo`. */
  snapshots(): SnapshotRow[];
  putSnapshot(row: SnapshotRow): void;
  dropSnapshots(ids: readonly string[]): void;

  /** In order of kind and id. */
  retired(): RetiredRow[];
  putRetired(row: RetiredRow): void;
  /** Drops every location in these packs, and uploads of this member that lie there. */
  dropPacks(ids: readonly string[]): void;

  /** The changes of this record count as approved from now on (rule G3). */
  approveVersions(sequence: Sequence): void;

  /** All of them, in byte order of (path, version, k). */
  allVersions(): Iterable<VersionRow>;
  /** All of them, in order of (hash, record, pack, offset). */
  allLocations(): Iterable<Location>;
  /** All of them, ascending. */
  allRecords(): Iterable<RecordRow>;
  /** Live paths of the fold of whose own changes no version is known. */
  foldedWithoutVersion(): BytePath[];
  /** Removes what a snapshot replaces: records, versions, locations, snapshots, retired objects and own uploads. */
  resetLog(): void;
}
