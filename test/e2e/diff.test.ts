import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { documentOf } from './support/document.ts';
import { type Actor, scenario, settled } from './support/pair.ts';

async function history(): Promise<{ a: Actor; b: Actor }> {
  const { member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { x: 'one', y: 'y', 'd/z': 'z', k: 'kind' });
  a.put({ x: 'second', new: 'n' });
  a.remove('d', 'k');
  a.put({ k: { link: 'x' } });
  chmodSync(join(a.root, 'y'), 0o600);
  await a.sync();
  await b.sync();
  rmSync(join(b.root, 'new'));
  await b.sync();
  return { a, b };
}

test('diff: the paths that differ, both ways round, and what is the same again is none', async () => {
  const { b } = await history();
  const lines = async (...args: string[]) => (await b.run('diff', ...args)).stdout.split('\n').filter((line) => line !== '');
  expect(await lines('1', '2')).toEqual(['D d/', 'D d/z  1 B', 'T k', 'A new  1 B', 'M x  6 B', 'M y  1 B']);
  expect(await lines('2', '1')).toEqual(['A d/', 'A d/z  1 B', 'T k  4 B', 'D new  1 B', 'M x  3 B', 'M y  1 B']);
  expect(await lines('1', '3')).toEqual(['D d/', 'D d/z  1 B', 'T k', 'M x  6 B', 'M y  1 B']);
  expect(await lines('0', '3')).toEqual(['A k', 'A x  6 B', 'A y  1 B']);
  expect(await lines('3', '3')).toEqual([]);
  expect((await lines('1', '3', '--stat')).at(-1)).toBe('5 paths: 2 deleted, 2 changed, 1 replaced; 9 B before, 7 B after');
  expect((await lines('3', '3', '--stat')).at(-1)).toBe('0 paths');
});

test('diff: as a document', async () => {
  const { b } = await history();
  const document = await documentOf(b, 0, 'diff', '1', '3');
  expect(document).toMatchObject({ share: 'webroot', from: 1, to: 3, added: 0, deleted: 2, changed: 2, replaced: 1 });
  expect(document.changes).toEqual([
    { path: 'd', change: 'deleted', kind: 'dir', size: null },
    { path: 'd/z', change: 'deleted', kind: 'file', size: 1 },
    { path: 'k', change: 'replaced', kind: 'link', size: null, kindBefore: 'file', sizeBefore: 4 },
    { path: 'x', change: 'changed', kind: 'file', size: 6, kindBefore: 'file', sizeBefore: 3 },
    { path: 'y', change: 'changed', kind: 'file', size: 1, kindBefore: 'file', sizeBefore: 1 },
  ]);
});

test('diff: records that are not there', async () => {
  const { a } = await history();
  const beyond = await a.run('diff', '1', '7');
  expect(beyond).toMatchObject({ code: 1, stdout: '', stderr: 'flocksync: webroot: there is no record 7; known are the records 1 to 2\n' });
  expect((await a.run('diff', '1')).code).toBe(2);
  expect((await a.run('diff', '1', 'x')).code).toBe(2);
  expect((await a.run('diff', '1', '2', '--share', 'nope')).code).toBe(2);
});

test('log: each record with its paths, and what is too many as a number', async () => {
  const { b } = await history();
  const { stdout } = await b.run('log', '--paths', '3');
  expect(stdout.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/g, 'T').split('\n')).toEqual([
    '     3  T  b  +0 -1',
    '        - new  1 B',
    '     2  T  a  +4 -2, 8 B',
    '        - d/',
    '        - d/z  1 B',
    '        ~ k -> x',
    '        … and 3 more',
    '     1  T  a  +5 -0, 9 B',
    '        + d/',
    '        + d/z  1 B',
    '        + k  4 B',
    '        … and 2 more',
    '',
  ]);
  expect((await b.run('log', '--paths', '0', '--limit', '1')).stdout).toMatch(/^ +3 .*-1\n$/);
  const { records } = await documentOf(b, 0, 'log', '--limit', '2', '--paths', '1');
  expect(records).toMatchObject([
    { sequence: 3, deletes: 1, changes: [{ path: 'new', change: 'deleted', kind: 'file', size: 1, version: 3 }], changesOmitted: 0 },
    { sequence: 2, puts: 4, changes: [{ path: 'd', change: 'deleted', kind: 'dir', size: null, version: 2 }], changesOmitted: 5 },
  ]);
});

test('log --path: the records of a path and of what is below it', async () => {
  const { b } = await history();
  const { records } = await documentOf(b, 0, 'log', '--path', 'd');
  expect(
    records.map((row: { sequence: number; changes: { path: string }[] }) => [row.sequence, row.changes.map((one) => one.path)]),
  ).toEqual([
    [2, ['d', 'd/z']],
    [1, ['d', 'd/z']],
  ]);
  expect((await documentOf(b, 0, 'log', '--path', `${b.root}/x`, '--limit', '1')).records).toMatchObject([{ sequence: 2 }]);
  expect((await b.run('log', '--path', '/etc')).code).toBe(2);
});
