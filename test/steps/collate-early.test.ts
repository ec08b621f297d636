import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { contentHash } from '../../src/model/digest.ts';
import { bench } from '../adapters/disk-fixture.ts';
import { newJournal } from '../adapters/sqlite-fixture.ts';
import { lookNow } from '../contract/share-tree/ground.ts';
import { collateAll } from './collating.ts';

const owners = { privileged: false, userId: () => undefined, groupId: () => undefined, userName: () => '', groupName: () => '' };
const names = ['d/a', 'd/b', 'c'];

/** Collates three files after a scan; `meanwhile` happens when the quiet time is slept through, and sleeping makes the time pass. */
async function collateWhile(meanwhile: (root: string) => void, clockAheadMs = 1000) {
  const { root, tree } = bench();
  mkdirSync(join(root, 'd'));
  for (const name of names) writeFileSync(join(root, name), 'one');
  const found = names.map((path) => ({ path, stat: lookNow(tree, path), agreed: null }));
  const startMs = Math.ceil(Math.max(...found.map(({ stat }) => stat.ctimeKey)) / 1000);
  let [nowMs, slept] = [0, 0];
  const opened: string[] = [];
  const open = (path: string) => {
    opened.push(`${path} ${nowMs}`);
    return tree.open(path);
  };
  const time = {
    // What it shows decides which files count as changed a moment ago.
    wallMs: () => startMs + clockAheadMs + nowMs,
    monotonicMs: () => nowMs,
    sleep: async (ms: number) => {
      if (slept++ === 0) meanwhile(root);
      nowMs += ms;
    },
  };
  const collated = await collateAll({ tree: { ...tree, open }, journal: newJournal(), time, owners }, found, {
    ...{
      settleMs: 500,
      settleMaxMs: 5000,
      chunkBytes: 1 << 20,
      fixed: null,
      needsContent: () => true,
      remembered: new Map(),
      halfRead: new Map(),
    },
    ...{ onContent: () => undefined, onProgress: () => {}, signal: new AbortController().signal },
  });
  const hashOf = (path: string) => {
    const local = collated.findings.get(path)?.local;
    return local?.seen === 'entry' && local.entry.kind === 'file' ? local.entry.hash : undefined;
  };
  return { collated, opened, hashOf };
}

const one = contentHash('one');

test('R-D2: files are read while the quiet time passes, and once only', async () => {
  const { opened, hashOf } = await collateWhile(() => {});
  expect(opened).toEqual(['d/a 0', 'd/b 0', 'c 0']);
  expect(names.map(hashOf)).toEqual([one, one, one]);
});

test('R-D2: what changes between its read and the end of the quiet time is read again', async () => {
  const { opened, hashOf } = await collateWhile((root) => {
    const before = new Date(1_600_000_000_000);
    writeFileSync(join(root, 'd/b'), 'two');
    // Neither size nor modification time tell: only the change time does.
    utimesSync(join(root, 'd/b'), before, before);
  });
  expect(hashOf('d/b')).toBe(contentHash('two'));
  expect(hashOf('d/a')).toBe(one);
  expect(opened.filter((each) => each.startsWith('d/a'))).toEqual(['d/a 0']);
});

test('R-D2: what goes during the quiet time, or whose directory goes, is no finding', async () => {
  const { collated } = await collateWhile((root) => {
    rmSync(join(root, 'c'));
    renameSync(join(root, 'd'), join(root, 'e'));
  });
  expect(collated.findings.size).toBe(0);
  expect(collated.problems).toEqual([]);
});

test('R-D2: a file that changed within the tick is not read before the quiet time is over', async () => {
  const { opened, hashOf } = await collateWhile(() => {}, -10);
  expect(opened).toEqual(['d/a 500', 'd/b 500', 'c 500']);
  expect(names.map(hashOf)).toEqual([one, one, one]);
});
