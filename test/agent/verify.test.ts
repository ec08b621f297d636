import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Repaired } from '../../src/agent/verify/repair.ts';
import { birthLimits } from '../../src/model/limits.ts';
import { decodePayload, decodeRecord } from '../../src/model/record-decode.ts';
import type { Examined } from '../../src/model/verify.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { bucketClock } from './clocked.ts';
import { memberIn, type TestMember } from './member.ts';

const whole = { fraction: 1, among: null };
const signal = new AbortController().signal;

async function verify(member: TestMember): Promise<Examined> {
  return await member.agent.verify(whole, { dryRun: true, only: null, signal });
}

async function repair(member: TestMember, examined: Examined): Promise<Repaired> {
  return await member.agent.repair(examined, { dryRun: false, only: null, signal });
}

const codes = ({ flaws }: Examined) => [...new Set(flaws.map(({ code }) => code))].sort();

/** All methods of a store, which may be those of a class. */
function boundTo(store: Datastore): Datastore {
  return {
    get: (...values) => store.get(...values),
    put: (...values) => store.put(...values),
    putIfAbsent: (...values) => store.putIfAbsent(...values),
    putStream: (...values) => store.putStream(...values),
    list: (...values) => store.list(...values),
    listFolders: (...values) => store.listFolders(...values),
    remove: (...values) => store.remove(...values),
    unfinishedUploads: (...values) => store.unfinishedUploads(...values),
    abortUpload: (...values) => store.abortUpload(...values),
    close: () => store.close(),
  };
}

class Killed extends Error {}

/** Dies around its `at`-th effect: before it, or after it where `late`. Afterwards it does nothing any more. */
function dying(store: Datastore, at: number, late: boolean, counter: { effects: number }): Datastore {
  const effect = <T extends unknown[], R>(act: (...values: T) => Promise<R>) => {
    return async (...values: T): Promise<R> => {
      if (++counter.effects > at || (counter.effects === at && !late)) throw new Killed();
      const result = await act(...values);
      if (counter.effects === at) throw new Killed();
      return result;
    };
  };
  return {
    ...boundTo(store),
    put: effect(store.put.bind(store)),
    putIfAbsent: effect(store.putIfAbsent.bind(store)),
    putStream: effect(store.putStream.bind(store)),
    remove: effect(store.remove.bind(store)),
  };
}

/** Two members at record 3; then the bucket loses format.json, record 2 and half of a pack. */
async function damaged(home: string): Promise<void> {
  const [a, b] = [memberIn(home, 'a'), memberIn(home, 'b')];
  writeFileSync(join(a.root, 'big'), randomBytes(90_000));
  writeFileSync(join(a.root, 'other'), randomBytes(90_000));
  await a.cycle();
  for (const name of ['two', 'three']) {
    writeFileSync(join(a.root, name), name);
    await a.cycle();
  }
  await b.cycle();
  const share = join(home, 'bucket', 'shop', 'webroot');
  rmSync(join(share, 'format.json'));
  rmSync(join(share, 'log', '2'.padStart(16, '0')));
  truncateSync(join(share, 'packs', readdirSync(join(share, 'packs'))[0] as string), 100_000);
}

for (const late of [false, true]) {
  test(`R-B3: a repair that is killed ${late ? 'after' : 'before'} any of its effects is finished by the next one`, async () => {
    for (let at = 1; ; at++) {
      const home = temporaryDirectory();
      await damaged(home);
      const counter = { effects: 0 };
      const a = memberIn(home, 'a', { through: (store) => dying(store, at, late, counter) });
      const examined = await verify(a);
      expect(codes(examined)).toEqual(['content-lost', 'format-missing', 'pack-short', 'record-missing']);
      expect(counter.effects).toBe(0);
      const killed = await repair(a, examined).then(
        () => false,
        (error: unknown) => error instanceof Killed,
      );
      const again = memberIn(home, 'a');
      await repair(again, await verify(again));
      const b = memberIn(home, 'b');
      const newcomer = memberIn(home, 'c');
      for (const member of [b, newcomer]) await member.cycle();
      for (const member of [again, b, newcomer]) expect(codes(await verify(member))).toEqual([]);
      for (const name of ['big', 'other', 'two', 'three'])
        expect(readFileSync(join(newcomer.root, name)).equals(readFileSync(join(again.root, name)))).toBe(true);
      if (!killed) {
        expect(at).toBeGreaterThan(5);
        return;
      }
    }
  });
}

function kindOf(bytes: Buffer): string {
  const decoded = decodeRecord(bytes, birthLimits);
  const payload = decoded.ok ? decodePayload(decoded, null, birthLimits) : decoded;
  return payload.ok ? payload.payload.kind : '';
}

test('R-S4: a bad pack on which a record builds that won the race is not taken out of use', async () => {
  const home = temporaryDirectory();
  const config = { historyMs: 1 };
  const [old, kept] = [randomBytes(70_000), randomBytes(70_000)];
  let raced = false;
  const b = memberIn(home, 'b', { config });
  const before = (store: Datastore): Datastore => ({
    ...boundTo(store),
    putIfAbsent: async (key, bytes) => {
      if (!raced && kindOf(bytes) === 'retire') {
        raced = true;
        writeFileSync(join(b.root, 'again'), old);
        await b.cycle();
      }
      return await store.putIfAbsent(key, bytes);
    },
  });
  const a = memberIn(home, 'a', { config, through: before });
  // Equal times, so that the order in the pack is that of the paths.
  for (const [name, bytes] of [
    ['a-old', old],
    ['kept', kept],
  ] as const) {
    writeFileSync(join(a.root, name), bytes);
    utimesSync(join(a.root, name), 1e9, 1e9);
  }
  await a.cycle();
  const packs = join(home, 'bucket', 'shop', 'webroot', 'packs');
  const pack = readdirSync(packs)[0] as string;
  writeFileSync(join(a.root, 'a-old'), 'short');
  await a.cycle();
  await b.cycle();
  truncateSync(join(packs, pack), 75_000);
  const examined = await verify(a);
  expect(codes(examined)).toEqual(['content-lost', 'pack-short']);
  await repair(a, examined);
  expect(raced).toBe(true);
  expect(a.journal.retired()).toEqual([]);
  await a.cycle();
  expect(readFileSync(join(a.root, 'again')).equals(old)).toBe(true);
  const left = await verify(a);
  expect(left.flaws.map(({ code, harmful }) => [code, harmful])).toEqual([]);
});

test('R-B3: the place that did not deliver is forgotten, so that housekeeping cannot prefer it', async () => {
  const home = temporaryDirectory();
  const [a, b] = [memberIn(home, 'a'), memberIn(home, 'b')];
  writeFileSync(join(a.root, 'big'), randomBytes(90_000));
  await a.cycle();
  const packs = join(home, 'bucket', 'shop', 'webroot', 'packs');
  const pack = readdirSync(packs)[0] as string;
  const bytes = readFileSync(join(packs, pack));
  bytes.writeUInt8(bytes.readUInt8(5) ^ 1, 5);
  writeFileSync(join(packs, pack), bytes);
  await b.cycle();
  expect(b.journal.want('big')?.reason).toBe('unfetchable');
  await a.cycle();
  await b.cycle();
  for (const { journal } of [a, b]) {
    const entry = journal.folded('big')?.entry;
    const places = entry?.kind === 'file' ? journal.locations(entry.hash) : [];
    expect(places.map((place) => place.pack)).toEqual([expect.not.stringContaining(pack)]);
  }
  expect(codes(await verify(a))).toEqual([]);
});

test('R-P3: what another member replaces, retires and deletes during the look is no flaw', async () => {
  const home = temporaryDirectory();
  const config = { historyMs: 5000 };
  const clock = bucketClock();
  const b = memberIn(home, 'b', { config, through: clock.through });
  const packs = join(home, 'bucket', 'shop', 'webroot', 'packs');
  let looks = 0;
  const meanwhile = async () => {
    writeFileSync(join(b.root, 'big'), 'small');
    await b.cycle();
    for (let runs = 0; runs < 6; runs++) {
      clock.pass(10_000);
      await b.agent.housekeep({ dryRun: false, signal });
    }
  };
  const a = memberIn(home, 'a', {
    config,
    through: (store) => ({
      ...boundTo(clock.through(store)),
      list: async (prefix, options) => {
        if (prefix === 'webroot/' && looks++ === 0) await meanwhile();
        return await clock.through(store).list(prefix, options);
      },
    }),
  });
  writeFileSync(join(a.root, 'big'), randomBytes(90_000));
  await a.cycle();
  await b.cycle();
  const before = readdirSync(packs);
  const examined = await verify(a);
  expect(readdirSync(packs).filter((pack) => before.includes(pack))).toEqual([]);
  expect(examined.flaws).toEqual([]);
  expect(looks).toBe(2);
});
