import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { counting } from '../../src/adapters/counting.ts';
import { type Datastore, DatastoreFault } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { documented } from '../documented.ts';
import { bucketClock } from './clocked.ts';
import { bucketIn, memberIn } from './member.ts';

const day = 24 * 3600 * 1000;
const signal = new AbortController().signal;
const historyMs = 3 * day;

const kindsOf = (journal: { records(limit: number): { kind: string }[] }) => journal.records(1000).map(({ kind }) => kind);

/** A store that passes every call on, the given ones changed. */
function changed(store: Datastore, changes: Partial<Datastore>): Datastore {
  return {
    ...{ get: store.get, put: store.put, putIfAbsent: store.putIfAbsent, putStream: store.putStream, list: store.list },
    ...{ listFolders: store.listFolders, remove: store.remove, unfinishedUploads: store.unfinishedUploads },
    ...{ abortUpload: store.abortUpload, close: store.close },
    ...changes,
  };
}

test('a cycle looks after the bucket once a day, and an idle one in between costs one request', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  let counted = counting(bucketIn(home));
  const a = memberIn(home, 'a', {
    config: { historyMs },
    through: (store) => {
      counted = counting(clock.through(store));
      return counted;
    },
  });
  const requests = () => Object.values(counted.counts()).reduce((sum, { calls }) => sum + calls, 0);
  writeFileSync(join(a.root, 'file'), 'one');
  await a.cycle();
  await a.cycle();
  let before = requests();
  await a.cycle();
  expect(requests() - before).toBe(1);
  clock.pass(1.6 * day);
  await a.cycle();
  expect(kindsOf(a.journal)).toEqual(['snapshot', 'pack', 'changes']);
  await a.cycle();
  before = requests();
  await a.cycle();
  expect(requests() - before).toBe(1);
});

test('a daemon with a schedule leaves the bucket alone for two days, and then looks after it all the same', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const a = memberIn(home, 'a', { config: { historyMs }, through: (store) => clock.through(store) });
  a.agent.keepsHouseLater = true;
  writeFileSync(join(a.root, 'file'), 'one');
  await a.cycle();
  clock.pass(1.6 * day);
  await a.cycle();
  expect(kindsOf(a.journal)).toEqual(['changes']);
  clock.pass(0.5 * day);
  await a.cycle();
  expect(kindsOf(a.journal)).toEqual(['snapshot', 'pack', 'changes']);
});

test('a store that refuses deletions is told once; the cycle itself is sound', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const refuse = () => Promise.reject(new DatastoreFault('permanent', 'refused', 's3:DeleteObject is not allowed', 'Grant it.'));
  const a = memberIn(home, 'a', { config: { historyMs }, through: (store) => changed(clock.through(store), { remove: refuse }) });
  writeFileSync(join(a.root, 'file'), 'one');
  await a.cycle();
  clock.pass(2 * day);
  expect((await a.cycle()).problems).toEqual([]);
  clock.pass(2 * day);
  writeFileSync(join(a.root, 'file'), 'two');
  const outcome = await a.cycle();
  expect(outcome.problems.map(({ code }) => code)).toEqual(['housekeeping-refused']);
  expect(outcome.problems[0]?.text).toMatch(documented('housekeeping-refused'));
  expect(outcome.counts.published).toBe(1);
  expect((await a.cycle()).problems).toEqual([]);
});

test('a housekeeper that was paused before a deletion looks at the log again first', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  let pausedMs = 0;
  const calls: string[] = [];
  const between = (store: Datastore) =>
    changed(store, {
      list: (prefix, options) => {
        if (prefix.includes('/log/')) calls.push('look');
        return store.list(prefix, options);
      },
      remove: async (key) => {
        calls.push('delete');
        pausedMs += 3600 * 1000;
        return await store.remove(key);
      },
    });
  const a = memberIn(home, 'a', {
    config: { historyMs },
    through: (store) => between(clock.through(store)),
    time: { monotonicMs: () => performance.now() + pausedMs },
  });
  for (let version = 0; version < 5; version++) {
    writeFileSync(join(a.root, 'file'), `version ${version}`);
    await a.cycle();
  }
  await a.agent.housekeep({ dryRun: false, signal });
  clock.pass(2 * day);
  calls.length = 0;
  await a.agent.housekeep({ dryRun: false, signal });
  const deletions = calls.filter((call) => call === 'delete').length;
  expect(deletions).toBeGreaterThan(3);
  expect(calls.join(' ')).not.toContain('delete delete');
});

test('R-P3: what was retired and is needed again is not deleted', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const a = memberIn(home, 'a', { config: { historyMs }, through: clock.through });
  const content = randomBytes(200_000);
  writeFileSync(join(a.root, 'file'), content);
  writeFileSync(join(a.root, 'stays'), 'stays');
  await a.cycle();
  rmSync(join(a.root, 'file'));
  await a.cycle();
  const packs = () => readdirSync(join(home, 'bucket', 'shop', 'webroot', 'packs'));
  const [pack = ''] = packs();
  clock.pass(4 * day);
  await a.agent.housekeep({ dryRun: false, signal });
  expect(a.journal.retired().map(({ id }) => id)).toContain(pack);
  // Somebody whose program is wrong, or whose record came from elsewhere, builds on it.
  const version = {
    path: 'again',
    version: a.journal.records(1)[0]?.sequence ?? 0,
    k: 0,
    op: 'put' as const,
    against: 0,
    atMs: clock.nowMs(),
  };
  const [location] = [{ hash: 'f'.repeat(64), size: 10, codec: 'none' as const, record: 0, pack, offset: 0, length: 10 }];
  a.journal.putLocation(location);
  const entry = { kind: 'file' as const, mode: 0o644, mtimeUs: 0, size: 10, hash: location.hash, chunks: null, owner: null, group: null };
  a.journal.putVersion({ ...version, entry, author: 'x', approved: false });
  clock.pass(2 * day);
  await a.agent.housekeep({ dryRun: false, signal });
  expect(packs()).toContain(pack);
});

test('R-L6, R-P2: a record that is the only place of a content stays, and all that follow it', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const a = memberIn(home, 'a', { config: { historyMs }, through: clock.through });
  for (let version = 0; version < 5; version++) {
    writeFileSync(join(a.root, 'file'), `version ${version}`);
    await a.cycle();
  }
  // No reader finds it there, so it cannot be moved; perhaps another one can.
  const hash = 'f'.repeat(64);
  const entry = { kind: 'file' as const, mode: 0o644, mtimeUs: 0, size: 10, hash, chunks: null, owner: null, group: null };
  a.journal.putVersion({
    path: 'ghost',
    version: 3,
    k: 0,
    op: 'put',
    entry,
    against: 0,
    atMs: clock.nowMs(),
    author: 'x',
    approved: false,
  });
  a.journal.putLocation({ hash, size: 10, codec: 'none', record: 3, pack: '', offset: 0, length: 10 });
  await a.agent.housekeep({ dryRun: false, signal });
  clock.pass(2 * day);
  await a.agent.housekeep({ dryRun: false, signal });
  const log = readdirSync(join(home, 'bucket', 'shop', 'webroot', 'log')).map(Number);
  expect(log.slice(0, 3)).toEqual([3, 4, 5]);
});

test('R-H2: a ripe snapshot that cannot be read keeps the log, and is replaced', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const a = memberIn(home, 'a', { config: { historyMs }, through: clock.through });
  for (let version = 0; version < 3; version++) {
    writeFileSync(join(a.root, 'file'), `version ${version}`);
    await a.cycle();
  }
  await a.agent.housekeep({ dryRun: false, signal });
  const share = join(home, 'bucket', 'shop', 'webroot');
  const [broken = ''] = readdirSync(join(share, 'snapshots'));
  writeFileSync(join(share, 'snapshots', broken), 'no snapshot');
  clock.pass(2 * day);
  const log = readdirSync(join(share, 'log'));
  const { cycle } = await a.agent.housekeep({ dryRun: false, signal });
  expect(cycle.problems.map(({ code }) => code)).toEqual(['snapshot-unusable']);
  expect(readdirSync(join(share, 'log'))).toEqual(expect.arrayContaining(log));
  for (let times = 0; times < 6; times++) {
    clock.pass(2 * day);
    const next = await a.agent.housekeep({ dryRun: false, signal });
    expect(next.cycle.problems).toEqual([]);
  }
  expect(readdirSync(join(share, 'snapshots'))).not.toContain(broken);
  expect(readdirSync(join(share, 'log'))).toHaveLength(2);
  const b = memberIn(home, 'b', { config: { historyMs }, through: clock.through });
  expect((await b.cycle()).problems).toEqual([]);
  expect(b.journal.meta('digest')).toBe(a.journal.meta('digest'));
});
