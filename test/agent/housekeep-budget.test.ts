import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Cycle } from '../../src/agent/context.ts';
import { Care, unbounded } from '../../src/agent/housekeep/care.ts';
import { repackSparse } from '../../src/agent/housekeep/contents.ts';
import { Stock } from '../../src/agent/housekeep/stock.ts';
import { openShare } from '../../src/agent/lineage.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import { survey } from '../../src/steps/survey.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { documented } from '../documented.ts';
import { bucketClock } from './clocked.ts';
import { memberIn } from './member.ts';

const day = 24 * 3600 * 1000;
const minute = 60 * 1000;

/** A member that needs a minute for every snapshot that it writes or reads, and the calls to the store that concern snapshots. */
function slowMember(home: string) {
  const clock = bucketClock();
  const calls: string[] = [];
  let spentMs = 0;
  const slow = (store: Datastore) => {
    const taking = async <T>(what: string, key: string, run: () => Promise<T>) => {
      if (key.includes('/snapshots/')) {
        calls.push(what);
        spentMs += minute;
      } else if (key.includes('/log/')) calls.push(`${what} log`);
      return await run();
    };
    const slowed: Partial<Datastore> = {
      get: (key, options) => taking('get', key, () => store.get(key, options)),
      putStream: (key, size, open) => taking('put', key, () => store.putStream(key, size, open)),
    };
    return new Proxy(store, {
      get: (target, name) => Reflect.get(slowed, name) ?? Reflect.get(target, name).bind(target),
    });
  };
  const time = { monotonicMs: () => performance.now() + spentMs };
  const member = memberIn(home, 'a', { through: (store) => slow(clock.through(store)), time });
  return { member, clock, calls };
}

test('a snapshot that takes longer than the time there is beside a cycle is announced, and what it replaces goes', async () => {
  const { member, clock, calls } = slowMember(temporaryDirectory());
  for (let version = 0; version < 5; version++) {
    writeFileSync(join(member.root, 'file'), `version ${version}`);
    await member.cycle();
  }
  clock.pass(2 * day);
  await member.cycle();
  expect(member.journal.snapshots()).toHaveLength(1);
  await member.cycle();
  await member.cycle();
  expect(calls.filter((call) => call === 'put')).toHaveLength(1);
  clock.pass(2 * day);
  await member.cycle();
  expect(Number(member.journal.meta('horizon'))).toBeGreaterThan(5);
  calls.length = 0;
  await member.cycle();
  await member.cycle();
  expect(calls.filter((call) => !call.endsWith('log'))).toEqual([]);
});

test('a snapshot that cannot be written is not tried again with every cycle', async () => {
  const home = temporaryDirectory();
  const { member, clock, calls } = slowMember(home);
  for (let version = 0; version < 70; version++) {
    writeFileSync(join(member.root, 'file'), `version ${version}`);
    await member.cycle();
  }
  // So far behind the cursor that nobody looks there any more.
  rmSync(join(home, 'bucket', 'shop', 'webroot', 'log', '0000000000000010'));
  clock.pass(2 * day);
  const { problems } = await member.cycle();
  expect(problems.map(({ code }) => code)).toEqual(['no-snapshot']);
  expect(problems[0]?.text).toMatch(documented('no-snapshot'));
  calls.length = 0;
  await member.cycle();
  await member.cycle();
  expect(calls.filter((call) => call === 'get log').length).toBeLessThan(3);
});

test('contents that used up what may move at once are announced, and the next time goes on behind them', async () => {
  const a = memberIn(temporaryDirectory(), 'a');
  for (const pack of ['one', 'two', 'three']) {
    writeFileSync(join(a.root, `${pack}-stays`), randomBytes(100_000));
    writeFileSync(join(a.root, `${pack}-goes`), randomBytes(150_000));
    await a.cycle();
    rmSync(join(a.root, `${pack}-goes`));
    await a.cycle();
  }
  const { agent, journal } = a;
  journal.pruneVersions(Date.now() + day);
  const cycle = new Cycle(agent.ports, agent.config, { dryRun: false, only: null, signal: new AbortController().signal }, agent.memory);
  await openShare(cycle);
  const homes = new Set<string>();
  for (let times = 1; times <= 3; times++) {
    const care = new Care(cycle, { ...unbounded, bytes: 1 }, () => Promise.resolve(true));
    await repackSparse(care, new Stock(care, await survey(agent.ports.datastore, 'webroot')));
    expect(care.cutShort()).toBe(true);
    expect(journal.records(100).filter(({ kind }) => kind === 'pack')).toHaveLength(times);
    for (const { pack } of journal.allLocations()) homes.add(pack);
  }
  expect(homes.size).toBe(6);
  const care = new Care(cycle, { ...unbounded, bytes: 1 }, () => Promise.resolve(true));
  await repackSparse(care, new Stock(care, await survey(agent.ports.datastore, 'webroot')));
  expect(care.cutShort()).toBe(false);
});
