import { describe, expect, test } from 'vitest';
import type { Entry, FileEntry } from '../../src/model/entry.ts';
import type { Decision, JoinFacts, Policy, Wanted } from '../../src/model/reconcile.ts';
import { reconcileJoin } from '../../src/model/reconcile.ts';

type Role = Policy['role'];
type ByRole = Readonly<Record<Role, string>>;

const file = (hash: string, mode = 0o644): FileEntry => ({
  kind: 'file',
  mode,
  mtimeUs: 1,
  size: 1,
  hash,
  chunks: null,
  owner: null,
  group: null,
});
const tombstone: Wanted = { entry: null, version: 9 };
const live = (entry: Entry): Wanted => ({ entry, version: 9 });
const stranger: JoinFacts = { seeding: false, join: 'trash', stale: false, sinceKnown: false, incomplete: false, reincludedNew: false };
const roles: readonly Role[] = ['both', 'publisher', 'subscriber'];

function tell(decision: Decision): string {
  if (decision.do === 'displace') return `displace ${decision.why}`;
  if (decision.do !== 'publish') return decision.do;
  return `publish ${decision.entry === null ? 'absent' : 'here'} over ${decision.base}`;
}

function row(name: string, here: Entry | null, want: Wanted | undefined, facts: Partial<JoinFacts>, expected: ByRole) {
  test(name, () => {
    const got = roles.map((role) => [role, tell(reconcileJoin(here, want, { ...stranger, ...facts }, role))]);
    expect(Object.fromEntries(got)).toEqual(expected);
  });
}

const all = (text: string): ByRole => ({ both: text, publisher: text, subscriber: text });
const published: ByRole = { both: 'publish here over 0', publisher: 'publish here over 0', subscriber: 'nothing' };
const trashed: ByRole = { both: 'displace join', publisher: 'nothing', subscriber: 'displace join' };
const a = file('a');

describe('J1: the log has the path', () => {
  row('equal: adopt', a, live(a), {}, all('agree'));
  row('other metadata: the log wins', a, live(file('a', 0o600)), {}, { both: 'apply', publisher: 'agree', subscriber: 'apply' });
  row('other content: local to trash', a, live(file('b')), {}, trashed);
  row('other content stays the log’s with join: merge', a, live(file('b')), { join: 'merge' }, trashed);
  row('other kind: local to trash', { kind: 'dir', mode: 0o755, owner: null, group: null }, live(a), {}, trashed);
  row('absent here', null, live(a), {}, { both: 'apply', publisher: 'nothing', subscriber: 'apply' });
  row('stale content is replaced', a, live(file('b')), { stale: true, sinceKnown: true }, trashed);
});

describe('J1: only this disk has the path', () => {
  row('the first member seeds; a subscriber keeps its files', a, undefined, { seeding: true }, published);
  row('goes to the trash, a publisher publishes', a, undefined, {}, { ...trashed, publisher: 'publish here over 0' });
  row('join: merge publishes', a, undefined, { join: 'merge' }, published);
  row('nothing anywhere', null, undefined, {}, all('nothing'));
  row('deleted here and in the log', null, tombstone, {}, all('agree'));
  row(
    'deleted in the log, changed here: the disk of a stranger is not an edit',
    a,
    tombstone,
    {},
    {
      ...trashed,
      publisher: 'publish here over 0',
    },
  );
  row('deleted in the log, unseen content, merge', a, tombstone, { join: 'merge' }, { ...published, subscriber: 'displace join' });
});

describe('J1: a split changeset is incomplete', () => {
  for (const facts of [{}, { join: 'merge' }, { sinceKnown: true }, { stale: true }] as Partial<JoinFacts>[]) {
    const name = `local only stays in place, unpublished: ${JSON.stringify(facts)}`;
    row(name, a, undefined, { ...facts, incomplete: true }, all('nothing'));
  }
  row('the seeding member goes on with its own', a, undefined, { seeding: true, incomplete: true }, published);
});

describe('J2: without a base an earlier version is stale, not an edit', () => {
  row('local only', a, undefined, { stale: true }, trashed);
  row('with join: merge', a, undefined, { stale: true, join: 'merge' }, trashed);
  row('with a known cursor', a, undefined, { stale: true, sinceKnown: true }, trashed);
  row('promise 5: an old image does not bring a deleted file back', a, tombstone, { stale: true, join: 'merge' }, trashed);
});

describe('J3, J5', () => {
  row('J3: journal lost, no tombstone since', a, undefined, { sinceKnown: true }, published);
  row('J5: included again, unknown to the log', a, undefined, { reincludedNew: true }, published);
  row('J5: included again, known to the log', a, live(file('b')), {}, trashed);
});
