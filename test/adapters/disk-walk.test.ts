import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { all, done } from '../contract/share-tree/ground.ts';
import { bench } from './disk-fixture.ts';

test('more directories than are kept open at once', () => {
  const { tree } = bench();
  for (let i = 0; i < 200; i++) done(tree.makeDirectory(`d${i}`, 0o755));
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 200; i++) expect(tree.readDirectory(`d${i}`, all).names).toEqual([]);
  }
  expect(readdirSync('/proc/self/fd').length).toBeLessThan(150);
});
