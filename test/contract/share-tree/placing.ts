import { expect, test } from 'vitest';
import { DiskFault, type NewFile } from '../../../src/ports/filesystem.ts';
import {
  contractOf,
  done,
  faultCode,
  type Ground,
  type Kind,
  lookNow,
  meddled,
  readAll,
  stagePath,
  stageText,
  trashPath,
} from './ground.ts';

/** Puts staged files in place, and takes away what stood there. */
export function placing(kind: Kind): void {
  contractOf('placing', kind, (prepared) => {
    appearing(prepared);
    replacing(prepared);
    meddling(prepared);
    trash(prepared);
    together(prepared);
  });
}

/** A share with the file f, and what a program does to f behind our back. */
function withFile(prepared: () => Ground) {
  const made = prepared();
  made.user.write('root/f', 'old');
  const saveAtomically = () => {
    made.user.write('root/f.tmp', 'theirs');
    made.user.rename('root/f.tmp', 'root/f');
  };
  return { ...made, saveAtomically };
}

function appearing(prepared: () => Ground): void {
  test('R-A1: a staged file is invisible, then there in full with its metadata', () => {
    const { tree, user } = prepared();
    const staged = stageText(tree, '', 'hello', 0o640);
    expect(user.list('root')).toEqual([]);
    const stat = done(tree.placeNew(staged, 'f'));
    expect(stat).toMatchObject({ kind: 'file', size: 5, mode: 0o640, mtimeUs: 1_700_000_000_123_456, ino: staged.stat.ino });
    expect(stat).toEqual(lookNow(tree, 'f'));
    expect(user.list(stagePath)).toEqual([]);
  });

  test('placing new never replaces anything, a dangling link and a directory included', () => {
    const { tree, user } = prepared();
    user.write('root/f', 'mine');
    user.makeLink('nowhere', 'root/l');
    user.makeDirectory('root/d');
    const staged = stageText(tree, '', 'x');
    for (const path of ['f', 'l', 'd']) expect(tree.placeNew(staged, path)).toEqual({ outcome: 'occupied' });
    expect(user.read('root/f')).toBe('mine');
    expect(user.list(stagePath)).toEqual([staged.name]);
    tree.discard(staged);
    tree.discard(staged);
    expect(user.list(stagePath)).toEqual([]);
  });

  test('placing below a directory that is not there is an absence of the directory', () => {
    const { tree } = prepared();
    expect(faultCode(() => tree.placeNew(stageText(tree, 'none', 'x'), 'none/f'))).toBe('absent');
  });

  test('a staged file that is gone is trouble, not an absence', () => {
    const { tree, user } = withFile(prepared);
    const staged = stageText(tree, '', 'x');
    tree.discard(staged);
    expect(faultCode(() => tree.placeNew(staged, 'new'))).toBe('io');
    expect(faultCode(() => tree.placeOver(staged, 'f', lookNow(tree, 'f'), 't'))).toBe('io');
    expect(readAll(tree, 'f')).toBe('old');
    expect(user.list(trashPath)).toEqual([]);
  });

  test('a file that was written to right after it was placed is told', () => {
    const { tree, user } = prepared();
    const staged = stageText(tree, '', 'mine');
    let asked = 0;
    const placing = {
      get stat() {
        if (asked++ === 0) user.write('root/f', 'somebody else wrote');
        return staged.stat;
      },
      name: staged.name,
    };
    expect(tree.placeNew(placing, 'f')).toEqual({ outcome: 'changed' });
  });
}

function replacing(prepared: () => Ground): void {
  test('R-A2: replacing keeps the old inode in the trash', () => {
    const { tree, user } = withFile(prepared);
    const expected = lookNow(tree, 'f');
    const stat = done(tree.placeOver(stageText(tree, '', 'new'), 'f', expected, 't'));
    expect(user.read('root/f')).toBe('new');
    expect(stat.ino).not.toBe(expected.ino);
    expect(tree.lookInTrash('t')).toMatchObject({ ino: expected.ino, size: 3, mtimeUs: expected.mtimeUs });
    const kept = tree.openInTrash('t');
    expect(kept.before.ino).toBe(expected.ino);
    kept.close();
  });

  test.each(['placeOver', 'moveToTrash', 'replaceByLink'] as const)('R-A2: %s leaves what is not expected', (step) => {
    const { tree, user } = withFile(prepared);
    const run = (expected = lookNow(tree, 'f')) => {
      if (step === 'moveToTrash') return tree.moveToTrash('f', expected, 't');
      if (step === 'replaceByLink') return tree.replaceByLink('f', 'x', expected, 't').outcome;
      return tree.placeOver(stageText(tree, '', 'new'), 'f', expected, 't').outcome;
    };
    const old = lookNow(tree, 'f');
    for (const wrong of [{ ino: 1 }, { size: 4 }, { mtimeKey: 1 }, { ctimeKey: 1 }, { kind: 'link' as const }]) {
      expect(run({ ...old, ...wrong })).toBe('changed');
    }
    expect(user.read('root/f')).toBe('old');
    user.remove('root/f');
    expect(run(old)).toBe('absent');
    user.makeDirectory('root/f');
    expect(run(old)).toBe('changed');
    expect(run()).toBe('changed');
    expect(user.list('root')).toEqual(['f']);
    expect(user.list(trashPath)).toEqual([]);
  });

  test('a link is replaced by a file and a file by a link', () => {
    const { tree, user } = prepared();
    user.makeLink('/etc', 'root/l');
    done(tree.placeOver(stageText(tree, '', 'text'), 'l', lookNow(tree, 'l'), 't1'));
    expect(readAll(tree, 'l')).toBe('text');
    expect(tree.readLinkInTrash('t1')).toBe('/etc');
    const stat = done(tree.replaceByLink('l', 'target', lookNow(tree, 'l'), 't2'));
    expect(stat.kind).toBe('link');
    expect(user.readLink('root/l')).toBe('target');
    expect(tree.lookInTrash('t2')?.size).toBe(4);
    expect(user.list(stagePath)).toEqual([]);
  });
}

function meddling(prepared: () => Ground): void {
  test.each(['placeOver', 'replaceByLink'] as const)('R-A2: %s sees an atomic save after the first comparison', (step) => {
    const { tree, user, saveAtomically } = withFile(prepared);
    const expected = meddled(lookNow(tree, 'f'), saveAtomically);
    const placed =
      step === 'placeOver' ? tree.placeOver(stageText(tree, '', 'new'), 'f', expected, 't') : tree.replaceByLink('f', 'x', expected, 't');
    expect(placed).toEqual({ outcome: 'changed' });
    expect(user.read('root/f')).toBe('theirs');
    expect(user.list(trashPath)).toEqual([]);
  });

  test('R-A2: a write in place after the first comparison is seen, and a removal too', () => {
    const { tree, user } = withFile(prepared);
    const write = meddled(lookNow(tree, 'f'), () => user.write('root/f', 'longer than before'));
    expect(tree.placeOver(stageText(tree, '', 'new'), 'f', write, 't')).toEqual({ outcome: 'changed' });
    expect(user.read('root/f')).toBe('longer than before');
    const remove = meddled(lookNow(tree, 'f'), () => user.remove('root/f'));
    expect(tree.placeOver(stageText(tree, '', 'new'), 'f', remove, 't')).toEqual({ outcome: 'absent' });
    expect(user.list(trashPath)).toEqual([]);
  });

  test('what took the name of a file on its way to the trash is put back', () => {
    const { tree, user, saveAtomically } = withFile(prepared);
    expect(tree.moveToTrash('f', meddled(lookNow(tree, 'f'), saveAtomically), 't')).toBe('changed');
    expect(user.read('root/f')).toBe('theirs');
    expect(user.list(trashPath)).toEqual([]);
  });

  test('a directory that took the name of a file on its way to the trash is put back', () => {
    const { tree, user } = withFile(prepared);
    const becomeDirectory = () => {
      user.remove('root/f');
      user.makeDirectory('root/f/inner');
    };
    expect(tree.moveToTrash('f', meddled(lookNow(tree, 'f'), becomeDirectory), 't')).toBe('changed');
    expect(user.list('root/f')).toEqual(['inner']);
    expect(user.list(trashPath)).toEqual([]);
  });
}

function trash(prepared: () => Ground): void {
  test('files, links and hard links go to the trash and come back', () => {
    const { tree, user } = prepared();
    user.write('root/f', 'x');
    user.hardLink('root/f', 'root/g');
    user.makeLink('g', 'root/l');
    for (const name of ['f', 'l']) {
      const before = lookNow(tree, name);
      expect(tree.moveToTrash(name, before, `t-${name}`)).toBe('done');
      expect(tree.look(name)).toBeNull();
    }
    expect(user.read('root/g')).toBe('x');
    expect(tree.readLinkInTrash('t-l')).toBe('g');
    expect(tree.listTrash()).toEqual(['t-f', 't-l']);
    done(tree.restoreFromTrash('t-l', 'l'));
    expect(user.readLink('root/l')).toBe('g');
    expect(tree.restoreFromTrash('t-f', 'g')).toEqual({ outcome: 'occupied' });
    done(tree.restoreFromTrash('t-f', 'f'));
    expect(readAll(tree, 'f')).toBe('x');
    expect(tree.listTrash()).toEqual([]);
    expect(faultCode(() => tree.restoreFromTrash('t-f', 'h'))).toBe('absent');
  });

  test('a name of the trash is never used twice, and is one plain name', () => {
    const { tree, user } = withFile(prepared);
    expect(tree.moveToTrash('f', lookNow(tree, 'f'), 't')).toBe('done');
    user.write('root/f', 'second');
    expect(faultCode(() => tree.moveToTrash('f', lookNow(tree, 'f'), 't'))).toBe('io');
    expect(faultCode(() => tree.placeOver(stageText(tree, '', 'x'), 'f', lookNow(tree, 'f'), 't'))).toBe('io');
    for (const name of ['', '.', '..', '../stage', 'a/b']) expect(faultCode(() => tree.removeFromTrash(name))).toBe('unsupported');
    tree.removeFromTrash('t');
    tree.removeFromTrash('t');
    expect(tree.lookInTrash('t')).toBeNull();
  });
}

function together(prepared: () => Ground): void {
  test('R-A4: files of one directory are placed together, each with its own outcome', () => {
    const { tree, user } = prepared();
    user.makeDirectory('root/d');
    user.write('root/d/taken', 'here');
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
    const { tree, user } = prepared();
    user.makeDirectory('root/d');
    const files = ['a', 'b'].map((name) => ({ name, staged: stageText(tree, 'd', name) }));
    const [first, second] = files as [NewFile, NewFile];
    const moving = {
      staged: first.staged,
      get name() {
        if (user.list('root').includes('d')) user.rename('root/d', 'root/e');
        return first.name;
      },
    };
    expect(tree.placeAllNew('d', [moving, second])).toEqual([{ outcome: 'moved' }, { outcome: 'moved' }]);
  });
}
