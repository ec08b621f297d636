import { expect, test } from 'vitest';
import type { NewFile, Ordered } from '../../src/model/apply-order.ts';
import { batches, newTrees } from '../../src/model/apply-order.ts';
import type { Kind } from '../../src/model/entry.ts';
import { comparePaths } from '../../src/model/path.ts';

const common = { mode: 0o644, owner: null, group: null };

function task(path: string, kind: Kind | null, standing: Kind | null = null, size = 1): Ordered {
  const expected = standing === null ? null : { kind: standing };
  if (kind === 'file') return { path, expected, entry: { ...common, kind, mtimeUs: 1, size, hash: 'a'.repeat(64), chunks: null } };
  if (kind === 'dir') return { path, expected, entry: { ...common, kind } };
  return { path, expected, entry: kind === null ? null : { kind, target: 'x', owner: null, group: null } };
}

const sorted = (...tasks: Ordered[]) => tasks.sort((a, b) => comparePaths(a.path, b.path));
const files = (directory: string, count: number) => Array.from({ length: count }, (_, at) => task(`${directory}/f${at}`, 'file'));

function told(tasks: readonly Ordered[]): Record<string, string[]> {
  const paths = (list: readonly (Ordered | NewFile)[]) => list.map(({ path }) => path);
  return Object.fromEntries(newTrees(tasks).map((tree) => [tree.top, [...paths(tree.directories), ...paths(tree.files)]]));
}

test.each([
  ['a new directory with all below it', [task('d', 'dir'), task('d/e', 'dir'), task('d/e/f', 'file')], { d: ['d', 'd/e', 'd/e/f'] }],
  [
    'a name that sorts between a directory and its files',
    [task('d', 'dir'), task('d-x', 'file'), task('d/f', 'file')],
    { d: ['d', 'd/f'] },
  ],
  ['nothing of a directory that stands', [task('d', 'dir', 'dir'), task('d/f', 'file')], {}],
  ['the new one in one that stands', [task('d', 'dir', 'dir'), task('d/e', 'dir'), task('d/e/f', 'file')], { 'd/e': ['d/e', 'd/e/f'] }],
  ['nothing that takes the place of a file', [task('d', 'dir', 'file'), task('d/f', 'file')], {}],
  ['no directory without files', [task('d', 'dir'), task('d/e', 'dir')], {}],
  ['no file that replaces one', [task('d', 'dir'), task('d/f', 'file'), task('d/g', 'file', 'file')], { d: ['d', 'd/f'] }],
  ['no link and no removal', [task('d', 'dir'), task('d/f', 'file'), task('d/l', 'link'), task('d/r', null)], { d: ['d', 'd/f'] }],
])('a tree holds %s', (_, tasks, expected) => {
  expect(told(sorted(...tasks))).toEqual(expected);
});

test('of a new file path and size are enough', () => {
  const inFull = sorted(task('d', 'dir'), task('d/e', 'dir'), task('d/e/f', 'file', null, 2 ** 29), task('d/f', 'file'), task('f', 'file'));
  const bare = inFull.map((each) => (each.entry?.kind === 'file' ? { path: each.path, size: each.entry.size } : each));
  const shown = (tasks: readonly (Ordered | NewFile)[]) => {
    const trees = newTrees(tasks);
    const made = batches(tasks.slice(-1), trees);
    return [...made].map(({ trees, files }) => [trees.map(({ top, files }) => [top, files.map(({ path }) => path)]), files.length]);
  };
  expect(shown(bare)).toEqual(shown(inFull));
  expect(shown(bare)).toEqual([
    [[['d/e', ['d/e/f']]], 0],
    [[], 1],
  ]);
});

test('what does not fit into a batch is made in place, and its directories are trees of their own', () => {
  const tasks = sorted(task('d', 'dir'), task('d/a', 'dir'), task('d/b', 'dir'), ...files('d/a', 3000), ...files('d/b', 3000));
  expect(newTrees(tasks).map(({ top, files: held }) => [top, held.length])).toEqual([
    ['d/a', 3000],
    ['d/b', 3000],
  ]);
  const heavy = sorted(task('d', 'dir'), task('d/f', 'file', null, 2 ** 29), task('d/g', 'file'));
  expect(newTrees(heavy)).toEqual([]);
});

test('a batch holds whole trees and every file once, up to its bound, in the order of paths', () => {
  const trees = newTrees(sorted(task('b', 'dir'), task('d', 'dir'), ...files('b', 3000), ...files('d', 1096)));
  const single = [task('a', 'file'), task('c', 'file', 'file'), task('e', 'file')];
  const made = [...batches(single, trees)].map((batch) => [batch.trees.map(({ top }) => top), batch.files.map(({ path }) => path)]);
  expect(made).toEqual([
    [['b'], ['a', 'c']],
    [['d'], ['e']],
  ]);
  expect([...batches([], [])]).toEqual([]);
});

test('a file above the bound of a batch has one of its own', () => {
  const large = ['a', 'b'].map((path) => task(path, 'file', null, 2 ** 40));
  expect([...batches(large, [])].map((batch) => batch.files.length)).toEqual([1, 1]);
});
