import { rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { documented } from '../documented.ts';
import { expectEqual, scenario, settled } from './support/pair.ts';
import { named } from './support/tree.ts';

const gitignore = 'exclude: ["*.log", "!keep.log", "cache/", "/top", "größe*", "dir/*", "!dir/stay", "a b", "**/deep/**/q"]';

function pair() {
  const { member, log } = scenario(['a', 'b']);
  return { a: member('a'), b: member('b'), log };
}

test('patterns are those of gitignore: negated, anchored, directories pruned, letters beyond ASCII', async () => {
  const { a, b } = pair();
  a.configure(gitignore);
  b.configure(gitignore);
  a.put({
    ...{ 'x.log': '', 'keep.log': '', 'cache/f': '', 'sub/cache/f': '', 'sub/cachefile': '', top: '', 'sub/top': '' },
    ...{ 'größe.txt': '', 'dir/go': '', 'dir/stay': '', 'a b': '', 'm/deep/n/q': '', cache2: '' },
  });
  await a.sync();
  await b.sync();
  expect(b.names()).toEqual(['cache2', 'dir', 'dir/stay', 'keep.log', 'm', 'm/deep', 'm/deep/n', 'sub', 'sub/cachefile', 'sub/top']);
  expect(a.names()).toContain(named('größe.txt'));
  b.put({ 'cache/own': 'of b', 'x.log': 'of b' });
  await b.sync();
  a.remove('cache', 'x.log');
  await a.sync();
  await b.sync();
  expect([b.read('cache/own'), b.read('x.log')]).toEqual(['of b', 'of b']);
});

test('R-J5: newly excluded on one member: gone from nobody, whatever happens there', async () => {
  const { a, b } = pair();
  await settled(a, b, { 'x.log': 'x', 'c/f': 'f1', 'c/g/h': 'h1', z: 'z1' });
  b.configure('exclude: ["*.log", "c/"]');
  await b.sync();
  b.remove('x.log', 'c');
  await b.sync();
  await a.sync();
  expect(a.names()).toEqual(['c', 'c/f', 'c/g', 'c/g/h', 'x.log', 'z']);
  a.put({ 'c/f': 'f2', 'c/new': 'n1' });
  a.remove('c/g');
  await a.sync();
  await b.sync();
  expect(b.names()).toEqual(['z']);
});

test('R-J5: included again: what the log never had is published, for the rest the log wins', async () => {
  const { a, b } = pair();
  await settled(a, b, { 'c/f': 'f1', 'c/gone': 'g1', z: 'z1' });
  b.configure('exclude: ["c/"]');
  await b.sync();
  a.remove('c/gone');
  a.put({ 'c/f': 'f2' });
  await a.sync();
  b.put({ 'c/mine': 'only on b', 'c/f': 'stale on b' });
  await b.sync();
  b.configure();
  expect((await b.sync(1)).stderr).toContain('c/f');
  await b.sync();
  await a.sync();
  expectEqual(a, b);
  expect([a.read('c/f'), a.read('c/mine'), a.read('c/gone')]).toEqual(['f2', 'only on b', undefined]);
});

test('R-J5: a preset that is set leaves what it means alone; taken away, the log wins and what it never had is published', async () => {
  const { a, b } = pair();
  const cached = 'wp-content/cache/page.html';
  await settled(a, b, { [cached]: 'of a', 'index.php': 'front', '.git/HEAD': 'ref' });
  b.configure('preset: wordpress', 'exclude: ["!.git"]');
  await b.sync();
  b.put({ [cached]: 'of b', 'wp-content/debug.log': 'of b', 'index.php': 'edited' });
  b.remove('.git');
  await b.sync();
  await a.sync();
  expect([a.read(cached), a.read('index.php'), a.read('wp-content/debug.log')]).toEqual(['of a', 'edited', undefined]);
  expect(a.names()).not.toContain('.git');
  a.put({ [cached]: 'newer, of a' });
  await a.sync();
  await b.sync();
  expect(b.read(cached)).toBe('of b');
  b.configure();
  expect((await b.sync(1)).stderr).toContain(cached);
  await b.sync();
  await a.sync();
  expectEqual(a, b);
  expect([b.read(cached), a.read('wp-content/debug.log')]).toEqual(['newer, of a', 'of b']);
});

test('R-R4: a directory that keeps excluded children lingers and comes back to nobody', async () => {
  const { a, b, log } = pair();
  b.configure('exclude: ["*.tmp"]');
  await settled(a, b, { 'd/f': 'f1', 'd/s/g': 'g1', z: 'z1' });
  b.put({ 'd/x.tmp': 'of b', 'd/s/y.tmp': 'of b' });
  a.remove('d');
  await a.sync();
  await b.sync();
  await b.sync();
  await a.sync();
  expect(b.names()).toEqual(['d', 'd/s', 'd/s/y.tmp', 'd/x.tmp', 'z']);
  expect(a.names()).toEqual(['z']);
  expect(log()).toHaveLength(2);
  b.put({ 'd/s/real': 'content again' });
  await b.sync();
  await a.sync();
  expect(a.names()).toEqual(['d', 'd/s', 'd/s/real', 'z']);
});

test('R-R4: a file for which a lingering directory leaves no room is a listed problem, and waits', async () => {
  const { a, b } = pair();
  b.configure('exclude: ["*.tmp"]');
  await settled(a, b, { 'd/f': 'f1', z: 'z1' });
  b.put({ 'd/x.tmp': 'of b' });
  a.remove('d');
  a.put({ d: 'a file now', other: 'goes on' });
  await a.sync();
  const told = await b.sync(1);
  expect(told.stderr).toMatch(documented('occupied'));
  expect(told.stderr).toContain('d: something else stands in its place');
  expect([b.read('d/x.tmp'), b.read('other')]).toEqual(['of b', 'goes on']);
  expect((await b.sync(1)).stderr).toBe('');
  rmSync(`${b.root}/d`, { recursive: true });
  await b.sync();
  expect(b.read('d')).toBe('a file now');
});

test('R-R3: a directory with live excluded descendants stays in the log', async () => {
  const { a, b } = pair();
  b.configure('exclude: ["*.tmp"]');
  await settled(b, a, { 'd/f': 'f1', z: 'z1' });
  a.put({ 'd/x.tmp': 'of a' });
  await a.sync();
  await b.sync();
  b.remove('d');
  await b.sync();
  await b.sync();
  await a.sync();
  expect(a.names()).toEqual(['d', 'd/x.tmp', 'z']);
  expect(b.names()).toEqual(['z']);
});

test('R-J5: included again while only publishing: nothing deleted comes back, and the log still wins later', async () => {
  const { a, b } = pair();
  await settled(a, b, { 'c/f': 'f1', 'c/gone': 'g1', z: 'z1' });
  b.configure('exclude: ["c/"]');
  await b.sync();
  a.remove('c/gone');
  a.put({ 'c/f': 'f2' });
  await a.sync();
  await b.sync();
  b.put({ 'c/f': 'newer, but it was excluded' });
  b.configure();
  await b.sync(0, '--only', 'publish');
  await b.sync(1);
  await b.sync();
  await a.sync();
  expectEqual(a, b);
  expect([a.read('c/f'), a.read('c/gone')]).toEqual(['f2', undefined]);
});
