import { describe, expect, test } from 'vitest';
import type { DirEntry, Entry, FileEntry, LinkEntry } from '../../src/model/entry.ts';
import { sameEntry } from '../../src/model/entry.ts';
import type { Decision, Local, Policy, Wanted } from '../../src/model/reconcile.ts';
import { reconcile } from '../../src/model/reconcile.ts';

const file = (hash: string, mtimeUs: number, more: Partial<FileEntry> = {}): FileEntry => ({
  kind: 'file',
  mode: 0o644,
  mtimeUs,
  size: 1,
  hash,
  chunks: null,
  owner: 'root',
  group: 'root',
  ...more,
});
const dir = (more: Partial<DirEntry> = {}): DirEntry => ({ kind: 'dir', mode: 0o755, owner: 'root', group: 'root', ...more });
const link = (target: string, more: Partial<LinkEntry> = {}): LinkEntry => ({
  kind: 'link',
  target,
  owner: 'root',
  group: 'root',
  ...more,
});
const seen = (entry: Entry): Local => ({ seen: 'entry', entry });
const wanted = (entry: Entry | null): Wanted => ({ entry, version: 7 });

type Conflict = Policy['conflict'];
/** What must be decided: one text for all policies, or one for each. */
type Cell = string | Readonly<Record<Conflict, string>>;
/** A missing row or cell does not compile. */
type Rows<L extends string, W extends string> = Readonly<Record<L, Readonly<Record<W, Cell>>>>;

interface World<L extends string, W extends string> {
  readonly base: Wanted | null;
  readonly locals: Readonly<Record<L, Local>>;
  readonly wants: Readonly<Record<W, Wanted | undefined>>;
}

const inertLocals = { same: { seen: 'same' }, absent: { seen: 'absent' }, unknown: { seen: 'unknown' } } as const;
const world = <L extends string, W extends string>(
  base: Entry | null,
  locals: Readonly<Record<L, Entry>>,
  wants: Readonly<Record<W, Entry>>,
): World<L | keyof typeof inertLocals, W | 'undefined' | 'absent' | 'same'> => ({
  base: base === null ? null : { entry: base, version: 3 },
  locals: { ...inertLocals, ...mapValues(locals, seen) } as Record<L | keyof typeof inertLocals, Local>,
  wants: { ...mapValues(wants, wanted), undefined: undefined, absent: wanted(null), same: wanted(base) } as Record<
    W | 'undefined' | 'absent' | 'same',
    Wanted | undefined
  >,
});

function mapValues<V, R>(record: Readonly<Record<string, V>>, map: (value: V) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value as V)]));
}

// Local changes are newer (300) than the log's (200), which are newer than the base (100); each side touches its own attribute.
const aFile = world(
  file('a', 100),
  { content: file('b', 300), metadata: file('a', 100, { mode: 0o600 }), kind: link('t') },
  { content: file('c', 200), metadata: file('a', 100, { owner: 'www' }), kind: dir() },
);
const aLink = world(
  link('t'),
  { content: link('u'), metadata: link('t', { group: 'www' }), kind: file('b', 300) },
  { content: link('v'), metadata: link('t', { owner: 'www' }), kind: dir() },
);
const aDirectory = world(
  dir(),
  { metadata: dir({ mode: 0o700 }), kind: file('b', 300) },
  { metadata: dir({ owner: 'www' }), kind: link('t') },
);
// Without a base, 'metadata' is what the log's 'content' is but for its metadata.
const nothingThere = world(
  null,
  { content: file('b', 300), metadata: file('c', 300, { mode: 0o600 }), kind: link('t') },
  { content: file('c', 200), kind: dir() },
);

const delBase = 'publish absent over 3';
const delWant = 'publish absent over 7';
const pubBase = 'publish here over 3';
const pubNew = 'publish here over 0';
const pubWant = 'publish here over 7';
const wins = 'publish here over 7, beating 7';
const merged = 'publish merge over 7, not on disk';
const byPolicy = (newest: string): Cell => ({ newest, remote: 'yield here', local: wins });
const waiting = { undefined: 'nothing', absent: 'wait', same: 'wait', content: 'wait', metadata: 'wait', kind: 'wait' };
const idle = { undefined: 'nothing', absent: 'apply', same: 'agree', content: 'apply', metadata: 'apply', kind: 'apply' };

const fileRows: RowsOf<typeof aFile> = {
  same: idle,
  absent: { undefined: delBase, absent: 'agree', same: delWant, content: 'apply', metadata: delWant, kind: 'apply' },
  content: { undefined: pubBase, absent: pubNew, same: pubWant, content: byPolicy(wins), metadata: merged, kind: byPolicy('yield here') },
  metadata: { undefined: pubBase, absent: 'apply', same: pubWant, content: merged, metadata: merged, kind: 'apply' },
  kind: {
    undefined: pubBase,
    absent: pubNew,
    same: pubWant,
    content: byPolicy('yield here'),
    metadata: pubWant,
    kind: byPolicy('yield here'),
  },
  unknown: waiting,
};
const linkRows: RowsOf<typeof aLink> = {
  ...fileRows,
  content: {
    undefined: pubBase,
    absent: pubNew,
    same: pubWant,
    content: byPolicy('yield here'),
    metadata: merged,
    kind: byPolicy('yield here'),
  },
};
const directoryRows: RowsOf<typeof aDirectory> = {
  same: { undefined: 'nothing', absent: 'apply', same: 'agree', metadata: 'apply', kind: 'apply' },
  absent: { undefined: delBase, absent: 'agree', same: delWant, metadata: delWant, kind: 'apply' },
  metadata: { undefined: pubBase, absent: 'apply', same: pubWant, metadata: merged, kind: 'apply' },
  kind: { undefined: pubBase, absent: pubNew, same: pubWant, metadata: pubWant, kind: byPolicy('yield here') },
  unknown: { undefined: 'nothing', absent: 'wait', same: 'wait', metadata: 'wait', kind: 'wait' },
};
const newRows: RowsOf<typeof nothingThere> = {
  same: { undefined: 'nothing', absent: 'agree', same: 'agree', content: 'apply', kind: 'apply' },
  absent: { undefined: 'nothing', absent: 'agree', same: 'agree', content: 'apply', kind: 'apply' },
  content: { undefined: pubNew, absent: pubNew, same: pubNew, content: byPolicy(wins), kind: byPolicy('yield here') },
  metadata: { undefined: pubNew, absent: pubNew, same: pubNew, content: 'apply', kind: byPolicy('yield here') },
  kind: { undefined: pubNew, absent: pubNew, same: pubNew, content: byPolicy('yield here'), kind: byPolicy('yield here') },
  unknown: { undefined: 'nothing', absent: 'wait', same: 'wait', content: 'wait', kind: 'wait' },
};

const drifted = { undefined: 'nothing', absent: 'displace drift', same: 'displace drift', content: 'displace drift' };
const follows = { undefined: 'nothing', absent: 'apply', same: 'apply', content: 'apply', metadata: 'apply', kind: 'apply' };
const subscriberFileRows: RowsOf<typeof aFile> = {
  same: idle,
  absent: { ...follows, absent: 'agree' },
  content: { ...drifted, metadata: 'displace drift', kind: 'displace drift' },
  metadata: follows,
  kind: { ...drifted, metadata: 'displace drift', kind: 'displace drift' },
  unknown: waiting,
};
const subscriberNewRows: RowsOf<typeof nothingThere> = {
  same: { undefined: 'nothing', absent: 'agree', same: 'agree', content: 'apply', kind: 'apply' },
  absent: { undefined: 'nothing', absent: 'agree', same: 'agree', content: 'apply', kind: 'apply' },
  content: { ...drifted, kind: 'displace drift' },
  metadata: { ...drifted, content: 'apply', kind: 'displace drift' },
  kind: { ...drifted, kind: 'displace drift' },
  unknown: { undefined: 'nothing', absent: 'wait', same: 'wait', content: 'wait', kind: 'wait' },
};

const untouched = { undefined: 'nothing', absent: 'nothing', same: 'agree', content: 'nothing', metadata: 'nothing', kind: 'nothing' };
const publisherFileRows: RowsOf<typeof aFile> = {
  same: untouched,
  absent: { undefined: delBase, absent: 'agree', same: delWant, content: 'nothing', metadata: delWant, kind: 'nothing' },
  content: { undefined: pubBase, absent: pubNew, same: pubWant, content: wins, metadata: merged, kind: wins },
  metadata: { undefined: pubBase, absent: 'nothing', same: pubWant, content: merged, metadata: merged, kind: 'nothing' },
  kind: { undefined: pubBase, absent: pubNew, same: pubWant, content: wins, metadata: pubWant, kind: wins },
  unknown: waiting,
};
const publisherNewRows: RowsOf<typeof nothingThere> = {
  same: { undefined: 'nothing', absent: 'agree', same: 'agree', content: 'nothing', kind: 'nothing' },
  absent: { undefined: 'nothing', absent: 'agree', same: 'agree', content: 'nothing', kind: 'nothing' },
  content: { undefined: pubNew, absent: pubNew, same: pubNew, content: wins, kind: wins },
  metadata: { undefined: pubNew, absent: pubNew, same: pubNew, content: 'nothing', kind: wins },
  kind: { undefined: pubNew, absent: pubNew, same: pubNew, content: wins, kind: wins },
  unknown: { undefined: 'nothing', absent: 'wait', same: 'wait', content: 'wait', kind: 'wait' },
};

type RowsOf<T> = T extends World<infer L, infer W> ? Rows<L, W> : never;

const conflicts: readonly Conflict[] = ['newest', 'remote', 'local'];

function table<L extends string, W extends string>(
  role: Policy['role'],
  name: string,
  { base, locals, wants }: World<L, W>,
  rows: Rows<L, W>,
) {
  describe(`R1, R2, J6: ${role}, agreed ${name}`, () => {
    for (const local of Object.keys(locals) as L[]) {
      for (const want of Object.keys(wants) as W[]) {
        test(`local ${local}, want ${want}`, () => {
          const cell = rows[local][want];
          const got = conflicts.map((conflict) => [
            conflict,
            tell(reconcile(base, locals[local], wants[want], { role, conflict, nowUs: 1000 }), locals[local]),
          ]);
          expect(Object.fromEntries(got)).toEqual(typeof cell === 'string' ? { newest: cell, remote: cell, local: cell } : cell);
        });
      }
    }
  });
}

/** A decision in words; 'here' is exactly what the disk shows. */
function tell(decision: Decision, local: Local): string {
  const here = local.seen === 'entry' ? local.entry : null;
  const which = (entry: Entry | null) => (entry === null ? 'absent' : here !== null && sameEntry(entry, here) ? 'here' : 'merge');
  if (decision.do === 'yield') return `yield ${which(decision.loser)}`;
  if (decision.do === 'displace') return `displace ${decision.why}`;
  if (decision.do !== 'publish') return decision.do;
  const beats = decision.beats === 0 ? '' : `, beating ${decision.beats}`;
  return `publish ${which(decision.entry)} over ${decision.base}${beats}${decision.onDisk ? '' : ', not on disk'}`;
}

table('both', 'a file', aFile, fileRows);
table('both', 'a link', aLink, linkRows);
table('both', 'a directory', aDirectory, directoryRows);
table('both', 'absent', nothingThere, newRows);
table('subscriber', 'a file', aFile, subscriberFileRows);
table('subscriber', 'a link', aLink, subscriberFileRows);
table('subscriber', 'absent', nothingThere, subscriberNewRows);
table('publisher', 'a file', aFile, publisherFileRows);
table('publisher', 'a link', aLink, publisherFileRows);
table('publisher', 'absent', nothingThere, publisherNewRows);

const both = (conflict: Conflict = 'newest', nowUs = 1000): Policy => ({ role: 'both', conflict, nowUs });
const base: Wanted = { entry: file('a', 100), version: 3 };
const decide = (here: Entry, want: Entry | null, policy = both(), from: Wanted | null = base) =>
  tell(reconcile(from, seen(here), wanted(want), policy), seen(here));

describe('R1: equal content is agreement', () => {
  test('both sides made the same edit', () => expect(decide(file('b', 300), file('b', 300))).toBe('agree'));
  test('both created the same file without a base', () => expect(decide(file('b', 300), file('b', 300), both(), null)).toBe('agree'));
  test('the same edit with other times follows the log', () => expect(decide(file('b', 300), file('b', 200))).toBe('apply'));
  test('both made the same change of mode', () => {
    expect(decide(file('a', 100, { mode: 0o600 }), file('a', 100, { mode: 0o600 }))).toBe('agree');
  });
  test('both changed one attribute: the log has it', () => {
    expect(decide(file('a', 100, { mode: 0o600 }), file('a', 100, { mode: 0o640 }))).toBe('apply');
  });
});

describe('R1: metadata merges per attribute', () => {
  const merge = (here: Entry, want: Entry) => {
    const decision = reconcile(base, seen(here), wanted(want), both());
    return decision.do === 'publish' ? decision.entry : decision.do;
  };
  test('with metadata', () => {
    const here = file('a', 150, { mode: 0o600 });
    expect(merge(here, file('a', 160, { owner: 'www' }))).toEqual(file('a', 160, { mode: 0o600, owner: 'www' }));
  });
  test('with content of the log', () => {
    expect(merge(file('a', 100, { mode: 0o600 }), file('c', 200))).toEqual(file('c', 200, { mode: 0o600 }));
  });
  test('with content of this disk', () => {
    expect(merge(file('b', 300), file('a', 100, { mode: 0o640 }))).toEqual(file('b', 300, { mode: 0o640 }));
  });
  test('a newer time on unchanged content does not touch what the log writes', () => {
    expect(merge(file('a', 999), file('c', 200))).toBe('apply');
  });
  test('an owner nobody knows is no change', () => expect(merge(file('a', 100, { owner: null }), file('c', 200))).toBe('apply'));
});

describe('R2: newest', () => {
  test('ties go to the log', () => expect(decide(file('b', 200), file('c', 200))).toBe('yield here'));
  test('the older local edit yields', () => expect(decide(file('b', 150), file('c', 200))).toBe('yield here'));
  test('a time in the future counts as now, so two such tie', () => {
    expect(decide(file('b', 9000), file('c', 2000), both('newest', 1000))).toBe('yield here');
    expect(decide(file('b', 9000), file('c', 999), both('newest', 1000))).toBe(wins);
  });
  test('times before 1970 compare too', () => expect(decide(file('b', -5), file('c', -6))).toBe(wins));
});

describe('D3, L2, R1: details', () => {
  test('D3: a return to an earlier content is an edit', () => {
    const b = { entry: file('b', 200), version: 5 };
    expect(tell(reconcile(b, seen(file('a', 100)), undefined, both()), seen(file('a', 100)))).toBe('publish here over 5');
  });
  test('L2: over a tombstone as base the base version is 0', () => {
    const gone = { entry: null, version: 5 };
    expect(tell(reconcile(gone, seen(file('a', 100)), undefined, both()), seen(file('a', 100)))).toBe(pubNew);
    expect(reconcile(gone, { seen: 'absent' }, undefined, both())).toEqual({ do: 'nothing' });
  });
  test('an entry that equals the base is no change, as if it were seen as the same', () => {
    for (const role of ['both', 'publisher', 'subscriber'] as const) {
      for (const want of Object.values(aFile.wants)) {
        const policy: Policy = { role, conflict: 'newest', nowUs: 1000 };
        expect(reconcile(base, seen(file('a', 100)), want, policy)).toEqual(reconcile(base, { seen: 'same' }, want, policy));
      }
    }
  });
});
