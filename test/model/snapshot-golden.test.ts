import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSnapshot } from '../../src/model/snapshot-decode.ts';
import { at, decode, encode, headOf, judge, linesOf, sample, shareId } from './snapshot-samples.ts';

// Like the golden records: never replaced, and written only with FLOCKSYNC_WRITE_GOLDEN=1.
test('R-L7: the golden snapshot is still read, and still written', () => {
  const golden = join(import.meta.dirname, '../golden/snapshot-1.bin');
  if (process.env.FLOCKSYNC_WRITE_GOLDEN === '1' && !existsSync(golden)) writeFileSync(golden, encode(sample));
  const bytes = readFileSync(golden);
  expect(judge(bytes)).toBe('ok');
  const opened = openSnapshot(at(bytes), shareId);
  expect(opened.ok && opened.head).toEqual(headOf(sample));
  expect(decode(bytes)).toEqual(sample);
  // What does not depend on the release of the compressor.
  expect(linesOf(decode(encode(sample)))).toEqual(linesOf(decode(bytes)));
});
