import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openCodec } from '../../src/adapters/codec.ts';
import { contentHash } from '../../src/model/digest.ts';
import type { ContentCodec, StoredContent } from '../../src/ports/codec.ts';
import { temporaryDirectory } from './temporary.ts';

const text = Buffer.from('a line that repeats\n'.repeat(100_000));
const noise = randomBytes(300_000);
const contents = [text, Buffer.from('x'), noise, Buffer.from('<?php echo 1;\n'.repeat(40))];

async function builtThread(): Promise<string> {
  const file = join(temporaryDirectory(), 'codec-thread.mjs');
  const entry = new URL('../../src/adapters/codec-thread.ts', import.meta.url).pathname;
  await build({ entryPoints: [entry], outfile: file, bundle: true, format: 'esm', platform: 'node' });
  return file;
}

async function codecIn(place: string): Promise<ContentCodec> {
  const codec = openCodec(place === 'in this thread' ? '/nowhere' : await builtThread());
  onTestFinished(() => codec.close());
  return codec;
}

async function encoded(codec: ContentCodec): Promise<StoredContent[]> {
  const blobs = await codec.encode(contents);
  return blobs.map((blob, at) => ({ ...blob, hash: contentHash(contents[at] as Buffer), size: (contents[at] as Buffer).length }));
}

/** Which of the contents each answer is; -1 for none. */
const places = (answers: readonly (Buffer | null)[]) => answers.map((answer) => contents.findIndex((each) => answer?.equals(each)));

describe.each(['in this thread', 'in a thread of its own'])('contents are compressed and checked %s', (place) => {
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

  test('several questions at once get their own answers', async () => {
    const codec = await codecIn(place);
    const answers = await Promise.all([codec.encode([noise, noise, noise, noise]), codec.encode([text]), encoded(codec)]);
    expect(answers.map((answer) => answer.length)).toEqual([4, 1, 4]);
  });
});

test('a thread that ends leaves no question unanswered, and the next question starts another', async () => {
  const codec = openCodec(await builtThread());
  const asking = codec.encode([text]);
  await codec.close();
  await expect(asking).rejects.toThrow('has ended');
  expect(await codec.encode([text])).toHaveLength(1);
  await codec.close();
});
