import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Attribute, Entry } from '../../src/model/entry.ts';
import { metadataDifference, sameContent, sameEntry } from '../../src/model/entry.ts';
import type { Decision, JoinFacts, Local, Policy, Wanted } from '../../src/model/reconcile.ts';
import { absorbed, reconcile, reconcileJoin } from '../../src/model/reconcile.ts';

const owner = fc.constantFrom(null, 'root', 'www');
const mode = fc.constantFrom(0o644, 0o600);
const anyEntry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({
    kind: fc.constant('file' as const),
    mode,
    mtimeUs: fc.constantFrom(1, 2, 3),
    size: fc.constant(1),
    hash: fc.constantFrom('a', 'b', 'c'),
    chunks: fc.constant(null),
    owner,
    group: owner,
  }),
  fc.record({ kind: fc.constant('dir' as const), mode, owner, group: owner }),
  fc.record({ kind: fc.constant('link' as const), target: fc.constantFrom('a', 'b'), owner, group: owner }),
);
const anyMaybe = fc.option(anyEntry, { freq: 4 });
const anyBase = fc.option(
  anyMaybe.map((entry): Wanted => ({ entry, version: 3 })),
  { freq: 6 },
);
const anyWant = fc.option(
  anyMaybe.map((entry): Wanted => ({ entry, version: 7 })),
  { freq: 4, nil: undefined },
);
const anyLocal: fc.Arbitrary<Local> = fc.oneof(
  { weight: 6, arbitrary: anyEntry.map((entry): Local => ({ seen: 'entry', entry })) },
  fc.constantFrom<Local>({ seen: 'same' }, { seen: 'absent' }, { seen: 'unknown' }),
);
const anyPolicy: fc.Arbitrary<Policy> = fc.record({
  role: fc.constantFrom<Policy['role']>('both', 'publisher', 'subscriber'),
  conflict: fc.constantFrom<Policy['conflict']>('newest', 'remote', 'local'),
  nowUs: fc.constantFrom(0, 2, 9),
});

interface Case {
  readonly base: Wanted | null;
  readonly local: Local;
  readonly want: Wanted | undefined;
  readonly policy: Policy;
}

function law(holds: (decision: Decision, at: Case & { before: Entry | null; here: Entry | null; folded: Wanted | null }) => void) {
  const one = fc.record({ base: anyBase, local: anyLocal, want: anyWant, policy: anyPolicy });
  fc.assert(
    fc.property(one, (at) => {
      const before = at.base?.entry ?? null;
      const here = at.local.seen === 'same' ? before : at.local.seen === 'entry' ? at.local.entry : null;
      holds(reconcile(at.base, at.local, at.want, at.policy), { ...at, before, here, folded: at.want ?? at.base });
    }),
    { numRuns: 20_000 },
  );
}

test('never publishes what equals the fold', () => {
  law((decision, { folded }) => {
    if (decision.do === 'publish') expect(sameEntry(decision.entry, folded?.entry ?? null)).toBe(false);
  });
});

test('L2: every publication is based on the version in the fold, 0 for an absent path', () => {
  law((decision, { folded }) => {
    if (decision.do !== 'publish') return;
    const live = folded !== null && folded.entry !== null;
    expect(decision.base).toBe(live ? folded.version : 0);
    expect(decision.beats === 0 || decision.beats === decision.base).toBe(true);
  });
});

test('R2, J6: a local edit that the log has not seen is published, kept or displaced, or stays where it is', () => {
  law((decision, { before, here, want, local, policy }) => {
    if (local.seen === 'unknown' || here === null) return;
    if (sameContent(here, before) || (want !== undefined && sameContent(here, want.entry))) return;
    if (policy.role === 'subscriber') expect(decision.do).toBe(want === undefined ? 'nothing' : 'displace');
    else if (decision.do === 'yield') expect(decision.loser).toBe(here);
    else {
      expect(decision.do).toBe('publish');
      if (decision.do === 'publish') expect(sameContent(decision.entry, here)).toBe(true);
    }
  });
});

test('R1, promise 5: what the log has edited since is never deleted, and never replaced without being named as beaten', () => {
  law((decision, { before, want }) => {
    if (decision.do !== 'publish' || want === undefined || want.entry === null || sameContent(want.entry, before)) return;
    expect(decision.entry).not.toBe(null);
    if (!sameContent(decision.entry, want.entry)) expect(decision.beats).toBe(want.version);
  });
});

test('R1: a change of metadata alone never brings back what the log has deleted', () => {
  law((decision, { before, here, want }) => {
    if (want === undefined || want.entry !== null || before === null || !sameContent(before, here)) return;
    expect(decision.do).not.toBe('publish');
  });
});

test('R1: a publication that is no conflict carries every attribute that only one side has changed', () => {
  law((decision, { before, here, want }) => {
    if (decision.do !== 'publish' || decision.beats !== 0 || decision.entry === null || !want?.entry || before === null || here === null)
      return;
    if (new Set([before.kind, here.kind, want.entry.kind]).size > 1) return;
    const mine = metadataDifference(before, here);
    const theirs = metadataDifference(before, want.entry);
    const value = (entry: Entry, name: Attribute) => (entry as unknown as Record<Attribute, unknown>)[name];
    for (const name of mine) if (!theirs.includes(name)) expect(value(decision.entry, name)).toBe(value(here, name));
    for (const name of theirs) if (!mine.includes(name)) expect(value(decision.entry, name)).toBe(value(want.entry, name));
  });
});

test('a publication settles: on this disk nothing is left to do, off it only the apply', () => {
  law((decision, { base, local, policy }) => {
    if (decision.do !== 'publish') return;
    const published = { entry: decision.entry, version: 8 };
    if (decision.onDisk) expect(reconcile(published, { seen: 'same' }, undefined, policy)).toEqual({ do: 'nothing' });
    else expect(reconcile(base, local, published, policy).do).toBe(policy.role === 'publisher' ? 'nothing' : 'apply');
  });
});

test('R2: what a merge has taken from this disk is no edit again, neither before the apply nor when a successor comes first', () => {
  const successor: Entry = { kind: 'file', mode: 0o644, mtimeUs: 0, size: 1, hash: 'successor', chunks: null, owner: null, group: null };
  law((decision, { before, here, local, want, policy }) => {
    if (decision.do !== 'publish' || decision.onDisk || before === null || !want?.entry || decision.entry === null) return;
    const base = { entry: absorbed(before, want.entry, decision.entry), version: 8 };
    const settled = policy.role === 'publisher' ? 'nothing' : 'apply';
    const standing: Local = { seen: 'entry', entry: here ?? before };
    expect(reconcile(base, standing, { entry: decision.entry, version: 8 }, policy).do).toBe(settled);
    // Where both sides had made the same edit, the three entries do not tell that this disk has it.
    if (local.seen === 'same' || (!sameContent(here, before) && sameContent(here, want.entry))) return;
    const next = reconcile(base, standing, { entry: successor, version: 9 }, policy);
    expect([settled, 'publish']).toContain(next.do);
    if (next.do === 'publish') expect([next.beats, sameContent(next.entry, successor)]).toEqual([0, true]);
  });
});

test('J6: a subscriber never publishes, a publisher never applies', () => {
  law((decision, { policy }) => {
    if (policy.role === 'subscriber') expect(['publish', 'yield']).not.toContain(decision.do);
    if (policy.role === 'publisher') expect(['apply', 'yield', 'displace']).not.toContain(decision.do);
  });
});

test('promise 3: an unknown state decides nothing', () => {
  law((decision, { local, want }) => {
    if (local.seen === 'unknown') expect(decision.do).toBe(want === undefined ? 'nothing' : 'wait');
  });
});

test('J1: joining never deletes, publishes only over nothing, and never drops content silently', () => {
  const facts: fc.Arbitrary<JoinFacts> = fc.record({
    seeding: fc.boolean(),
    join: fc.constantFrom<JoinFacts['join']>('trash', 'merge'),
    stale: fc.boolean(),
    sinceKnown: fc.boolean(),
    incomplete: fc.boolean(),
    reincludedNew: fc.boolean(),
  });
  const role = anyPolicy.map((policy) => policy.role);
  fc.assert(
    fc.property(anyMaybe, anyWant, facts, role, (here, want, known, as) => {
      const decision = reconcileJoin(here, want, known, as);
      if (decision.do === 'publish') expect([decision.entry, decision.base, want?.entry ?? null]).toEqual([here, 0, null]);
      if (decision.do === 'apply' && here !== null) expect(sameContent(here, want?.entry ?? null)).toBe(true);
      if (decision.do === 'agree') expect(sameContent(here, want?.entry ?? null)).toBe(true);
    }),
    { numRuns: 5000 },
  );
});
