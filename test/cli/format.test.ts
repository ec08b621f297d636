import { expect, test } from 'vitest';
import {
  counted,
  formatBytes,
  formatCount,
  formatElapsed,
  formatMoment,
  formatRate,
  formatTable,
  printable,
  wrap,
} from '../../src/cli/format.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1 kB'],
  [1500, '1.5 kB'],
  [12_345, '12.3 kB'],
  [999_499, '999 kB'],
  [999_999, '1 MB'],
  [274_000_000, '274 MB'],
  [2_147_483_648, '2.15 GB'],
  [5e15, '5 PB'],
])('%i bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [-5, '0.0 s'],
  [0, '0.0 s'],
  [449, '0.4 s'],
  [9949, '9.9 s'],
  [9950, '10 s'],
  [59_499, '59 s'],
  [60_000, '1 min'],
  [185_000, '3 min 5 s'],
  [3_600_000, '1 h'],
  [7_800_000, '2 h 10 min'],
  [86_400_000, '1 d'],
  [442_800_000, '5 d 3 h'],
])('%i ms are %s', (ms, text) => {
  expect(formatElapsed(ms)).toBe(text);
});

test('counts, rates, moments', () => {
  expect([0, 999, 1000, 36_000, 1_234_567].map(formatCount)).toEqual(['0', '999', '1,000', '36,000', '1,234,567']);
  expect([counted(1, 'file'), counted(0, 'file'), counted(2, 'entry', 'entries')]).toEqual(['1 file', '0 files', '2 entries']);
  expect(formatRate(1_500_000)).toBe('1.5 MB/s');
  expect(formatMoment(0)).toBe('1970-01-01 00:00:00Z');
});

test('a table is aligned by characters and has no blanks at line ends', () => {
  const rows = [
    ['share', 'n', 'x'],
    ['größe', '12', ''],
    ['a', '3', 'y'],
  ];
  expect(formatTable(rows, [1])).toEqual(['share   n  x', 'größe  12', 'a       3  y']);
  expect(formatTable([])).toEqual([]);
});

test('text from elsewhere cannot steer a terminal', () => {
  expect(printable('a\x1b[2Jb\nü')).toBe('a\\x1b[2Jb\\nü');
});

test('words are wrapped, and a long one is not cut', () => {
  expect(wrap('a bb ccc dddddddd e', 6)).toEqual(['a bb', 'ccc', 'dddddddd', 'e']);
});
