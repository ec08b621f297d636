import { linkSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DiskFault, type NewFile } from '../../src/ports/filesystem.ts';
import { bench, done, faultCode, lookNow, meddled, readAll, stageText } from './disk-fixture.ts';

/** A share with the file f, and what a program does to f behind our back. */
function withFile() {
  const made = bench();
  const f = join(made.root, 'f');
  writeFileSync(f, 'old');
  const saveAtomically = () => {
    writeFileSync(`${f}.tmp`, 'theirs');
    renameSync(`${f}.tmp`, f);
  };
  return { ...made, f, saveAtomically };
}

const trashOf = (base: string) => readdirSync(join(base, '.flocksync-web/trash'));
const stageOf = (base: string) => readdirSync(join(base, '.flocksync-web/stage'));

test('R-A1: a staged file is invisible, then there in full with its metadata', () => {
  const { tree, root, base } = bench();
  const staged = stageText(tree, '', 'hello', 0o640);
  expect(readdirSync(root)).toEqual([]);
  const stat = done(tree.placeNew(staged, 'f'));
  expect(stat).toMatchObject({ kind: 'file', size: 5, mode: 0o640, mtimeUs: 1_700_000_000_123_456, ino: staged.stat.ino });
  expect(stat).toEqual(lookNow(tree, 'f'));
  expect(stageOf(base)).toEqual([]);
});

test('placing new never replaces anything, a dangling link and a directory included', () => {
  const { tree, root, base } = bench();
  writeFileSync(join(root, 'f'), 'mine');
  symlinkSync('nowhere', join(root, 'l'));
  mkdirSync(join(root, 'd'));
  const staged = stageText(tree, '', 'x');
  for (const path of ['f', 'l', 'd']) expect(tree.placeNew(staged, path)).toEqual({ outcome: 'occupied' });
  expect(readFileSync(join(root, 'f'), 'utf8')).toBe('mine');
  expect(stageOf(base)).toEqual([staged.name]);
  tree.discard(staged);
  tree.discard(staged);
  expect(stageOf(base)).toEqual([]);
});

test('placing below a directory that is not there is an absence of the directory', () => {
  const { tree } = bench();
  expect(faultCode(() => tree.placeNew(stageText(tree, 'none', 'x'), 'none/f'))).toBe('absent');
});

test('a staged file that is gone is trouble, not an absence', () => {
  const { tree, base } = withFile();
  const staged = stageText(tree, '', 'x');
  tree.discard(staged);
  expect(faultCode(() => tree.placeNew(staged, 'new'))).toBe('io');
  expect(faultCode(() => tree.placeOver(staged, 'f', lookNow(tree, 'f'), 't'))).toBe('io');
  expect(readAll(tree, 'f')).toBe('old');
  expect(trashOf(base)).toEqual([]);
});

test('R-A2: replacing keeps the old inode in the trash', () => {
  const { tree, f } = withFile();
  const expected = lookNow(tree, 'f');
  const stat = done(tree.placeOver(stageText(tree, '', 'new'), 'f', expected, 't'));
  expect(readFileSync(f, 'utf8')).toBe('new');
  expect(stat.ino).not.toBe(expected.ino);
  expect(tree.lookInTrash('t')).toMatchObject({ ino: expected.ino, size: 3, mtimeUs: expected.mtimeUs });
  const kept = tree.openInTrash('t');
  expect(kept.before.ino).toBe(expected.ino);
  kept.close();
});

test.each(['placeOver', 'moveToTrash', 'replaceByLink'] as const)('R-A2: %s leaves what is not expected', (step) => {
  const { tree, root, base, f } = withFile();
  const run = (expected = lookNow(tree, 'f')) => {
    if (step === 'moveToTrash') return tree.moveToTrash('f', expected, 't');
    if (step === 'replaceByLink') return tree.replaceByLink('f', 'x', expected, 't').outcome;
    return tree.placeOver(stageText(tree, '', 'new'), 'f', expected, 't').outcome;
  };
  const old = lookNow(tree, 'f');
  for (const wrong of [{ ino: 1 }, { size: 4 }, { mtimeKey: 1 }, { ctimeKey: 1 }, { kind: 'link' as const }]) {
    expect(run({ ...old, ...wrong })).toBe('changed');
  }
  expect(readFileSync(f, 'utf8')).toBe('old');
  rmSync(f);
  expect(run(old)).toBe('absent');
  mkdirSync(f);
  expect(run(old)).toBe('changed');
  expect(run()).toBe('changed');
  expect(readdirSync(root)).toEqual(['f']);
  expect(trashOf(base)).toEqual([]);
});

test.each(['placeOver', 'replaceByLink'] as const)('R-A2: %s sees an atomic save after the first comparison', (step) => {
  const { tree, base, f, saveAtomically } = withFile();
  const expected = meddled(lookNow(tree, 'f'), saveAtomically);
  const placed =
    step === 'placeOver' ? tree.placeOver(stageText(tree, '', 'new'), 'f', expected, 't') : tree.replaceByLink('f', 'x', expected, 't');
  expect(placed).toEqual({ outcome: 'changed' });
  expect(readFileSync(f, 'utf8')).toBe('theirs');
  expect(trashOf(base)).toEqual([]);
});

test('R-A2: a write in place after the first comparison is seen, and a removal too', () => {
  const { tree, base, f } = withFile();
  const write = meddled(lookNow(tree, 'f'), () => writeFileSync(f, 'longer than before'));
  expect(tree.placeOver(stageText(tree, '', 'new'), 'f', write, 't')).toEqual({ outcome: 'changed' });
  expect(readFileSync(f, 'utf8')).toBe('longer than before');
  const remove = meddled(lookNow(tree, 'f'), () => rmSync(f));
  expect(tree.placeOver(stageText(tree, '', 'new'), 'f', remove, 't')).toEqual({ outcome: 'absent' });
  expect(trashOf(base)).toEqual([]);
});

test('what took the name of a file on its way to the trash is put back', () => {
  const { tree, base, f, saveAtomically } = withFile();
  expect(tree.moveToTrash('f', meddled(lookNow(tree, 'f'), saveAtomically), 't')).toBe('changed');
  expect(readFileSync(f, 'utf8')).toBe('theirs');
  expect(trashOf(base)).toEqual([]);
});

test('a directory that took the name of a file on its way to the trash is put back', () => {
  const { tree, base, f } = withFile();
  const becomeDirectory = () => {
    rmSync(f);
    mkdirSync(join(f, 'inner'), { recursive: true });
  };
  expect(tree.moveToTrash('f', meddled(lookNow(tree, 'f'), becomeDirectory), 't')).toBe('changed');
  expect(readdirSync(f)).toEqual(['inner']);
  expect(trashOf(base)).toEqual([]);
});

test('files, links and hard links go to the trash and come back', () => {
  const { tree, root } = bench();
  writeFileSync(join(root, 'f'), 'x');
  linkSync(join(root, 'f'), join(root, 'g'));
  symlinkSync('g', join(root, 'l'));
  for (const name of ['f', 'l']) {
    const before = lookNow(tree, name);
    expect(tree.moveToTrash(name, before, `t-${name}`)).toBe('done');
    expect(tree.look(name)).toBeNull();
  }
  expect(readFileSync(join(root, 'g'), 'utf8')).toBe('x');
  expect(tree.readLinkInTrash('t-l')).toBe('g');
  expect(tree.listTrash()).toEqual(['t-f', 't-l']);
  done(tree.restoreFromTrash('t-l', 'l'));
  expect(readlinkSync(join(root, 'l'))).toBe('g');
  expect(tree.restoreFromTrash('t-f', 'g')).toEqual({ outcome: 'occupied' });
  done(tree.restoreFromTrash('t-f', 'f'));
  expect(readAll(tree, 'f')).toBe('x');
  expect(tree.listTrash()).toEqual([]);
  expect(faultCode(() => tree.restoreFromTrash('t-f', 'h'))).toBe('absent');
});

test('a name of the trash is never used twice, and is one plain name', () => {
  const { tree, f } = withFile();
  expect(tree.moveToTrash('f', lookNow(tree, 'f'), 't')).toBe('done');
  writeFileSync(f, 'second');
  expect(faultCode(() => tree.moveToTrash('f', lookNow(tree, 'f'), 't'))).toBe('io');
  expect(faultCode(() => tree.placeOver(stageText(tree, '', 'x'), 'f', lookNow(tree, 'f'), 't'))).toBe('io');
  for (const name of ['', '.', '..', '../stage', 'a/b']) expect(faultCode(() => tree.removeFromTrash(name))).toBe('unsupported');
  tree.removeFromTrash('t');
  tree.removeFromTrash('t');
  expect(tree.lookInTrash('t')).toBeNull();
});

test('a link is replaced by a file and a file by a link', () => {
  const { tree, root } = bench();
  symlinkSync('/etc', join(root, 'l'));
  done(tree.placeOver(stageText(tree, '', 'text'), 'l', lookNow(tree, 'l'), 't1'));
  expect(readAll(tree, 'l')).toBe('text');
  expect(tree.readLinkInTrash('t1')).toBe('/etc');
  const stat = done(tree.replaceByLink('l', 'target', lookNow(tree, 'l'), 't2'));
  expect(stat.kind).toBe('link');
  expect(readlinkSync(join(root, 'l'))).toBe('target');
  expect(tree.lookInTrash('t2')?.size).toBe(4);
});

test('a file that was written to right after it was placed is told', () => {
  const { tree, root } = bench();
  const staged = stageText(tree, '', 'mine');
  let asked = 0;
  const placing = {
    get stat() {
      if (asked++ === 0) writeFileSync(join(root, 'f'), 'somebody else wrote');
      return staged.stat;
    },
    name: staged.name,
  };
  expect(tree.placeNew(placing, 'f')).toEqual({ outcome: 'changed' });
});

test('R-A4: files of one directory are placed together, each with its own outcome', () => {
  const { tree, root } = bench();
  mkdirSync(join(root, 'd'));
  writeFileSync(join(root, 'd/taken'), 'here');
  const files = ['a', 'taken', 'x/y', 'b'].map((name) => ({ name, staged: stageText(tree, 'd', name) }));
  const results = tree.placeAllNew('d', files);
  expect(results.map((result) => (result instanceof DiskFault ? result.code : result.outcome))).toEqual([
    'done',
    'occupied',
    'absent',
    'done',
  ]);
  expect(readAll(tree, 'd/a') + readAll(tree, 'd/b')).toBe('ab');
  expect(results[0]).toEqual({ outcome: 'done', stat: tree.look('d/a') });
});

test('R-A4: a directory that moved while its files were placed is told for each of them', () => {
  const { tree, root } = bench();
  mkdirSync(join(root, 'd'));
  const files = ['a', 'b'].map((name) => ({ name, staged: stageText(tree, 'd', name) }));
  const [first, second] = files as [NewFile, NewFile];
  const moving = {
    staged: first.staged,
    get name() {
      if (readdirSync(root).includes('d')) renameSync(join(root, 'd'), join(root, 'e'));
      return first.name;
    },
  };
  expect(tree.placeAllNew('d', [moving, second])).toEqual([{ outcome: 'moved' }, { outcome: 'moved' }]);
});
