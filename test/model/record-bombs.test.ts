import { brotliCompressSync, constants } from 'node:zlib';
import { expect, test } from 'vitest';
import { birthLimits } from '../../src/model/limits.ts';
import { decodeBlob } from '../../src/model/pack.ts';
import { readLines } from '../../src/model/record-frames.ts';
import { readPayload } from '../../src/model/record-payload.ts';
import { forge, judge } from './record-forge.ts';
import { roundTrip } from './record-samples.ts';

const MiB = 2 ** 20;
const frameBytes = birthLimits.frameBytesMax;
/** The largest window, so that a run of equal bytes becomes as few bytes as it can. */
const params = { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_LGWIN]: 24 };
const gigabyte = brotliCompressSync(Buffer.alloc(1024 * MiB, 'x'), { params });

/** A brotli frame that announces `rawBytes`. */
function frame(compressed: Buffer, rawBytes: number): Buffer {
  const header = Buffer.alloc(9);
  header.writeUInt8(1, 0);
  header.writeUInt32BE(compressed.length, 1);
  header.writeUInt32BE(rawBytes, 5);
  return Buffer.concat([header, compressed]);
}

/** What it took: time, and memory that was neither there before nor returned since. */
function costOf(act: () => void): { ms: number; MiB: number } {
  const inUse = () => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = inUse();
  const started = performance.now();
  act();
  return { ms: performance.now() - started, MiB: (inUse() - before) / MiB };
}

test.each([
  ['what it is', 1024 * MiB],
  ['what a frame may hold', frameBytes],
  ['what the ratio allows', gigabyte.length * birthLimits.inflateRatioMax],
])('R-B1: a few KB that inflate to a GB are refused, announced as %s', (_, announced) => {
  const rawBytes = Math.min(announced, birthLimits.payloadRawBytesMax);
  const record = forge({ stored: frame(gigabyte, announced), rawBytes });
  expect(record.length).toBeLessThan(8 * 1024);
  const cost = costOf(() => expect(judge(record)).toBe('bad'));
  expect(cost.ms).toBeLessThan(1000);
  expect(cost.MiB).toBeLessThan(20);
});

test('R-B1: a frame that shrank too far to be honest is refused before it is inflated', () => {
  const stored = frame(gigabyte, frameBytes);
  expect(() => readLines(stored, frameBytes, birthLimits).next()).toThrow('inflates more than 256 times');
});

test('an honest list that shrinks that far is stored as it is, and comes back', () => {
  const hashes = Array.from({ length: 60_000 }, () => 'a'.repeat(64));
  expect(roundTrip({ kind: 'need', hashes })).toEqual({ ok: true, payload: { kind: 'need', hashes } });
});

const bombs: Record<string, string> = {
  'well-formed changes': '{"o":"p","p":"a/b","b":0,"k":"d","m":493}\n',
  'losers, which may repeat a path': '{"o":"k","p":"a","v":0,"k":"d","m":0}\n',
  'empty lines': '\n',
  numbers: '7\n',
  'lists without an end': '['.repeat(60_000),
  'empty objects in a list': `{"o":"c","c":[${'{},'.repeat(20_000)}{}]}\n`,
};

test.each(Object.entries(bombs))('R-B1: millions of %s cost little, even without the ratio', (_, line) => {
  const raw = Buffer.from(line.repeat(Math.floor(frameBytes / line.length)));
  const frames = Math.floor(birthLimits.payloadRawBytesMax / raw.length);
  const stored = Buffer.concat(Array(frames).fill(frame(brotliCompressSync(raw, { params }), raw.length)));
  const limits = { ...birthLimits, inflateRatioMax: Number.MAX_SAFE_INTEGER };
  const context = { sequence: 5, inline: Buffer.alloc(0), limits };
  const lines = afterFirst(readLines(stored, raw.length * frames, limits));
  const cost = costOf(() => expect(() => readPayload('changes', lines, context)).toThrow());
  expect(cost.ms).toBeLessThan(5000);
  expect(cost.MiB).toBeLessThan(100);
});

test('R-B3: a content that inflates beyond its size is refused without being inflated', () => {
  const cost = costOf(() => expect(decodeBlob(gigabyte, 'brotli', 'a'.repeat(64), 1000)).toMatchObject({ ok: false }));
  expect(cost.ms).toBeLessThan(1000);
  expect(cost.MiB).toBeLessThan(20);
});

function* afterFirst(lines: Iterable<string>): Generator<string> {
  yield '{"changeset":"0123456789abcdef","more":false}';
  yield* lines;
}
