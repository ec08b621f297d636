import { expect, test } from 'vitest';
import { simulate } from './world.ts';

test('the seed decides everything: two runs of one seed have the same trace', async () => {
  for (const seed of [1, 2, 3]) {
    const [once, again] = [await simulate({ seed }), await simulate({ seed })];
    expect(again.traceHash).toBe(once.traceHash);
    expect(again.events).toBe(once.events);
  }
  const hashes = await Promise.all([4, 5].map(async (seed) => (await simulate({ seed })).traceHash));
  expect(new Set(hashes).size).toBe(2);
});
