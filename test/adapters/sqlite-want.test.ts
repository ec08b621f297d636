import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BytePath, comparePaths, isWithin, nameOf, parentOf } from '../../src/model/path.ts';
import type { Folded, Journal } from '../../src/ports/journal.ts';
import { newJournal } from './sqlite-fixture.ts';
import { agreed, dir, file, hostileNames, link, want } from './sqlite-rows.ts';

test('wants come back as they were put, tombstones too', () => {
  const journal = newJournal();
  const rows = [
    want('a', { entry: null, approved: true, reason: 'held', detail: 'too many deletions', attempts: 3 }),
    want('b', { entry: dir }),
    want('c', { entry: link, version: 2 ** 33 }),
    want('d'),
  ];
  for (const row of rows) journal.putWant(row);
  expect(journal.wants()).toEqual(rows);
  expect(rows.map(({ path }) => journal.want(path))).toEqual(rows);
  expect(journal.want('nothing')).toBeNull();
});

test('wants are listed in byte order of whole paths', () => {
  const journal = newJournal();
  const paths = ['z', 'a/b', 'a', 'a!', 'a/b/c', 'b/a', '\u00ff', '\u0080/x'];
  for (const path of paths) journal.putWant(want(path));
  expect(journal.wants().map(({ path }) => path)).toEqual([...paths].sort(comparePaths));
  expect(journal.wantsBelow('a').map(({ path }) => path)).toEqual(['a/b', 'a/b/c']);
  expect(journal.wantsBelow('')).toHaveLength(paths.length);
});

test('wants are chosen by reason', () => {
  const journal = newJournal();
  journal.putWant(want('a', { reason: 'held' }));
  journal.putWant(want('b', { reason: 'busy' }));
  journal.putWant(want('c'));
  expect(journal.wants(['busy', 'held']).map(({ path }) => path)).toEqual(['a', 'b']);
  expect(journal.wants([])).toEqual([]);
});

test('reason, detail and attempts change alone', () => {
  const journal = newJournal();
  journal.putWant(want('a'));
  journal.setWantReason('a', 'full', 'no space', 2);
  journal.setWantReason('missing', 'full', '', 1);
  expect(journal.wants()).toEqual([want('a', { reason: 'full', detail: 'no space', attempts: 2 })]);
});

test('the count tells puts from deletions', () => {
  const journal = newJournal();
  expect(journal.wantCount()).toEqual({ puts: 0, deletes: 0, bytes: 0 });
  journal.putWant(want('a', { entry: file(1) }));
  journal.putWant(want('b', { entry: dir }));
  journal.putWant(want('c', { entry: null }));
  expect(journal.wantCount()).toEqual({ puts: 2, deletes: 1, bytes: 10 });
});

const pathArbitrary = fc
  .array(fc.constantFrom(...hostileNames.slice(0, 24)), { minLength: 1, maxLength: 3 })
  .map((names) => names.join('/'));
const entryArbitrary = fc.constantFrom(file(1), file(2), dir, link);
const stepArbitrary = fc.oneof(
  fc.record({ op: fc.constant('putAgreed' as const), path: pathArbitrary, entry: entryArbitrary }),
  fc.record({ op: fc.constant('putWant' as const), path: pathArbitrary, entry: fc.option(entryArbitrary) }),
  fc.record({ op: fc.constantFrom('dropAgreed' as const, 'dropWant' as const), path: pathArbitrary }),
);
type Step = typeof stepArbitrary extends fc.Arbitrary<infer T> ? T : never;

/** The fold as its definition says it: one map of wants laid over one map of agreements. */
function modelOf(steps: readonly Step[], journal: Journal): Folded[] {
  const base = new Map<BytePath, Folded>();
  const wanted = new Map<BytePath, Folded | null>();
  steps.forEach((step, index) => {
    const { path } = step;
    if (step.op === 'putAgreed') {
      base.set(path, { path, entry: step.entry, version: index });
      journal.putAgreed(agreed(path, { entry: step.entry, version: index }));
    } else if (step.op === 'putWant') {
      wanted.set(path, step.entry === null ? null : { path, entry: step.entry, version: index });
      journal.putWant(want(path, { entry: step.entry, version: index }));
    } else if (step.op === 'dropAgreed') {
      base.delete(path);
      journal.dropAgreed(path);
    } else {
      wanted.delete(path);
      journal.dropWant(path);
    }
  });
  return [...new Map<BytePath, Folded | null>([...base, ...wanted]).values()].filter((one) => one !== null);
}

const byDirectory = (a: Folded, b: Folded) =>
  comparePaths(parentOf(a.path), parentOf(b.path)) || comparePaths(nameOf(a.path), nameOf(b.path));

test('the fold is the wants laid over the agreements, for every path and subtree', () => {
  const journal = newJournal();
  fc.assert(
    fc.property(fc.array(stepArbitrary, { maxLength: 40 }), fc.array(pathArbitrary, { maxLength: 5 }), (steps, probes) => {
      journal.resetBase();
      const expected = journal.transaction(() => modelOf(steps, journal)).sort(byDirectory);
      expect([...journal.foldedAll()]).toEqual(expected);
      expect(journal.foldedCount()).toBe(expected.length);
      for (const at of ['', ...probes, ...steps.map(({ path }) => path)]) {
        const below = expected.filter(({ path }) => path !== at && isWithin(path, at));
        expect(journal.foldedBelow(at)).toEqual(below);
        expect(journal.foldedAnyBelow(at)).toBe(below.length > 0);
        expect(journal.folded(at)).toEqual(expected.find(({ path }) => path === at) ?? null);
      }
    }),
    { numRuns: 150 },
  );
});

test('the fold of many pages is complete, in order, and may be left half-way', () => {
  const journal = newJournal();
  const path = (i: number) => `d${String(i % 7)}/${String(i).padStart(5, '0')}`;
  journal.transaction(() => {
    for (let i = 0; i < 9000; i++) journal.putAgreed(agreed(path(i)));
    for (let i = 0; i < 9000; i += 3) journal.putWant(want(path(i), { entry: i % 2 === 0 ? null : file(5) }));
  });
  const all = [...journal.foldedAll()];
  expect(all).toHaveLength(9000 - 1500);
  expect(all.filter(({ version }) => version === 2)).toHaveLength(1500);
  expect([...all].sort(byDirectory)).toEqual(all);
  for (const { path: first } of journal.foldedAll()) {
    journal.dropAgreed(first);
    break;
  }
  expect(journal.foldedCount()).toBe(7499);
});

test('R-J3: the oldest deletion that is not on this disk, whatever keeps it', () => {
  const journal = newJournal();
  expect(journal.oldestDeletion()).toBeNull();
  journal.putWant(want('put', { version: 3 }));
  journal.putWant(want('later', { version: 9, entry: null }));
  journal.putWant(want('kept', { version: 7, entry: null, reason: 'kept' }));
  expect(journal.oldestDeletion()).toBe(7);
});

test('paths of wants are those of the wants with these reasons, new files apart with their sizes', () => {
  const journal = newJournal();
  for (const [path, reason, entry] of [
    ['b/x/\u00ff', 'pending', file(3)],
    ['a', 'held', file(2)],
    ['c', 'excluded', file(2)],
    ['b/changed', 'pending', file(4)],
    ['b/d', 'pending', dir],
    ['b/gone', 'pending', null],
    ['b/l', 'pending', link],
  ] as const)
    journal.putWant(want(path, { reason, entry }));
  for (const path of ['b/changed', 'x/\u00ff']) journal.putAgreed(agreed(path));
  const { newFiles, others } = journal.wantPaths(['pending', 'held']);
  expect(newFiles.sort((a, b) => a.size - b.size)).toEqual([
    { path: 'a', size: 20 },
    { path: 'b/x/\u00ff', size: 30 },
  ]);
  expect(others.sort()).toEqual(['b/changed', 'b/d', 'b/gone', 'b/l']);
  expect(journal.wantPaths([])).toEqual({ newFiles: [], others: [] });
});
