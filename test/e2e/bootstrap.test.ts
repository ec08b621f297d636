import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { housekept } from '../agent/housekept.ts';
import { documentOf, shareStatus } from './support/document.ts';
import { killAt } from './support/killer.ts';
import { expectEqual, scenario, settled } from './support/pair.ts';

function copy(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  execFileSync('cp', ['-a', from, to]);
}

/** a has made 21 records; a snapshot holds them, and most of the log is gone. */
async function compactedShare() {
  const { federation, bucket, member } = scenario(['a', 'b', 'c']);
  const a = member('a');
  a.put({ 'd/deep/file': 'content', link: { link: 'd' }, gone: 'was here', large: 'x'.repeat(300_000) });
  await a.sync();
  for (let record = 2; record <= 21; record++) {
    a.put({ [`f${record % 5}`]: `text ${record}` });
    if (record === 20) a.remove('gone');
    await a.sync();
  }
  const store = housekept(federation.bucket, join(federation.directory, 'scratch'));
  store.forget((await store.compact()).upTo);
  await a.sync();
  return { federation, bucket, member, store, a };
}

test('R-H3: config and credentials suffice: a new server comes from snapshot and tail, silently, and publishes', async () => {
  const { member, a } = await compactedShare();
  const b = member('b');
  a.put({ tail: 'after the snapshot' });
  await a.sync();
  const planned = await b.run('sync', '-n');
  expect(planned).toMatchObject({ code: 0, stderr: '' });
  expect(planned.stdout).toContain('>f+++++++++ d/deep/file');
  expect([existsSync(b.state), b.names()]).toEqual([false, []]);
  await b.sync();
  expectEqual(a, b);
  expect((await b.run('status', '--ready')).code).toBe(0);
  expect((await documentOf(b, 0, 'history', 'gone')).versions.map((version: { kind: string }) => version.kind)).toHaveLength(2);
  expect((await documentOf(b, 0, 'log', '--limit', '100')).records.length).toBeGreaterThan(20);
  b.put({ tail: 'changed on b', mine: 'of b' });
  await b.sync();
  await a.sync();
  expectEqual(a, b);
});

test('R-H3: a new server that is killed at any step of its bootstrap goes on', async () => {
  const { federation, member, a } = await compactedShare();
  const b = member('b');
  b.put({ 'd/deep/file': 'content', gone: 'was here' });
  const aimed = [
    'format',
    'load',
    'pull',
    'scan',
    'collate',
    'apply',
    'directory',
    'stage',
    'flush',
    'place',
    'link',
    'journal',
    'position',
  ];
  const reached = [];
  for (const step of aimed) {
    const ran = await killAt(federation, 'b', ['sync'], step, 0);
    if (ran.killed) reached.push(step);
    // The process may have come to its end before the kill reached it.
    if ((await b.run('status', '--ready')).code === 0) expectEqual(a, b);
  }
  expect(reached.length).toBeGreaterThan(3);
  await b.run('sync');
  await b.sync();
  expectEqual(a, b);
  expect(b.read('gone')).toBeUndefined();
  expect(readdirSync(b.state).filter((name) => name.includes('scratch') && readdirSync(join(b.state, name)).length > 0)).toEqual([]);
  expect((await b.run('status', '--ready')).code).toBe(0);
});

test('R-H3: a server that was away beyond the horizon merges what was changed on both sides, and says so once', async () => {
  const { federation, member, bucket } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { changed: 'c1', edited: 'e1', gone: 'g1', 'removed-here': 'r1', 'd/f': 'f1' });
  a.put({ changed: 'c2', new: 'n1' });
  a.remove('gone');
  await a.sync();
  const store = housekept(federation.bucket, join(federation.directory, 'scratch'));
  store.forget((await store.compact()).upTo);
  await a.sync();
  b.put({ edited: 'e2 on b', made: 'of b' });
  b.remove('removed-here');
  const told = await b.sync(1);
  expect(told.stderr.trim().split('\n')).toHaveLength(1);
  expect(told.stderr).toMatch(
    /^flocksync: webroot: records 2 to \d+ are in the log no more; this member, at record 1, goes on from the snapshot of record \d+/,
  );
  await b.sync();
  await a.sync();
  expectEqual(a, b);
  expect(a.names()).toEqual(['changed', 'd', 'd/f', 'edited', 'made', 'new']);
  expect([a.read('edited'), b.read('changed')]).toEqual(['e2 on b', 'c2']);
  expect(existsSync(join(bucket, 'log', '0000000000000001'))).toBe(false);
});

test('R-J4: two servers from one disk image, with one name and one journal, both below the horizon', async () => {
  const { federation, member } = scenario(['a', 'b', 'c']);
  const [a, b, c] = [member('a'), member('b'), member('c')];
  await settled(a, b, { x: 'x1', gone: 'g1' });
  copy(b.root, c.root);
  copy(b.state, c.state);
  a.put({ x: 'x2' });
  a.remove('gone');
  await a.sync();
  const store = housekept(federation.bucket, join(federation.directory, 'scratch'));
  store.forget((await store.compact()).upTo);
  await a.sync();
  b.put({ 'of-b': 'b' });
  c.put({ 'of-c': 'c' });
  const both = await Promise.all([b.run('sync'), c.run('sync')]);
  for (const ran of both) expect([0, 1]).toContain(ran.code);
  for (const actor of [b, c, a, b, c]) await actor.run('sync');
  for (const actor of [b, c]) await actor.sync();
  expectEqual(a, b);
  expectEqual(a, c);
  expect(a.names()).toEqual(['of-b', 'of-c', 'x']);
  expect(a.read('x')).toBe('x2');
});

test('R-L3: a bucket set back to before its snapshot halts those who know more; the union brings everything back', async () => {
  const { federation, bucket, member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { x: 'x1' });
  a.put({ y: 'y1' });
  await a.sync();
  copy(bucket, `${bucket}.backup`);
  const store = housekept(federation.bucket, join(federation.directory, 'scratch'));
  store.forget((await store.compact()).upTo);
  await a.sync();
  await b.sync(1);
  a.put({ later: 'after the backup' });
  await a.sync();
  copy(`${bucket}.backup`, bucket);
  for (const actor of [a, b]) {
    await actor.sync(3);
    expect((await actor.run('status', '--ready')).code).toBe(1);
    expect((await actor.run('approve', 'lineage')).code).toBe(0);
    await actor.sync();
  }
  await a.sync();
  expectEqual(a, b);
  expect(b.names()).toEqual(['later', 'x', 'y']);
});

test('R-B2: without a usable snapshot a server behind the horizon is told so, keeps its files, and recovers with the snapshot', async () => {
  const { federation, member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { x: 'x1' });
  a.put({ x: 'x2' });
  await a.sync();
  const store = housekept(federation.bucket, join(federation.directory, 'scratch'));
  const { upTo, file } = await store.compact();
  store.forget(upTo);
  await a.sync();
  cpSync(file, `${federation.directory}/kept`);
  unlinkSync(file);
  b.put({ mine: 'of b' });
  const stuck = await b.sync(1);
  expect(stuck.stderr).toContain('record 2 of the log cannot be used (it is missing while later records exist)');
  cpSync(`${federation.directory}/kept`, file);
  await b.sync(1);
  await b.sync();
  await a.sync();
  expectEqual(a, b);
  expect([a.read('mine'), b.read('x')]).toEqual(['of b', 'x2']);
  expect(await shareStatus(b)).toMatchObject({ ready: true, problems: [] });
});
