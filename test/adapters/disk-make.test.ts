import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { done, faultCode, lookNow, meddled, readAll, stageText } from '../contract/share-tree/ground.ts';
import { bench, isRoot } from './disk-fixture.ts';

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
    expect(done(tree.makeDirectory('d', 0o777)).mode).toBe(0o777);
  } finally {
    process.umask(before);
  }
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
