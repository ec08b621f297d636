import { isDeepStrictEqual } from 'node:util';
import { brotliCompressSync } from 'node:zlib';
import { contentHash } from '../../../src/model/digest.ts';
import { birthLimits } from '../../../src/model/limits.ts';
import { decodeBlob, encodeBlob } from '../../../src/model/pack.ts';
import { type Payload, payloadKinds } from '../../../src/model/record.ts';
import { decodePayload, decodeRecord } from '../../../src/model/record-decode.ts';
import { encodeRecord } from '../../../src/model/record-encode.ts';
import { encodeFrames } from '../../../src/model/record-frames.ts';
import { payloadLines } from '../../../src/model/record-lines.ts';
import type { Dice } from '../../e2e/support/random.ts';
import { forge, signed } from '../../model/record-forge.ts';
import { bodyId, encode, header, samples } from '../../model/record-samples.ts';
import { hex, mutated, mutatedText, oddPath, refusedPath, wrongValue } from '../hostile.ts';
import { must, type Target } from '../target.ts';

const honest = Object.values(samples).map((payload) => encode(payload).record);
const honestLines = Object.values(samples).map(payloadLines);
const ownHashBytes = 32;

export const recordTargets: readonly Target[] = [
  { name: 'record', inputs: 1500, attempt: (dice) => judge(mutated(dice.pick(honest), dice)) },
  { name: 'record under a right hash', inputs: 3000, attempt: (dice) => judge(signed(mutated(contentOf(dice.pick(honest)), dice))) },
  { name: 'record of any lines', inputs: 2000, attempt: (dice) => judge(forge({ ...anyFields(dice), lines: anyLines(dice) })) },
  { name: 'body', inputs: 1000, attempt: readBody },
  { name: 'frames', inputs: 1000, attempt: readFrames },
  { name: 'content of a pack', inputs: 1500, attempt: readContent },
];

function contentOf(record: Buffer): Buffer {
  return record.subarray(0, -ownHashBytes);
}

/** Whatever is accepted keeps every bound, and is what an honest member could have written. */
function judge(record: Buffer, body: Buffer | null = null): void {
  const decoded = decodeRecord(record, birthLimits);
  if (!decoded.ok) return;
  const read = decodePayload(decoded, body, birthLimits);
  if (!read.ok) return;
  const { payload } = read;
  if (payload.kind === 'changes') for (const { path } of payload.changes) must(isInside(path), `the path ${JSON.stringify(path)} is taken`);
  const again = encodeRecord(decoded.header, payload, bodyId, birthLimits);
  const second = decodeRecord(again.record, birthLimits);
  const same = second.ok && decodePayload(second, again.body?.bytes ?? null, birthLimits);
  must(
    same !== false && same.ok && isDeepStrictEqual(same.payload, payload),
    'what was accepted is another thing once it is written again',
  );
}

/** Said once more, apart from the reader's own words. */
export function isInside(path: string): boolean {
  const names = path.split('/');
  return path.length <= 4096 && !path.includes('\0') && names.every((name) => name !== '' && name !== '.' && name !== '..');
}

function anyFields(dice: Dice): { kind?: unknown; fields?: Record<string, unknown> } {
  const field = dice.pick([
    'format',
    'id',
    'share',
    'author',
    'sequence',
    'previous',
    'writtenMs',
    'body',
    'payload',
    'inline',
    '__proto__',
  ]);
  return {
    kind: dice.oneIn(20) ? wrongValue(dice) : dice.pick(payloadKinds),
    ...(dice.oneIn(3) ? { fields: { [field]: wrongValue(dice) } } : {}),
  };
}

/** Lines of honest payloads, mixed, with strange values in their places. */
export function anyLines(dice: Dice): string[] {
  const [first = '{}', ...rest] = dice.pick(honestLines);
  const others = Array.from({ length: dice.below(6) }, () => dice.pick(dice.pick(honestLines).slice(1)) ?? '{}');
  const lines = [...rest.filter(() => !dice.oneIn(3)), ...others].map((line) => (dice.oneIn(3) ? otherLine(line, dice) : line));
  const head = dice.oneIn(8) ? otherLine(first, dice) : first;
  return [head, ...lines].map((line) => line.replaceAll('\n', ' ')).filter((line) => Buffer.byteLength(line) < birthLimits.lineBytesMax);
}

function otherLine(line: string, dice: Dice): string {
  if (dice.oneIn(4)) return mutatedText(line, dice);
  const json = JSON.parse(line) as Record<string, unknown>;
  if (dice.oneIn(2) && 'p' in json) json.p = dice.oneIn(2) ? refusedPath(dice) : oddPath(dice);
  else json[dice.pick([...Object.keys(json), 'a', 'w', 'c', 'u', 'g'])] = wrongValue(dice);
  return JSON.stringify(json);
}

function readBody(dice: Dice): void {
  const framed = encodeFrames(anyLines(dice), birthLimits);
  const stored = dice.oneIn(2) ? mutated(framed.stored, dice) : framed.stored;
  const size = Math.max(1, stored.length);
  const body = { id: bodyId, size, hash: contentHash(stored) };
  const payload = { stored: size, raw: dice.pick([framed.rawBytes, framed.rawBytes + 1, 1, birthLimits.payloadRawBytesMax]) };
  judge(forge({ stored: Buffer.alloc(0), fields: { body, payload } }), dice.oneIn(10) ? Buffer.alloc(size) : stored);
}

const bomb = brotliCompressSync(Buffer.alloc(64 * 2 ** 20, 'x\n'));

/** Codec, lengths and bytes that need not fit each other. */
function readFrames(dice: Dice): void {
  const frames = Array.from({ length: 1 + dice.below(3) }, () => {
    const raw = Buffer.from(`${anyLines(dice).join('\n')}\n`);
    const stored = dice.pick([raw, brotliCompressSync(raw), bomb, mutated(brotliCompressSync(raw), dice), Buffer.alloc(0)]);
    const head = Buffer.alloc(9);
    head.writeUInt8(dice.pick([0, 1, 1, 1, 2, 255]), 0);
    head.writeUInt32BE(dice.oneIn(4) ? dice.pick([0, 1, stored.length + 1, 2 ** 32 - 1]) : stored.length, 1);
    head.writeUInt32BE(dice.oneIn(3) ? dice.pick([0, 1, birthLimits.frameBytesMax, 2 ** 32 - 1]) : raw.length, 5);
    return Buffer.concat([head, stored]);
  });
  const stored = Buffer.concat(frames);
  const rawBytes = dice.pick([1, 1000, birthLimits.frameBytesMax, birthLimits.payloadRawBytesMax]);
  judge(forge({ stored, rawBytes }));
}

function readContent(dice: Dice): void {
  const bytes = Buffer.from(hex(1 + dice.below(400), dice).repeat(1 + dice.below(4)));
  const { codec, stored } = encodeBlob(bytes);
  const hostile = dice.pick([stored, mutated(stored, dice), bomb, Buffer.alloc(0)]);
  const size = dice.oneIn(4) ? dice.pick([0, 1, birthLimits.chunkBytesMax, bytes.length + 1]) : bytes.length;
  const decoded = decodeBlob(hostile, dice.oneIn(4) ? dice.pick(['none', 'brotli'] as const) : codec, contentHash(bytes), size);
  must(!decoded.ok || decoded.bytes.equals(bytes), 'other bytes than those of the hash are handed out');
}

/** For logs that are made of them: a header that continues one. */
export function recordOf(payload: Payload, over: Partial<typeof header>): Buffer {
  return encodeRecord({ ...header, ...over }, payload, bodyId, birthLimits).record;
}
