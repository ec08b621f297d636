import { expect, test } from 'vitest';
import { bellKey, bodyKey, formatKey, logKey, memberKey, packKey, parseLogKey } from '../../src/model/keys.ts';

test('keys are those of the contract', () => {
  expect(bellKey()).toBe('bell');
  expect(formatKey('webroot')).toBe('webroot/format.json');
  expect(logKey('webroot', 42)).toBe('webroot/log/0000000000000042');
  expect(packKey('webroot', 'ab')).toBe('webroot/packs/ab');
  expect(bodyKey('webroot', 'ab')).toBe('webroot/bodies/ab');
  expect(memberKey('webroot', 'ab')).toBe('webroot/members/ab.json');
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
