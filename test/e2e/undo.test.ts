import { chmodSync, lstatSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startFederation } from './support/federation.ts';
import { killAt } from './support/killer.ts';
import { type Actor, expectEqual, type Scenario, scenario, settled } from './support/pair.ts';
import { plant } from './support/plant.ts';
import { bytes, differences, snapshot } from './support/tree.ts';

const open = ['settle: 0s', 'maxDelete: { percent: 100, floor: 100000 }'];

async function three(plan: Parameters<Actor['put']>[0]): Promise<{ s: Scenario; a: Actor; b: Actor; c: Actor }> {
  const s = scenario(['a', 'b', 'c'], { share: open });
  const [a, b, c] = [s.member('a'), s.member('b'), s.member('c')];
  await settled(a, b, plan);
  await c.sync();
  return { s, a, b, c };
}

async function undone(member: Actor, code: number, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const ran = await member.run('undo', ...args);
  expect(ran.code, ran.stdout + ran.stderr).toBe(code);
  return ran;
}

async function expectEverywhere(first: Actor, ...others: Actor[]): Promise<void> {
  for (const other of others) {
    await other.sync();
    expectEqual(first, other);
  }
}

test('a plugin update: what was changed, deleted and added goes back, everywhere; and the undo can be undone', async () => {
  const { s, a, b, c } = await three({
    'plugin/main.php': 'v1',
    'plugin/old.php': 'gone in v2',
    'plugin/l': { link: 'main.php' },
    keep: 'k',
  });
  chmodSync(join(a.root, 'plugin/main.php'), 0o600);
  await a.sync();
  const before = snapshot(a.root);
  rmSync(join(a.root, 'plugin/old.php'));
  rmSync(join(a.root, 'plugin/l'));
  a.put({
    'plugin/main.php': 'v2, longer',
    'plugin/lib/new.php': 'new',
    'plugin/old.php/now-a-directory': 'x',
    'plugin/l': { link: 'lib' },
  });
  await a.sync();
  const after = snapshot(a.root);
  const dry = await undone(b, 0, '3', '-n');
  expect(dry.stdout.split('\n').sort()).toEqual(
    [
      '<*deleting  plugin/lib',
      '<*deleting  plugin/lib/new.php',
      '<*deleting  plugin/old.php/now-a-directory',
      '<L.changed.. plugin/l',
      '<f.changed.. plugin/main.php',
      '<f.changed.. plugin/old.php',
      '',
    ].sort(),
  );
  expect(s.log()).toHaveLength(3);
  const told = await undone(b, 0, '3');
  expect(told).toMatchObject({ stdout: 'webroot: undo of record 3: 3 paths brought back, 3 deleted, in record 4\n', stderr: '' });
  expect([...snapshot(b.root)]).toEqual([...before]);
  await expectEverywhere(b, a, c);
  expect((await undone(a, 0, '3')).stdout).toContain('everything is like that already');
  expect(s.log()).toHaveLength(4);
  await undone(c, 0, '4');
  expect([...snapshot(c.root)]).toEqual([...after]);
  await expectEverywhere(c, a, b);
});

test('what has changed since is listed and left alone, the rest is done: exit 1', async () => {
  const { a, b, c } = await three({ x: 'one', y: 'one', z: 'one', 'd/in': '1' });
  a.put({ x: 'two', y: 'two', z: 'two', 'new/f': 'added' });
  rmSync(join(a.root, 'd'), { recursive: true });
  await a.sync();
  await b.sync();
  b.put({ y: 'three', 'new/later': 'later' });
  writeFileSync(join(b.root, 'd'), 'a file where the directory was');
  await b.sync();
  const { stderr, stdout } = await undone(c, 1, '2');
  expect(stdout).toContain('2 paths brought back, 1 deleted, in record 4');
  expect(stderr.trimEnd().split('\n')).toEqual([
    'flocksync: webroot: d is left as it is: record 3 has changed it since',
    'flocksync: webroot: d/in is left as it is: d is a file or a link now',
    'flocksync: webroot: new is left as it is: new/later is in that directory',
    'flocksync: webroot: y is left as it is: record 3 has changed it since',
  ]);
  expect([c.read('x'), c.read('y'), c.read('z'), c.read('new/f'), c.read('new/later')]).toEqual([
    'one',
    'three',
    'one',
    undefined,
    'later',
  ]);
  await expectEverywhere(c, a, b);
  // An edit that no sync has published counts as a change since, too.
  a.put({ x: 'edited here' });
  expect((await undone(a, 1, '4')).stderr).toContain('x is left as it is: record 5 has changed it since');
  expect(a.read('x')).toBe('edited here');
});

test('R-R2: a kept loser is no part of it; who won a conflict gives way to what was there before', async () => {
  const { a, b, c } = await three({ x: 'one' });
  a.put({ x: 'two' });
  await a.sync();
  await a.run('history', 'x');
  b.put({ x: 'from b, newer' });
  await b.sync();
  await undone(c, 0, '3');
  expect(c.read('x')).toBe('two');
  await expectEverywhere(c, a, b);
});

test('what is no changeset', async () => {
  const { a } = await three({ x: 'one' });
  expect((await undone(a, 1, '9')).stderr).toContain('record 9 is not known; known are the records 1 to 1');
  expect((await undone(a, 2, 'x')).stderr).toContain('undo takes the number of a record');
  expect((await undone(a, 2, '1', '--share', 'nope')).stderr).toContain('no share');
  await undone(a, 0, '1');
  expect(a.names()).toEqual([]);
  await a.sync();
  await undone(a, 0, '2');
  expect(a.read('x')).toBe('one');
});

test('hostile names, and a directory mode', async () => {
  const { a, b, c } = await three({ keep: 'k', 'd/x': 'x' });
  const names = ['with space', 'new\nline', 'x@2', '-dash', 'caf\xe9', '\xff\xfe'];
  chmodSync(join(a.root, 'd'), 0o711);
  for (const name of names) writeFileSync(bytes(`${a.root}/${name}`), name);
  await a.sync();
  await undone(b, 0, '2');
  expect(b.names()).toEqual(['d', 'd/x', 'keep']);
  expect(lstatSync(join(b.root, 'd')).mode & 0o777).toBe(0o755);
  await expectEverywhere(b, a, c);
});

test('R-P4 R-S1: 10,000 paths in one go, killed in the middle and repeated', { timeout: 400_000 }, async () => {
  const federation = startFederation(['a', 'b'], { share: open });
  // Many files to remove, on a machine that may be busy.
  onTestFinished(() => federation.close(), 300_000);
  const run = async (member: string, ...args: string[]) => {
    const ran = await federation.run(member, args);
    expect(ran, ran.stdout + ran.stderr).toMatchObject({ code: 0, stderr: '' });
  };
  const files = (text: string) => Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`d${i % 50}/f${i}`, `${text} ${i}`]));
  plant(federation.root('a'), files('one'));
  await run('a', 'sync');
  const before = snapshot(federation.root('a'));
  plant(federation.root('a'), files('two'));
  await run('a', 'sync');
  await run('b', 'sync');
  const last = String(readdirSync(join(federation.bucket, 'shop', 'webroot', 'log')).length);
  const killed = await killAt(federation, 'b', ['undo', last], 'record', 0);
  expect(killed.killed).toBe(true);
  const startedMs = performance.now();
  await run('b', 'undo', last);
  console.info(`undo of 10,000 files: ${Math.round(performance.now() - startedMs)} ms`);
  expect(differences(before, snapshot(federation.root('b')))).toEqual([]);
  await run('a', 'sync');
  expect(differences(before, snapshot(federation.root('a')))).toEqual([]);
});
