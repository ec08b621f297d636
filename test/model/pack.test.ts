import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentHash } from '../../src/model/digest.ts';
import { type Blob, decodeBlob, encodeBlob, PackBuilder } from '../../src/model/pack.ts';

const prose = Buffer.from('All members fold the same log, hence converge.\n'.repeat(5000));

function blobOf(bytes: Buffer): Blob {
  return { hash: contentHash(bytes), size: bytes.length, ...encodeBlob(bytes) };
}

describe('contents', () => {
  test('any content comes back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.integer({ min: 1, max: 40 }), (some, times) => {
        const bytes = Buffer.concat(Array(times).fill(some));
        const { codec, stored } = encodeBlob(bytes);
        expect(stored.length).toBeLessThanOrEqual(bytes.length);
        expect(decodeBlob(stored, codec, contentHash(bytes), bytes.length)).toEqual({ ok: true, bytes });
      }),
    );
  });

  test.each([
    ['text', prose, 'brotli'],
    ['short text', prose.subarray(0, 63), 'none'],
    ['nothing', Buffer.alloc(0), 'none'],
    ['noise', randomBytes(200_000), 'none'],
    ['short noise', randomBytes(2000), 'none'],
    ['noise that is mostly followed by text', Buffer.concat([randomBytes(90_000), prose]), 'brotli'],
    ['a little text before much noise, judged by its samples', Buffer.concat([prose.subarray(0, 20_000), randomBytes(200_000)]), 'none'],
    ['what saves less than a sixteenth', Buffer.concat([randomBytes(10_000), Buffer.alloc(600)]), 'none'],
    ['what saves a little more than that', Buffer.concat([randomBytes(10_000), Buffer.alloc(800)]), 'brotli'],
  ])('%s is stored as it pays', (_, bytes, codec) => {
    expect(encodeBlob(bytes).codec).toBe(codec);
  });

  test('R-B3: what does not match is a reason, not content', () => {
    const blob = blobOf(prose);
    const flipped = Buffer.from(blob.stored);
    flipped[50] = (flipped[50] as number) ^ 1;
    const wrong = [
      decodeBlob(flipped, 'brotli', blob.hash, blob.size),
      decodeBlob(blob.stored.subarray(1), 'brotli', blob.hash, blob.size),
      decodeBlob(blob.stored, 'brotli', blob.hash, blob.size - 1),
      decodeBlob(blob.stored, 'brotli', blob.hash, blob.size + 1),
      decodeBlob(blob.stored, 'none', blob.hash, blob.stored.length),
      decodeBlob(prose, 'none', contentHash('other'), prose.length),
      decodeBlob(Buffer.alloc(0), 'brotli', contentHash(''), 0),
    ];
    for (const result of wrong) expect(result).toMatchObject({ ok: false, reason: expect.any(String) });
  });
});

describe('packs', () => {
  test('every content is found at its location, in no pack above the target', () => {
    let ids = 0;
    const builder = new PackBuilder(10_000, () => `${ids++}`);
    const blobs = Array.from({ length: 50 }, (_, i) => blobOf(randomBytes(100 + i * 20)));
    const packs = [...blobs.map((blob) => builder.add(blob)), builder.finish()].filter((pack) => pack !== undefined);
    const found = packs.flatMap((pack) => {
      expect(pack.bytes.length).toBeLessThanOrEqual(10_000);
      return pack.locations.map((at) => {
        expect(at.pack).toBe(pack.id);
        return decodeBlob(pack.bytes.subarray(at.offset, at.offset + at.length), at.codec, at.hash, at.size).ok && at.hash;
      });
    });
    expect(found).toEqual(blobs.map((blob) => blob.hash));
    expect(ids).toBe(packs.length);
    for (const pack of packs.slice(0, -1)) expect(pack.bytes.length).toBeGreaterThan(8000);
  });

  test('a content is stored once, also when its pack was closed before', () => {
    const builder = new PackBuilder(300, () => 'id');
    const [a, b] = [blobOf(randomBytes(200)), blobOf(randomBytes(200))];
    expect(builder.add(a)).toBeUndefined();
    expect(builder.add(a)).toBeUndefined();
    expect(builder.add(b)?.locations).toHaveLength(1);
    expect(builder.add(a)).toBeUndefined();
    expect(builder.finish()?.locations.map((at) => at.hash)).toEqual([b.hash]);
    expect(builder.finish()).toBeUndefined();
  });

  test('a content above the target makes a pack of its own', () => {
    const builder = new PackBuilder(100, () => 'id');
    builder.add(blobOf(randomBytes(500)));
    expect(builder.add(blobOf(randomBytes(50)))?.bytes.length).toBe(500);
    expect(builder.finish()?.bytes.length).toBe(50);
  });
});
