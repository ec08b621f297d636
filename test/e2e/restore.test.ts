import { chmodSync, lstatSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startDaemon, until } from './support/daemon.ts';
import { documentOf, type Json } from './support/document.ts';
import { forgetLocations } from './support/journal-edit.ts';
import { killAt } from './support/killer.ts';
import { type Actor, expectEqual, type Scenario, scenario, settled } from './support/pair.ts';
import { bytes, snapshot } from './support/tree.ts';

async function versionsOf(member: Actor, path: string): Promise<(number | string)[]> {
  const { versions } = await documentOf(member, 0, 'history', path);
  return versions.map((each: Json) => each.version);
}

/** Three members that hold the same, and the third one's look at what the first did. */
async function three(plan: Parameters<Actor['put']>[0]): Promise<{ s: Scenario; a: Actor; b: Actor; c: Actor }> {
  const s = scenario(['a', 'b', 'c'], { share: ['settle: 0s', 'maxDelete: { percent: 100, floor: 100000 }'] });
  const [a, b, c] = [s.member('a'), s.member('b'), s.member('c')];
  await settled(a, b, plan);
  await c.sync();
  return { s, a, b, c };
}

async function expectEverywhere(first: Actor, ...others: Actor[]): Promise<void> {
  for (const other of others) {
    await other.sync();
    expectEqual(first, other);
  }
}

async function restored(member: Actor, ...args: string[]): Promise<string> {
  const ran = await member.run('restore', ...args);
  expect(ran, ran.stdout + ran.stderr).toMatchObject({ code: 0, stderr: '' });
  return ran.stdout;
}

async function refused(member: Actor, code: number, ...args: string[]): Promise<string> {
  const before = [...snapshot(member.root)];
  const ran = await member.run('restore', ...args);
  expect(ran, ran.stdout + ran.stderr).toMatchObject({ code, stdout: '' });
  expect([...snapshot(member.root)]).toEqual(before);
  return ran.stderr;
}

describe('one file', () => {
  test('comes back everywhere, with bytes, mode and time, as a new version', async () => {
    const { s, a, b, c } = await three({ 'd/x': 'one', y: 'y' });
    chmodSync(join(a.root, 'd/x'), 0o640);
    utimesSync(join(a.root, 'd/x'), 1e9, 1e9);
    await a.sync();
    const old = snapshot(a.root).get('d/x');
    b.put({ 'd/x': 'two, longer' });
    await b.sync();
    await c.sync();
    expect(await restored(c, 'd/x@2')).toBe('webroot: d/x@2: 1 path brought back, in record 4\n');
    expect(snapshot(c.root).get('d/x')).toBe(old);
    await expectEverywhere(c, a, b);
    expect(await versionsOf(a, 'd/x')).toEqual([1, 2, 3, 4]);
    // Once more: nothing to do, no record.
    expect(await restored(b, `${b.root}/d/x@4`)).toContain('everything is like that already');
    expect(s.log()).toHaveLength(4);
    expect((await b.run('restore', 'd/x@3', '-q')).stdout).toBe('');
    expect(b.read('d/x')).toBe('two, longer');
  });

  test('R-R2: the loser of a conflict, by N~k', async () => {
    const { a, b, c } = await three({ x: 'one' });
    a.put({ x: 'from a' });
    b.put({ x: 'from b, older' });
    utimesSync(join(b.root, 'x'), 1e9, 1e9);
    await a.sync();
    await b.sync();
    await restored(c, 'x@3~1');
    expect(c.read('x')).toBe('from b, older');
    await expectEverywhere(c, a, b);
    expect(await versionsOf(a, 'x')).toEqual([1, 2, '3~1', 4]);
  });

  test('deleted with its directories, which come back too', async () => {
    const { a, b, c } = await three({ 'd/e/x': 'one', keep: 'k' });
    chmodSync(join(a.root, 'd'), 0o750);
    await a.sync();
    a.remove('d');
    await a.sync();
    const told = await refused(a, 1, 'd/e/x@3');
    expect(told).toContain('version 3 of d/e/x is its deletion; what was there before is d/e/x@1');
    await restored(a, 'd/e/x@1');
    expect(a.read('d/e/x')).toBe('one');
    expect(lstatSync(join(a.root, 'd')).mode & 0o777).toBe(0o750);
    await expectEverywhere(a, b, c);
  });

  test('changes of kind: what stands there gives way where nothing is lost with it', async () => {
    const { a, b, c } = await three({ x: 'file', keep: 'k' });
    a.remove('x');
    a.put({ x: { link: 'keep' } });
    await a.sync();
    a.remove('x');
    a.put({ 'x/new': 'n' });
    await a.sync();
    await b.sync();
    const told = await refused(b, 1, 'x@1');
    expect(told).toContain('x is a directory with x/new in it now');
    await restored(b, 'x@1', '--exact');
    expect(b.read('x')).toBe('file');
    await expectEverywhere(b, a, c);
    await restored(a, 'x@2');
    await expectEverywhere(a, b, c);
    await restored(a, 'x@3');
    expect(a.read('x/new')).toBe('n');
    await expectEverywhere(a, b, c);
    // Below what is a file again: refused.
    await restored(a, 'x@1', '--exact');
    expect(await refused(a, 1, 'x/new@3')).toContain('x/new: x is a file or a link now');
  });

  test('what cannot be meant: unknown versions, no version, no time, outside', async () => {
    const { a } = await three({ x: 'one', 'd/y': 'y' });
    expect(await refused(a, 1, 'x@7')).toContain('there is no version 7 of x; known are 1');
    expect(await refused(a, 1, 'x@1~1')).toContain('there is no version 1~1 of x');
    expect(await refused(a, 1, 'nope@1')).toContain('no version of it is known');
    expect(await refused(a, 2, 'x')).toContain('which version of x?');
    expect(await refused(a, 2, '@1')).toContain('which version');
    expect(await refused(a, 2, 'x', '--at', 'yesterday')).toContain('not "yesterday"');
    expect(await refused(a, 2, 'x', '--at', '2026-02-30')).toContain('not "2026-02-30"');
    expect(await refused(a, 1, 'x', '--at', '2199-01-01')).toContain('still to come');
    expect(await refused(a, 1, 'x', '--at', '2001-01-01')).toMatch(
      /before the retained history; the oldest state .* from the first record/,
    );
    expect(await refused(a, 2, '../x@1')).toContain('outside');
    expect(await refused(a, 2, 'x@1', '--share', 'nope')).toContain('no share');
  });

  test('a dry run prints the lines and does nothing; local edits count as published', async () => {
    const { s, a } = await three({ x: 'one', 'd/y': 'y' });
    a.put({ x: 'two, published' });
    a.remove('d');
    await a.sync();
    a.put({ x: 'three, not yet published' });
    const ran = await a.run('restore', '.@1', '-n');
    expect(ran).toMatchObject({ code: 0, stdout: '<d+++++++++ d/\n<f+++++++++ d/y\n<f.changed.. x\n', stderr: '' });
    expect(s.log()).toHaveLength(2);
    expect(a.read('x')).toBe('three, not yet published');
  });

  test('a local edit that was not published becomes a version first', async () => {
    const { a, b } = await three({ x: 'one' });
    a.put({ x: 'two, never published by a sync' });
    await restored(a, 'x@1');
    expect(a.read('x')).toBe('one');
    expect(await versionsOf(a, 'x')).toEqual([1, 2, 3]);
    await restored(b, 'x@2');
    expect(b.read('x')).toBe('two, never published by a sync');
  });

  test('another member edits the same path: both versions are kept', async () => {
    const { a, b, c } = await three({ x: 'one' });
    a.put({ x: 'two' });
    await a.sync();
    await b.sync();
    b.put({ x: 'edited meanwhile' });
    await restored(a, 'x@1');
    await b.sync();
    await a.sync();
    await expectEverywhere(b, c);
    const { conflicts } = await documentOf(a, 0, 'conflicts');
    expect(conflicts).toHaveLength(1);
    const kept = conflicts[0].winner === 4 ? conflicts[0].loser : 4;
    await restored(c, `x@${kept}`);
    expect(['one', 'edited meanwhile']).toContain(c.read('x'));
  });

  test('names that have broken programs', async () => {
    const names = ['with space', 'new\nline', 'mail@example.org', 'x@2', '-dash', 'caf\xe9'];
    const { a, b, c } = await three({ keep: 'k' });
    for (const name of names) writeFileSync(bytes(`${a.root}/${name}`), 'one');
    await a.sync();
    const old = snapshot(a.root);
    for (const name of names) writeFileSync(bytes(`${a.root}/${name}`), 'changed since');
    await a.sync();
    for (const typed of ['with space', 'new\\nline', 'mail@example.org', 'x@2', '-dash', 'caf\\xe9']) await restored(a, '--', `${typed}@2`);
    expect([...snapshot(a.root)]).toEqual([...old]);
    await expectEverywhere(a, b, c);
  });

  test('a subscriber restores nothing; a publisher also on its own disk', async () => {
    const { s, a, b, c } = await three({ x: 'one' });
    s.federation.configure('b', ['settle: 0s', 'role: subscriber']);
    s.federation.configure('c', ['settle: 0s', 'role: publisher']);
    c.put({ x: 'two' });
    await c.sync();
    await b.sync();
    expect(await refused(b, 1, 'x@1')).toContain('a subscriber does not write');
    await restored(c, 'x@1');
    expect(c.read('x')).toBe('one');
    await expectEverywhere(c, a, b);
    await c.sync();
    expect(c.read('x')).toBe('one');
  });

  test('beside a running daemon', async () => {
    const { s, a, b } = await three({ x: 'one' });
    a.put({ x: 'two' });
    await a.sync();
    await b.sync();
    const daemon = startDaemon(s.federation, 'b');
    await delay(500);
    await restored(b, 'x@1');
    expect(b.read('x')).toBe('one');
    await a.sync();
    a.put({ x: 'three' });
    await a.sync();
    await until('the daemon goes on', () => b.read('x') === 'three', 30_000);
    expect((await daemon.stop()).code).toBe(0);
  });
});

describe('a directory', () => {
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`up/${i % 7}/${i}.jpg`, `picture ${i}`]));

  test('deleted with 300 files, back by record and by time; what came later stays', async () => {
    const { a, b, c } = await three({ ...many, 'other/x': 'x' });
    const old = snapshot(a.root);
    await delay(20);
    const beforeMs = Date.now();
    await delay(20);
    a.remove('up');
    a.put({ 'other/x': 'changed', 'up/new/later.jpg': 'later' });
    await a.sync();
    await b.sync();
    expect(await refused(b, 1, 'up/0@2')).toContain('what was there before is up/0@1');
    expect(await restored(b, 'up@1')).toContain('307 paths brought back, in record 3');
    const now = snapshot(b.root);
    for (const [path, words] of old) if (path.startsWith('up/')) expect(now.get(path)).toBe(words);
    expect(b.read('up/new/later.jpg')).toBe('later');
    expect(b.read('other/x')).toBe('changed');
    await expectEverywhere(b, a, c);
    await restored(a, 'up', '--at', new Date(beforeMs).toISOString(), '--exact');
    expect(a.read('up/new/later.jpg')).toBeUndefined();
    await restored(a, '.', '--at', new Date(beforeMs).toISOString(), '--exact');
    expect([...snapshot(a.root)]).toEqual([...old]);
    await expectEverywhere(a, b, c);
  });

  test('R-G3: what --exact deletes is held by nobody', async () => {
    const s = scenario(['a', 'b']);
    const [a, b] = [s.member('a'), s.member('b')];
    await settled(a, b, { keep: 'k' });
    a.put(many);
    await a.sync();
    await b.sync();
    expect(await restored(a, '.@1', '--exact')).toContain('0 paths brought back, 308 deleted');
    await b.sync();
    expect(b.names()).toEqual(['keep']);
    expect(a.names()).toEqual(['keep']);
  });

  test('by a time in another zone, with links and modes of directories; too long ago is refused', async () => {
    const { a, b, c } = await three({ 'd/x': 'x', 'd/l': { link: 'x' } });
    mkdirSync(join(a.root, 'd/empty'), { mode: 0o700 });
    await a.sync();
    const old = snapshot(a.root);
    await delay(20);
    const then = new Date(Date.now() + 3_600_000).toISOString().replace('Z', '+01:00');
    await delay(20);
    rmSync(join(a.root, 'd'), { recursive: true });
    a.put({ 'd/x/deep': 'now a directory', 'd/empty': 'now a file' });
    await a.sync();
    expect(await refused(a, 1, 'd', '--at', '3650d')).toContain('before the retained history');
    expect(await refused(a, 1, 'd', '--at', then)).toContain('d/x is a directory with d/x/deep in it now');
    await restored(a, 'd', '--at', then, '--exact');
    expect([...snapshot(a.root)]).toEqual([...old]);
    await expectEverywhere(a, b, c);
  });

  test('R-I4 R-S1: killed at every step and repeated', async () => {
    const { s, a, b, c } = await three(many);
    const old = snapshot(a.root);
    for (const [round, step] of ['append', 'record', 'restore', 'bell', 'apply', 'burst', 'journal'].entries()) {
      a.remove('up');
      a.put({ 'up/3': `a file ${round}` });
      await a.sync();
      await killAt(s.federation, 'a', ['restore', 'up@1'], step, 0);
      await a.run('restore', 'up@1');
      await b.sync();
      expect([...snapshot(a.root)], step).toEqual([...old]);
      await expectEverywhere(a, b, c);
    }
  });
});

test('R-S4: contents that no place delivers any more are named, and nothing is appended; what a disk holds is sent again', async () => {
  const { s, a, b } = await three({ x: 'one', y: 'other' });
  a.put({ x: 'two' });
  await a.sync();
  await b.sync();
  const log = s.log().length;
  forgetLocations(s.federation.state('a'));
  expect(await refused(a, 1, 'x@1')).toContain('no place delivers the content of 1 path any more:\n  x\n');
  expect(s.log()).toHaveLength(log);
  // The first version is in the trash of the member that replaced it.
  forgetLocations(s.federation.state('b'));
  expect((await b.run('restore', 'x@1', '-n')).stdout).toBe('<f.changed.. x\n');
  await restored(b, 'x@1');
  expect(b.read('x')).toBe('one');
  await a.sync();
  expectEqual(a, b);
});
