import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { getStat } from '../../src/adapters/disk-stat.ts';
import { contentHash } from '../../src/model/digest.ts';
import type { ContentCodec, StoredContent } from '../../src/ports/codec.ts';
import { temporaryDirectory } from './temporary.ts';
import { codecIn, threadPlaces } from './thread-fixture.ts';

const text = Buffer.from('a line that repeats\n'.repeat(100_000));
const noise = randomBytes(300_000);
const contents = [text, Buffer.from('x'), noise, Buffer.from('<?php echo 1;\n'.repeat(40))];

async function encoded(codec: ContentCodec): Promise<StoredContent[]> {
  const blobs = await codec.encode(contents);
  return blobs.map((blob, at) => ({ ...blob, hash: contentHash(contents[at] as Buffer), size: (contents[at] as Buffer).length }));
}

/** Which of the contents each answer is; -1 for none. */
const places = (answers: readonly (Buffer | null)[]) => answers.map((answer) => contents.findIndex((each) => answer?.equals(each)));

describe.each(threadPlaces)('contents are compressed and checked %s', (place) => {
  test('what was encoded is decoded again, in order', async () => {
    const codec = await codecIn(place);
    const blobs = await encoded(codec);
    expect(blobs.map((blob) => blob.codec)).toEqual(['brotli', 'none', 'none', 'brotli']);
    expect(places(await codec.decode(blobs))).toEqual([0, 1, 2, 3]);
  });

  test('R-B3: a content that does not match is null and harms no other', async () => {
    const codec = await codecIn(place);
    const [first, second, third, fourth] = (await encoded(codec)) as [StoredContent, StoredContent, StoredContent, StoredContent];
    const flipped = Buffer.from(third.stored);
    flipped[7] = (flipped[7] ?? 0) ^ 1;
    const asked = [{ ...first, stored: first.stored.subarray(9) }, second, { ...third, stored: flipped }, { ...fourth, size: 1 }];
    expect(places(await codec.decode(asked))).toEqual([-1, 1, -1, -1]);
  });

  test('R-B3: contents are written to all their files, each with its own outcome; of what does not match nothing is made', async () => {
    const codec = await codecIn(place);
    const blobs = await encoded(codec);
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'taken'), 'stands');
    const names = [['a', 'taken', 'b'], ['wrong'], ['noise'], ['last']];
    const metadata = { mode: 0o640, mtimeUs: 1_700_000_000_123_456 };
    const files = blobs.map(({ codec, hash, size }, at) => {
      const right = at === 1 ? '0'.repeat(64) : hash;
      return { codec, size, hash: right, files: (names[at] as string[]).map((name) => ({ name, metadata })) };
    });
    const fd = openSync(directory, 'r');
    const stored = blobs.map((blob) => blob.stored);
    const written = await codec.write(fd, stored, files).finally(() => closeSync(fd));
    expect(written.wrong).toEqual([1]);
    expect(written.faults).toMatchObject([{ file: 1, code: 'io' }]);
    expect(readdirSync(directory).sort()).toEqual(['a', 'b', 'last', 'noise', 'taken']);
    expect(readFileSync(join(directory, 'taken'), 'utf8')).toBe('stands');
    for (const [file, name, content] of [
      [0, 'a', 0],
      [2, 'b', 0],
      [4, 'noise', 2],
      [5, 'last', 3],
    ] as const) {
      expect(readFileSync(join(directory, name)).equals(contents[content] as Buffer)).toBe(true);
      const { ino, size } = statSync(join(directory, name));
      expect(getStat(written.stats, file)).toMatchObject({ kind: 'file', ino, size, ...metadata, links: 1 });
    }
  });

  test('several questions at once get their own answers', async () => {
    const codec = await codecIn(place);
    const answers = await Promise.all([codec.encode([noise, noise, noise, noise]), codec.encode([text]), encoded(codec)]);
    expect(answers.map((answer) => answer.length)).toEqual([4, 1, 4]);
  });
});

test('a thread that ends leaves no question unanswered, and the next question starts another', async () => {
  const codec = await codecIn(threadPlaces[1]);
  const asking = codec.encode([text]);
  await codec.close();
  await expect(asking).rejects.toThrow('has ended');
  expect(await codec.encode([text])).toHaveLength(1);
  await codec.close();
});

test('a thread that has nothing to do ends, not before it has answered; the next question starts another', async () => {
  const started: Worker[] = [];
  const note = (worker: Worker) => started.push(worker);
  process.on('worker', note);
  onTestFinished(() => void process.off('worker', note));
  const codec = await codecIn(threadPlaces[1], 1);
  for (const round of [1, 2]) {
    expect(places(await codec.decode(await encoded(codec)))).toEqual([0, 1, 2, 3]);
    const worker = started.at(-1);
    if (worker && worker.threadId !== -1) await once(worker, 'exit');
    expect(started.length).toBeGreaterThanOrEqual(round);
  }
  expect(started.every(({ threadId }) => threadId === -1)).toBe(true);
});
