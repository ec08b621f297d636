import { expect, test } from 'vitest';
import { all, contractOf, done, faultCode, type Kind, lookNow, readAll, stageText } from './ground.ts';

/** Directories, links and metadata. */
export function making(kind: Kind): void {
  contractOf('making', kind, (prepared, testAsRoot) => {
    test('making never replaces anything', () => {
      const { tree, user } = prepared();
      user.write('root/f', 'f');
      user.makeLink('nowhere', 'root/l');
      user.makeDirectory('root/d');
      for (const path of ['f', 'l', 'd']) {
        expect(tree.makeDirectory(path, 0o700)).toEqual({ outcome: 'occupied' });
        expect(tree.makeLink(path, 'x')).toEqual({ outcome: 'occupied' });
      }
      expect(readAll(tree, 'f')).toBe('f');
    });

    test('a new directory has exactly its mode', () => {
      const { tree } = prepared();
      for (const mode of [0o755, 0o777, 0o700, 0o1777, 0o2775, 0o500])
        expect(done(tree.makeDirectory(`d${mode}`, mode))).toMatchObject({ kind: 'dir', mode });
    });

    test('only an empty directory is removed', () => {
      const { tree, user } = prepared();
      user.makeDirectory('root/d/e');
      user.write('root/f', '');
      user.makeLink('d/e', 'root/l');
      tree.readDirectory('d/e', all);
      expect(tree.removeDirectory('d')).toBe('not-empty');
      expect(tree.removeDirectory('d/e')).toBe('done');
      expect(tree.removeDirectory('d/e')).toBe('absent');
      expect(tree.removeDirectory('f')).toBe('changed');
      expect(tree.removeDirectory('l')).toBe('changed');
      expect(tree.removeDirectory('d')).toBe('done');
      done(tree.makeDirectory('d', 0o755));
      expect(tree.readDirectory('d', all).names).toEqual([]);
    });

    test('a link target that no link can hold is unsupported', () => {
      const { tree } = prepared();
      expect(faultCode(() => tree.makeLink('l', 'x'.repeat(5000)))).toBe('unsupported');
      expect(faultCode(() => tree.makeLink('l', 'a\0b'))).toBe('unsupported');
      expect(done(tree.makeLink('l', '../../../etc/passwd')).kind).toBe('link');
    });

    test('R-I3: metadata is set on the expected inode only, and read back', () => {
      const { tree, user } = prepared();
      user.write('root/f', 'x');
      user.makeDirectory('root/d');
      const { ino } = lookNow(tree, 'f');
      expect(tree.setMetadata('f', ino + 1, { mode: 0 })).toEqual({ outcome: 'changed' });
      expect(lookNow(tree, 'f').mode).not.toBe(0);
      expect(done(tree.setMetadata('f', ino, { mode: 0o604, mtimeUs: -5 }))).toMatchObject({ mode: 0o604, mtimeUs: -5, ino });
      expect(done(tree.setMetadata('f', ino, { mtimeUs: 7 }))).toMatchObject({ mode: 0o604, mtimeUs: 7 });
      expect(done(tree.setMetadata('d', lookNow(tree, 'd').ino, { mode: 0o711 })).mode).toBe(0o711);
      user.remove('root/f');
      expect(tree.setMetadata('f', ino, { mode: 0o600 })).toEqual({ outcome: 'absent' });
    });

    testAsRoot('owners are set without following links, and setuid survives a change of owner', () => {
      const { tree, user } = prepared();
      user.write('root/f', 'x');
      user.makeLink('f', 'root/l');
      expect(done(tree.setMetadata('l', lookNow(tree, 'l').ino, { uid: 33, gid: 34 }))).toMatchObject({ uid: 33, gid: 34, kind: 'link' });
      expect(user.stat('root/f')?.uid).toBe(0);
      const { ino } = lookNow(tree, 'f');
      expect(done(tree.setMetadata('f', ino, { uid: 33, mode: 0o4755 }))).toMatchObject({ uid: 33, gid: 0, mode: 0o4755 });
      expect(done(tree.setMetadata('f', ino, { gid: 34 })).mode).toBe(0o755);
      const staged = tree.stage('f').finish({ mode: 0o2755, uid: 33, gid: 34, mtimeUs: 0 });
      expect(staged.stat).toMatchObject({ uid: 33, gid: 34, mode: 0o2755, mtimeUs: 0 });
    });

    testAsRoot('a mount below the root is trouble, not an effect somewhere else', () => {
      const { tree, user, mount } = prepared();
      user.makeDirectory('root/m');
      const hidden = lookNow(tree, 'm');
      mount('root/m', 65_536);
      expect(lookNow(tree, 'm').dev).not.toBe(hidden.dev);
      expect(tree.readDirectory('m', all).dev).toBe(lookNow(tree, 'm').dev);
      expect(faultCode(() => tree.placeNew(stageText(tree, 'm', 'x'), 'm/f'))).toBe('io');
      expect(user.list('root/m')).toEqual([]);
      expect(faultCode(() => tree.removeDirectory('m'))).toBe('io');
    });
  });
}
