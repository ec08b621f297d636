import { createHash } from 'node:crypto';
import { Malformed } from './checks.ts';
import type { Hash, Sequence } from './entry.ts';
import type { Limits } from './limits.ts';
import { formatInForce } from './record.ts';
import { frameStream } from './record-frames.ts';
import type { SnapshotBytes, SnapshotHead, SnapshotItem } from './snapshot.ts';
import { type SnapshotCheck, type SnapshotTally, snapshotCheck } from './snapshot-check.ts';
import { itemLines } from './snapshot-lines.ts';

/** Bytes of the SHA-256 at a snapshot's end. */
export const ownHashBytes = 32;
const pieceBytes = 1024 * 1024;

/** What the numbers of a snapshot's items are measured against. */
export interface SnapshotEnd {
  readonly upTo: Sequence;
  /** Of record `upTo`. */
  readonly hash: Hash;
}

/**
 * Everything between the header line and the own hash, one frame or its head at a time, and at the end what it adds up to, for the
 * header. Equal items give equal bytes. Throws RangeError for items that a reader would refuse.
 */
export function* encodeItems(items: Iterable<SnapshotItem>, end: SnapshotEnd, limits: Limits): Generator<Buffer, SnapshotTally> {
  const check = snapshotCheck(end.upTo, end.hash);
  try {
    yield* frameStream(linesOf(items, check), limits);
    return check.finish();
  } catch (cause) {
    if (cause instanceof Malformed) throw new RangeError(`a snapshot would be refused: ${cause.message}`, { cause });
    throw cause;
  }
}

function* linesOf(items: Iterable<SnapshotItem>, check: SnapshotCheck): Generator<string> {
  for (const item of items) {
    check.take(item);
    yield* itemLines(item);
  }
}

/** Magic line and header line. Named field by field, so that no stray property gets into the bucket. */
export function encodeSnapshotHead(head: SnapshotHead): Buffer {
  const { id, share, upTo, hash, digest, atMs, historyFromMs, format } = head;
  const { records, versions, locations, snapshots, retired } = head.counts;
  const json = {
    ...{ format: formatInForce, id, share, upTo, hash, digest, atMs, historyFromMs, inForce: format },
    counts: { records, versions, locations, snapshots, retired },
  };
  return Buffer.from(`flocksync snapshot ${formatInForce}\n${JSON.stringify(json)}\n`, 'utf8');
}

/** The whole object piece by piece: what `encodeSnapshotHead` gave, the frames, and the own hash (`ownHashBytes`). */
export function* snapshotPieces(head: Buffer, frames: SnapshotBytes): Generator<Buffer> {
  const own = createHash('sha256').update(head);
  yield head;
  for (let at = 0; at < frames.size; at += pieceBytes) {
    const piece = frames.read(at, Math.min(pieceBytes, frames.size - at));
    own.update(piece);
    yield piece;
  }
  yield own.digest();
}
