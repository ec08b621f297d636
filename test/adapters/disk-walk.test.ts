import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openShareTree } from '../../src/adapters/disk.ts';
import { bench, done, faultCode, lookNow, meddled, readAll, stageText } from './disk-fixture.ts';

const all = () => true;

/** A share with a/b/f, an outside directory that looks the same, and every descriptor already kept. */
function outside() {
  const made = bench();
  for (const top of ['root/a', 'outside']) {
    mkdirSync(join(made.base, top, 'b'), { recursive: true });
    writeFileSync(join(made.base, top, 'b/f'), top);
  }
  made.tree.readDirectory('a/b', all);
  return made;
}

test('R-A4: a link put in the place of a directory is never followed, also through kept descriptors', () => {
  const { tree, base, root } = outside();
  const staged = stageText(tree, 'a/b', 'new');
  const expected = lookNow(tree, 'a/b/f');
  renameSync(join(root, 'a'), join(base, 'moved'));
  symlinkSync('../outside', join(root, 'a'));
  const steps = [
    () => tree.readDirectory('a/b', all),
    () => tree.look('a/b/f'),
    () => tree.open('a/b/f'),
    () => tree.placeNew(staged, 'a/b/g'),
    () => tree.placeOver(staged, 'a/b/f', expected, 't'),
    () => tree.moveToTrash('a/b/f', expected, 't'),
    () => tree.makeDirectory('a/b/d', 0o755),
    () => tree.makeLink('a/b/l', 'x'),
    () => tree.removeDirectory('a/b'),
    () => tree.setMetadata('a/b/f', expected.ino, { mode: 0o777 }),
    () => tree.replaceByLink('a/b/f', 'x', expected, 't'),
  ];
  for (const step of steps) expect(faultCode(step)).toBe('not-directory');
  expect(readdirSync(join(base, 'outside/b'))).toEqual(['f']);
  expect(readdirSync(join(base, 'moved/b'))).toEqual(['f']);
  expect(readFileSync(join(base, 'outside/b/f'), 'utf8')).toBe('outside');
});

test('R-A4: a link to the very directory that was moved away is not followed either', () => {
  const { tree, base, root } = outside();
  renameSync(join(root, 'a'), join(base, 'moved'));
  symlinkSync('../moved', join(root, 'a'));
  expect(faultCode(() => tree.look('a/b/f'))).toBe('not-directory');
});

test('a directory that was exchanged for a new one is read anew', () => {
  const { tree, base, root } = outside();
  renameSync(join(root, 'a'), join(base, 'old'));
  renameSync(join(base, 'outside'), join(root, 'a'));
  expect(readAll(tree, 'a/b/f')).toBe('outside');
  rmSync(join(root, 'a/b'), { recursive: true });
  expect(faultCode(() => tree.look('a/b/f'))).toBe('absent');
});

test('R-A4: a directory that moves while a file is put into it is told', () => {
  const { tree, root } = outside();
  const away = () => renameSync(join(root, 'a'), join(root, 'z'));
  const back = () => renameSync(join(root, 'z'), join(root, 'a'));
  const staged = stageText(tree, 'a/b', 'new');
  const placing = {
    stat: staged.stat,
    get name() {
      away();
      return staged.name;
    },
  };
  expect(tree.placeNew(placing, 'a/b/new')).toEqual({ outcome: 'moved' });
  back();
  const expected = lookNow(tree, 'a/b/f');
  expect(tree.placeOver(stageText(tree, 'a/b', 'x'), 'a/b/f', meddled(expected, away), 't1')).toEqual({ outcome: 'moved' });
  back();
  expect(tree.moveToTrash('a/b/f', meddled(lookNow(tree, 'a/b/f'), away), 't2')).toBe('moved');
});

test('more directories than are kept open at once', () => {
  const { tree } = bench();
  for (let i = 0; i < 200; i++) done(tree.makeDirectory(`d${i}`, 0o755));
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 200; i++) expect(tree.readDirectory(`d${i}`, all).names).toEqual([]);
  }
  expect(readdirSync('/proc/self/fd').length).toBeLessThan(150);
});

test('R-G1: a root that is missing, no directory, replaced or emptied is told, and is never an absence', () => {
  const { tree, root, base } = bench({ prepare: false });
  const first = tree.rootState();
  expect(first.state).toBe('present');
  renameSync(root, join(base, 'away'));
  expect(faultCode(() => tree.look('f/g'))).not.toBe('none');
  expect(tree.rootState().state).toBe('missing');
  expect(faultCode(() => tree.look('f'))).toBe('io');
  expect(faultCode(() => tree.readDirectory('', all))).toBe('io');
  writeFileSync(root, '');
  expect(tree.rootState().state).toBe('not-directory');
  rmSync(root);
  tree.createRoot();
  expect(faultCode(() => tree.createRoot())).toBe('io');
  const second = tree.rootState();
  expect(second.state === 'present' && first.state === 'present' && second.ino !== first.ino).toBe(true);
});

test('R-G1: a root replaced in the middle of a cycle is not written to', () => {
  const { tree, root, base } = bench();
  mkdirSync(join(root, 'a'));
  const staged = stageText(tree, 'a', 'x');
  renameSync(root, join(base, 'away'));
  mkdirSync(join(root, 'a'), { recursive: true });
  expect(tree.placeNew(staged, 'a/f')).toEqual({ outcome: 'moved' });
  expect(existsSync(join(root, 'a/f'))).toBe(false);
});

test('the configured root may be a link to a directory, and its target may change between cycles', () => {
  const { base, root } = bench({ prepare: false });
  mkdirSync(join(base, 'srv/site'), { recursive: true });
  writeFileSync(join(base, 'srv/site/f'), 'site');
  symlinkSync('srv/site', join(base, 'current'));
  const tree = openShareTree({ root: join(base, 'current'), shareName: 'web' });
  expect(tree.rootState().state).toBe('present');
  tree.prepareStaging();
  expect(readdirSync(join(base, 'srv'))).toEqual(['.flocksync-web', 'site']);
  expect(readAll(tree, 'f')).toBe('site');
  rmSync(join(base, 'current'));
  symlinkSync(root, join(base, 'current'));
  tree.rootState();
  expect(tree.look('f')).toBeNull();
  tree.close();
});
