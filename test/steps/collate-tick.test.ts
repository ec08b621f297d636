import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PreciseStat } from '../../src/ports/filesystem.ts';
import { bench } from '../adapters/disk-fixture.ts';
import { newJournal } from '../adapters/sqlite-fixture.ts';
import { lookNow } from '../contract/share-tree/ground.ts';
import { collateAll } from './collating.ts';

const owners = { privileged: false, userId: () => undefined, groupId: () => undefined, userName: () => '', groupName: () => '' };

const options = {
  ...{ settleMs: 0, settleMaxMs: 1000, chunkBytes: 1 << 20, fixed: null, needsContent: () => true },
  ...{ onContent: () => undefined, onProgress: () => {}, signal: new AbortController().signal },
};

/** Reads one new file by a clock that stands `sinceMs` after the file's last change when it is read, and runs on from there. */
async function readSince(sinceMs: number) {
  const { root, tree } = bench();
  writeFileSync(join(root, 'a'), 'text');
  const stat: PreciseStat = lookNow(tree, 'a');
  const startMs = Math.ceil(stat.ctimeKey / 1000) + sinceMs;
  let looks = 0;
  const time = { wallMs: () => startMs + 50 * looks++, monotonicMs: () => 0, sleep: async () => {} };
  const found = [{ path: 'a', stat, agreed: null }];
  const collated = await collateAll({ tree, journal: newJournal(), time, owners }, found, {
    ...options,
    remembered: new Map(),
    halfRead: new Map(),
  });
  return collated.findings.get('a')?.look;
}

test('R-D2: a file read within the tick of its last change is racy, however long the reading and publishing take', async () => {
  expect((await readSince(1))?.racy).toBe(true);
});

test('R-D2: a file read well after its last change is trusted', async () => {
  expect((await readSince(100))?.racy).toBe(false);
});

test('R-D2: what was read within the tick is read again, however large it is', async () => {
  const { root, tree } = bench();
  const large = (letter: string) => writeFileSync(join(root, 'a'), letter.repeat(2 * 1024 * 1024));
  large('x');
  const stat: PreciseStat = lookNow(tree, 'a');
  // The second write leaves no trace in the stat: it came within the same tick.
  const frozen = { ...tree, open: (path: string) => ({ ...tree.open(path), before: stat, now: () => stat }) };
  const remembered = new Map();
  const hashes: unknown[] = [];
  for (const [letter, sinceMs] of [['x', 1] as const, ['y', 100] as const]) {
    large(letter);
    const time = { wallMs: () => Math.ceil(stat.ctimeKey / 1000) + sinceMs, monotonicMs: () => 0, sleep: async () => {} };
    const found = [{ path: 'a', stat, agreed: null }];
    const collated = await collateAll({ tree: frozen, journal: newJournal(), time, owners }, found, {
      ...options,
      remembered,
      halfRead: new Map(),
    });
    const local = collated.findings.get('a')?.local;
    hashes.push(local?.seen === 'entry' && local.entry.kind === 'file' ? local.entry.hash : null);
  }
  expect(hashes[0]).not.toBe(hashes[1]);
});
