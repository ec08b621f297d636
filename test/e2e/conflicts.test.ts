import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { contentsInStore } from './support/kept.ts';
import { type Actor, expectEqual, scenario, settled } from './support/pair.ts';
import { hashOf } from './support/tree.ts';

function pair() {
  const { member, federation } = scenario(['a', 'b']);
  return { a: member('a'), b: member('b'), federation };
}

async function meet(a: Actor, b: Actor): Promise<void> {
  await a.sync();
  await b.sync();
  await a.sync();
  expectEqual(a, b);
}

const old = (actor: Actor, path: string) => execFileSync('touch', ['-d', '2020-01-01', join(actor.root, path)]);

for (const [policy, winners] of Object.entries({
  newest: ['b newer', 'a newer'],
  remote: ['a older', 'a newer'],
  local: ['b newer', 'b older'],
})) {
  test(`R-R2: conflict: ${policy}; the loser is a version of the history, its content in the bucket`, async () => {
    const { a, b, federation } = pair();
    a.configure(`conflict: ${policy}`);
    b.configure(`conflict: ${policy}`);
    await settled(a, b, { x: 'x1', y: 'y1' });
    a.put({ x: 'a older', y: 'a newer' });
    old(a, 'x');
    b.put({ x: 'b newer', y: 'b older' });
    old(b, 'y');
    await meet(a, b);
    expect([a.read('x'), a.read('y')]).toEqual(winners);
    const kept = await contentsInStore(await federation.open(), 'webroot');
    for (const content of ['a older', 'a newer', 'b newer', 'b older']) expect(kept).toContain(hashOf(content));
    for (const [path, winner] of [
      ['x', winners[0]],
      ['y', winners[1]],
    ] as const) {
      const { versions } = JSON.parse((await a.run('history', path, '--json')).stdout) as {
        versions: { version: number | string; author: string }[];
      };
      expect(versions.map((version) => version.version)).toEqual([1, 2, winner?.startsWith('b') ? 3 : '3~1']);
      expect(versions.map((version) => version.author)).toEqual(['a', 'a', 'b']);
    }
  });
}

test('R-R3: edits below what another member deleted or replaced; both at once', async () => {
  const { a, b } = pair();
  await settled(a, b, { 'd/e/f': '1', 'd/g': '2', file: '3', 'dir/x': '4', 'dir/y': '5', p: '6', 'q/r': '7', 'u/v/w': '8' });
  a.remove('d', 'file', 'dir', 'p', 'q');
  a.put({ 'file/in': 'a dir now', dir: 'a file now', 'p/c': 'a dir now', q: { link: 'u' }, 'u/v/w': 'edit of a' });
  b.put({ 'd/e/f': 'edit', 'd/e/new': 'new', file: 'edit', 'dir/x': 'edit', 'dir/n': 'new', 'q/new': 'new' });
  b.remove('p', 'u');
  b.put({ p: { link: 'q' }, u: 'a file now' });
  await meet(a, b);
  await b.sync();
  expect(a.names()).toEqual([
    ...['d', 'd/e', 'd/e/f', 'd/e/new', 'dir', 'dir/n', 'dir/x', 'file', 'file/in'],
    ...['p', 'p/c', 'q', 'q/new', 'u', 'u/v', 'u/v/w'],
  ]);
  expect([a.read('d/e/f'), a.read('dir/x'), a.read('u/v/w')]).toEqual(['edit', 'edit', 'edit of a']);
  const { conflicts } = JSON.parse((await b.run('conflicts', '--json')).stdout) as { conflicts: { path: string }[] };
  expect(conflicts.map((conflict) => conflict.path)).toEqual(expect.arrayContaining(['dir', 'file', 'u']));
});

test('R-R1: a change of rights alone loses to a deletion and merges with an edit', async () => {
  const { a, b } = pair();
  await settled(a, b, { gone: '1', edited: '2', both: '3', stays: '4' });
  a.remove('gone');
  a.put({ edited: 'new content' });
  chmodSync(join(a.root, 'both'), 0o640);
  chmodSync(join(b.root, 'gone'), 0o600);
  chmodSync(join(b.root, 'edited'), 0o600);
  old(b, 'both');
  await meet(a, b);
  expect(a.names()).toEqual(['both', 'edited', 'stays']);
  expect(a.read('edited')).toBe('new content');
  expect(statSync(join(a.root, 'edited')).mode & 0o777).toBe(0o600);
  const both = statSync(join(b.root, 'both'));
  expect([both.mode & 0o777, both.mtime.getUTCFullYear()]).toEqual([0o640, 2020]);
});

test('R-R2: a loser outlives the machine on which it lost', async () => {
  const { a, b } = pair();
  await settled(a, b, { x: 'x1' });
  a.put({ x: 'of a' });
  await a.sync();
  b.put({ x: 'lost on b' });
  old(b, 'x');
  await b.sync();
  rmSync(b.state, { recursive: true });
  rmSync(b.root, { recursive: true });
  await a.sync();
  const { versions } = JSON.parse((await a.run('history', 'x', '--json')).stdout) as { versions: { version: number | string }[] };
  expect(versions.map((version) => version.version)).toContain('3~1');
});
