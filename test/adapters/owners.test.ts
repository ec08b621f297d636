import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createOwners } from '../../src/adapters/owners.ts';
import { temporaryDirectory } from './temporary.ts';

function machine() {
  const directory = temporaryDirectory();
  const passwdFile = join(directory, 'passwd');
  const groupFile = join(directory, 'group');
  let nowMs = 0;
  writeFileSync(
    passwdFile,
    'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:\ntoor:x:0:0::/:\n+nis::::::\nbad\n# c:x:5:5\n7:x:70:70::/:\n',
  );
  writeFileSync(groupFile, 'root:x:0:\nwww-data:x:33:deploy,root\n');
  const owners = createOwners({ passwdFile, groupFile, privileged: true, time: { monotonicMs: () => nowMs } });
  return { owners, passwdFile, pass: (ms: number) => (nowMs += ms) };
}

test('names and ids', () => {
  const { owners } = machine();
  expect([owners.userName(33), owners.groupName(33), owners.userId('www-data'), owners.groupId('www-data')]).toEqual([
    'www-data',
    'www-data',
    33,
    33,
  ]);
});

test('of two names with one id the first counts, and both are known', () => {
  const { owners } = machine();
  expect([owners.userName(0), owners.userId('toor')]).toEqual(['root', 0]);
});

test('an unknown id is its decimal text, which is an id again', () => {
  const { owners } = machine();
  expect([owners.userName(1234), owners.userId('1234'), owners.groupName(99), owners.groupId('99')]).toEqual(['1234', 1234, '99', 99]);
});

test.each(['nobody-here', '', '-1', '4294967295', '99999999999', '1.5', '+nis', '# c', 'bad'])('%j is no user here', (name) => {
  expect(machine().owners.userId(name)).toBeUndefined();
});

test('a name of digits wins over the id', () => {
  expect(machine().owners.userId('7')).toBe(70);
});

test('a new user is seen within a second, and a moment without the file changes nothing', () => {
  const { owners, passwdFile, pass } = machine();
  expect(owners.userId('deploy')).toBeUndefined();
  writeFileSync(passwdFile, 'deploy:x:1000:1000::/:\n');
  expect(owners.userId('deploy')).toBeUndefined();
  pass(1000);
  expect(owners.userId('deploy')).toBe(1000);
  rmSync(passwdFile);
  pass(1000);
  expect(owners.userName(1000)).toBe('deploy');
});
