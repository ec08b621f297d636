import { createHash } from 'node:crypto';
import { Malformed, parseObject } from './checks.ts';
import { contentHash } from './digest.ts';
import type { Hash } from './entry.ts';
import type { Limits } from './limits.ts';
import { formatInForce, type Payload, type Rejected, type Verdict } from './record.ts';
import { readLines } from './record-frames.ts';
import { type HeaderLine, headerLineBytesMax, readHeader } from './record-header.ts';
import { readPayload } from './record-payload.ts';

/** A record whose own hash is right and whose header is well-formed; the payload has not been looked at. */
export interface DecodedRecord extends Omit<HeaderLine, 'inlineBytes'> {
  readonly ok: true;
  /** What the successor names as `previous`. */
  readonly hash: Hash;
  /** The payload as stored; null when it lies in the body. A view of the record's bytes, as is `inline`. */
  readonly stored: Buffer | null;
  /** Stored bytes of all inline contents, one after the other. */
  readonly inline: Buffer;
}

export interface DecodedPayload {
  readonly ok: true;
  readonly payload: Payload;
}

const ownHashBytes = 32;
const magicPattern = /^flocksync record ([1-9][0-9]{0,8})\n/;
const magicBytesMax = 32;

/** SHA-256 of a whole record object, its trailing hash included: the identity by which a successor names it. */
export function recordHash(bytes: Uint8Array): Hash {
  return contentHash(bytes);
}

/** Never throws, whatever the bytes. Whether share id, number and predecessor are the expected ones is the caller's question. */
export function decodeRecord(bytes: Buffer, limits: Limits): DecodedRecord | Rejected {
  if (!endsWithOwnHash(bytes)) return rejected('damaged', 'its own hash does not match');
  const content = bytes.subarray(0, bytes.length - ownHashBytes);
  const magic = magicPattern.exec(content.toString('latin1', 0, magicBytesMax));
  if (magic === null) return rejected('bad', 'it does not begin like a record');
  const format = Number(magic[1]);
  if (format > formatInForce) return rejected('newer-format', `it has format ${format}, this program reads ${formatInForce}`);
  if (bytes.length > limits.recordBytesMax) return rejected('bad', `it is longer than ${limits.recordBytesMax} bytes`);
  return judged(() => readRecord(bytes, content, magic[0].length, limits));
}

/**
 * The payload of a record, checked. `bodyBytes` are those of the object that `record.body` names, or null when it names none (a
 * body that cannot be fetched is 'damaged' too). Never throws, whatever the bytes.
 */
export function decodePayload(record: DecodedRecord, bodyBytes: Buffer | null, limits: Limits): DecodedPayload | Rejected {
  const stored = record.stored ?? bodyBytes;
  if (stored === null) return rejected('damaged', 'its body is missing');
  if (record.body !== null && contentHash(stored) !== record.body.hash) return rejected('damaged', 'its body has another hash');
  const context = { sequence: record.header.sequence, inline: record.inline, limits };
  return judged(() => ({ ok: true, payload: readPayload(record.kind, readLines(stored, record.payload.rawBytes, limits), context) }));
}

function endsWithOwnHash(bytes: Buffer): boolean {
  if (bytes.length < ownHashBytes) return false;
  const end = bytes.length - ownHashBytes;
  return createHash('sha256').update(bytes.subarray(0, end)).digest().equals(bytes.subarray(end));
}

function readRecord(bytes: Buffer, content: Buffer, headerAt: number, limits: Limits): DecodedRecord | Rejected {
  const end = content.subarray(0, headerAt + headerLineBytesMax).indexOf(10, headerAt);
  if (end < 0) throw new Malformed(`the header is longer than ${headerLineBytesMax} bytes`);
  const json = parseObject(content.toString('utf8', headerAt, end), 'header');
  if (Number.isSafeInteger(json.format) && (json.format as number) > formatInForce) {
    return rejected('newer-format', `it has format ${json.format}, this program reads ${formatInForce}`);
  }
  if (json.format !== formatInForce) throw new Malformed('format is unknown');
  const { inlineBytes, ...line } = readHeader(json, limits);
  const payloadEnd = end + 1 + (line.body === null ? line.payload.storedBytes : 0);
  if (payloadEnd + inlineBytes !== content.length) throw new Malformed('announced lengths do not add up to its length');
  return {
    ok: true,
    ...line,
    hash: recordHash(bytes),
    stored: line.body === null ? content.subarray(end + 1, payloadEnd) : null,
    inline: content.subarray(payloadEnd),
  };
}

/** What `read` gives; content that breaks the format is bad. */
export function judged<T>(read: () => T | Rejected): T | Rejected {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof Malformed) return rejected('bad', cause.message);
    throw cause;
  }
}

export function rejected(verdict: Verdict, reason: string): Rejected {
  return { ok: false, verdict, reason };
}
