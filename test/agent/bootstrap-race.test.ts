import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { bucketClock } from './clocked.ts';
import { memberIn } from './member.ts';

const day = 24 * 3600 * 1000;
const historyMs = 3 * day;
const signal = new AbortController().signal;

test('R-H3: a snapshot that is housekept while it is read gives way to the newer one at once', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const a = memberIn(home, 'a', { config: { historyMs }, through: clock.through });
  const edits = async () => {
    for (let version = 0; version < 25; version++) {
      writeFileSync(join(a.root, 'file'), `version ${version} of ${clock.nowMs()}`);
      await a.cycle();
    }
    for (let times = 0; times < 4; times++) {
      await a.agent.housekeep({ dryRun: false, signal });
      clock.pass(1.1 * day);
    }
  };
  await edits();
  let paused = false;
  const pausing = (store: Datastore) => {
    const get: Datastore['get'] = async (key, options) => {
      if (!paused && key.includes('/snapshots/')) {
        paused = true;
        await edits();
      }
      return await store.get(key, options);
    };
    return new Proxy(store, { get: (target, name) => (name === 'get' ? get : Reflect.get(target, name).bind(target)) });
  };
  const b = memberIn(home, 'b', { config: { historyMs }, through: (store) => pausing(clock.through(store)) });
  const outcome = await b.cycle();
  expect(paused).toBe(true);
  expect(outcome.problems).toEqual([]);
  await b.cycle();
  expect(b.journal.meta('digest')).toBe(a.journal.meta('digest'));
});
