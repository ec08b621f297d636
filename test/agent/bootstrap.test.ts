import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { housekept } from './housekept.ts';
import { type MemberOptions, memberIn, type TestMember } from './member.ts';

/** Counts requests by what they ask for. */
function counting(counts: Record<string, number>): NonNullable<MemberOptions['through']> {
  return (store: Datastore) =>
    new Proxy(store, {
      get: (target, name) => {
        const member = Reflect.get(target, name);
        if (name === 'close' || typeof member !== 'function') return member.bind(target);
        return (key: string, ...rest: unknown[]) => {
          const kind = /\/(log|packs|snapshots|members)\//.exec(key)?.[1] ?? 'other';
          counts[kind] = (counts[kind] ?? 0) + 1;
          return member.call(target, key, ...rest);
        };
      },
    });
}

function put(member: TestMember, path: string, text: string): void {
  mkdirSync(join(member.root, path, '..'), { recursive: true });
  writeFileSync(join(member.root, path), text);
}

/** A share with `records` records of a, the last of which deletes `gone`; a snapshot of it all; then one more record. */
async function compacted(records = 25, options: { readonly announce?: boolean } = {}) {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  put(a, 'gone', 'was here');
  for (let record = 1; record < records; record++) {
    put(a, `d/f${record % 4}`, `text ${record}`);
    await a.cycle();
  }
  rmSync(join(a.root, 'gone'));
  await a.cycle();
  const bucket = housekept(join(home, 'bucket'), join(home, 'scratch'));
  const snapshot = await bucket.compact(options);
  put(a, 'tail', 'after the snapshot');
  await a.cycle();
  return { home, a, bucket, snapshot };
}

function expectSame(left: TestMember, right: TestMember): void {
  expect(left.journal.meta('cursor')).toBe(right.journal.meta('cursor'));
  expect(left.journal.meta('digest')).toBe(right.journal.meta('digest'));
  expect([...left.journal.foldedAll()].map(({ path }) => path)).toEqual([...right.journal.foldedAll()].map(({ path }) => path));
  expect(left.journal.wants()).toEqual([]);
}

test.each([
  ['announced', true],
  ['not announced', false],
])('R-H3: a new member takes the newest snapshot, %s, and the tail of the log', async (_, announce) => {
  const { home, a, bucket, snapshot } = await compacted(25, { announce });
  bucket.forget(snapshot.upTo);
  const counts: Record<string, number> = {};
  const b = memberIn(home, 'b', { through: counting(counts) });
  put(b, 'image', 'of an old image');
  put(b, 'gone', 'was here');
  const outcome = await b.cycle();
  expect(outcome.problems).toEqual([]);
  expect(outcome.events).toHaveLength(1);
  expect(outcome.events[0]).toContain('2 local files differ');
  expectSame(b, a);
  expect(b.journal.meta('loadedSnapshot')).toBeDefined();
  expect(existsSync(join(b.root, 'gone'))).toBe(false);
  // Listing and tail, not one read for each record.
  expect(counts.log).toBeLessThan(8);
  expect([...b.journal.allVersions()]).toEqual([...a.journal.allVersions()]);
  await a.cycle();
  expectSame(b, a);
  expect((await b.cycle()).events).toEqual([]);
  for (const kind of Object.keys(counts)) delete counts[kind];
  await b.cycle();
  expect(counts).toEqual({ log: 1 });
});

test('R-H3: a short log is read without a look for snapshots', async () => {
  const { home, a } = await compacted(5);
  const counts: Record<string, number> = {};
  const b = memberIn(home, 'b', { through: counting(counts) });
  await b.cycle();
  expectSame(b, a);
  expect(counts.snapshots).toBeUndefined();
});

test('R-H3: a damaged snapshot gives way to an older one, or to the whole log, and is named', async () => {
  const { home, a, bucket, snapshot } = await compacted(25);
  for (let record = 0; record < 3; record++) {
    put(a, 'more', `text ${record}`);
    await a.cycle();
  }
  const newer = await bucket.compact();
  truncateSync(newer.file, 300);
  const b = memberIn(home, 'b');
  const first = await b.cycle();
  expect(first.problems.map(({ code }) => code)).toEqual(['snapshot-unusable']);
  expect(first.problems[0]?.text).toContain(`the snapshot of record ${newer.upTo} `);
  expect(snapshot.file).toContain(b.journal.meta('loadedSnapshot') ?? '-');
  await a.cycle();
  expectSame(b, a);
  expect((await b.cycle()).problems).toEqual([]);
  writeFileSync(snapshot.file, 'flocksync snapshot 1\n');
  const c = memberIn(home, 'c');
  expect((await c.cycle()).problems).toHaveLength(2);
  expect(c.journal.meta('loadedSnapshot')).toBeUndefined();
  expectSame(c, a);
});

test('R-H3: a snapshot of another log is not taken, however well made', async () => {
  const one = await compacted(25);
  const other = await compacted(26, { announce: false });
  const b = memberIn(other.home, 'b');
  rmSync(other.snapshot.file);
  mkdirSync(join(other.bucket.share, 'snapshots'), { recursive: true });
  writeFileSync(join(other.bucket.share, 'snapshots', one.snapshot.file.split('/').at(-1) ?? ''), readFileSync(one.snapshot.file));
  expect((await b.cycle()).problems.map(({ code }) => code)).toEqual(['snapshot-unusable']);
  expectSame(b, other.a);
});

test('R-H3: a snapshot of a history that parted from this one is not taken', async () => {
  const { home, a, bucket } = await compacted(22);
  const parted = join(home, 'parted');
  cpSync(join(home, 'bucket'), join(parted, 'bucket'), { recursive: true });
  const astray = memberIn(parted, 'astray');
  put(astray, 'other', 'of another history');
  await astray.cycle();
  const theirs = await housekept(join(parted, 'bucket'), join(parted, 'scratch')).compact();
  for (const text of ['1', '2', '3', '4']) {
    put(a, 'own', text);
    await a.cycle();
  }
  cpSync(theirs.file, join(bucket.share, 'snapshots', theirs.file.split('/').at(-1) ?? ''));
  const b = memberIn(home, 'b');
  const { problems } = await b.cycle();
  expect(problems.map(({ text }) => text)).toEqual([expect.stringContaining('it does not belong to this log')]);
  expectSame(b, a);
  expect(existsSync(join(b.root, 'other'))).toBe(false);
});

/** Dies at the `k`-th request; nothing that it throws is a fault of the store. */
function dyingAt(k: number): NonNullable<MemberOptions['through']> {
  let requests = 0;
  return (store) =>
    new Proxy(store, {
      get: (target, name) => {
        const member = Reflect.get(target, name);
        if (name === 'close' || typeof member !== 'function') return member.bind(target);
        return (...args: unknown[]) => {
          if (++requests === k) throw new Error('killed');
          return member.apply(target, args);
        };
      },
    });
}

test('R-H3: a new member that is killed at any request of its bootstrap goes on, and ends as if nothing had happened', async () => {
  const { home, a, bucket, snapshot } = await compacted(25);
  bucket.forget(snapshot.upTo);
  let killed = 0;
  for (let k = 1; ; k++) {
    const name = `b${k}`;
    const first = memberIn(home, name, { through: dyingAt(k) });
    put(first, 'gone', 'was here');
    const ended = await first.cycle().catch((error: Error) => error);
    const readyFile = join(home, name, 'state', 'webroot.ready');
    if (!(ended instanceof Error)) break;
    killed++;
    expect(ended.message).toBe('killed');
    const cursor = Number(first.journal.meta('cursor') ?? '0');
    expect(cursor === 0 || cursor >= snapshot.upTo).toBe(true);
    const second = memberIn(home, name);
    expect((await second.cycle()).problems).toEqual([]);
    expectSame(second, a);
    expect(existsSync(join(second.root, 'gone'))).toBe(false);
    expect(existsSync(join(home, name, 'state', 'webroot.scratch', '1'))).toBe(false);
    expect(existsSync(readyFile)).toBe(true);
  }
  expect(killed).toBeGreaterThan(8);
});

test('R-H3: a kill in the middle of loading leaves the journal as it was, and no ready file', async () => {
  const { home, a, bucket } = await compacted(5);
  const b = memberIn(home, 'b');
  await b.cycle();
  const ready = join(home, 'b', 'state', 'webroot.ready');
  expect(existsSync(ready)).toBe(true);
  const before = { cursor: b.journal.meta('cursor'), digest: b.journal.meta('digest'), versions: [...b.journal.allVersions()] };
  put(a, 'more', 'text');
  await a.cycle();
  bucket.forget((await bucket.compact()).upTo);
  await a.cycle();
  const { putVersion } = b.journal;
  Object.assign(b.journal, {
    putVersion: (row: Parameters<typeof putVersion>[0]) => {
      if (row.path === 'more') throw new Error('killed');
      putVersion(row);
    },
  });
  await expect(b.cycle()).rejects.toThrow('killed');
  expect(existsSync(ready)).toBe(false);
  const again = memberIn(home, 'b');
  const { journal } = again;
  expect({ cursor: journal.meta('cursor'), digest: journal.meta('digest'), versions: [...journal.allVersions()] }).toEqual(before);
  expect((await again.cycle()).events).toHaveLength(1);
  expectSame(again, a);
  expect(existsSync(ready)).toBe(true);
});
