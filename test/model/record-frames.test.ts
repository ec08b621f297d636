import { randomBytes } from 'node:crypto';
import { brotliCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { birthLimits } from '../../src/model/limits.ts';
import { encodeFrames, readLines } from '../../src/model/record-frames.ts';

const noise = (bytes: number) => randomBytes(bytes).toString('hex').slice(0, bytes);

function frame(codec: number, stored: Buffer, rawBytes: number): Buffer {
  const header = Buffer.alloc(9);
  header.writeUInt8(codec, 0);
  header.writeUInt32BE(stored.length, 1);
  header.writeUInt32BE(rawBytes, 5);
  return Buffer.concat([header, stored]);
}

describe('R-B1: frames of a payload', () => {
  test('hold lines whole, each frame within its bound', () => {
    const lines = Array.from({ length: 100 }, () => noise(30_000));
    const { stored, rawBytes } = encodeFrames(lines, birthLimits);
    expect([...readLines(stored, rawBytes, birthLimits)]).toEqual(lines);
    expect(rawBytes).toBe(100 * 30_001);
    for (let at = 0; at < stored.length; at += 9 + stored.readUInt32BE(at + 1)) {
      expect(stored.readUInt32BE(at + 5)).toBeLessThanOrEqual(birthLimits.frameBytesMax);
    }
  });

  test('a line that is too long is not written', () => {
    const longest = noise(birthLimits.lineBytesMax - 1);
    expect(encodeFrames([longest], birthLimits).rawBytes).toBe(birthLimits.lineBytesMax);
    expect(() => encodeFrames([`${longest}x`], birthLimits)).toThrow(RangeError);
  });

  const line = Buffer.from('0123456789\n');
  const long = Buffer.from(`${noise(birthLimits.lineBytesMax)}\n`);
  const wide = Buffer.from('0\n'.repeat(birthLimits.frameBytesMax));
  test.each<[string, Buffer, number, string]>([
    ['is cut off', frame(0, line, 11).subarray(0, 15), 11, 'cut off'],
    ['has half a header', Buffer.concat([frame(0, line, 11), Buffer.alloc(8)]), 11, 'cut off'],
    ['is longer than what is left', Buffer.concat([frame(0, line, 11), frame(0, line, 11)]), 21, 'too long'],
    ['holds nothing', frame(0, Buffer.alloc(0), 0), 0, 'too long'],
    ['is longer than any frame', frame(0, wide, wide.length), wide.length, 'too long'],
    ['has fewer plain bytes than it says', frame(0, line, 12), 12, 'not as long as announced'],
    ['inflates to less than it says', frame(1, brotliCompressSync(line), 12), 12, 'not as long as announced'],
    ['inflates to more than it says', frame(1, brotliCompressSync(line), 10), 10, 'do not fit'],
    ['ends within a line', frame(0, line.subarray(0, 10), 10), 10, 'does not end with a line'],
    ['holds a line that is too long', frame(0, long, long.length), long.length, 'a line is longer'],
    ['is followed by less than was announced', frame(0, line, 11), 12, 'shorter than announced'],
  ])('a frame that %s is bad', (_, stored, rawBytes, reason) => {
    expect(() => [...readLines(stored, rawBytes, birthLimits)]).toThrow(reason);
  });
});
