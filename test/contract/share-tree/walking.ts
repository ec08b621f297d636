import { expect, test } from 'vitest';
import { all, contractOf, done, faultCode, type Ground, type Kind, lookNow, meddled, readAll, stageText } from './ground.ts';

/** The way to each path: no link is followed, and a directory or root that moves is noticed. */
export function walking(kind: Kind): void {
  contractOf('walking', kind, (prepared) => {
    links(prepared);
    moves(prepared);
    roots(prepared, kind);
  });
}

/** A share with a/b/f, an outside directory that looks the same, and every directory already visited. */
function outside(prepared: () => Ground) {
  const made = prepared();
  for (const top of ['root/a', 'outside']) {
    made.user.makeDirectory(`${top}/b`);
    made.user.write(`${top}/b/f`, top);
  }
  made.tree.readDirectory('a/b', all);
  return made;
}

function links(prepared: () => Ground): void {
  test('R-A4: a link put in the place of a directory is never followed, also where the directory was visited before', () => {
    const { tree, user } = outside(prepared);
    const staged = stageText(tree, 'a/b', 'new');
    const expected = lookNow(tree, 'a/b/f');
    user.rename('root/a', 'moved');
    user.makeLink('../outside', 'root/a');
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
    expect(user.list('outside/b')).toEqual(['f']);
    expect(user.list('moved/b')).toEqual(['f']);
    expect(user.read('outside/b/f')).toBe('outside');
  });

  test('R-A4: a link to the very directory that was moved away is not followed either', () => {
    const { tree, user } = outside(prepared);
    user.rename('root/a', 'moved');
    user.makeLink('../moved', 'root/a');
    expect(faultCode(() => tree.look('a/b/f'))).toBe('not-directory');
  });
}

function moves(prepared: () => Ground): void {
  test('a directory that was exchanged for a new one is read anew', () => {
    const { tree, user } = outside(prepared);
    user.rename('root/a', 'old');
    user.rename('outside', 'root/a');
    expect(readAll(tree, 'a/b/f')).toBe('outside');
    user.remove('root/a/b');
    expect(faultCode(() => tree.look('a/b/f'))).toBe('absent');
  });

  test('R-A4: a directory that moves while a file is put into it is told', () => {
    const { tree, user } = outside(prepared);
    const away = () => user.rename('root/a', 'root/z');
    const back = () => user.rename('root/z', 'root/a');
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

  test('R-G1: a root replaced in the middle of a cycle is not written to', () => {
    const { tree, user } = prepared();
    user.makeDirectory('root/a');
    const staged = stageText(tree, 'a', 'x');
    user.rename('root', 'away');
    user.makeDirectory('root/a');
    expect(tree.placeNew(staged, 'a/f')).toEqual({ outcome: 'moved' });
    expect(user.stat('root/a/f')).toBeNull();
  });
}

function roots(prepared: () => Ground, kind: Kind): void {
  test('R-G1: a root that is missing, no directory, replaced or emptied is told, and is never an absence', () => {
    const { tree, user } = kind.open();
    const first = tree.rootState();
    expect(first.state).toBe('present');
    user.rename('root', 'away');
    expect(faultCode(() => tree.look('f/g'))).not.toBe('none');
    expect(tree.rootState().state).toBe('missing');
    expect(faultCode(() => tree.look('f'))).toBe('io');
    expect(faultCode(() => tree.readDirectory('', all))).toBe('io');
    user.write('root', '');
    expect(tree.rootState().state).toBe('not-directory');
    user.remove('root');
    tree.createRoot();
    expect(faultCode(() => tree.createRoot())).toBe('io');
    const second = tree.rootState();
    expect(second.state === 'present' && first.state === 'present' && second.ino !== first.ino).toBe(true);
  });

  test('the configured root may be a link to a directory, and its target may change between cycles', () => {
    const { user, another } = prepared();
    user.makeDirectory('srv/site');
    user.write('srv/site/f', 'site');
    user.makeLink('srv/site', 'current');
    const tree = another('current');
    expect(tree.rootState().state).toBe('present');
    tree.prepareStaging();
    expect(user.list('srv')).toEqual(['.flocksync-web', 'site']);
    expect(readAll(tree, 'f')).toBe('site');
    user.remove('current');
    user.makeLink('root', 'current');
    tree.rootState();
    expect(tree.look('f')).toBeNull();
    done(tree.makeDirectory('d', 0o755));
    expect(user.list('root')).toEqual(['d']);
  });
}
