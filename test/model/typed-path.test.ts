import { expect, test } from 'vitest';
import { insideRoot, unescaped } from '../../src/model/typed-path.ts';

test.each([
  ['x', 'x'],
  ['./x', 'x'],
  ['d//x/', 'd/x'],
  ['d/../x', 'x'],
  ['.', ''],
  ['/srv/web/d/x', 'd/x'],
  ['/srv//web/./x/', 'x'],
  ['/srv/web', ''],
  ['/srv/webx', undefined],
  ['/srv', undefined],
  ['..', undefined],
  ['../web/x', 'x'],
  ['../../etc', undefined],
  ['/../srv/web/x', 'x'],
])('%s', (typed, expected) => {
  expect(insideRoot(typed, '/srv/web')).toBe(expected);
});

test('a share of the whole file system', () => {
  expect(insideRoot('/etc/hosts', '/')).toBe('etc/hosts');
});

test('what is printed for stray bytes and control characters can be typed', () => {
  expect(unescaped('caf\\xe9\\n')).toBe('caf\xe9\n');
  expect(unescaped('a\\b')).toBe('a\\b');
});
