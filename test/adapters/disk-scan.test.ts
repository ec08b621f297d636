import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fromText } from '../../src/model/path.ts';
import { bench, done, faultCode, lookNow, readAll, stageText } from './disk-fixture.ts';

const all = () => true;
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

test('every name is bytes: hostile names are listed, looked at, read, replaced and removed', () => {
  const { tree, root } = bench();
  for (const name of hostile) done(tree.placeNew(stageText(tree, '', name), name));
  const listed = tree.readDirectory('', all);
  expect(listed.names).toEqual([...hostile].sort());
  expect(readdirSync(root, 'latin1').sort()).toEqual([...hostile].sort());
  for (const name of hostile) {
    expect(readAll(tree, name)).toBe(Buffer.from(name).toString('latin1'));
    done(tree.placeOver(stageText(tree, '', 'new'), name, lookNow(tree, name), 't1'));
    expect(readAll(tree, name)).toBe('new');
    expect(tree.moveToTrash(name, lookNow(tree, name), 't2')).toBe('done');
    tree.removeFromTrash('t1');
    tree.removeFromTrash('t2');
  }
  expect(readdirSync(root)).toEqual([]);
});

test('hostile names work as directories, links and link targets', () => {
  const { tree } = bench();
  for (const name of hostile) {
    done(tree.makeDirectory(name, 0o755));
    done(tree.makeLink(`${name}/l`, name));
    expect(tree.readLink(`${name}/l`)).toBe(name);
    expect(tree.readDirectory(name, all).names).toEqual(['l']);
  }
});

test('sixty levels of long names are reached', () => {
  const { tree } = bench();
  let path = '';
  for (let level = 0; level < 60; level++) {
    path = path === '' ? 'd'.repeat(60) : `${path}/${'d'.repeat(60)}`;
    done(tree.makeDirectory(path, 0o755));
  }
  done(tree.placeNew(stageText(tree, path, 'deep'), `${path}/f`));
  expect(readAll(tree, `${path}/f`)).toBe('deep');
});

test('the listing gives the same stat as a single look, and a digest that follows every change', () => {
  const { tree, root } = bench();
  for (const name of ['a', 'b', 'c']) writeFileSync(join(root, name), name);
  mkdirSync(join(root, 'd'));
  symlinkSync('nowhere', join(root, 'l'));
  const first = tree.readDirectory('', all);
  first.names.forEach((name, index) => {
    const { mtimeUs, links: _links, ...looked } = lookNow(tree, name);
    expect(first.statAt(index)).toEqual(looked);
    expect(Math.abs(mtimeUs - looked.mtimeKey)).toBeLessThanOrEqual(1);
  });
  expect(first.names.map((_, index) => first.statAt(index).kind)).toEqual(['file', 'file', 'file', 'dir', 'link']);
  expect(first.newestCtimeKey).toBe(Math.max(...first.names.map((_, index) => first.statAt(index).ctimeKey)));
  expect(tree.readDirectory('', all).digest).toBe(first.digest);
  utimesSync(join(root, 'b'), 5, 5);
  expect(tree.readDirectory('', all).digest).not.toBe(first.digest);
  expect(() => first.statAt(5)).toThrow(RangeError);
});

test('names are part of the digest, and not only stats', () => {
  const { tree, root } = bench();
  writeFileSync(join(root, 'ab'), '');
  linkSync(join(root, 'ab'), join(root, 'ac'));
  const digestOf = (kept: string) => tree.readDirectory('', (name) => name === kept).digest;
  expect(digestOf('ab')).not.toBe(digestOf('ac'));
});

test('names that are not kept are neither looked at nor listed', () => {
  const { tree, root } = bench();
  mkdirSync(join(root, 'cache'));
  writeFileSync(join(root, 'cache2'), '');
  const listing = tree.readDirectory('', (name, isDirectory) => !(isDirectory && name.startsWith('cache')));
  expect(listing.names).toEqual(['cache2']);
  expect(listing.skipped).toBe(1);
});

test('R-D1: a name that goes between listing and look is vanished, and the working directory is as before', () => {
  const { tree, root } = bench();
  writeFileSync(join(root, 'stays'), '');
  writeFileSync(join(root, 'goes'), '');
  const before = process.cwd();
  const listing = tree.readDirectory('', () => {
    rmSync(join(root, 'goes'), { force: true });
    return true;
  });
  expect(listing.names).toEqual(['stays']);
  expect(listing.vanished).toEqual(['goes']);
  expect(listing.statAt(0).kind).toBe('file');
  expect(process.cwd()).toBe(before);
});

test('an absent directory, a file and a link in its place are told apart', () => {
  const { tree, root } = bench();
  writeFileSync(join(root, 'f'), '');
  mkdirSync(join(root, 'real'));
  symlinkSync('real', join(root, 'l'));
  expect(faultCode(() => tree.readDirectory('none', all))).toBe('absent');
  expect(faultCode(() => tree.readDirectory('f', all))).toBe('not-directory');
  expect(faultCode(() => tree.readDirectory('l', all))).toBe('not-directory');
  expect(tree.look('none')).toBeNull();
  expect(faultCode(() => tree.look('none/below'))).toBe('absent');
  expect(faultCode(() => tree.look('f/below'))).toBe('not-directory');
});

test('fifos and sockets are "other", and opening them neither waits nor succeeds', async () => {
  const { tree, root } = bench();
  execFileSync('mkfifo', [join(root, 'fifo')]);
  const server = createServer().listen(join(root, 'socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  const listing = tree.readDirectory('', all);
  expect(listing.names.map((_, index) => listing.statAt(index).kind)).toEqual(['other', 'other']);
  expect(faultCode(() => tree.open('fifo'))).toBe('io');
  expect(faultCode(() => tree.open('socket'))).toBe('io');
  await new Promise((resolve) => server.close(resolve));
});

test('opening a link, a directory or nothing is a fault', () => {
  const { tree, root } = bench();
  writeFileSync(join(root, 'f'), 'secret');
  symlinkSync('f', join(root, 'l'));
  mkdirSync(join(root, 'd'));
  expect(faultCode(() => tree.open('l'))).not.toBe('none');
  expect(faultCode(() => tree.open('d'))).toBe('io');
  expect(faultCode(() => tree.open('none'))).toBe('absent');
});

test('an open file tells that it changed after the first look', () => {
  const { tree, root } = bench();
  writeFileSync(join(root, 'f'), 'one');
  const file = tree.open('f');
  expect(file.now()).toEqual(file.before);
  writeFileSync(join(root, 'f'), 'longer');
  expect(file.now().size).toBe(6);
  file.close();
  file.close();
});

test('what is no path below the root is refused', () => {
  const { tree } = bench();
  for (const path of ['..', '../x', '/etc/passwd', 'a/../b', 'a//b', './a', 'a\0b', 'x'.repeat(256)]) {
    expect(faultCode(() => tree.look(path))).toBe('unsupported');
    expect(faultCode(() => tree.makeDirectory(path, 0o755))).toBe('unsupported');
  }
});
