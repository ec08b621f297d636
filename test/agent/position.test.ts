import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { memberIn } from './member.ts';

function loseJournal(home: string, member: string): void {
  for (const part of ['', '-wal', '-shm']) rmSync(join(home, member, 'state', `webroot.journal${part}`), { force: true });
}

test('R-J3: a deletion that was taken in but not applied is no reason to publish what it deleted', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  const b = memberIn(home, 'b');
  for (const name of ['gone', 'kept']) writeFileSync(join(a.root, name), name);
  await a.cycle();
  await b.cycle();
  rmSync(join(a.root, 'gone'));
  await a.cycle();
  await b.cycle({ only: 'publish' });
  expect(b.journal.want('gone')?.entry).toBeNull();
  expect(JSON.parse(readFileSync(join(home, 'b/state/member.json'), 'utf8')).shares.webroot.cursor).toBe(1);
  b.journal.close();
  loseJournal(home, 'b');
  writeFileSync(join(b.root, 'fresh'), 'made on b');
  await memberIn(home, 'b').cycle();
  await a.cycle();
  expect([existsSync(join(a.root, 'gone')), existsSync(join(b.root, 'gone')), existsSync(join(a.root, 'fresh'))]).toEqual([
    false,
    false,
    true,
  ]);
});

test('R-J3: behind the history that is left nobody can tell what is new: it goes to the trash', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  const b = memberIn(home, 'b');
  writeFileSync(join(a.root, 'x'), 'x1');
  await a.cycle();
  await b.cycle();
  writeFileSync(join(a.root, 'y'), 'y1');
  await a.cycle();
  b.journal.close();
  loseJournal(home, 'b');
  mkdirSync(join(b.root, 'd'));
  writeFileSync(join(b.root, 'd/old'), 'perhaps deleted long ago');
  const rebuilt = memberIn(home, 'b');
  // Record 2 is in no snapshot any more.
  const { record } = rebuilt.journal;
  Object.assign(rebuilt.journal, { record: (sequence: number) => (sequence === 2 ? null : record(sequence)) });
  const { events } = await rebuilt.cycle();
  expect(events.join()).toContain('d/old');
  expect([existsSync(join(b.root, 'd/old')), rebuilt.journal.trash().map(({ path }) => path)]).toEqual([false, ['d/old']]);
});
