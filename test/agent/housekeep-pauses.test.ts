import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { type BucketClock, bucketClock } from './clocked.ts';
import { bucketIn, memberIn, type TestMember } from './member.ts';
import { unresolved } from './resolving.ts';

const hour = 3600 * 1000;
const day = 24 * hour;
const signal = new AbortController().signal;
const historyMs = 3 * day;

async function keep(member: TestMember): Promise<string[]> {
  const { kept } = await member.agent.housekeep({ dryRun: false, signal });
  return (kept?.chores ?? []).map(({ what, subject }) => `${what} ${subject}`);
}

type Interlude = (operation: keyof Datastore, key: string) => Promise<void>;

/** The member is stopped before its calls, while `interlude` says what happens elsewhere. */
function pausing(home: string, name: string, clock: BucketClock, interlude: Interlude): TestMember {
  let sleptMs = 0;
  const through = (store: Datastore) =>
    new Proxy(clock.through(store), {
      get: (target, operation: keyof Datastore) => {
        const call = Reflect.get(target, operation).bind(target) as (...values: unknown[]) => Promise<unknown>;
        return async (...values: unknown[]) => {
          const beforeMs = clock.nowMs();
          if (operation !== 'close') await interlude(operation, String(values[0]));
          // A stopped process finds that the time has passed, however short that was for the others.
          const passedMs = clock.nowMs() - beforeMs;
          sleptMs += passedMs > hour ? passedMs : 0;
          return await call(...values);
        };
      },
    });
  return memberIn(home, name, { config: { historyMs }, through, time: { monotonicMs: () => performance.now() + sleptMs } });
}

async function expectWhole(home: string, clock: BucketClock, isExpected = (_code: string) => false): Promise<void> {
  const fresh = memberIn(home, `fresh-${randomBytes(3).toString('hex')}`, { config: { historyMs }, through: clock.through });
  expect((await fresh.cycle()).problems.filter(({ code }) => !isExpected(code))).toEqual([]);
  expect(await unresolved(fresh.journal, clock.through(bucketIn(home)), clock.nowMs() - historyMs)).toEqual([]);
}

test('R-H2: nothing goes for a snapshot that became old enough only after another one was read back', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const b = memberIn(home, 'b', { config: { historyMs }, through: clock.through });
  const share = join(home, 'bucket', 'shop', 'webroot');
  let armed = false;
  const a = pausing(home, 'a', clock, async (operation, key) => {
    if (!armed || operation !== 'remove' || !key.includes('/log/')) return;
    armed = false;
    clock.pass(2 * day);
  });
  for (let version = 0; version < 5; version++) {
    writeFileSync(join(b.root, 'file'), `version ${version}`);
    await b.cycle();
  }
  await keep(b);
  clock.pass(23 * hour);
  for (let version = 5; version < 10; version++) {
    writeFileSync(join(b.root, 'file'), `version ${version}`);
    await b.cycle();
  }
  await keep(b);
  const [older = '', newer = ''] = readdirSync(join(share, 'snapshots'));
  await a.cycle();
  writeFileSync(join(share, 'snapshots', newer), 'rotten');
  clock.pass(2 * hour);
  armed = true;
  await keep(a);
  expect(armed).toBe(false);
  const first = Number(readdirSync(join(share, 'log'))[0]);
  expect(first).toBeLessThanOrEqual(Number(older.slice(0, 16)) + 1);
  expect(a.journal.snapshots().map(({ id }) => id)).toContain(older.slice(17));
  await expectWhole(home, clock, (code) => code === 'snapshot-unusable');
});

test('R-P3: a snapshot that was retired before it could be announced is announced no more', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const b = memberIn(home, 'b', { config: { historyMs }, through: clock.through });
  let written = '';
  const a = pausing(home, 'a', clock, async (operation, key) => {
    if (operation === 'putStream') written = key.slice(-32);
    if (operation !== 'putIfAbsent' || written === '' || !key.includes('/log/')) return;
    const id = written;
    written = '';
    clock.pass(8 * day);
    // It cannot write one of its own.
    b.journal.setMeta('snapshotTriedAtMs', String(clock.nowMs()));
    await b.cycle();
    expect(b.journal.retired().map((one) => one.id)).toContain(id);
  });
  for (let version = 0; version < 5; version++) {
    writeFileSync(join(b.root, 'file'), `version ${version}`);
    await b.cycle();
  }
  await b.agent.housekeep({ dryRun: false, signal });
  writeFileSync(join(b.root, 'file'), 'version 5');
  await b.cycle();
  await a.cycle();
  await keep(a);
  const retired = new Set(a.journal.retired().map(({ id }) => id));
  expect(retired.size).toBeGreaterThan(0);
  expect(a.journal.snapshots().filter(({ id }) => retired.has(id))).toEqual([]);
});

test('R-S4: a content that only a record on its way out holds is sent again', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const b = memberIn(home, 'b', { config: { historyMs }, through: clock.through });
  for (let version = 0; version < 20; version++) {
    writeFileSync(join(b.root, 'stays'), `version ${version}`);
    await b.cycle();
  }
  writeFileSync(join(b.root, 'one'), 'a content');
  await b.cycle();
  rmSync(join(b.root, 'one'));
  await b.cycle();
  clock.pass(4 * day);
  const keeper = memberIn(home, 'keeper', { config: { historyMs }, through: clock.through });
  await keeper.cycle();
  await keep(keeper);
  writeFileSync(join(b.root, 'stays'), 'another version');
  await b.cycle();
  await keep(keeper);
  // It knows the share from the newer snapshot alone.
  const fresh = memberIn(home, 'fresh', { config: { historyMs }, through: clock.through });
  await fresh.cycle();
  writeFileSync(join(b.root, 'two'), 'a content');
  await b.cycle();
  expect((await fresh.cycle()).problems).toEqual([]);
  await expectWhole(home, clock);
  for (let times = 0; times < 4; times++) {
    clock.pass(2 * day);
    await keep(fresh);
    await expectWhole(home, clock);
  }
});

test('R-S4: a pack that was retired while a large change waited for its number is named no more', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const b = memberIn(home, 'b', { config: { historyMs }, through: clock.through });
  writeFileSync(join(b.root, 'stays'), 'stays');
  await b.cycle();
  const share = join(home, 'bucket', 'shop', 'webroot');
  let armed = true;
  const a = pausing(home, 'a', clock, async (operation, key) => {
    if (!armed || operation !== 'putIfAbsent' || !key.includes('/log/')) return;
    armed = false;
    clock.pass(8 * day);
    await keep(b);
  });
  await a.cycle();
  for (let file = 0; file < 6; file++) writeFileSync(join(a.root, `file ${file}`), randomBytes(1_000_000));
  await a.cycle();
  const retired = a.journal.retired().map(({ id }) => id);
  expect(retired.length).toBeGreaterThan(0);
  expect([...a.journal.allLocations()].filter(({ pack }) => retired.includes(pack))).toEqual([]);
  clock.pass(2 * day);
  await keep(b);
  expect(readdirSync(join(share, 'packs')).filter((id) => retired.includes(id))).toEqual([]);
  await expectWhole(home, clock);
});

test('R-P2: what came into the log while contents were packed is packed before the snapshot covers it', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const b = memberIn(home, 'b', { config: { historyMs }, through: clock.through });
  let armed = true;
  const a = pausing(home, 'a', clock, async (operation, key) => {
    if (!armed || operation !== 'putIfAbsent' || !key.includes('/log/')) return;
    armed = false;
    for (const content of ['came', 'came, and was replaced']) {
      writeFileSync(join(b.root, 'came'), content);
      await b.cycle();
    }
  });
  writeFileSync(join(b.root, 'stays'), 'stays');
  await b.cycle();
  await a.cycle();
  await keep(a);
  expect(armed).toBe(false);
  const [covered] = a.journal.snapshots();
  const came = a.journal.versions('came').map(({ version, entry }) => ({ version, hash: entry?.kind === 'file' ? entry.hash : '' }));
  expect(came).toHaveLength(2);
  for (const { version, hash } of came) {
    expect(version).toBeLessThanOrEqual(covered?.upTo ?? 0);
    expect(a.journal.hasLocation(hash)).toBe(true);
  }
});
