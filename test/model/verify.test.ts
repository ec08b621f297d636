import { expect, test } from 'vitest';
import { parseShareOf, runsOf } from '../../src/model/verify.ts';

const MiB = 1024 * 1024;
const place = (offset: number, length: number) => ({ offset, length });
const spans = (...places: { offset: number; length: number }[]) =>
  runsOf(places).map(({ offset, length, places: in_ }) => [offset, length, in_.length]);

test.each<[string, { offset: number; length: number }[], number[][]]>([
  ['nothing', [], []],
  ['one place', [place(5, 10)], [[5, 10, 1]]],
  ['neighbours', [place(0, 10), place(10, 5)], [[0, 15, 2]]],
  ['a small gap is read as well', [place(0, 10), place(100_000, 10)], [[0, 100_010, 2]]],
  [
    'a large gap is not',
    [place(0, 10), place(300_000, 10)],
    [
      [0, 10, 1],
      [300_000, 10, 1],
    ],
  ],
  [
    '4 MiB at most',
    [place(0, 3 * MiB), place(3 * MiB, MiB), place(4 * MiB, 1)],
    [
      [0, 4 * MiB, 2],
      [4 * MiB, 1, 1],
    ],
  ],
  [
    'unless one place is longer',
    [place(0, 9 * MiB), place(9 * MiB, 1)],
    [
      [0, 9 * MiB, 1],
      [9 * MiB, 1, 1],
    ],
  ],
  ['two descriptions of the same bytes', [place(0, 10), place(0, 4)], [[0, 10, 2]]],
])('runs: %s', (_, places, expected) => expect(spans(...places)).toEqual(expected));

test.each<[string, number | undefined]>([
  ['5%', 0.05],
  ['5', 0.05],
  ['0.5%', 0.005],
  ['100%', 1],
  ['0%', undefined],
  ['101%', undefined],
  ['-5%', undefined],
  ['5%%', undefined],
  ['1e1', undefined],
  ['', undefined],
])('a part of %s', (text, expected) => expect(parseShareOf(text)).toBe(expected));
