import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
