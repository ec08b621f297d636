import { expect, test } from 'vitest';
import { nearest } from '../../src/model/nearest.ts';

test.each([
  ['exclud', 'exclude'],
  ['exlcude', 'exclude'],
  ['EXCLUDE', 'exclude'],
  ['settlemax', 'settleMax'],
  ['settl', 'settle'],
  ['pat', 'path'],
  ['zzzzzz', undefined],
  ['', undefined],
])('%s → %s', (word, expected) => {
  expect(nearest(word, ['exclude', 'settle', 'settleMax', 'path', 'x'])).toBe(expected);
});
