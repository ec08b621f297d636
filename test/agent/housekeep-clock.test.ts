import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Answer, Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { bucketClock } from './clocked.ts';
import { memberIn } from './member.ts';

const day = 24 * 3600 * 1000;

/** A store whose answers tell a wrong time while `wrongMs` says so; what it stores keeps the right one. */
function misdated(wrongMs: () => number) {
  return (store: Datastore): Datastore =>
    new Proxy(store, {
      get: (target, name) => {
        const call = Reflect.get(target, name).bind(target) as (...values: unknown[]) => Promise<Answer<unknown>>;
        if (name === 'close') return call;
        return async (...values: unknown[]) => {
          const answer = await call(...values);
          return { ...answer, dateMs: answer.dateMs + wrongMs() };
        };
      },
    });
}

async function withHistory(wrongMs: () => number) {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const first = memberIn(home, 'first', { through: clock.through });
  writeFileSync(join(first.root, 'file'), 'version 0');
  await first.cycle();
  const a = memberIn(home, 'a', { through: (store) => misdated(wrongMs)(clock.through(store)) });
  writeFileSync(join(a.root, 'here-only'), 'goes to the trash');
  await a.cycle();
  for (let version = 1; version < 5; version++) {
    writeFileSync(join(a.root, 'file'), `version ${version}`);
    await a.cycle();
    clock.pass(3600 * 1000);
  }
  const share = join(home, 'bucket', 'shop', 'webroot');
  const held = () => ({
    versions: a.journal.versions('file').length,
    trash: a.journal.trash().map(({ path }) => path),
    retired: a.journal.retired().length,
    changes: readdirSync(join(share, 'log')).filter((name) => Number(name) <= 5).length,
  });
  return { a, clock, held };
}

const everything = { versions: 5, trash: ['here-only'], retired: 0, changes: 5 };

test.each([1, 2, 1000])('R-H4: %i answers that tell a time in the far future take nothing away', async (answers) => {
  let left = 0;
  const { a, clock, held } = await withHistory(() => (left-- > 0 ? 400 * day : 0));
  expect(held()).toEqual(everything);
  left = answers;
  await a.cycle();
  expect(held()).toEqual(everything);
  left = answers;
  await a.agent.housekeep({ dryRun: false, signal: new AbortController().signal });
  expect(held()).toEqual(everything);
  left = 0;
  // The right time is believed again.
  clock.pass(40 * day);
  await a.cycle();
  await a.agent.housekeep({ dryRun: false, signal: new AbortController().signal });
  expect(held()).toMatchObject({ versions: 1, trash: [] });
});
