import { brotliCompressSync, constants } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contentHash } from '../../src/model/digest.ts';
import { birthLimits } from '../../src/model/limits.ts';
import { encodeFrames } from '../../src/model/record-frames.ts';
import type { SnapshotBytes, SnapshotItem } from '../../src/model/snapshot.ts';
import { openSnapshot, snapshotItems } from '../../src/model/snapshot-decode.ts';
import { file } from './record-samples.ts';
import { at, encode, forge, format, headOf, judge, linesOf, sample, signed, version, withFrames } from './snapshot-samples.ts';

const whole = encode(sample);

test('R-H1: a snapshot that is cut anywhere is damaged', () => {
  for (let length = 0; length < whole.length; length += 7) expect(judge(whole.subarray(0, length))).toMatch(/^damaged/);
});

test('R-H1: a snapshot with any one bit flipped is damaged', () => {
  for (let bit = 0; bit < whole.length * 8; bit += 13) {
    const flipped = Buffer.from(whole);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(judge(flipped)).toMatch(/^damaged/);
  }
});

test('R-H1: cut or changed anywhere under a right own hash it gets a verdict, never an exception', () => {
  const content = whole.subarray(0, -32);
  for (let length = 0; length < content.length; length += 5) expect(judge(signed(content.subarray(0, length)))).toMatch(/^bad/);
  fc.assert(
    fc.property(fc.nat(content.length - 1), fc.nat(255), (where, byte) => {
      const changed = Buffer.from(content);
      changed[where] = byte;
      expect(judge(signed(changed))).toMatch(/^(ok|bad|newer-format)/);
    }),
    { numRuns: 1000 },
  );
});

test('R-H1: any one wrong value in an honest line gets a verdict, never an exception', () => {
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom<unknown>(2 ** 60, -1, 1e308, '', '..', [], {}, { length: 5 }));
  const honest = linesOf(sample);
  fc.assert(
    fc.property(fc.nat(honest.length - 1), fc.nat(30), value, (which, key, wrong) => {
      const line = JSON.parse(honest[which] as string) as Record<string, unknown>;
      const keys = Object.keys(line);
      line[keys[key % keys.length] as string] = wrong;
      expect(judge(forge(honest.with(which, JSON.stringify(line))))).toMatch(/^(ok|bad)/);
    }),
    { numRuns: 2000 },
  );
});

test('R-H1: any header gets a verdict, never an exception', () => {
  const keys = fc.constantFrom('id', 'share', 'upTo', 'hash', 'digest', 'atMs', 'historyFromMs', 'format', 'counts');
  const value = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom<unknown>(2 ** 60, -1, '', {}));
  fc.assert(
    fc.property(keys, value, (key, wrong) => {
      const counts = key === 'counts' && typeof wrong !== 'object' ? {} : wrong;
      const forged = { [key]: key === 'counts' ? (counts ?? {}) : wrong };
      expect(judge(forge(linesOf(sample), forged))).toMatch(/^(ok|bad|newer-format)/);
    }),
    { numRuns: 500 },
  );
});

test('R-L7: a newer snapshot asks for an upgrade, whatever follows', () => {
  expect(judge(signed(Buffer.from('flocksync snapshot 2\nanything')))).toMatch(/^newer-format/);
  const newer = whole.toString('latin1', 0, whole.length - 32).replace('{"format":1,', '{"format":2,');
  expect(judge(signed(Buffer.from(newer, 'latin1')))).toMatch(/^newer-format/);
  const inForce = { ...format, format: 2 };
  expect(judge(forge(linesOf(sample), { format: inForce }))).toMatch(/^newer-format/);
});

test('R-L3: the snapshot of another share is refused before its lines are looked at', () => {
  const opened = openSnapshot(at(whole), '9'.repeat(32));
  expect(opened.ok ? 'ok' : opened.reason).toBe('it belongs to another share');
});

const without = (...dropped: number[]) => sample.filter((_, index) => !dropped.includes(index));
const swapped = (one: number, other: number) => sample.with(one, sample[other] as SnapshotItem).with(other, sample[one] as SnapshotItem);

test.each<[string, readonly SnapshotItem[], RegExp]>([
  ['no lineage', without(0), /lineage has not as many/],
  ['half a lineage', sample.with(0, { item: 'lineage', prefixes: Buffer.alloc(16) }), /lineage has not as many/],
  ['a lineage that ends elsewhere', sample.with(0, { item: 'lineage', prefixes: Buffer.alloc(32, 7) }), /does not end with/],
  ['a record too few between', without(2), /missing or out of order/],
  ['a record too few at the end', without(3), /do not end with/],
  ['no record', without(1, 2, 3), /do not end with/],
  ['records after versions', swapped(3, 4), /order of their kinds/],
  ['versions in the wrong order', swapped(6, 7), /not sorted/],
  ['a version twice', [...sample.slice(0, 5), ...sample.slice(4)], /not sorted/],
  ['a version from the future', sample.with(5, version('a!', 5, file)), /newer than/],
  ['a winner from the future', sample.with(5, version('a!', 1, file, { against: 2 })), /newer than/],
  ['an entry below a file', sample.with(4, version('a', 3, file)), /below what is no directory/],
  ['an entry below a deleted directory', sample.with(4, version('a', 3, null)), /below what is no directory/],
  ['locations in the wrong order', swapped(11, 12), /locations are not sorted/],
  ['retired objects in the wrong order', swapped(14, 15), /retired objects are not sorted/],
])('R-H1: %s is refused by the reader and by the writer', (_, items, reason) => {
  expect(judge(forge(linesOf(items), {}, items))).toMatch(reason);
  expect(() => encode(items)).toThrow(reason);
});

test.each<[string, object, RegExp]>([
  ['records', { counts: { ...headOf(sample).counts, records: 2 } }, /as many records/],
  ['versions', { counts: { ...headOf(sample).counts, versions: 8 } }, /as many versions/],
  ['locations', { counts: { ...headOf(sample).counts, locations: 0 } }, /as many locations/],
  ['snapshots', { counts: { ...headOf(sample).counts, snapshots: 2 } }, /as many snapshots/],
  ['retired objects', { counts: { ...headOf(sample).counts, retired: 1 } }, /as many retired/],
  ['the digest', { digest: '0'.repeat(64) }, /another digest/],
  ['the record', { hash: '0'.repeat(64) }, /announced record/],
])('R-H1: a header that is wrong about %s is refused', (_, over, reason) => {
  expect(judge(forge(linesOf(sample), over))).toMatch(reason);
});

test.each<[string, string, RegExp]>([
  ['a path that leaves the root', '{"o":"p","p":"../x","v":1,"at":1,"by":"m","k":"d","m":493}', /a path/],
  ['a meaning that nobody knows', '{"o":"?"}', /meaning of a line/],
  ['chunks of nothing', '{"o":"c","c":[]}', /belong to no file/],
  ['no JSON', '{', /not JSON/],
])('R-H1: a line with %s is refused', (_, line, reason) => {
  const lines = linesOf(sample);
  expect(judge(forge([...lines.slice(0, 4), line, ...lines.slice(4)]))).toMatch(reason);
});

test('R-H1: a file with more chunks than announced is refused at the first one too many', () => {
  const file = `{"o":"p","p":"a","v":1,"at":1,"by":"m","k":"f","m":420,"t":1,"s":2,"h":"${'a'.repeat(64)}","c":1}`;
  const chunks = `{"o":"c","c":[["${'b'.repeat(64)}",1],["${'c'.repeat(64)}",1]]}`;
  expect(judge(forge([...linesOf(sample).slice(0, 4), file, chunks]))).toMatch(/more chunks than announced/);
});

function frame(raw: Buffer, over: { stored?: Buffer; rawBytes?: number } = {}): Buffer {
  const stored = over.stored ?? brotliCompressSync(raw, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });
  const header = Buffer.alloc(9);
  header.writeUInt8(1, 0);
  header.writeUInt32BE(stored.length, 1);
  header.writeUInt32BE(over.rawBytes ?? raw.length, 5);
  return Buffer.concat([header, stored]);
}

test('R-H1: a frame that inflates beyond all measure costs one frame at most', () => {
  const bomb = Buffer.alloc(32 * 1024 * 1024, 10);
  const before = process.memoryUsage().arrayBuffers;
  expect(judge(withFrames(frame(bomb)))).toMatch(/too long/);
  expect(judge(withFrames(frame(bomb, { rawBytes: 1000 })))).toMatch(/^bad/);
  expect(judge(withFrames(frame(Buffer.alloc(1024 * 1024, 10))))).toMatch(/inflates more than/);
  expect(judge(withFrames(frame(Buffer.from('{}\n'), { stored: Buffer.alloc(4096) })))).toMatch(/too long/);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
});

test('R-H1: however many lines there are, one frame of them is in memory', () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => `{"o":"h","h":"${contentHash(String(i)).slice(0, 22)}AA=="}`);
  const one = encodeFrames(lines, birthLimits).stored;
  const frames = 50;
  // The same frame again and again, without having them all.
  const bytes: SnapshotBytes = {
    size: one.length * frames + 32,
    read: (offset, length) => one.subarray(offset % one.length, (offset % one.length) + length),
  };
  const before = process.memoryUsage();
  let count = 0;
  let most = 0;
  for (const _ of snapshotItems(bytes, { head: headOf(sample), framesAt: 0 })) {
    if (++count % 100_000 === 0) most = Math.max(most, process.memoryUsage().rss - before.rss);
  }
  expect(count).toBe(lines.length * frames);
  expect(most).toBeLessThan(150 * 1024 * 1024);
});

test('R-H1: what names its end beyond the object is refused', () => {
  expect(judge(forge(linesOf(sample), { upTo: 2 ** 52 }))).toMatch(/^bad/);
});
