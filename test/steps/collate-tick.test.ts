import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PreciseStat } from '../../src/ports/filesystem.ts';
import { collate } from '../../src/steps/collate.ts';
import { bench, lookNow } from '../adapters/disk-fixture.ts';
import { newJournal } from '../adapters/sqlite-fixture.ts';

const owners = { privileged: false, userId: () => undefined, groupId: () => undefined, userName: () => '', groupName: () => '' };

/** Reads one new file by a clock that stands `sinceMs` after the file's last change when it is read, and runs on from there. */
async function readSince(sinceMs: number) {
  const { root, tree } = bench();
  writeFileSync(join(root, 'a'), 'text');
  const stat: PreciseStat = lookNow(tree, 'a');
  const startMs = Math.ceil(stat.ctimeKey / 1000) + sinceMs;
  let looks = 0;
  const time = { wallMs: () => startMs + 50 * looks++, monotonicMs: () => 0, sleep: async () => {} };
  const found = [{ path: 'a', stat, agreed: null }];
  const options = {
    ...{ settleMs: 0, settleMaxMs: 1000, chunkBytes: 1 << 20, fixed: null, needsContent: () => true, remembered: new Map() },
    ...{ onProgress: () => {}, signal: new AbortController().signal },
  };
  const collated = await collate({ tree, journal: newJournal(), time, owners }, { found, missing: [], endedMs: 0 }, options);
  return collated.findings.get('a')?.stamp;
}

test('R-D2: a file read within the tick of its last change is racy, however long the reading and publishing take', async () => {
  expect((await readSince(1))?.racy).toBe(true);
});

test('R-D2: a file read well after its last change is trusted', async () => {
  expect((await readSince(100))?.racy).toBe(false);
});
