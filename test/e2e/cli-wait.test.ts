import { readdirSync, renameSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { documentOf } from './support/document.ts';
import { scenario, settled } from './support/pair.ts';
import { manyFiles } from './support/plant.ts';

async function three() {
  const all = scenario(['a', 'b', 'c']);
  const [a, b, c] = [all.member('a'), all.member('b'), all.member('c')];
  await settled(a, b, { x: 'x' });
  await c.sync();
  return { ...all, a, b, c };
}

test('0 when everybody has applied it; the names of those that lag otherwise', async () => {
  const { a, b, c } = await three();
  expect(await a.run('wait', '--all')).toMatchObject({ code: 0, stdout: '', stderr: '' });
  a.put({ y: 'y' });
  await a.sync();
  expect((await a.run('wait', '--timeout', '1s')).code).toBe(0);
  await b.sync();
  const late = await a.run('wait', '--all', '--timeout', '1s');
  expect(late.code).toBe(1);
  expect(late.stderr).toContain('record 2 is not applied by c (at record 1)');
  expect(late.stderr).not.toContain('b (');
  expect((await c.run('wait', '--timeout', '1s')).code).toBe(1);
  expect((await a.run('wait', '--all', '--record', '1', '--timeout', '1s')).code).toBe(0);
  const document = await documentOf(a, 1, 'wait', '--all', '--timeout', '1s');
  expect(document).toMatchObject({
    applied: false,
    shares: [{ name: 'webroot', record: 2, applied: false, lagging: [{ name: 'c', cursor: 1 }] }],
  });
});

test('it ends as soon as the last one has applied it', async () => {
  const { a, b, c } = await three();
  a.put({ y: 'y' });
  await a.sync();
  const waiting = a.run('wait', '--all', '--timeout', '30s');
  await b.sync();
  await c.sync();
  expect((await waiting).code).toBe(0);
});

test('read is not applied: a member that holds the deletions of a record lags behind it', async () => {
  const { a, b } = await three();
  a.put(manyFiles(60));
  await a.sync();
  await b.sync();
  a.configure('maxDelete: { percent: 100, floor: 100000 }');
  a.remove('d0', 'd1', 'd2');
  await a.sync();
  await b.sync(3);
  const late = await b.run('wait', '--timeout', '1s');
  expect(late.code).toBe(1);
  expect(late.stderr).toContain('b (has read up to 3, applied up to 2)');
  expect((await b.run('wait', '--record', '2', '--timeout', '1s')).code).toBe(0);
});

test('a member that was not heard of for more than 3 minutes is named and not waited for', async () => {
  const { a, b, bucket } = await three();
  const members = join(bucket, 'members');
  const past = Date.now() / 1000 - 600;
  for (const name of readdirSync(members)) utimesSync(join(members, name), past, past);
  a.put({ y: 'y' });
  await a.sync();
  await b.sync();
  const ran = await a.run('wait', '--all', '--timeout', '1s');
  expect(ran.code).toBe(0);
  expect(ran.stderr).toMatch(/not waited for: c \(last heard of 10 min/);
});

test('a member that never synced lags; a bucket that gives no answer is exit 75', async () => {
  const { federation, member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  a.put({ x: 'x' });
  await a.sync();
  const ran = await b.run('wait', '--timeout', '1s');
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain('b (never synced)');
  renameSync(federation.bucket, `${federation.bucket}-gone`);
  expect((await a.run('wait', '--timeout', '1s')).code).toBe(75);
});
