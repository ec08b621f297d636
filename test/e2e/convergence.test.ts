import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { projectRoot } from '../source.ts';
import { live } from './support/history.ts';

/** `FLOCKSYNC_SEEDS="7 8 9"` or `"1-500"` runs these instead. */
function seeds(): number[] {
  const asked = process.env.FLOCKSYNC_SEEDS;
  const known = readFileSync(join(projectRoot, 'test/e2e/seeds.txt'), 'utf8').split('\n');
  const numbers = known.map((line) => Number.parseInt(line, 10)).filter((seed) => !Number.isNaN(seed));
  if (asked === undefined) return [...new Set([1, 2, 3, 4, 5, ...numbers])];
  return asked.split(/[\s,]+/).flatMap((word) => {
    const [from = 0, to = from] = word.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

describe('three members with random histories end in equal trees and lose nothing', () => {
  test.each(seeds())('seed %i', live, 120_000);
});
