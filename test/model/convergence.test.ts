import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Entry } from '../../src/model/entry.ts';
import { sameContent } from '../../src/model/entry.ts';
import type { Policy } from '../../src/model/reconcile.ts';
import { Log, Member } from './member-model.ts';

const paths = ['a', 'a/b', 'a/b/c', 'a/d', 'e', 'e/f'];
const memberCount = 3;

type Step = { readonly on: number } & (
  | { readonly do: 'write'; readonly path: string; readonly kind: Entry['kind']; readonly mtimeUs: number }
  | { readonly do: 'erase' | 'chmod' | 'touch'; readonly path: string; readonly value: number }
  | { readonly do: 'cycle' | 'killed' | 'ingest' }
);

const on = fc.nat({ max: memberCount - 1 });
const path = fc.constantFrom(...paths);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('write' as const),
    on,
    path,
    kind: fc.constantFrom<Entry['kind']>('file', 'file', 'dir', 'link'),
    mtimeUs: fc.nat({ max: 9 }),
  }),
  fc.record({ do: fc.constantFrom('erase' as const, 'chmod' as const, 'touch' as const), on, path, value: fc.nat({ max: 9 }) }),
  fc.record({ do: fc.constantFrom('cycle' as const, 'killed' as const, 'ingest' as const), on }),
);

/** Every write has content of its own, so that a lost one is missed. */
function fresh(step: Step & { do: 'write' }, serial: number): Entry {
  const owned = { owner: null, group: null };
  if (step.kind === 'dir') return { kind: 'dir', mode: 0o755, ...owned };
  if (step.kind === 'link') return { kind: 'link', target: `t${serial}`, ...owned };
  return { kind: 'file', mode: 0o644, mtimeUs: step.mtimeUs, size: 1, hash: `h${serial}`, chunks: null, ...owned };
}

function perform(member: Member, step: Step, serial: number): void {
  if (step.do === 'write') member.write(step.path, fresh(step, serial));
  else if (step.do === 'erase') member.erase(step.path);
  else if (step.do === 'chmod')
    member.change(step.path, (entry) => (entry.kind === 'link' ? entry : { ...entry, mode: 0o700 + step.value }));
  else if (step.do === 'touch') member.change(step.path, (entry) => (entry.kind === 'file' ? { ...entry, mtimeUs: step.value } : entry));
  else if (step.do === 'ingest') member.ingest();
  else member.cycle({ apply: step.do === 'cycle' });
}

interface Written {
  readonly path: string;
  readonly entry: Entry;
}

/** Runs the steps; returns what each cycle saw on a disk: nothing of it may be lost (promise 1). */
function run(members: readonly Member[], steps: readonly Step[]): Written[] {
  const witnessed: Written[] = [];
  const see = (member: Member) => witnessed.push(...[...member.disk].map(([at, entry]) => ({ path: at, entry })));
  steps.forEach((step, serial) => {
    const member = members[step.on] as Member;
    if (step.do === 'cycle' || step.do === 'killed') see(member);
    perform(member, step, serial);
  });
  for (const member of members) see(member);
  return witnessed;
}

function settle(members: readonly Member[]): void {
  for (let round = 0; round < 2; round++) for (const member of members) member.cycle({ apply: true });
}

const sorted = (tree: Iterable<readonly [string, Entry]>) => [...tree].sort(([a], [b]) => (a < b ? -1 : 1));
const live = (log: Log) => sorted([...log.fold].map(([at, { entry }]) => [at, entry] as const));

describe.each<Policy['conflict']>(['newest', 'remote', 'local'])('promises 1, 4 and 5, conflict: %s', (conflict) => {
  const group = () => {
    const log = new Log();
    return { log, members: Array.from({ length: memberCount }, () => new Member(log, { role: 'both', conflict, nowUs: 5 })) };
  };

  test('three members that edit at will end equal, and what a cycle saw is live, a version or in a trash, and nothing comes back', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 40, size: 'max' }), (steps) => {
        const { log, members } = group();
        const witnessed = run(members, steps);
        settle(members);
        for (const member of members) expect(sorted(member.disk)).toEqual(live(log));
        const kept = [...log.versions, ...members.flatMap((member) => member.trash)];
        for (const { path: at, entry } of witnessed) {
          if (entry.kind === 'dir') continue;
          expect([at, entry, kept.some((one) => one.path === at && sameContent(one.entry, entry))]).toEqual([at, entry, true]);
        }
      }),
      { numRuns: 5000 },
    );
  });

  test('once equal, nobody publishes anything', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 30, size: 'max' }), (steps) => {
        const { log, members } = group();
        run(members, steps);
        settle(members);
        const length = log.records.length;
        for (const member of members) expect(member.cycle({ apply: true })).toBe(0);
        expect(log.records.length).toBe(length);
      }),
      { numRuns: 500 },
    );
  });
});

describe('promises 4 and J6 with roles', () => {
  test('what only publishers write reaches subscribers, whose drift ends in a trash and never in the log', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 30, size: 'max' }), (steps) => {
        const log = new Log();
        const roles: Policy['role'][] = ['publisher', 'subscriber', 'subscriber'];
        const members = roles.map((role) => new Member(log, { role, conflict: 'newest', nowUs: 5 }));
        const mine = new Set<string>();
        steps.forEach((step, serial) => {
          if (step.do === 'write' && step.on === 0) mine.add(`h${serial}`).add(`t${serial}`);
          perform(members[step.on] as Member, step, serial);
        });
        settle(members);
        expect(sorted((members[0] as Member).disk)).toEqual(live(log));
        for (const { entry } of log.versions) {
          if (entry.kind !== 'dir') expect(mine).toContain(entry.kind === 'file' ? entry.hash : entry.target);
        }
      }),
      { numRuns: 500 },
    );
  });
});
