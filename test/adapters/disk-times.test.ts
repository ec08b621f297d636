import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyMetadata } from '../../src/adapters/disk-metadata.ts';
import { preciseOf } from '../../src/adapters/disk-stat.ts';
import { lookNow } from '../contract/share-tree/ground.ts';
import { bench } from './disk-fixture.ts';

const secondsOf = (year: number) => Date.UTC(year, 0, 1) / 1000;

test('R-I3: modification times from 1902 to 2200 read back to the microsecond', () => {
  const { root } = bench({ prepare: false });
  const file = join(root, 'f');
  writeFileSync(file, '');
  const fd = openSync(file, 'r');
  const micros = fc.tuple(fc.integer({ min: secondsOf(1902), max: secondsOf(2200) }), fc.integer({ min: 0, max: 999_999 }));
  fc.assert(
    fc.property(micros, ([seconds, us]) => {
      const mtimeUs = seconds * 1_000_000 + us;
      expect(applyMetadata(fd, { mtimeUs }).mtimeUs).toBe(mtimeUs);
    }),
    { numRuns: 20_000, examples: [[[-1, 999_999]], [[-1, 1]], [[0, 0]], [[secondsOf(2199), 999_999]], [[secondsOf(1902), 1]]] },
  );
  closeSync(fd);
});

test('both kinds of look give equal keys for any nanosecond, and mtimeUs is rounded down', () => {
  const { root, tree } = bench({ prepare: false });
  const nanos = fc.tuple(fc.integer({ min: secondsOf(1902), max: secondsOf(2400) }), fc.integer({ min: 0, max: 999_999_999 }));
  const samples = fc.sample(nanos, { numRuns: 1500, seed: 7 });
  samples.push([-1, 999_999_999], [-1, 1], [-1, 500], [-1, 999_999_500], [0, 999_999_999], [secondsOf(2400), 999]);
  const dates = samples.map(
    ([s, ns]) =>
      `@${s < 0 && ns > 0 ? `-${-s - 1}.${String(1_000_000_000 - ns).padStart(9, '0')}` : `${s}.${String(ns).padStart(9, '0')}`}`,
  );
  execFileSync('sh', ['-c', `while read -r at; do i=$((i+1)); touch -d "$at" "$i"; done`], {
    cwd: root,
    input: `${dates.join('\n')}\n`,
    maxBuffer: 1 << 24,
  });
  const listing = tree.readDirectory('', () => true);
  const keys = new Map(listing.names.map((name, index) => [name, listing.statAt(index)]));
  samples.forEach(([seconds, ns], index) => {
    const stat = lookNow(tree, String(index + 1));
    expect(stat.mtimeUs).toBe(seconds * 1_000_000 + Math.floor(ns / 1000));
    expect(keys.get(String(index + 1))).toMatchObject({ mtimeKey: stat.mtimeKey, ctimeKey: stat.ctimeKey });
  });
});

test('a descriptor and its name give the same keys', () => {
  const { root, tree } = bench({ prepare: false });
  writeFileSync(join(root, 'f'), 'x');
  const fd = openSync(join(root, 'f'), 'r');
  expect(preciseOf(fd)).toEqual(lookNow(tree, 'f'));
  closeSync(fd);
});
