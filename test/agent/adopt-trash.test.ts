import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { bucketClock } from './clocked.ts';
import { memberIn } from './member.ts';

const dayMs = 24 * 3600 * 1000;

/** b has displaced a file, and has lost its journal. */
async function withLostJournal(home: string) {
  const a = memberIn(home, 'a');
  const b = memberIn(home, 'b');
  writeFileSync(join(a.root, 'x'), 'x1');
  await a.cycle();
  await b.cycle();
  writeFileSync(join(a.root, 'x'), 'x2, longer');
  await a.cycle();
  await b.cycle();
  expect(b.journal.trash()).toMatchObject([{ path: 'x', why: 'replaced' }]);
  b.journal.close();
  for (const part of ['', '-wal', '-shm']) rmSync(join(home, 'b/state', `webroot.journal${part}`), { force: true });
  return join(home, 'b/.flocksync-webroot/trash');
}

test('R-H4: what a lost journal knew of the trash is adopted, told once, and ages', async () => {
  const home = temporaryDirectory();
  const trash = await withLostJournal(home);
  symlinkSync('nowhere', join(trash, 'link'));
  mkdirSync(join(trash, 'of somebody else'));
  const clock = bucketClock();
  const rebuilt = memberIn(home, 'b', { through: clock.through });
  const { events } = await rebuilt.cycle();
  expect(events).toEqual([
    expect.stringContaining('2 files in the trash are unknown to the journal'),
    expect.stringContaining('was missing; it is rebuilt'),
  ]);
  expect(rebuilt.journal.trash().map(({ path, why, owed, entry }) => ({ path, why, owed, kind: entry.kind }))).toEqual(
    expect.arrayContaining([
      { path: '', why: 'adopted', owed: false, kind: 'file' },
      { path: '', why: 'adopted', owed: false, kind: 'link' },
    ]),
  );
  expect((await rebuilt.cycle()).events).toEqual([]);
  expect(readdirSync(trash)).toHaveLength(3);
  clock.pass(8 * dayMs);
  await rebuilt.cycle();
  expect(readdirSync(trash)).toEqual(['of somebody else']);
  expect(rebuilt.journal.trash()).toEqual([]);
});
