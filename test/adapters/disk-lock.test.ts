import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { bench } from './disk-fixture.ts';

const diskModule = fileURLToPath(new URL('../../src/adapters/disk.ts', import.meta.url));
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Another process that locks the root for `state`, prints the outcome and stays. */
async function contender(root: string, state: string): Promise<{ child: ChildProcess; locked: boolean }> {
  const script = `
    import { openShareTree } from ${JSON.stringify(diskModule)};
    const tree = openShareTree(${JSON.stringify({ root, shareName: 'web' })});
    tree.rootState();
    const lock = tree.lockRoot(${JSON.stringify(state)});
    console.log(lock === null ? 'refused' : 'locked');
    setInterval(() => lock, 1000);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = await once(child.stdout, 'data');
  return { child, locked: String(line).trim() === 'locked' };
}

test('R-G4: two shares are locked by one process', () => {
  const [one, two] = [bench(), bench()];
  const locks = [one.tree.lockRoot('s'), two.tree.lockRoot('s')];
  expect(one.tree.lockRoot('t')).toBeNull();
  expect(two.tree.lockRoot('t')).toBeNull();
  for (const lock of locks) lock?.release();
});

test('R-G4: the lock holds between processes, outlives a new cycle, and ends with kill -9', async () => {
  const { tree, root } = bench();
  mkdirSync(`${root}/d`);
  const { child, locked } = await contender(root, 'theirs');
  expect(locked).toBe(true);
  expect(tree.lockRoot('mine')).toBeNull();
  expect(tree.lockRoot('theirs')).not.toBeNull();
  child.kill('SIGKILL');
  const lock = tree.lockRoot('mine');
  expect(lock).not.toBeNull();
  tree.rootState();
  tree.prepareStaging();
  expect((await contender(root, 'theirs')).locked).toBe(false);
  expect((await contender(root, 'mine')).locked).toBe(true);
  lock?.release();
}, 30_000);
