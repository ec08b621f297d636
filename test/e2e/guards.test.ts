import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { documented } from '../documented.ts';
import { type Actor, expectEqual, scenario, settled } from './support/pair.ts';
import { manyFiles } from './support/plant.ts';

/** Root in a container may not be allowed to. */
function mayMount(): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'flocksync-mount-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', 'flocksync-test', directory]).status === 0;
  if (mounted) execFileSync('umount', [directory]);
  rmdirSync(directory);
  return mounted;
}

const mounts = mayMount();

async function pair(files = manyFiles(100)) {
  const { member, log } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, files);
  return { a, b, log };
}

/** a is halted, says so once, nobody loses anything, and b goes on. */
async function expectHalt(a: Actor, b: Actor, says: RegExp): Promise<void> {
  const before = b.names();
  expect((await a.sync(3)).stderr).toMatch(says);
  const again = await a.sync(3);
  expect(again.stdout + again.stderr).toBe('');
  await b.sync();
  expect(b.names()).toEqual(before);
}

async function expectRecovered(a: Actor, b: Actor): Promise<void> {
  await a.sync();
  a.put({ 'd0/news': 'after the halt' });
  await a.sync();
  await b.sync();
  expectEqual(a, b);
}

test('R-G1: a missing root stops the share until it is back', async () => {
  const { a, b } = await pair();
  renameSync(a.root, `${a.root}.away`);
  await expectHalt(a, b, documented('root-missing'));
  renameSync(`${a.root}.away`, a.root);
  await expectRecovered(a, b);
});

test('R-G1: a file in the place of the root stops the share', async () => {
  const { a, b } = await pair();
  renameSync(a.root, `${a.root}.away`);
  writeFileSync(a.root, 'no directory');
  await expectHalt(a, b, documented('root-not-directory'));
  rmSync(a.root);
  renameSync(`${a.root}.away`, a.root);
  await expectRecovered(a, b);
});

test('R-G1: an emptied root stops the share, incoming changes included', async () => {
  const { a, b } = await pair();
  renameSync(a.root, `${a.root}.away`);
  mkdirSync(a.root);
  await expectHalt(a, b, documented('root-emptied'));
  b.put({ incoming: 'from b' });
  await b.sync();
  await a.sync(3);
  expect(a.names()).toEqual([]);
  rmdirSync(a.root);
  renameSync(`${a.root}.away`, a.root);
  await expectRecovered(a, b);
});

test('R-G1: a root with nothing but excluded names counts as emptied', async () => {
  const { a, b } = await pair();
  a.configure('exclude: ["*.log"]');
  await a.sync();
  renameSync(a.root, `${a.root}.away`);
  a.put({ 'error.log': 'a web server started meanwhile' });
  await expectHalt(a, b, documented('root-emptied'));
});

test('R-G1: a copy in the place of the root is read again and goes on', async () => {
  const { a, b, log } = await pair();
  renameSync(a.root, `${a.root}.away`);
  execFileSync('cp', ['-a', `${a.root}.away`, a.root]);
  await a.sync();
  expect(log()).toHaveLength(1);
  await expectRecovered(a, b);
});

test.runIf(mounts)('R-G1: another device in the place of the root stops the share', async () => {
  const { a, b } = await pair();
  execFileSync('mount', ['-t', 'tmpfs', 'flocksync-test', a.root]);
  try {
    await expectHalt(a, b, documented('root-foreign'));
    a.put({ stray: 'written while unmounted' });
    await a.sync(3);
  } finally {
    execFileSync('umount', [a.root]);
  }
  await expectRecovered(a, b);
});

test.runIf(mounts)('R-D1: a mount that comes or goes below the root is no absence', async () => {
  const { a, b } = await pair();
  execFileSync('mount', ['-t', 'tmpfs', 'flocksync-test', `${a.root}/d1`]);
  try {
    a.put({ 'd1/on-the-mount': 'x', 'd2/beside': 'goes on' });
    expect((await a.sync(1)).stderr).toMatch(documented('mount-inside'));
    await b.sync();
    expect(b.read('d1/f1')).toBe('content 1');
    expect([b.read('d2/beside'), b.read('d1/on-the-mount')]).toEqual(['goes on', undefined]);
  } finally {
    execFileSync('umount', [`${a.root}/d1`]);
  }
  await expectRecovered(a, b);
});

const paths = (count: number) => Object.keys(manyFiles(count));

test('R-G2: as many deletions as maxDelete allows pass, one more holds them all, and the rest goes on', async () => {
  const { a, b } = await pair(manyFiles(200));
  a.remove(...paths(41));
  a.put({ unrelated: 'passes' });
  const told = await a.sync(3);
  expect(told.stderr.match(/flocksync:/g)).toHaveLength(1);
  expect(told.stderr).toMatch(documented('held'));
  expect(told.stderr).toContain('41 deletions made here held');
  await b.sync();
  expect([b.read('d0/f0'), b.read('unrelated')]).toEqual(['content 0', 'passes']);
  expect((await a.sync(3)).stderr).toBe('');
  a.put({ 'd0/f0': 'one is back, edited' });
  await a.sync();
  await b.sync();
  expectEqual(a, b);
});

test('R-G2: a share below 40 files is held above 50 percent, and the window rolls over several cycles', async () => {
  const { a, b } = await pair(manyFiles(30));
  a.remove(...paths(20));
  await a.sync();
  a.remove(paths(30)[20] as string);
  expect((await a.sync(3)).stderr).toContain('1 deletion made here held');
  await b.sync();
  expect(b.read(paths(30)[20] as string)).toBe('content 20');
  a.put({ [paths(30)[20] as string]: 'content 20' });
  await a.sync();
  await b.sync();
  expectEqual(a, b);
});

test('R-G2: moved files are no losses, files cut to nothing are', async () => {
  const { a, b } = await pair();
  mkdirSync(`${a.root}/moved`);
  for (const name of ['d0', 'd1', 'd2', 'd3', 'd4']) renameSync(`${a.root}/${name}`, `${a.root}/moved/${name}`);
  await a.sync();
  await b.sync();
  expectEqual(a, b);
  for (const path of paths(30)) a.put({ [`moved/${path}`]: '' });
  await a.sync(3);
  await b.sync();
  expect(b.read('moved/d0/f0')).toBe('content 0');
});

test('R-G2: a receiver holds what its own maxDelete does not allow, by window and not by cycle', async () => {
  const { a, b } = await pair();
  a.configure('maxDelete: { percent: 100, floor: 1000 }');
  a.remove(...paths(15));
  await a.sync();
  await b.sync();
  a.remove(...paths(30).slice(15));
  a.put({ news: 'passes' });
  await a.sync();
  expect((await b.sync(3)).stderr).toContain('15 deletions of others held');
  expect([b.read('d0/f15'), b.read('news')]).toEqual(['content 15', 'passes']);
  b.put({ 'd0/f20': 'edited while its deletion is held' });
  await b.sync(3);
  await a.sync();
  expect(a.read('d0/f20')).toBe('edited while its deletion is held');
});

test('R-G1: a dry run of an emptied root shows the halt, not deletions', async () => {
  const { a } = await pair(manyFiles(5));
  renameSync(a.root, `${a.root}.away`);
  mkdirSync(a.root);
  const ran = await a.sync(3, '-n');
  expect(ran.stdout).toBe('');
  expect(ran.stderr).toContain('is empty');
});

test('R-G2: what takes the place of a held directory waits with it, and an approval lets both through', async () => {
  const { a, b } = await pair();
  a.configure('maxDelete: { percent: 100, floor: 1000 }');
  a.remove('d0', 'd1');
  a.put({ d0: 'a file now', beside: 'passes' });
  await a.sync();
  const told = await b.sync(3);
  expect(told.stderr.match(/flocksync: webroot:/g)).toHaveLength(1);
  expect([b.read('d0/f0'), b.read('d1/f1'), b.read('beside')]).toEqual(['content 0', 'content 1', 'passes']);
  const hold = /hold ([0-9a-f]{8})/.exec(told.stderr)?.[1] as string;
  expect((await b.run('approve', hold)).code).toBe(0);
  await b.sync();
  expectEqual(a, b);
});

test('R-G3: an approved hold goes through on all members, whose own guards let it pass', async () => {
  const { a, b } = await pair();
  a.remove('d0', 'd1');
  const hold = /hold ([0-9a-f]{8})/.exec((await a.sync(3)).stderr)?.[1] as string;
  await a.run('approve', hold);
  await a.sync();
  await b.sync();
  expectEqual(a, b);
  expect(b.names()).not.toContain('d0');
});

test('R-G3: a rejected hold brings the files back where they were deleted', async () => {
  const { a, b } = await pair();
  a.remove('d0', 'd1');
  const hold = /hold ([0-9a-f]{8})/.exec((await a.sync(3)).stderr)?.[1] as string;
  await a.run('reject', hold);
  await a.sync();
  await b.sync();
  expectEqual(a, b);
  expect(a.read('d0/f0')).toBe('content 0');
});

test('R-G1, R-G3: an emptied root that was meant is approved, one that was not is fetched again', async () => {
  for (const decision of ['approve', 'reject']) {
    const { a, b } = await pair(manyFiles(30));
    a.remove(...a.names().filter((name) => !name.includes('/')));
    const hold = /hold ([0-9a-f]{8})/.exec((await a.sync(3)).stderr)?.[1] as string;
    await a.run(decision, hold);
    await a.sync();
    await b.sync();
    await b.sync();
    expectEqual(a, b);
    expect(b.names()).toHaveLength(decision === 'approve' ? 0 : 35);
  }
});

test('R-G2: a directory that was replaced by a link stays replaced where its deletion is held', async () => {
  const { member } = scenario(['a', 'b']);
  const a = member('a');
  const b = member('b');
  const old = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`current/f${i}`, `old ${i}`]));
  await settled(a, b, { ...manyFiles(100), ...old, 'release/index': 'new release' });
  a.remove('current');
  a.put({ current: { link: 'release' } });
  const hold = /hold ([0-9a-f]{8})/.exec((await a.sync(3)).stderr)?.[1] as string;
  await a.sync(3);
  expect(a.read('current/index')).toBe('new release');
  await b.sync();
  expect(b.read('current/f7')).toBe('old 7');
  await a.run('approve', hold);
  await a.sync();
  await b.sync();
  expectEqual(a, b);
  expect(b.read('current/index')).toBe('new release');
});
