import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { contentHash } from '../../src/model/digest.ts';
import type { HalfRead } from '../../src/steps/collate/finding.ts';
import { bench } from '../adapters/disk-fixture.ts';
import { newJournal } from '../adapters/sqlite-fixture.ts';
import { lookNow } from '../contract/share-tree/ground.ts';
import { collateAll } from './collating.ts';

const owners = { privileged: false, userId: () => undefined, groupId: () => undefined, userName: () => '', groupName: () => '' };
const mebibyte = 1024 * 1024;
const chunkBytes = 5 * mebibyte;

function large(seed: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: 14 * mebibyte }, (_, at) => (at * seed) >> 7));
}

/** One share with one large file, and looks at it that may be told to stop in the middle. */
function oneFile() {
  const { root, tree } = bench();
  const halfRead = new Map<string, HalfRead>();
  const write = (content: Buffer) => writeFileSync(join(root, 'large'), content);
  /** Stops at the first pause where `stops`; says what was read in bytes, and found. */
  const look = async (stops: boolean) => {
    const stop = new AbortController();
    const stat = lookNow(tree, 'large');
    let [nowMs, bytes] = [0, 0];
    const time = {
      wallMs: () => Math.ceil(stat.ctimeKey / 1000) + 1000,
      // Every look at the clock finds that it is time for a pause.
      monotonicMs: () => (nowMs += 100),
      sleep: async () => (stops && bytes > 0 ? stop.abort() : undefined),
    };
    const open = (path: string) => {
      const file = tree.open(path);
      const read = (buffer: Buffer) => {
        const length = file.read(buffer);
        bytes += length;
        return length;
      };
      return { ...file, read };
    };
    const collated = await collateAll(
      { tree: { ...tree, open }, journal: newJournal(), time, owners },
      [{ path: 'large', stat, agreed: null }],
      {
        ...{ settleMs: 0, settleMaxMs: 5000, chunkBytes, fixed: null, needsContent: () => true, remembered: new Map(), halfRead },
        ...{ onContent: () => undefined, onProgress: () => {}, signal: stop.signal },
      },
    );
    const local = collated.findings.get('large')?.local;
    return { bytes, unsettled: collated.unsettled, entry: local?.seen === 'entry' ? local.entry : null };
  };
  return { write, look, halfRead };
}

test('a look that is told to stop within a large file leaves it, and the next one goes on where it was', async () => {
  const { write, look, halfRead } = oneFile();
  const content = large(3);
  write(content);
  const first = await look(true);
  expect(first).toEqual({ bytes: 4 * mebibyte, unsettled: ['large'], entry: null });
  const second = await look(false);
  expect(second.bytes).toBe(content.length - first.bytes);
  const chunks = [0, 1, 2].map((n) => content.subarray(n * chunkBytes, (n + 1) * chunkBytes));
  expect(second.entry).toMatchObject({
    ...{ size: content.length, hash: contentHash(content) },
    chunks: chunks.map((chunk) => ({ hash: contentHash(chunk), size: chunk.length })),
  });
  expect(halfRead.size).toBe(0);
});

test('R-D2: a file that changes in between is read from its beginning', async () => {
  const { write, look } = oneFile();
  write(large(3));
  await look(true);
  write(large(5));
  const { bytes, entry } = await look(false);
  expect(bytes).toBe(large(5).length);
  expect(entry).toMatchObject({ hash: contentHash(large(5)) });
});
