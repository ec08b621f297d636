import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Entry } from '../../src/model/entry.ts';
import { isWithin } from '../../src/model/path.ts';
import type { Journal, WantReason } from '../../src/ports/journal.ts';
import { type ApplyItem, type Difference, type Plan, type PlanInput, plan } from '../../src/steps/plan.ts';
import { newJournal } from '../adapters/sqlite-fixture.ts';
import { agreed, dir, file, link, stamp, want } from '../adapters/sqlite-rows.ts';

const paths = ['a', 'a/b', 'a/b/c', 'a-b', 'd', 'd/e', 'd/f', 'g', 'h', 'i'];
const reasons: readonly WantReason[] = ['pending', 'pending', 'pending', 'held', 'full', 'excluded', 'role', 'kept'];
const entry = fc.constantFrom<Entry>(file(1), file(2), file(2), file(0), dir, link);

/** What base, log and disk say of one path; what is left out they say nothing of. */
const anything = fc.record(
  {
    base: entry,
    wanted: fc.record({ entry: fc.option(entry, { freq: 4 }), reason: fc.constantFrom(...reasons), attempts: fc.nat(2) }),
    here: fc.option(entry, { freq: 3 }),
  },
  { requiredKeys: [] },
);
const newFile = fc.record({ wanted: fc.constant({ entry: file(2), reason: 'pending' as const, attempts: 0 }) });
const situation: fc.Arbitrary<Situation> = fc.oneof(anything, newFile);
type Situation = typeof anything extends fc.Arbitrary<infer T> ? T : never;

const policies = fc.record({
  role: fc.constantFrom('both' as const, 'subscriber' as const, 'publisher' as const),
  joining: fc.option(
    fc.record({
      ...{ seeding: fc.boolean(), join: fc.constantFrom('trash' as const, 'merge' as const), stale: fc.boolean() },
      ...{ sinceKnown: fc.boolean(), incomplete: fc.boolean(), reincludedNew: fc.boolean() },
    }),
  ),
  keepDeletes: fc.boolean(),
  floor: fc.constantFrom(0, 1, 20),
  excluded: fc.constantFrom('none', 'a', 'd/f', 'g'),
  unknown: fc.constantFrom('none', 'd', 'h'),
});
type Policies = typeof policies extends fc.Arbitrary<infer T> ? T : never;

function fill(journal: Journal, situations: readonly Situation[]): Map<string, Difference> {
  journal.resetBase();
  const differences = new Map<string, Difference>();
  for (const [at, { base, wanted, here }] of situations.entries()) {
    const path = paths[at] as string;
    if (base !== undefined) journal.putAgreed(agreed(path, { entry: base, version: 3 }));
    if (wanted !== undefined) journal.putWant(want(path, { ...wanted, version: 7 }));
    if (here === undefined) continue;
    const look = here === null ? null : { ...stamp, kind: here.kind };
    differences.set(path, {
      ...{ path, agreed: journal.agreed(path), look },
      local: here === null ? { seen: 'absent' } : { seen: 'entry', entry: here },
    });
  }
  return differences;
}

function inputOf({ role, joining, keepDeletes, floor, excluded, unknown }: Policies, newFilesApart: boolean): PlanInput {
  return {
    policy: { role, conflict: 'newest', nowUs: 1_800_000_000_000_000 },
    ...{ keepDeletes, newFilesApart, recentLosses: 0, heldElsewhere: 0, appliedLosses: [], approved: new Map(), rejected: new Set() },
    maxDelete: { percent: 10, percentBelow40: 10, floor, windowMs: 1000 },
    joinFacts: () => joining,
    stale: () => false,
    asked: (path) => path === 'i',
    excluded: (path) => isWithin(path, excluded) || path === excluded,
    unknown: (path) => isWithin(path, unknown) || path === unknown,
  };
}

const byPath = (a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : 1);

/** The plan with its new files among the rest, as an apply reads them from the journal. */
function told(journal: Journal, planned: Plan) {
  const inFull = planned.newFiles.map(({ path, size }): ApplyItem => {
    const wanted = journal.want(path);
    if (wanted?.entry?.kind !== 'file' || wanted.entry.size !== size) throw new Error(`no want of ${size} bytes at ${path}`);
    const { entry, version, atMs, attempts } = wanted;
    return { path, entry, version, atMs, attempts, expected: null, standing: null, why: 'replaced', wanted: true };
  });
  const applies = [...planned.applies, ...inFull].sort(byPath);
  return { ...planned, applies, newFiles: [], publications: [...planned.publications], wants: journal.wants() };
}

test('a plan that lists new files apart decides the same as one that has them in full', () => {
  const journal = newJournal();
  let apart = 0;
  fc.assert(
    fc.property(fc.array(situation, { minLength: paths.length, maxLength: paths.length }), policies, (situations, given) => {
      const together = plan(journal, fill(journal, situations), inputOf(given, false));
      expect(together.newFiles).toEqual([]);
      const expected = told(journal, together);
      const listed = plan(journal, fill(journal, situations), inputOf(given, true));
      apart += listed.newFiles.length;
      expect(told(journal, listed)).toEqual(expected);
    }),
    { numRuns: 1500 },
  );
  expect(apart).toBeGreaterThan(500);
}, 60_000);
