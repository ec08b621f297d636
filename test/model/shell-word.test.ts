import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pathWord, shellWord } from '../../src/model/shell-word.ts';

test.each([
  ['wp-content/uploads/a.jpg@12', 'wp-content/uploads/a.jpg@12'],
  ['', "''"],
  ['a b', "'a b'"],
  ["it's", "'it'\\''s'"],
  ['$(reboot)', "'$(reboot)'"],
  ['~root', "'~root'"],
  ['caf\\xe9', "'caf\\xe9'"],
])('%j is the word %s', (text, word) => expect(shellWord(text)).toBe(word));

test('a path that begins with a dash is no flag', () => {
  expect([pathWord('-n'), pathWord('--share x')]).toEqual(['./-n', "'./--share x'"]);
});

test('a shell takes any text for one word, and for that text', () => {
  const texts = fc.sample(fc.string({ unit: fc.constantFrom(...` '"\\$\`!*?[]{}()<>|&;#~=-\nab`) }), 200);
  const printed = execFileSync('sh', ['-c', `printf '%s\\0' ${texts.map(shellWord).join(' ')}`]).toString();
  expect(printed.split('\0').slice(0, -1)).toEqual(texts);
});
