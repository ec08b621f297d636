import { expect, test } from 'vitest';
import { type ExitCode, worst } from '../../src/cli/exit.ts';

test.each<[ExitCode[], ExitCode]>([
  [[], 0],
  [[0, 0], 0],
  [[0, 75], 75],
  [[75, 1], 1],
  [[1, 3, 75], 3],
  [[3, 2, 1], 2],
  [[2, 70, 75, 0], 70],
])('the worst of %j is %i', (codes, expected) => {
  expect(worst(codes)).toBe(expected);
  expect(worst([...codes].reverse())).toBe(expected);
});
