import { expect, test } from 'vitest';
import { fromText } from '../../../src/model/path.ts';
import { all, contractOf, done, faultCode, type Ground, type Kind, lookNow, readAll, stageText } from './ground.ts';

const bytes = (...codes: number[]) => String.fromCharCode(...codes);
const hostile = [
  ' ',
  'two words ',
  'line\nbreak',
  '"\'`$(reboot)',
  '-rf',
  '--',
  '*?[a-z]{x}',
  '\\',
  'tab\there',
  bytes(0x7f, 0x1b),
  '...',
  fromText('café'),
  fromText('cafe\u0301'),
  bytes(0xff, 0xfe, 0x80),
  'x'.repeat(255),
  bytes(0xc3).repeat(255),
];

/** What stands where, and what is in it. */
export function listing(kind: Kind): void {
  contractOf('listing', kind, (prepared) => {
    names(prepared);
    directories(prepared);
    single(prepared);
  });
}

function names(prepared: () => Ground): void {
  test('every name is bytes: hostile names are listed, looked at, read, replaced and removed', () => {
    const { tree, user } = prepared();
    for (const name of hostile) done(tree.placeNew(stageText(tree, '', name), name));
    expect(tree.readDirectory('', all).names).toEqual([...hostile].sort());
    expect(user.list('root')).toEqual([...hostile].sort());
    for (const name of hostile) {
      expect(readAll(tree, name)).toBe(Buffer.from(name).toString('latin1'));
      done(tree.placeOver(stageText(tree, '', 'new'), name, lookNow(tree, name), 't1'));
      expect(readAll(tree, name)).toBe('new');
      expect(tree.moveToTrash(name, lookNow(tree, name), 't2')).toBe('done');
      tree.removeFromTrash('t1');
      tree.removeFromTrash('t2');
    }
    expect(user.list('root')).toEqual([]);
  });

  test('hostile names work as directories, links and link targets', () => {
    const { tree } = prepared();
    for (const name of hostile) {
      done(tree.makeDirectory(name, 0o755));
      done(tree.makeLink(`${name}/l`, name));
      expect(tree.readLink(`${name}/l`)).toBe(name);
      expect(tree.readDirectory(name, all).names).toEqual(['l']);
    }
  });

  test('sixty levels of long names are reached', () => {
    const { tree } = prepared();
    let path = '';
    for (let level = 0; level < 60; level++) {
      path = path === '' ? 'd'.repeat(60) : `${path}/${'d'.repeat(60)}`;
      done(tree.makeDirectory(path, 0o755));
    }
    done(tree.placeNew(stageText(tree, path, 'deep'), `${path}/f`));
    expect(readAll(tree, `${path}/f`)).toBe('deep');
  });

  test('what is no path below the root is refused', () => {
    const { tree } = prepared();
    for (const path of ['..', '../x', '/etc/passwd', 'a/../b', 'a//b', './a', 'a\0b', 'x'.repeat(256)]) {
      expect(faultCode(() => tree.look(path))).toBe('unsupported');
      expect(faultCode(() => tree.makeDirectory(path, 0o755))).toBe('unsupported');
    }
  });
}

function directories(prepared: () => Ground): void {
  test('the listing gives the same stat as a single look, and a digest that follows every change', () => {
    const { tree, user } = prepared();
    for (const name of ['a', 'b', 'c']) user.write(`root/${name}`, name);
    user.makeDirectory('root/d');
    user.makeLink('nowhere', 'root/l');
    user.makeFifo('root/p');
    const first = tree.readDirectory('', all);
    first.names.forEach((name, index) => {
      const { mtimeUs, links: _links, ...looked } = lookNow(tree, name);
      expect(first.statAt(index)).toEqual(looked);
      expect(Math.abs(mtimeUs - looked.mtimeKey)).toBeLessThanOrEqual(1);
    });
    expect(first.names.map((_, index) => first.statAt(index).kind)).toEqual(['file', 'file', 'file', 'dir', 'link', 'other']);
    expect(first.newestCtimeKey).toBe(Math.max(...first.names.map((_, index) => first.statAt(index).ctimeKey)));
    expect(tree.readDirectory('', all).digest).toBe(first.digest);
    user.touch('root/b', 5_000_000);
    expect(tree.readDirectory('', all).digest).not.toBe(first.digest);
    expect(() => first.statAt(6)).toThrow(RangeError);
    expect(tree.readDirectory('d', all)).toMatchObject({ names: [], newestCtimeKey: 0, skipped: 0 });
  });

  test('names are part of the digest, and not only stats', () => {
    const { tree, user } = prepared();
    user.write('root/ab', '');
    user.hardLink('root/ab', 'root/ac');
    const digestOf = (kept: string) => tree.readDirectory('', (name) => name === kept).digest;
    expect(digestOf('ab')).not.toBe(digestOf('ac'));
    expect(lookNow(tree, 'ab').links).toBe(2);
  });

  test('names that are not kept are neither looked at nor listed', () => {
    const { tree, user } = prepared();
    user.makeDirectory('root/cache');
    user.write('root/cache2', '');
    const listed = tree.readDirectory('', (name, isDirectory) => !(isDirectory && name.startsWith('cache')));
    expect(listed.names).toEqual(['cache2']);
    expect(listed.skipped).toBe(1);
  });

  test('R-D1: a name that goes between listing and look is vanished', () => {
    const { tree, user } = prepared();
    user.write('root/stays', '');
    user.write('root/goes', '');
    const listed = tree.readDirectory('', () => {
      user.remove('root/goes');
      return true;
    });
    expect(listed.names).toEqual(['stays']);
    expect(listed.vanished).toEqual(['goes']);
    expect(listed.statAt(0).kind).toBe('file');
  });

  test('an absent directory, a file and a link in its place are told apart', () => {
    const { tree, user } = prepared();
    user.write('root/f', '');
    user.makeDirectory('root/real');
    user.makeLink('real', 'root/l');
    expect(faultCode(() => tree.readDirectory('none', all))).toBe('absent');
    expect(faultCode(() => tree.readDirectory('f', all))).toBe('not-directory');
    expect(faultCode(() => tree.readDirectory('l', all))).toBe('not-directory');
    expect(tree.look('none')).toBeNull();
    expect(tree.look('')?.kind).toBe('dir');
    expect(faultCode(() => tree.look('none/below'))).toBe('absent');
    expect(faultCode(() => tree.look('f/below'))).toBe('not-directory');
  });
}

function single(prepared: () => Ground): void {
  test('opening a link, a directory, a fifo or nothing is a fault', () => {
    const { tree, user } = prepared();
    user.write('root/f', 'secret');
    user.makeLink('f', 'root/l');
    user.makeDirectory('root/d');
    user.makeFifo('root/p');
    expect(faultCode(() => tree.open('l'))).toBe('not-directory');
    expect(faultCode(() => tree.open('d'))).toBe('io');
    expect(faultCode(() => tree.open('p'))).toBe('io');
    expect(faultCode(() => tree.open('none'))).toBe('absent');
    expect(faultCode(() => tree.readLink('f'))).toBe('unsupported');
    expect(faultCode(() => tree.readLink('none'))).toBe('absent');
  });

  test('an open file tells that it changed after the first look, and can be skipped through', () => {
    const { tree, user } = prepared();
    user.write('root/f', 'one');
    const file = tree.open('f');
    expect(file.now()).toEqual(file.before);
    user.write('root/f', 'longer');
    expect(file.now().size).toBe(6);
    file.skip(2);
    const rest = Buffer.alloc(10);
    expect(rest.toString('latin1', 0, file.read(rest))).toBe('nger');
    expect(file.read(rest)).toBe(0);
    file.close();
    file.close();
  });

  test('a file that is open stays what it was when another takes its name', () => {
    const { tree, user } = prepared();
    user.write('root/f', 'old');
    const file = tree.open('f');
    user.save('root/f', 'new');
    user.write('root/g', 'g');
    expect([lookNow(tree, 'f').ino, lookNow(tree, 'g').ino]).not.toContain(file.before.ino);
    const buffer = Buffer.alloc(10);
    expect(buffer.toString('latin1', 0, file.read(buffer))).toBe('old');
    expect(file.now().links).toBe(0);
    file.close();
  });
}
