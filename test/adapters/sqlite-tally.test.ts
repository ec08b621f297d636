import fc from 'fast-check';
import { expect, test } from 'vitest';
import { comparePaths } from '../../src/model/path.ts';
import type { VersionRow, WantReason } from '../../src/ports/journal.ts';
import { newJournal } from './sqlite-fixture.ts';
import { dir, file, hostileNames, want } from './sqlite-rows.ts';

const reasons: readonly WantReason[] = ['pending', 'held', 'excluded', 'drift'];

test('figures and first rows of wants say the same as all of them', () => {
  const row = fc.record({
    path: fc.array(fc.constantFrom(...hostileNames), { minLength: 1, maxLength: 2 }).map((names) => names.join('/')),
    entry: fc.constantFrom(file(1), file(2), dir, null),
    reason: fc.constantFrom(...reasons),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(row, { selector: ({ path }) => path, maxLength: 12 }),
      fc.subarray([...reasons]),
      fc.nat(5),
      (rows, wanted, limit) => {
        const journal = newJournal();
        for (const { path, entry, reason } of rows) journal.putWant(want(path, { entry, reason }));
        const all = journal.wants(wanted);
        const puts = all.filter(({ entry }) => entry !== null);
        const bytes = puts.reduce((sum, { entry }) => sum + (entry?.kind === 'file' ? entry.size : 0), 0);
        expect(journal.wantTally(wanted)).toEqual({ puts: puts.length, deletes: all.length - puts.length, bytes });
        const first = all.map(({ path, reason }) => ({ path, reason })).slice(0, limit);
        expect(journal.wantsFirst(wanted, limit)).toEqual({ count: all.length, first });
      },
    ),
    { numRuns: 30 },
  );
});

test('the paths of a hold are counted, and the first of them are told', () => {
  const journal = newJournal();
  const paths = ['b', 'a/x', '\u00ff', 'a!'];
  journal.putHold(
    { id: 'h', kind: 'receiver', sinceMs: 1, state: 'open', detail: '' },
    paths.map((path) => ({ path, version: 3 })),
  );
  expect(journal.holdTally('h', 2)).toEqual({ count: 4, first: [...paths].sort(comparePaths).slice(0, 2) });
  expect(journal.holdTally('other', 2)).toEqual({ count: 0, first: [] });
});

function version(number: number, over: Partial<VersionRow> = {}): VersionRow {
  return {
    path: 'p',
    version: number,
    k: 0,
    op: 'put',
    entry: file(number),
    against: 0,
    atMs: number,
    author: 'a',
    approved: false,
    ...over,
  };
}

test('versions come newest first, at most so many, a kept loser behind the record that kept it', () => {
  const journal = newJournal();
  const rows = [
    version(1),
    version(2),
    version(3, { against: 2 }),
    version(3, { k: 1, op: 'kept', against: 3 }),
    version(9, { path: 'q' }),
  ];
  for (const row of rows) journal.putVersion(row);
  expect(journal.newestVersions('p', 3).map(({ version: number, k }) => [number, k])).toEqual([
    [3, 0],
    [3, 1],
    [2, 0],
  ]);
  expect(
    journal
      .newestVersions('p', 10)
      .reverse()
      .map(({ version: number }) => number),
  ).toEqual([1, 2, 3, 3]);
  expect(journal.newestVersions('none', 10)).toEqual([]);
  expect([journal.conflictCount(10), journal.conflictCount(1)]).toEqual([journal.conflicts(10).length, 1]);
});
