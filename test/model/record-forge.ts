import { createHash } from 'node:crypto';
import { birthLimits } from '../../src/model/limits.ts';
import { decodePayload, decodeRecord } from '../../src/model/record-decode.ts';
import { encodeFrames } from '../../src/model/record-frames.ts';
import { header } from './record-samples.ts';

/** Bytes with a right own hash, whatever they say. */
export function signed(content: Buffer): Buffer {
  return Buffer.concat([content, createHash('sha256').update(content).digest()]);
}

export interface Forgery {
  readonly kind?: unknown;
  readonly lines?: readonly string[];
  /** Replaces the framed lines. */
  readonly stored?: Buffer;
  readonly rawBytes?: number;
  readonly inline?: Buffer;
  /** Overrides fields of the header line. */
  readonly fields?: Record<string, unknown>;
  readonly magic?: string;
}

/** A record that says what an honest author would not. */
export function forge(forgery: Forgery): Buffer {
  const framed = encodeFrames(forgery.lines ?? ['{"changeset":"0123456789abcdef","more":false}'], birthLimits);
  const stored = forgery.stored ?? framed.stored;
  const inline = forgery.inline ?? Buffer.alloc(0);
  const payload = { stored: stored.length, raw: forgery.rawBytes ?? framed.rawBytes };
  const fields = {
    ...header,
    kind: 'kind' in forgery ? forgery.kind : 'changes',
    body: null,
    payload,
    inline: inline.length,
    ...forgery.fields,
  };
  const text = `${forgery.magic ?? 'flocksync record 1\n'}${JSON.stringify(fields)}\n`;
  return signed(Buffer.concat([Buffer.from(text), stored, inline]));
}

/** The verdict on bytes, or 'ok'. */
export function judge(bytes: Buffer): string {
  const decoded = decodeRecord(bytes, birthLimits);
  if (!decoded.ok) return decoded.verdict;
  const payload = decodePayload(decoded, null, birthLimits);
  return payload.ok ? 'ok' : payload.verdict;
}
