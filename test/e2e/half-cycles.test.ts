import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { documentOf } from './support/document.ts';
import { expectEqual, scenario, settled } from './support/pair.ts';

function pair() {
  const { member } = scenario(['a', 'b']);
  return { a: member('a'), b: member('b') };
}

test('R-J1: a member that only pulls has joined with its first pull: later files are its own creations', async () => {
  const { a, b } = pair();
  a.put({ x: 'x1' });
  await a.sync();
  await b.sync(0, '--only', 'pull');
  b.put({ fresh: 'new on b' });
  await b.sync(0, '--only', 'pull');
  expect(b.read('fresh')).toBe('new on b');
  await b.sync(0, '--only', 'publish');
  await a.sync();
  expect(a.read('fresh')).toBe('new on b');
});

test('members that run pull and publish apart converge, and the loser of a conflict is in the history', async () => {
  const { a, b } = pair();
  a.put({ x: 'x1' });
  await a.sync(0, '--only', 'publish');
  await b.sync(0, '--only', 'pull');
  b.put({ y: 'y by b' });
  await b.sync(0, '--only', 'publish');
  a.put({ y: 'y by a', z: 'z' });
  await a.sync(0, '--only', 'pull');
  await a.sync(0, '--only', 'publish');
  await b.sync(0, '--only', 'pull');
  await b.sync(0, '--only', 'publish');
  await a.sync(0, '--only', 'pull');
  expectEqual(a, b);
  expect((await documentOf(a, 0, 'history', 'y')).versions.length).toBeGreaterThan(1);
});

test('R-H4: a version that is owed, but that the trash has lost, keeps nothing else from being published', async () => {
  const { a, b } = pair();
  await settled(a, b, { x: 'x1', y: 'y1' });
  b.configure('conflict: remote');
  b.put({ x: 'by b' });
  a.put({ x: 'by a' });
  await a.sync();
  await b.sync(0, '--only', 'pull');
  expect(b.read('x')).toBe('by a');
  rmSync(join(dirname(b.root), '.flocksync-webroot', 'trash'), { recursive: true });
  b.put({ x: 'third' });
  expect((await b.sync(1)).stderr).toContain('the trash has lost a version of x');
  await b.sync();
  await a.sync();
  expect(a.read('x')).toBe('third');
});
