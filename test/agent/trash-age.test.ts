import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { bucketClock } from './clocked.ts';
import { memberIn } from './member.ts';

const dayMs = 24 * 3600 * 1000;

test('R-H4: the trash goes by age of the bucket, and never what is owed', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const a = memberIn(home, 'a');
  const b = memberIn(home, 'b', { through: clock.through });
  for (const name of ['kept', 'owed', 'stays']) writeFileSync(join(a.root, name), name);
  await a.cycle();
  await b.cycle();
  for (const name of ['kept', 'owed']) rmSync(join(a.root, name));
  await a.cycle();
  await b.cycle();
  const trash = join(home, 'b', '.flocksync-webroot', 'trash');
  const [kept, owed] = b.journal.trash().sort((x, y) => (x.path < y.path ? -1 : 1));
  if (kept === undefined || owed === undefined) throw new Error('nothing went to the trash');
  expect(readFileSync(join(trash, kept.name), 'utf8')).toBe('kept');
  b.journal.putTrash({ ...owed, owed: true });

  clock.pass(6 * dayMs);
  await b.cycle({ only: 'pull' });
  expect(readdirSync(trash).sort()).toEqual([kept.name, owed.name].sort());

  clock.pass(2 * dayMs);
  await b.cycle({ only: 'pull' });
  expect(readdirSync(trash)).toEqual([owed.name]);
  expect(b.journal.trash().map((row) => row.name)).toEqual([owed.name]);
});
