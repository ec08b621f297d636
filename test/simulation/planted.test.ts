import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../source.ts';
import { hunt } from './hunt.ts';
import { plantedBugs, table, tryOut } from './planted.ts';

const bugs = plantedBugs();

test('there are enough of them, and each says what it does', () => {
  expect(bugs.length).toBeGreaterThanOrEqual(16);
  for (const { what, rule, seeds } of bugs) expect([what.endsWith('.'), rule !== '', seeds.length > 0]).toEqual([true, true, true]);
});

test('the program as it is keeps every promise under the seeds by which they are found', async () => {
  for (const { name, seeds, emphasis } of bugs) expect([name, await hunt(seeds, emphasis)]).toEqual([name, { seed: null, text: '' }]);
}, 300_000);

describe('the simulator finds each bug that is planted', () => {
  test.each(bugs)(
    '$name',
    async (bug) => {
      const found = await tryOut(bug, bug.seeds);
      expect(found.seed).not.toBeNull();
    },
    300_000,
  );
});

test('docs/planted-bugs.md has their table', () => {
  expect(readFileSync(join(projectRoot, 'docs/planted-bugs.md'), 'utf8')).toContain(table(bugs));
});
