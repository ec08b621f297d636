import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PrefixSet } from '../../src/model/prefix-set.ts';
import type { SnapshotItem } from '../../src/model/snapshot.ts';
import { openSnapshot } from '../../src/model/snapshot-decode.ts';
import { at, decode, encode, headOf, judge, lineage, record, sample, shareId, version, versions } from './snapshot-samples.ts';

test('R-H1: everything that a snapshot carries comes back, and so does its header', () => {
  const bytes = encode(sample);
  expect(judge(bytes)).toBe('ok');
  expect(decode(bytes)).toEqual(sample);
  const opened = openSnapshot(at(bytes), shareId);
  expect(opened.ok && opened.head).toEqual(headOf(sample));
});

test('R-H1: any history comes back as it went, names being bytes, and equal items give equal bytes', () => {
  fc.assert(
    fc.property(versions, (found) => {
      const items: SnapshotItem[] = [lineage, record(4), ...found];
      const bytes = encode(items);
      expect(judge(bytes)).toBe('ok');
      expect(decode(bytes)).toEqual(items);
      expect(encode(items).equals(bytes)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('R-H1: a directory is found above its children whatever stands between them in byte order', () => {
  const dir = { kind: 'dir', mode: 0o755, owner: null, group: null } as const;
  const paths = ['a', 'a!', 'a!/x', 'a!/x!', 'a-b', 'a/b', 'a/b!', 'a/b!/c', 'a/b/c', 'a0', 'a0/z'];
  const items: SnapshotItem[] = [lineage, record(4), ...paths.map((path) => version(path, 1, dir))];
  expect(judge(encode(items))).toBe('ok');
  for (const missing of ['a', 'a!', 'a/b', 'a/b!', 'a0']) {
    const without = items.filter((item) => item.item !== 'version' || item.row.path !== missing);
    expect(() => encode(without), missing).toThrow(/below what is no directory/);
  }
});

test('a set of prefixes knows what was added, however many, and nothing else', () => {
  const hashes = Array.from({ length: 20_000 }, (_, i) => (i * 2_654_435_761).toString(16).padStart(16, '0').padEnd(64, 'f'));
  const set = new PrefixSet();
  const [added, others] = [hashes.slice(0, 10_000), hashes.slice(10_000)];
  for (const hash of [...added, ...added]) set.add(hash);
  expect(added.every((hash) => set.has(hash))).toBe(true);
  expect(others.some((hash) => set.has(hash))).toBe(false);
  expect(set.has('0'.repeat(64))).toBe(true);
});
