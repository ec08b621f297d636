import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { logKey } from '../../src/model/keys.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { bucketClock } from './clocked.ts';
import { memberIn } from './member.ts';

const day = 24 * 3600 * 1000;

test('R-B2: what the low end of the log has lost without a snapshot was not housekept, and is put back when somebody asks', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  // It looks after its journal alone.
  const a = memberIn(home, 'a', { through: clock.through });
  // The listing of every cycle looks 50 records back.
  for (let version = 0; version < 60; version++) {
    writeFileSync(join(a.root, 'file'), `version ${version}`);
    await a.cycle();
  }
  for (const sequence of [1, 2, 3]) rmSync(join(home, 'bucket', 'shop', logKey('webroot', sequence)));
  clock.pass(day / 2);
  await a.cycle();
  const b = memberIn(home, 'b', { through: clock.through });
  for (let round = 0; round < 3; round++) {
    await b.cycle();
    await a.cycle();
  }
  expect((await b.cycle()).problems).toEqual([]);
  expect(b.journal.meta('digest')).toBe(a.journal.meta('digest'));
});
