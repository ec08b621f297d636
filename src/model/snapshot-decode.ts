import { createHash } from 'node:crypto';
import { expectHash, expectHex, expectInteger, expectObject, type Json, Malformed, parseObject } from './checks.ts';
import { formatOf, type ShareFormat } from './format.ts';
import type { Limits } from './limits.ts';
import { formatInForce, type Rejected } from './record.ts';
import { judged, rejected } from './record-decode.ts';
import { frameHeaderBytes, readFrame, readFrameHead } from './record-frames.ts';
import type { SnapshotBytes, SnapshotCounts, SnapshotHead, SnapshotItem } from './snapshot.ts';
import { snapshotCheck } from './snapshot-check.ts';
import { ownHashBytes } from './snapshot-encode.ts';
import { readItems } from './snapshot-lines.ts';

const magicPattern = /^flocksync snapshot ([1-9][0-9]{0,8})\n/;
const magicBytesMax = 32;
/** Magic line and header line together; format.json, which is in it, is never longer than 64 KiB. */
export const snapshotHeadBytesMax = 128 * 1024;
const pieceBytes = 1024 * 1024;

export interface OpenedSnapshot {
  readonly ok: true;
  readonly head: SnapshotHead;
  /** Where the frames begin. */
  readonly framesAt: number;
}

/**
 * The header, from the first `snapshotHeadBytesMax` bytes or all there are. Never throws, whatever the bytes. `share` is the id of the
 * share that it must belong to.
 */
export function openSnapshot(bytes: SnapshotBytes, share: string): OpenedSnapshot | Rejected {
  const start = bytes.read(0, Math.min(bytes.size, snapshotHeadBytesMax));
  const magic = magicPattern.exec(start.toString('latin1', 0, magicBytesMax));
  if (magic === null) return rejected('bad', 'it does not begin like a snapshot');
  const format = Number(magic[1]);
  if (format > formatInForce) return rejected('newer-format', `it has format ${format}, this program reads ${formatInForce}`);
  const end = start.indexOf(10, magic[0].length);
  if (end < 0) return rejected('bad', `its header is longer than ${snapshotHeadBytesMax} bytes or cut off`);
  return judged(() => {
    const head = readHead(parseObject(start.toString('utf8', magic[0].length, end), 'header'));
    if ('ok' in head) return head;
    if (head.share !== share) throw new Malformed('it belongs to another share');
    return { ok: true, head, framesAt: end + 1 };
  });
}

/**
 * Everything that can be checked of a snapshot without the log: own hash, every line, order, counts, tree and digest. Reads it twice, in
 * memory that does not grow with it. Never throws for what the bytes are.
 */
export function verifySnapshot(bytes: SnapshotBytes, share: string): OpenedSnapshot | Rejected {
  if (!endsWithOwnHash(bytes)) return rejected('damaged', 'its own hash does not match');
  const opened = openSnapshot(bytes, share);
  if (!opened.ok) return opened;
  const { head } = opened;
  return judged(() => {
    const check = snapshotCheck(head.upTo, head.hash);
    for (const item of snapshotItems(bytes, opened)) check.take(item);
    const { counts, digest } = check.finish();
    for (const [name, count] of Object.entries(counts)) {
      if (head.counts[name as keyof SnapshotCounts] !== count) throw new Malformed(`it has not as many ${name} as announced`);
    }
    if (digest !== head.digest) throw new Malformed('its entries have another digest than announced');
    return opened;
  });
}

/** The items of a snapshot, one frame in memory at a time. Throws Malformed where `verifySnapshot` would refuse a line. */
export function* snapshotItems(bytes: SnapshotBytes, { head, framesAt }: Omit<OpenedSnapshot, 'ok'>): Generator<SnapshotItem> {
  yield* readItems(linesOf(bytes, framesAt, head.format.limits), head.format.limits);
}

function* linesOf(bytes: SnapshotBytes, framesAt: number, limits: Limits): Generator<string> {
  const end = bytes.size - ownHashBytes;
  for (let at = framesAt; at < end; ) {
    if (end - at < frameHeaderBytes) throw new Malformed('a frame is cut off');
    const frame = readFrameHead(bytes.read(at, frameHeaderBytes), limits);
    at += frameHeaderBytes;
    // A writer stores no frame longer than it is.
    if (frame.storedBytes > frame.rawBytes || frame.storedBytes > end - at) throw new Malformed('a frame is cut off or too long');
    yield* readFrame(bytes.read(at, frame.storedBytes), frame, limits);
    at += frame.storedBytes;
  }
}

function endsWithOwnHash(bytes: SnapshotBytes): boolean {
  if (bytes.size < ownHashBytes) return false;
  const end = bytes.size - ownHashBytes;
  const own = createHash('sha256');
  for (let at = 0; at < end; at += pieceBytes) own.update(bytes.read(at, Math.min(pieceBytes, end - at)));
  return own.digest().equals(bytes.read(end, ownHashBytes));
}

function readHead(json: Json): SnapshotHead | Rejected {
  if (Number.isSafeInteger(json.format) && (json.format as number) > formatInForce) {
    return rejected('newer-format', `it has format ${json.format}, this program reads ${formatInForce}`);
  }
  if (json.format !== formatInForce) throw new Malformed('format is unknown');
  const inForce = readFormat(expectObject(json.inForce, 'format in force'));
  if ('ok' in inForce) return inForce;
  const share = expectHex(json.share, 32, 'share id');
  if (inForce.share !== share) throw new Malformed('its format is that of another share');
  return {
    ...{ id: expectHex(json.id, 32, 'snapshot id'), share, upTo: count(json.upTo, 1, 'upTo'), hash: expectHash(json.hash, 'hash') },
    ...{ digest: expectHash(json.digest, 'digest'), atMs: count(json.atMs, 0, 'atMs') },
    ...{ historyFromMs: count(json.historyFromMs, 0, 'historyFromMs'), format: inForce },
    counts: readCounts(expectObject(json.counts, 'counts')),
  };
}

function readFormat(json: Json): ShareFormat | Rejected {
  const decoded = formatOf(json);
  return decoded.ok ? decoded.format : decoded;
}

function readCounts(json: Json): SnapshotCounts {
  const at = (name: keyof SnapshotCounts) => count(json[name], 0, `number of ${name}`);
  return {
    ...{ records: at('records'), versions: at('versions'), locations: at('locations') },
    ...{ snapshots: at('snapshots'), retired: at('retired') },
  };
}

function count(value: unknown, min: number, what: string): number {
  return expectInteger(value, min, Number.MAX_SAFE_INTEGER, what);
}
