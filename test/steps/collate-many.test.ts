import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { contentHash } from '../../src/model/digest.ts';
import type { FileToRead } from '../../src/ports/filesystem.ts';
import { openReader } from '../../src/steps/collate/reader.ts';
import { collate } from '../../src/steps/collate.ts';
import { bench } from '../adapters/disk-fixture.ts';
import { newJournal } from '../adapters/sqlite-fixture.ts';
import { lookNow } from '../contract/share-tree/ground.ts';

const owners = { privileged: false, userId: () => undefined, groupId: () => undefined, userName: () => '', groupName: () => '' };
const count = 1500;
const paths = Array.from({ length: count }, (_, at) => `d${Math.floor(at / 100)}/f${at}`);

/** Files that were found, long after they were written, and what was read of them: together, and one by one. */
function manyFiles(settleMs: number) {
  const { root, tree } = bench();
  for (let at = 0; at < count / 100; at++) mkdirSync(join(root, `d${at}`));
  for (const path of paths) writeFileSync(join(root, path), path);
  const found = paths.map((path) => ({ path, stat: lookNow(tree, path), agreed: null }));
  const wallMs = Math.ceil(Math.max(...found.map(({ stat }) => stat.ctimeKey)) / 1000) + 1000;
  const read = { together: [] as string[], single: [] as string[], offered: new Map<string, string>() };
  let nowMs = 0;
  const time = {
    wallMs: () => wallMs + nowMs,
    monotonicMs: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += Math.max(0, ms);
    },
  };
  const watched = {
    ...tree,
    readFiles: (files: readonly FileToRead[]) => {
      read.together.push(...files.map(({ path }) => path));
      return tree.readFiles(files);
    },
    open: (path: string) => {
      read.single.push(path);
      return tree.open(path);
    },
  };
  const ports = { tree: watched, journal: newJournal(), time, owners };
  const options = {
    ...{ settleMs, settleMaxMs: 5000, chunkBytes: 1 << 20, fixed: null, needsContent: () => true, remembered: new Map() },
    ...{ halfRead: new Map(), onProgress: () => {}, signal: new AbortController().signal },
    onContent: (hash: string, bytes: Buffer) => {
      read.offered.set(hash, bytes.toString());
      return undefined;
    },
  };
  const reader = openReader(ports, found, settleMs, options);
  const collateNext = async (most = Number.POSITIVE_INFINITY) =>
    (await collate(ports, { reader, most, missing: [], settledMs: settleMs }, options)).findings;
  const hashes = (findings: Awaited<ReturnType<typeof collateNext>>) =>
    new Map(
      [...findings].map(([path, { local }]) => [path, local.seen === 'entry' && local.entry.kind === 'file' ? local.entry.hash : null]),
    );
  return { root, read, reader, collateNext, hashes };
}

test.each([0, 500])('many files are read together and once, and their contents are shown (settle: %i ms)', async (settleMs) => {
  const { read, collateNext, hashes } = manyFiles(settleMs);
  expect(hashes(await collateNext())).toEqual(new Map(paths.map((path) => [path, contentHash(path)])));
  expect(read.together).toEqual(paths);
  expect(read.single).toEqual([]);
  expect(read.offered).toEqual(new Map(paths.map((path) => [contentHash(path), path])));
});

test.each([0, 500])('R-D2: what changed since it was found is read again, and no other (settle: %i ms)', async (settleMs) => {
  const { root, read, collateNext, hashes } = manyFiles(settleMs);
  appendFileSync(join(root, 'd3/f333'), ' and more');
  writeFileSync(join(root, 'd0/f0'), 'd9/f9');
  rmSync(join(root, 'd5/f500'));
  const found = hashes(await collateNext());
  expect(found.get('d3/f333')).toBe(contentHash('d3/f333 and more'));
  expect(found.get('d0/f0')).toBe(contentHash('d9/f9'));
  expect(found.has('d5/f500')).toBe(false);
  expect(found.size).toBe(count - 1);
  expect(new Set(read.single)).toEqual(new Set(settleMs === 0 ? ['d3/f333', 'd0/f0'] : ['d3/f333', 'd0/f0', 'd5/f500']));
});

test('a part takes no more than it may, and the next part is read before it is asked for', async () => {
  const { read, reader, collateNext, hashes } = manyFiles(0);
  const first = hashes(await collateNext(1000));
  expect(first.size).toBeLessThanOrEqual(1000);
  expect([...first.keys()]).toEqual(paths.slice(0, first.size));
  expect(reader.left()).toBe(count - first.size);
  expect(read.together.length).toBeGreaterThan(first.size);
  const rest = hashes(await collateNext());
  expect([...first, ...rest]).toEqual(paths.map((path) => [path, contentHash(path)]));
  expect(read.together).toEqual(paths);
});
