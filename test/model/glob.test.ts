import { expect, test } from 'vitest';
import { parseGlob } from '../../src/model/glob.ts';

test.each<[string, string[], string[]]>([
  ['*', ['', 'a', '\na', '.x', 'a\nb'], ['a/b']],
  ['a?c', ['abc', 'a\nc'], ['ac', 'a/c', 'abbc']],
  ['[a-c]x', ['ax', 'cx'], ['dx', 'x', 'aax']],
  ['[!a-c]x', ['dx', '^x'], ['ax', '/x']],
  ['[]]', [']'], ['[]]']],
  ['[a', ['[a'], ['a']],
  ['[z-a]', ['[z-a]'], ['z']],
  ['{a,b*}c', ['ac', 'bc', 'bxc'], ['c', 'abc', '{a,b*}c']],
  ['{a}', ['{a}'], ['a']],
  ['a.b+(c)|$^', ['a.b+(c)|$^'], ['aXb+(c)|$^']],
  ['\\*', ['*'], ['a', '\\*']],
  ['a\\', ['a\\'], ['a']],
])('%j', (glob, matching, others) => {
  const parsed = parseGlob(glob);
  expect(matching.filter((name) => !parsed.matches(name))).toEqual([]);
  expect(others.filter((name) => parsed.matches(name))).toEqual([]);
});

test('a text without wildcards is a literal, free of its escapes', () => {
  expect(parseGlob('site\\[1\\]')).toMatchObject({ dynamic: false, literal: 'site[1]' });
  expect(parseGlob('site[1]').dynamic).toBe(true);
});
