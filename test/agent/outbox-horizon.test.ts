import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { bucketClock } from './clocked.ts';
import { memberIn } from './member.ts';

const day = 24 * 3600 * 1000;
const historyMs = 3 * day;
const signal = new AbortController().signal;

const deaths = ['before', 'after'] as const;

test.each(deaths)(
  'R-S2: a member is killed %s its put, and comes back when the log and the history have left that behind',
  async (death) => {
    const home = temporaryDirectory();
    const clock = bucketClock();
    const a = memberIn(home, 'a', { config: { historyMs }, through: clock.through });
    let dies = false;
    const dying = (store: Datastore) => {
      const putIfAbsent: Datastore['putIfAbsent'] = async (key, bytes) => {
        const killed = dies && key.includes('/log/');
        if (killed && death === 'before') throw new Error('killed');
        const answer = await store.putIfAbsent(key, bytes);
        if (killed) throw new Error('killed');
        return answer;
      };
      return new Proxy(store, { get: (target, name) => (name === 'putIfAbsent' ? putIfAbsent : Reflect.get(target, name).bind(target)) });
    };
    const b = memberIn(home, 'b', { config: { historyMs }, through: (store) => dying(clock.through(store)) });
    for (const name of ['edited', 'deleted']) writeFileSync(join(a.root, name), name);
    await a.cycle();
    await b.cycle();
    writeFileSync(join(b.root, 'new'), 'new');
    writeFileSync(join(b.root, 'edited'), 'by b');
    rmSync(join(b.root, 'deleted'));
    dies = true;
    await expect(b.cycle()).rejects.toThrow('killed');
    dies = false;
    await a.cycle();
    expect(existsSync(join(a.root, 'new'))).toBe(death === 'after');
    if (death === 'after') rmSync(join(a.root, 'new'));
    for (let version = 0; version < 25; version++) {
      writeFileSync(join(a.root, 'edited'), `by a, ${version}`);
      await a.cycle();
    }
    for (let times = 0; times < 6; times++) {
      clock.pass(1.1 * day);
      await a.agent.housekeep({ dryRun: false, signal });
    }
    // Since it was away.
    const outcome = await b.cycle();
    expect(outcome.problems).toEqual([]);
    expect(b.journal.outbox()).toBeNull();
    for (const member of [b, a, b, a]) await member.cycle();
    for (const { root } of [a, b]) {
      // What was in the log and deleted there stays deleted; what never reached the log is news.
      expect(existsSync(join(root, 'new'))).toBe(death === 'before');
      expect(existsSync(join(root, 'deleted'))).toBe(false);
      expect(readFileSync(join(root, 'edited'), 'utf8')).toBe('by a, 24');
    }
    expect(a.journal.conflicts(10).map(({ path }) => path)).toEqual(death === 'before' ? ['edited'] : []);
    expect(b.journal.meta('digest')).toBe(a.journal.meta('digest'));
  },
);
