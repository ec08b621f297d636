import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { birthLimits } from '../../src/model/limits.ts';
import { decodeRecord } from '../../src/model/record-decode.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { type BucketClock, bucketClock } from './clocked.ts';
import { bucketIn, memberIn, type TestMember } from './member.ts';
import { unresolved } from './resolving.ts';

const hour = 3600 * 1000;
const day = 24 * hour;
const signal = new AbortController().signal;

async function keep(member: TestMember, dryRun = false): Promise<string[]> {
  const { kept, cycle } = await member.agent.housekeep({ dryRun, signal });
  expect(cycle.problems).toEqual([]);
  if (kept === null) throw new Error('housekeeping did not begin');
  return kept.chores.map(({ what, subject }) => `${what} ${subject}`);
}

async function keysIn(home: string): Promise<string[]> {
  const { value } = await bucketIn(home).list('webroot/', {});
  return value.objects.map(({ key }) =>
    key
      .replace('webroot/', '')
      .replace(/[0-9]{16}/, 'N')
      .replace(/[0-9a-f]{32}/, 'ID'),
  );
}

function member(
  home: string,
  name: string,
  clock: BucketClock,
  { historyMs = 30 * day, between = (same: Datastore) => same } = {},
): TestMember {
  return memberIn(home, name, { through: (store) => between(clock.through(store)), config: { historyMs } });
}

/** Runs something right before the first conditional put to the log, of a record of this kind where one is given. */
function beforeAppend(interlude: () => Promise<unknown>, kind?: string) {
  let first = true;
  return (store: Datastore): Datastore => ({
    ...{ get: store.get, put: store.put, putStream: store.putStream, list: store.list, listFolders: store.listFolders },
    ...{ remove: store.remove, unfinishedUploads: store.unfinishedUploads, abortUpload: store.abortUpload, close: store.close },
    putIfAbsent: async (key, bytes) => {
      if (first && key.includes('/log/') && (kind === undefined || kindOf(bytes) === kind)) {
        first = false;
        await interlude();
      }
      return await store.putIfAbsent(key, bytes);
    },
  });
}

function kindOf(bytes: Buffer): string {
  const decoded = decodeRecord(bytes, birthLimits);
  return decoded.ok ? decoded.kind : '';
}

async function expectSound(home: string, clock: BucketClock, of: TestMember, historyMs: number): Promise<void> {
  const fresh = member(home, `fresh-${randomBytes(3).toString('hex')}`, clock);
  expect((await fresh.cycle()).problems).toEqual([]);
  expect(fresh.journal.meta('digest')).toBe(of.journal.meta('digest'));
  expect(await unresolved(fresh.journal, clock.through(bucketIn(home)), clock.nowMs() - historyMs)).toEqual([]);
}

test('R-H2, R-L6: what the retention leaves is the newest snapshot, head and predecessor, and what is live', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const a = member(home, 'a', clock);
  writeFileSync(join(a.root, 'small'), 'one');
  writeFileSync(join(a.root, 'large'), randomBytes(200_000));
  await a.cycle();
  for (let version = 0; version < 5; version++) {
    writeFileSync(join(a.root, 'small'), `version ${version}`);
    writeFileSync(join(a.root, 'dead'), randomBytes(200_000));
    await a.cycle();
    clock.pass(hour);
  }
  rmSync(join(a.root, 'dead'));
  await a.cycle();
  for (let days = 0; days < 40; days += 2) {
    await keep(a);
    clock.pass(2 * day);
  }
  expect(await keysIn(home)).toEqual([
    ...['format.json', 'log/N', 'log/N', 'members/ID.json'],
    ...['packs/ID', 'packs/ID', 'snapshots/N-ID'],
  ]);
  expect(await keep(a)).toEqual([]);
  await expectSound(home, clock, a, 30 * day);
});

test('a dry run tells exactly what housekeeping then does, and changes nothing', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const a = member(home, 'a', clock, { historyMs: 3 * day });
  const told: string[] = [];
  for (let round = 0; round < 8; round++) {
    if (round < 3) writeFileSync(join(a.root, 'changes'), randomBytes(100_000));
    writeFileSync(join(a.root, `stays-${Math.min(round, 4)}`), `text ${Math.min(round, 4)}`);
    await a.cycle();
    clock.pass(day);
    const before = await keysIn(home);
    const aside = member(home, 'looks', clock);
    await aside.cycle();
    const would = await keep(aside, true);
    expect(await keysIn(home)).toEqual([...before, 'members/ID.json'].sort());
    rmSync(join(home, 'looks'), { recursive: true });
    await removeHeartbeat(home, aside);
    const did = await keep(a);
    const bucketOnly = (chores: string[]) => chores.filter((chore) => !chore.startsWith('prune'));
    expect(bucketOnly(did)).toEqual(bucketOnly(would));
    told.push(...did.map((chore) => chore.split(' ')[0] ?? ''));
  }
  expect(new Set(told)).toEqual(new Set(['pack', 'snapshot', 'repack', 'retire', 'delete', 'prune']));
});

async function removeHeartbeat(home: string, { agent }: TestMember): Promise<void> {
  await bucketIn(home).remove(`webroot/members/${agent.ports.member.id}.json`);
}

test('R-H2: a version overwritten long after it was written stays restorable for the full retention', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const a = member(home, 'a', clock);
  const first = randomBytes(200_000);
  writeFileSync(join(a.root, 'page'), first);
  writeFileSync(join(a.root, 'note'), 'small and old');
  await a.cycle();
  const look = async () => {
    await keep(a);
    const b = member(home, `b-${randomBytes(3).toString('hex')}`, clock);
    await b.cycle();
    const versions = b.journal.versions('page').length + b.journal.versions('note').length;
    const lost = await unresolved(b.journal, clock.through(bucketIn(home)), clock.nowMs() - 30 * day);
    return { versions, lost };
  };
  for (let days = 0; days < 100; days += 10) {
    expect(await look()).toEqual({ versions: 2, lost: [] });
    clock.pass(10 * day);
  }
  writeFileSync(join(a.root, 'page'), 'overwritten');
  writeFileSync(join(a.root, 'note'), 'overwritten too');
  await a.cycle();
  for (let days = 0; days < 30; days += 5) {
    expect(await look(), `${days} days later`).toEqual({ versions: 4, lost: [] });
    clock.pass(5 * day);
  }
  clock.pass(hour);
  expect(await look()).toEqual({ versions: 2, lost: [] });
});

test('R-S4: a pack that was retired while its record was on the way is sent again', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const historyMs = 2000;
  const b = member(home, 'b', clock, { historyMs });
  writeFileSync(join(b.root, 'seed'), 'seed');
  await b.cycle();
  const interlude = async () => {
    for (let times = 0; times < 3; times++) {
      clock.pass(10_000);
      await keep(b);
    }
  };
  const a = member(home, 'a', clock, { historyMs, between: beforeAppend(interlude) });
  await a.cycle();
  const content = randomBytes(300_000);
  writeFileSync(join(a.root, 'new'), content);
  await a.cycle();
  expect(b.journal.records(100).filter(({ kind }) => kind === 'retire').length).toBeGreaterThan(0);
  await b.cycle();
  expect(readFileSync(join(b.root, 'new')).equals(content)).toBe(true);
  await expectSound(home, clock, b, historyMs);
});

test('R-S4: content that a record relies on and another one retires first is sent again', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const historyMs = 2000;
  const b = member(home, 'b', clock, { historyMs });
  const content = randomBytes(300_000);
  writeFileSync(join(b.root, 'old'), content);
  writeFileSync(join(b.root, 'stays'), 'stays');
  await b.cycle();
  rmSync(join(b.root, 'old'));
  await b.cycle();
  const a = member(home, 'a', clock, {
    historyMs,
    between: beforeAppend(async () => {
      for (let times = 0; times < 4; times++) {
        clock.pass(10_000);
        await keep(b);
      }
    }),
  });
  await a.cycle();
  writeFileSync(join(a.root, 'again'), content);
  await a.cycle();
  expect(b.journal.records(100).filter(({ kind }) => kind === 'retire').length).toBeGreaterThan(0);
  await b.cycle();
  expect(readFileSync(join(b.root, 'again')).equals(content)).toBe(true);
  await expectSound(home, clock, b, historyMs);
});

test('R-S4: what somebody has built on meanwhile is not retired', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const historyMs = day;
  const content = randomBytes(300_000);
  const a = member(home, 'a', clock, { historyMs });
  writeFileSync(join(a.root, 'old'), content);
  writeFileSync(join(a.root, 'stays'), 'stays');
  await a.cycle();
  const again = async () => {
    writeFileSync(join(a.root, 'again'), content);
    await a.cycle();
  };
  const b = member(home, 'b', clock, { historyMs, between: beforeAppend(again, 'retire') });
  await b.cycle();
  rmSync(join(a.root, 'old'));
  await a.cycle();
  await b.cycle();
  clock.pass(2 * day);
  await keep(b);
  expect(b.journal.versions('again')).toHaveLength(1);
  expect(b.journal.retired()).toEqual([]);
  for (let times = 0; times < 3; times++) {
    clock.pass(2 * day);
    await keep(b);
  }
  await expectSound(home, clock, b, historyMs);
});

test('two housekeepers at once, beside a publisher and one that lags, lose nothing', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const historyMs = 2 * day;
  const [a, b, lags] = ['a', 'b', 'lags'].map((name) => member(home, name, clock, { historyMs })) as [TestMember, TestMember, TestMember];
  for (const each of [a, b, lags]) await each.cycle();
  for (let round = 0; round < 6; round++) {
    writeFileSync(join(a.root, 'changes'), randomBytes(100_000));
    writeFileSync(join(a.root, `new-${round}`), `content ${round}`);
    await Promise.all([a.cycle(), keep(b)]);
    await b.cycle();
    clock.pass(day);
    await Promise.all([keep(a), keep(b)]);
    if (round % 3 === 2) expect((await lags.cycle()).problems).toEqual([]);
  }
  await Promise.all([a.cycle(), b.cycle()]);
  await lags.cycle();
  expect(new Set([a, b, lags].map(({ journal }) => journal.meta('digest'))).size).toBe(1);
  await expectSound(home, clock, a, historyMs);
});
