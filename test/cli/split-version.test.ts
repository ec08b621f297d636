import { expect, test } from 'vitest';
import { splitVersion } from '../../src/cli/restore.ts';

test.each<[string, [string, number, number] | undefined]>([
  ['x@3', ['x', 3, 0]],
  ['x@3~2', ['x', 3, 2]],
  ['a@b@3', ['a@b', 3, 0]],
  ['x@2@3', ['x@2', 3, 0]],
  ['new\nline@3', ['new\nline', 3, 0]],
  ['/abs/x@12', ['/abs/x', 12, 0]],
  ['.@12', ['.', 12, 0]],
  ['x', undefined],
  ['@3', undefined],
  ['x@', undefined],
  ['x@0', undefined],
  ['x@03', undefined],
  ['x@3~', undefined],
  ['x@3~0', undefined],
  ['x@3 ', undefined],
  ['x@1234567890123456', undefined],
])('%o', (typed, found) => {
  const split = splitVersion(typed);
  expect(split === undefined ? undefined : [split.path, split.version, split.k]).toEqual(found);
});
