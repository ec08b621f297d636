import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contentHash } from '../../../src/model/digest.ts';
import { birthLimits } from '../../../src/model/limits.ts';
import { noPrevious, type Payload, type RecordHeader } from '../../../src/model/record.ts';
import { recordHash } from '../../../src/model/record-decode.ts';
import { encodeRecord } from '../../../src/model/record-encode.ts';
import { encodeFrames } from '../../../src/model/record-frames.ts';
import { signed } from '../../model/record-forge.ts';

/** The log of one share in a directory bucket, for tests that write what no honest member writes. */
export interface ForgedLog {
  file(sequence: number): string;
  head(): number;
  /** The header that continues the log as it stands. */
  next(changes?: Partial<RecordHeader>): RecordHeader;
  /** Appends a record with a right own hash and chain; returns its number. */
  append(payload: Payload, changes?: Partial<RecordHeader>): number;
  /** The same, with arbitrary payload lines and header fields. */
  appendLines(lines: readonly string[], fields?: Record<string, unknown>): number;
  /** Writes a body with these lines, or with these stored bytes; returns the header fields that name it. */
  body(lines: readonly string[]): Record<string, unknown>;
  bodyOf(stored: Buffer, rawBytes: number): Record<string, unknown>;
}

const forger = { id: 'f'.repeat(32), name: 'forger' };

export function forgedLog(bucket: string): ForgedLog {
  const file = (sequence: number) => join(bucket, 'log', String(sequence).padStart(16, '0'));
  const head = () => readdirSync(join(bucket, 'log')).length;
  const shareId = () => JSON.parse(readFileSync(join(bucket, 'format.json'), 'utf8')).share as string;
  const next: ForgedLog['next'] = (changes = {}) => {
    const at = head();
    const previous = at === 0 ? noPrevious : recordHash(readFileSync(file(at)));
    const id = String(at).padStart(32, 'e');
    return { format: 1, id, share: shareId(), author: forger, sequence: at + 1, previous, writtenMs: 1, ...changes };
  };
  const write = (bytes: Buffer) => {
    const sequence = head() + 1;
    writeFileSync(file(sequence), bytes);
    return sequence;
  };
  return {
    ...{ file, head, next },
    append: (payload, changes) => write(encodeRecord(next(changes), payload, 'd'.repeat(32), birthLimits).record),
    body: (lines) => {
      const framed = encodeFrames(lines, birthLimits);
      return writeBody(bucket, framed.stored, framed.rawBytes);
    },
    bodyOf: (stored, rawBytes) => writeBody(bucket, stored, rawBytes),
    appendLines: (lines, fields = {}) => write(linesRecord(next(), lines, fields)),
  };
}

function writeBody(bucket: string, stored: Buffer, rawBytes: number): Record<string, unknown> {
  const id = 'b'.repeat(32);
  mkdirSync(join(bucket, 'bodies'), { recursive: true });
  writeFileSync(join(bucket, 'bodies', id), stored);
  return { body: { id, size: stored.length, hash: contentHash(stored) }, payload: { stored: stored.length, raw: rawBytes } };
}

function linesRecord(header: RecordHeader, lines: readonly string[], fields: Record<string, unknown>): Buffer {
  const framed = encodeFrames(lines, birthLimits);
  const payload = { stored: framed.stored.length, raw: framed.rawBytes };
  const text = JSON.stringify({ ...header, kind: 'changes', body: null, payload, inline: 0, ...fields });
  const inside = fields.body === undefined ? framed.stored : Buffer.alloc(0);
  return signed(Buffer.concat([Buffer.from(`flocksync record 1\n${text}\n`), inside]));
}
