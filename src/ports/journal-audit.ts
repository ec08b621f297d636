import type { Kind, Sequence } from '../model/entry.ts';
import type { BytePath } from '../model/path.ts';

/** One thing that was done to this disk for the log. */
export interface AuditRow {
  /** Bucket time, ms. */
  readonly atMs: number;
  readonly path: BytePath;
  /** 'metadata': the content stood here already. */
  readonly op: 'put' | 'delete' | 'metadata';
  /** Of what was put, or of what was deleted; null where that was never read. */
  readonly kind: Kind | null;
  /** Bytes, of files; else null. */
  readonly size: number | null;
  /** The record that asked for it; 0 where the log never had the path, as in a join. */
  readonly version: Sequence;
  /** Label of the member that wrote that record, '' when it is not known any more. */
  readonly author: string;
}

/** What the log has brought to this disk, in order. */
export interface AuditJournal {
  /** Written in the transaction that makes the step an agreement; the author is taken from the record. */
  putAudit(row: Omit<AuditRow, 'author'>): void;
  /** Newest first; with a path, what concerns it or anything below it. */
  audits(limit: number, path?: BytePath): AuditRow[];
  /** Number of the newest row; 0 without any. A later row has a higher number, unless all rows were pruned in between. */
  lastAudit(): number;
  /** The paths of the rows above `after` up to `last`, each once, byte order. One query for all of them; drain before writing. */
  auditedPaths(after: number, last: number): Iterable<BytePath>;
  /** Drops rows older than `beforeMs` (bucket time) and all but the newest `rowsMax`; returns how many went. */
  pruneAudit(beforeMs: number, rowsMax: number): number;
}
