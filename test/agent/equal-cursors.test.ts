import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addDigest, digestFromHex, digestOf, emptyDigest } from '../../src/model/digest.ts';
import type { Journal } from '../../src/ports/journal.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { memberIn } from './member.ts';

/** The digest that the fold has by a full count, to hold the one that is kept up change by change against. */
function recount(journal: Journal): bigint {
  let sum = emptyDigest;
  for (const { path, entry } of journal.foldedAll()) sum = addDigest(sum, digestOf(path, entry));
  return sum;
}

test('R-I1: members with equal cursors have equal digests, and the digest is that of the live entries', async () => {
  const home = temporaryDirectory();
  const [a, b] = [memberIn(home, 'a'), memberIn(home, 'b')];
  mkdirSync(join(a.root, 'dir/deep'), { recursive: true });
  for (const name of ['one', 'two', 'dir/deep/three']) writeFileSync(join(a.root, name), name);
  const seen = new Set<string>();
  const steps = [
    () => writeFileSync(join(b.root, 'four'), 'by b'),
    () => rmSync(join(a.root, 'one')),
    () => renameSync(join(b.root, 'dir'), join(b.root, 'moved')),
    () => writeFileSync(join(a.root, 'two'), 'again'),
  ];
  for (const step of [() => {}, ...steps]) {
    step();
    for (const member of [a, b, a]) await member.cycle();
    expect(a.journal.meta('cursor')).toBe(b.journal.meta('cursor'));
    expect(a.journal.meta('digest')).toBe(b.journal.meta('digest'));
    for (const { journal } of [a, b]) expect(digestFromHex(journal.meta('digest') ?? '')).toBe(recount(journal));
    seen.add(a.journal.meta('digest') ?? '');
  }
  expect(seen.size).toBe(steps.length + 1);
});

test('R-I1: one transaction holds cursor, hash and wants: a fold that fails leaves the position where it was', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  writeFileSync(join(a.root, 'one'), '1');
  await a.cycle();
  const b = memberIn(home, 'b');
  const { putVersion } = b.journal;
  Object.assign(b.journal, {
    putVersion: () => {
      throw new Error('the disk went away');
    },
  });
  await expect(b.cycle()).rejects.toThrow('the disk went away');
  expect(b.journal.meta('cursor')).toBeUndefined();
  expect(b.journal.wants()).toEqual([]);
  Object.assign(b.journal, { putVersion });
  await b.cycle();
  expect(b.journal.meta('cursor')).toBe('1');
  expect(b.journal.agreed('one')?.version).toBe(1);
});
