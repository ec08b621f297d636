import { rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { documentOf } from './support/document.ts';
import { scenario } from './support/pair.ts';

async function applied() {
  const { member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  a.put({ 'd/x': 'one', y: 'y1' });
  await a.sync();
  await b.sync();
  a.put({ 'd/x': 'second' });
  a.remove('y');
  await a.sync();
  await b.sync();
  return { a, b };
}

test('log --local: what was applied here, newest first, as lines and as a document', async () => {
  const { a, b } = await applied();
  const { code, stdout } = await b.run('log', '--local');
  const lines = stdout.trim().split('\n');
  expect([code, lines.length]).toEqual([0, 5]);
  expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ {2}deleted file 2 B +y +a {2}record 2$/);
  expect(stdout).toMatch(/placed file 6 B +d\/x +a {2}record 2/);
  expect(stdout).toMatch(/placed dir +d +a {2}record 1/);
  const { schema, share, applied: steps } = await documentOf(b, 0, 'log', '--local', '--limit', '2');
  expect([schema, share]).toEqual([1, 'webroot']);
  expect(steps).toMatchObject([
    { share: 'webroot', op: 'delete', path: 'y', kind: 'file', size: 2, author: 'a', record: 2 },
    { share: 'webroot', op: 'put', path: 'd/x', kind: 'file', size: 6, author: 'a', record: 2 },
  ]);
  expect(Math.abs(Date.parse((steps as { at: string }[])[0]?.at ?? '') - Date.now())).toBeLessThan(60_000);
  // What a made itself was not applied to it.
  expect(await a.run('log', '--local')).toMatchObject({ code: 0, stdout: '' });
});

test('log --local --path: relative or absolute, itself and what is below; outside is exit 2', async () => {
  const { b } = await applied();
  for (const path of ['d', './d/', `${b.root}/d`]) {
    const { applied: steps } = await documentOf(b, 0, 'log', '--local', '--path', path);
    expect((steps as { path: string }[]).map((one) => one.path).sort()).toEqual(['d', 'd/x', 'd/x']);
  }
  expect(await b.run('log', '--local', '--path', 'nothing/here')).toMatchObject({ code: 0, stdout: '' });
  expect((await b.run('log', '--local', '--path', '/etc')).code).toBe(2);
});

test('log --local: a share that was never synced says so; --local --json is one document all the same', async () => {
  const a = scenario(['a']).member('a');
  rmSync(a.state, { recursive: true, force: true });
  const ran = await a.run('log', '--local', '--json');
  expect(JSON.parse(ran.stdout)).toMatchObject({ applied: [] });
  expect(ran.stderr).toContain('never synced here');
});
