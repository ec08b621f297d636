import { chmodSync, chownSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bench, done, faultCode, isRoot, lookNow, meddled, readAll, stageText } from './disk-fixture.ts';

const nobody = 65_534;

/** Runs as a user without privileges; whatever happens, root is back afterwards. */
function asNobody(step: () => void): void {
  process.setegid?.(nobody);
  process.seteuid?.(nobody);
  try {
    step();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

test('a new directory has exactly its mode, whatever the umask', () => {
  const { tree } = bench();
  const before = process.umask(0o077);
  try {
    for (const mode of [0o755, 0o777, 0o700, 0o1777, 0o2775, 0o500]) {
      expect(done(tree.makeDirectory(`d${mode}`, mode))).toMatchObject({ kind: 'dir', mode });
    }
  } finally {
    process.umask(before);
  }
});

test('making never replaces anything', () => {
  const { tree, root } = bench();
  writeFileSync(join(root, 'f'), 'f');
  symlinkSync('nowhere', join(root, 'l'));
  mkdirSync(join(root, 'd'));
  for (const path of ['f', 'l', 'd']) {
    expect(tree.makeDirectory(path, 0o700)).toEqual({ outcome: 'occupied' });
    expect(tree.makeLink(path, 'x')).toEqual({ outcome: 'occupied' });
  }
  expect(readAll(tree, 'f')).toBe('f');
});

test('only an empty directory is removed', () => {
  const { tree, root } = bench();
  mkdirSync(join(root, 'd/e'), { recursive: true });
  writeFileSync(join(root, 'f'), '');
  symlinkSync('d/e', join(root, 'l'));
  tree.readDirectory('d/e', () => true);
  expect(tree.removeDirectory('d')).toBe('not-empty');
  expect(tree.removeDirectory('d/e')).toBe('done');
  expect(tree.removeDirectory('d/e')).toBe('absent');
  expect(tree.removeDirectory('f')).toBe('changed');
  expect(tree.removeDirectory('l')).toBe('changed');
  expect(tree.removeDirectory('d')).toBe('done');
  done(tree.makeDirectory('d', 0o755));
  expect(tree.readDirectory('d', () => true).names).toEqual([]);
});

test('a link target that no link can hold is unsupported', () => {
  const { tree } = bench();
  expect(faultCode(() => tree.makeLink('l', 'x'.repeat(5000)))).toBe('unsupported');
  expect(faultCode(() => tree.makeLink('l', 'a\0b'))).toBe('unsupported');
  expect(done(tree.makeLink('l', '../../../etc/passwd')).kind).toBe('link');
});

test('R-I3: metadata is set on the expected inode only, and read back', () => {
  const { tree, root } = bench();
  writeFileSync(join(root, 'f'), 'x');
  mkdirSync(join(root, 'd'));
  const { ino } = lookNow(tree, 'f');
  expect(tree.setMetadata('f', ino + 1, { mode: 0 })).toEqual({ outcome: 'changed' });
  expect(lookNow(tree, 'f').mode).not.toBe(0);
  expect(done(tree.setMetadata('f', ino, { mode: 0o604, mtimeUs: -5 }))).toMatchObject({ mode: 0o604, mtimeUs: -5, ino });
  expect(done(tree.setMetadata('f', ino, { mtimeUs: 7 }))).toMatchObject({ mode: 0o604, mtimeUs: 7 });
  expect(done(tree.setMetadata('d', lookNow(tree, 'd').ino, { mode: 0o711 })).mode).toBe(0o711);
  rmSync(join(root, 'f'));
  expect(tree.setMetadata('f', ino, { mode: 0o600 })).toEqual({ outcome: 'absent' });
});

test.skipIf(!isRoot)('owners are set without following links, and setuid survives a change of owner', () => {
  const { tree, root } = bench();
  writeFileSync(join(root, 'f'), 'x');
  symlinkSync('f', join(root, 'l'));
  expect(done(tree.setMetadata('l', lookNow(tree, 'l').ino, { uid: 33, gid: 34 }))).toMatchObject({ uid: 33, gid: 34, kind: 'link' });
  expect(statSync(join(root, 'f')).uid).toBe(0);
  expect(done(tree.setMetadata('f', lookNow(tree, 'f').ino, { uid: 33, mode: 0o4755 }))).toMatchObject({ uid: 33, gid: 0, mode: 0o4755 });
  const writer = tree.stage('f');
  const staged = writer.finish({ mode: 0o2755, uid: 33, gid: 34, mtimeUs: 0 });
  expect(staged.stat).toMatchObject({ uid: 33, gid: 34, mode: 0o2755, mtimeUs: 0 });
});

test.skipIf(!isRoot)('without privileges: own unreadable files can be changed, and what may not be read is trouble', () => {
  const { tree, root, base } = bench({ prepare: false });
  chmodSync(base, 0o755);
  chownSync(root, nobody, nobody);
  writeFileSync(join(root, 'foreign'), 'x', { mode: 0o600 });
  asNobody(() => {
    tree.prepareStaging();
    expect(tree.stagingInsideRoot).toBe('.flocksync');
    mkdirSync(join(root, 'closed'), { mode: 0 });
    writeFileSync(join(root, 'own'), 'x', { mode: 0 });
    expect(done(tree.setMetadata('own', lookNow(tree, 'own').ino, { mtimeUs: 9 }))).toMatchObject({ mode: 0, mtimeUs: 9 });
    expect(done(tree.setMetadata('own', lookNow(tree, 'own').ino, { mode: 0o640 })).mode).toBe(0o640);
    expect(faultCode(() => tree.readDirectory('closed', () => true))).toBe('denied');
    expect(faultCode(() => tree.open('foreign'))).toBe('denied');
    expect(faultCode(() => tree.setMetadata('foreign', lookNow(tree, 'foreign').ino, { mode: 0o644 }))).toBe('denied');
    done(tree.placeNew(stageText(tree, '', 'text'), 'f'));
    expect(faultCode(() => tree.placeOver(stageText(tree, '', 'x'), 'foreign', lookNow(tree, 'foreign'), 't'))).toBe('denied');
    expect(tree.listTrash()).toEqual([]);
    expect(tree.moveToTrash('foreign', lookNow(tree, 'foreign'), 't')).toBe('done');
  });
});

test.skipIf(!isRoot)('R-A2: where hard links are refused (here by the protection of foreign files) the trash gets a copy', () => {
  const { tree, root, base } = bench({ prepare: false });
  chmodSync(base, 0o755);
  chownSync(root, nobody, nobody);
  writeFileSync(join(root, 'f'), 'old', { mode: 0o644 });
  symlinkSync('away', join(root, 'l'));
  asNobody(() => {
    tree.prepareStaging();
    const old = lookNow(tree, 'f');
    const edit = meddled(old, () => tree.moveToTrash('f', old, 'edited'));
    expect(tree.placeOver(stageText(tree, '', 'new'), 'f', edit, 't').outcome).toBe('absent');
    done(tree.restoreFromTrash('edited', 'f'));
    done(tree.placeOver(stageText(tree, '', 'new'), 'f', lookNow(tree, 'f'), 't-f'));
    done(tree.placeOver(stageText(tree, '', 'new'), 'l', lookNow(tree, 'l'), 't-l'));
    expect(tree.lookInTrash('t-f')).toMatchObject({ size: 3, mtimeUs: old.mtimeUs, mode: 0o644 });
    expect(tree.readLinkInTrash('t-l')).toBe('away');
    expect(tree.listTrash()).toEqual(['t-f', 't-l']);
  });
});

test.skipIf(!isRoot)('R-A2: a foreign file or link that changes while it is copied is left alone', () => {
  const { tree, root, base } = bench({ prepare: false });
  chmodSync(base, 0o755);
  chownSync(root, nobody, nobody);
  writeFileSync(join(root, 'f'), 'old', { mode: 0o666 });
  chmodSync(join(root, 'f'), 0o646);
  symlinkSync('away', join(root, 'l'));
  asNobody(() => {
    tree.prepareStaging();
    const file = meddled(lookNow(tree, 'f'), () => writeFileSync(join(root, 'f'), 'edited'));
    expect(tree.placeOver(stageText(tree, '', 'new'), 'f', file, 't')).toEqual({ outcome: 'changed' });
    // By root again, so that the new link is a foreign one as well.
    const relink = () => {
      process.seteuid?.(0);
      rmSync(join(root, 'l'));
      symlinkSync('elsewhere', join(root, 'l'));
      process.seteuid?.(nobody);
    };
    expect(tree.placeOver(stageText(tree, '', 'new'), 'l', meddled(lookNow(tree, 'l'), relink), 't')).toEqual({ outcome: 'changed' });
    expect([readAll(tree, 'f'), tree.readLink('l')]).toEqual(['edited', 'elsewhere']);
    expect(tree.listTrash()).toEqual([]);
  });
});
