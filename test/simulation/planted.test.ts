import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../source.ts';
import { plantedBugs, table, tryOut } from './planted.ts';

const bugs = plantedBugs();

test('there are enough of them, and each says what it does', () => {
  expect(bugs.length).toBeGreaterThanOrEqual(20);
  for (const { what, rule, within } of bugs) expect([what.endsWith('.'), rule !== '', within > 0]).toEqual([true, true, true]);
});

describe('the simulator finds each bug that is planted', () => {
  test.each(bugs)(
    '$name',
    async (bug) => {
      const found = await tryOut(bug, bug.within);
      expect(found.at).not.toBeNull();
    },
    300_000,
  );
});

test('docs/planted-bugs.md has their table', () => {
  expect(readFileSync(join(projectRoot, 'docs/planted-bugs.md'), 'utf8')).toContain(table(bugs));
});
