import { expect, test } from 'vitest';
import { lastWords, saysTheSame } from '../../src/model/said.ts';

test.each([
  ['', ''],
  ['\n\n', ''],
  ['one\ntwo\r\nthree\n', 'one; two; three'],
  ['\u001b[31mred\u001b[0m', 'red'],
  ['a\u0000b\u202ec', 'a b c'],
  ['\ufffd\ufffdx', 'x'],
])('%j becomes %j', (output, text) => expect(lastWords(output)).toBe(text));

test('of much the end is kept', () => {
  const text = lastWords(`${'x'.repeat(10_000)}\nthe reason 😀`, 50);
  expect([...text]).toHaveLength(50);
  expect(text).toMatch(/^…x+; the reason 😀$/);
});

test('numbers are no news, words are', () => {
  expect(saysTheSame('pid 123 at 08:15:01', 'pid 4567 at 09:00:00')).toBe(true);
  expect(saysTheSame('exit code 1: no such file', 'exit code 1: denied')).toBe(false);
});
