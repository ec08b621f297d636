import { expect, test } from 'vitest';
import {
  bellKey,
  bodyKey,
  formatKey,
  logKey,
  memberKey,
  packKey,
  parseLogKey,
  parseSnapshotKey,
  snapshotKey,
} from '../../src/model/keys.ts';

test('keys are those of the contract', () => {
  expect(bellKey()).toBe('bell');
  expect(formatKey('webroot')).toBe('webroot/format.json');
  expect(logKey('webroot', 42)).toBe('webroot/log/0000000000000042');
  expect(packKey('webroot', 'ab')).toBe('webroot/packs/ab');
  expect(bodyKey('webroot', 'ab')).toBe('webroot/bodies/ab');
  expect(memberKey('webroot', 'ab')).toBe('webroot/members/ab.json');
});

test('a snapshot key gives back what it was made of, and byte order is the order of what they cover', () => {
  const id = '0123456789abcdef'.repeat(2);
  expect(snapshotKey('webroot', 42, id)).toBe(`webroot/snapshots/0000000000000042-${id}`);
  expect(parseSnapshotKey(snapshotKey('a/b', 42, id))).toEqual({ share: 'a/b', upTo: 42, id });
  const keys = [9, 10, 99, 1000].map((upTo) => snapshotKey('s', upTo, id));
  expect([...keys].sort()).toEqual(keys);
  const others = [
    keys[0]?.toUpperCase(),
    `${keys[0]}0`,
    keys[0]?.slice(0, -1),
    `s/snapshots/${'0'.repeat(16)}-${id}`,
    logKey('s', 1),
    `/${id}`,
  ];
  expect(others.map((key) => parseSnapshotKey(key ?? ''))).toEqual(others.map(() => undefined));
  expect(() => snapshotKey('s', 0, id)).toThrow(RangeError);
});

test('a log key gives its number back, and byte order is number order', () => {
  const numbers = [1, 9, 10, 99, 1000, 2 ** 40, Number.MAX_SAFE_INTEGER];
  expect(numbers.map((number) => parseLogKey(logKey('log', number)))).toEqual(numbers.map((sequence) => ({ share: 'log', sequence })));
  const keys = numbers.map((number) => logKey('s', number));
  expect([...keys].sort()).toEqual(keys);
});

test.each([
  'webroot/log/42',
  'webroot/log/0000000000000000',
  'webroot/log/9999999999999999',
  'webroot/log/00000000000000042',
  'webroot/log/0000000000000042\n',
  'webroot/log/000000000000004x',
  'webroot/packs/0000000000000042',
  '/log/0000000000000042',
  'log/0000000000000042',
])('%j is no log key', (key) => {
  expect(parseLogKey(key)).toBeUndefined();
});

test.each([0, -1, 1.5, Number.NaN, 2 ** 53])('%d has no log key', (sequence) => {
  expect(() => logKey('s', sequence)).toThrow(RangeError);
});
