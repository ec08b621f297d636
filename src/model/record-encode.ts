import { createHash } from 'node:crypto';
import { contentHash } from './digest.ts';
import type { Limits } from './limits.ts';
import { type BodyReference, formatInForce, type InlineBlob, type Payload, type RecordHeader } from './record.ts';
import type { DecodedRecord } from './record-decode.ts';
import { encodeFrames } from './record-frames.ts';
import { type HeaderLine, headerLineBytesMax, headerText } from './record-header.ts';
import { payloadLines } from './record-lines.ts';

export interface EncodedRecord {
  readonly record: Buffer;
  /** To be written to `bodies/<id>` before the record (rule P1). */
  readonly body: { readonly id: string; readonly bytes: Buffer } | null;
}

const magic = `flocksync record ${formatInForce}\n`;
const ownHashBytes = 32;

/**
 * The bytes of a record, and of its body when the payload is too long for the record. `bodyId` is a fresh random id of 32 hex
 * digits. Equal input gives equal bytes. Throws RangeError when the payload breaks a limit that the caller should have kept by
 * splitting the changeset; everything else is found by decoding the result, which every author does (rule S5).
 */
export function encodeRecord(header: RecordHeader, payload: Payload, bodyId: string, limits: Limits): EncodedRecord {
  checkCounts(payload, limits);
  const framed = encodeFrames(payloadLines(payload), limits);
  const inline = 'inline' in payload ? joinStored(payload.inline, limits) : Buffer.alloc(0);
  if (framed.rawBytes > limits.payloadRawBytesMax) throw new RangeError(`the payload is longer than ${limits.payloadRawBytesMax} bytes`);
  if (framed.stored.length > limits.bodyBytesMax) throw new RangeError(`the body is longer than ${limits.bodyBytesMax} bytes`);
  const fits = magic.length + headerLineBytesMax + framed.stored.length + inline.length + ownHashBytes <= limits.recordBytesMax;
  const body: BodyReference | null = fits ? null : { id: bodyId, size: framed.stored.length, hash: contentHash(framed.stored) };
  const line: HeaderLine = {
    ...{ header, kind: payload.kind, body, inlineBytes: inline.length },
    payload: { storedBytes: framed.stored.length, rawBytes: framed.rawBytes },
  };
  return {
    record: assemble(line, fits ? framed.stored : Buffer.alloc(0), inline),
    body: fits ? null : { id: bodyId, bytes: framed.stored },
  };
}

/**
 * The same payload and body under another header: what a writer that lost the race appends when no path intersects (rule S2).
 * The header must carry a new id, the next number and its predecessor's hash. The payload was checked against the old number:
 * decode the result before the put.
 */
export function rebaseRecord(record: DecodedRecord, header: RecordHeader): Buffer {
  return assemble({ ...record, header, inlineBytes: record.inline.length }, record.stored ?? Buffer.alloc(0), record.inline);
}

function checkCounts(payload: Payload, limits: Limits): void {
  const lists: (readonly unknown[])[] = [];
  for (const value of Object.values(payload)) if (Array.isArray(value)) lists.push(value);
  if (lists.some((list) => list.length > limits.changesMax)) throw new RangeError(`a list has more than ${limits.changesMax} elements`);
}

function joinStored(inline: readonly InlineBlob[], limits: Limits): Buffer {
  const joined = Buffer.concat(inline.map((blob) => blob.stored));
  if (joined.length > limits.inlineBytesMax) throw new RangeError(`inline contents are longer than ${limits.inlineBytesMax} bytes`);
  return joined;
}

function assemble(line: HeaderLine, stored: Buffer, inline: Buffer): Buffer {
  const text = `${headerText(line)}\n`;
  if (Buffer.byteLength(text) > headerLineBytesMax) throw new RangeError(`the header is longer than ${headerLineBytesMax} bytes`);
  const content = Buffer.concat([Buffer.from(magic + text, 'utf8'), stored, inline]);
  return Buffer.concat([content, createHash('sha256').update(content).digest()]);
}
