import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scenario } from './support/pair.ts';

function lines(stdout: string): string[] {
  return stdout.split('\n').filter((line) => line !== '');
}

test('on a new server it shows what would come and makes nothing: no root, no state directory', async () => {
  const { member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  a.put({ 'd/page': 'x', top: 'y' });
  await a.sync();
  const shown = ['>d+++++++++ d/', '>f+++++++++ d/page', '>f+++++++++ top'];
  expect(lines((await b.run('sync', '-n')).stdout)).toEqual(shown);
  rmSync(b.root, { recursive: true });
  const ran = await b.run('sync', '-n');
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  expect(lines(ran.stdout)).toEqual(shown);
  expect([existsSync(b.root), existsSync(b.state)]).toEqual([false, false]);
  await b.sync();
  expect(readdirSync(b.root).sort()).toEqual(['d', 'top']);
});

test('--only shows its own direction', async () => {
  const { member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  a.put({ page: 'x' });
  await a.sync();
  await b.sync();
  a.put({ incoming: 'x' });
  await a.sync();
  b.put({ outgoing: 'x' });
  expect(lines((await b.run('sync', '-n')).stdout)).toEqual(['>f+++++++++ incoming', '<f+++++++++ outgoing']);
  expect(lines((await b.run('sync', '-n', '--only', 'pull')).stdout)).toEqual(['>f+++++++++ incoming']);
  expect(lines((await b.run('sync', '-n', '--only', 'publish')).stdout)).toEqual(['<f+++++++++ outgoing']);
  expect(b.names()).toEqual(['outgoing', 'page']);
});

test('beside a damaged journal: exit 1 and what to do, and the journal is left as it is', async () => {
  const a = scenario(['a']).member('a');
  await a.sync();
  const journal = join(a.state, 'webroot.journal');
  for (const end of ['-wal', '-shm']) rmSync(journal + end, { force: true });
  writeFileSync(journal, 'no database, but long enough to be read as one'.repeat(100));
  const ran = await a.run('sync', '-n');
  expect(ran).toMatchObject({ code: 1, stdout: '' });
  expect(ran.stderr).toMatch(/^flocksync: webroot: .*damaged.*\n$/);
  expect(readdirSync(a.state).filter((name) => name.includes('damaged'))).toEqual([]);
});

test('a store that cannot be used is said at every dry run, however long that stands', async () => {
  const { bucket, member } = scenario(['a']);
  const a = member('a');
  await a.sync();
  renameSync(join(bucket, '../..'), `${join(bucket, '../..')}.away`);
  await a.sync(75);
  expect((await a.sync(75)).stderr).toBe('');
  expect((await a.sync(75, '-n')).stderr).toMatch(/^flocksync: webroot: the datastore cannot be used \(no-bucket\).*\n$/);
});
