import type { ContentHasher } from '../../model/digest.ts';
import type { Chunk } from '../../model/entry.ts';
import type { Content, FixedMetadata } from '../../model/local.ts';
import { clockTickUs } from '../../model/local.ts';
import type { BytePath } from '../../model/path.ts';
import type { Problem } from '../../model/problem.ts';
import type { Local } from '../../model/reconcile.ts';
import type { Owners, PreciseStat, ShareTree, Stat } from '../../ports/filesystem.ts';
import type { Agreed, DiskStamp, Journal } from '../../ports/journal.ts';
import type { Time } from '../../ports/time.ts';

/** The look from before a read, racy by the time of that look: whatever happens in its tick later leaves no trace in a stat. */
export interface Look extends DiskStamp {
  readonly kind: Stat['kind'];
}

/** One path at which this disk differs from the base. There may be hundreds of thousands, so each says everything once. */
export interface Finding {
  readonly path: BytePath;
  readonly agreed: Agreed | null;
  readonly local: Local;
  /** null when the path is absent. */
  readonly look: Look | null;
}

/** How far the hash of a large file is. */
export interface HalfRead {
  readonly stat: PreciseStat;
  readonly whole: ContentHasher;
  chunk: ContentHasher;
  chunkSize: number;
  total: number;
  readonly chunks: Chunk[];
}

export interface Candidate {
  readonly path: BytePath;
  readonly stat: Omit<Stat, 'dev'>;
  readonly agreed: Agreed | null;
}

/** `refreshed`: what only looked different is as agreed, and this is how it looks now. */
export type Reading =
  | { readonly result: 'found'; readonly finding: Finding }
  | { readonly result: 'refreshed'; readonly path: BytePath; readonly look: Look }
  | { readonly result: 'changed'; readonly candidate: Candidate }
  | { readonly result: 'as-agreed' | 'gone' }
  | { readonly result: 'unreadable'; readonly problem: Problem };

export interface CollatePorts {
  readonly tree: ShareTree;
  readonly journal: Journal;
  readonly time: Time;
  readonly owners: Owners;
}

export interface CollateOptions {
  readonly settleMs: number;
  readonly settleMaxMs: number;
  readonly chunkBytes: number;
  readonly fixed: FixedMetadata | null;
  /** False for what nobody will publish or compare (a subscriber's own files): it is listed without being read. */
  readonly needsContent: (path: BytePath, agreed: Agreed | null) => boolean;
  /** Hashes of large files from earlier looks of this process, so that a long upload does not hash them again every second. */
  readonly remembered: Map<BytePath, { readonly stat: Omit<PreciseStat, 'dev' | 'links'>; readonly content: Content }>;
  /** Large files in the middle of which an earlier look of this process was told to stop. */
  readonly halfRead: Map<BytePath, HalfRead>;
  /** Is shown every content of a few MiB at most that was read, so that it need not be read again; `bytes` are good until it returns. */
  readonly onContent: (hash: string, bytes: Buffer) => Promise<void> | undefined;
  readonly onProgress: (files: number, bytes: number) => void;
  readonly signal: AbortSignal;
}

/** The stat cache's row for a look; younger than the clock's tick it is racy and will be read again (rule D2). */
export function stampOf(stat: PreciseStat, nowUs: number): DiskStamp {
  return lookOf(stat, nowUs);
}

export function lookOf({ kind, ino, size, mtimeKey, ctimeKey, mode, mtimeUs, uid, gid }: PreciseStat, nowUs: number): Look {
  const racy = kind !== 'dir' && ctimeKey > nowUs - clockTickUs;
  return { kind, ino, size, mtimeKey, ctimeKey, mode, mtimeUs, uid, gid, racy };
}

/** Directories change size and times whenever a child does; for them only rights are looked at. */
export function sameLook(a: Omit<Stat, 'dev' | 'links'>, b: Omit<Stat, 'dev' | 'links'>): boolean {
  return (
    a.kind === b.kind &&
    a.ino === b.ino &&
    a.size === b.size &&
    a.mtimeKey === b.mtimeKey &&
    a.ctimeKey === b.ctimeKey &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid
  );
}
