import { expect, test } from 'vitest';
import { parseWhen } from '../../src/cli/when.ts';

const utc = (...fields: [number, number, number, number?, number?, number?, number?]) => ({ atMs: Date.UTC(...fields) });
const local = (...fields: [number, number, number, number, number, number, number]) => ({ atMs: new Date(...fields).getTime() });

test.each<[string, object | undefined]>([
  ['2026-11-20T08:19:05.250Z', utc(2026, 10, 20, 8, 19, 5, 250)],
  ['2026-11-20T08:19:05.2501Z', utc(2026, 10, 20, 8, 19, 5, 250)],
  // To the end of the second that is named: stores tell no less.
  ['2026-11-20T08:19:05Z', utc(2026, 10, 20, 8, 19, 5, 999)],
  ['2026-11-20 08:19:05Z', utc(2026, 10, 20, 8, 19, 5, 999)],
  ['2026-11-20T08:19Z', utc(2026, 10, 20, 8, 19, 0, 999)],
  ['2026-11-20T08:19:05+02:00', utc(2026, 10, 20, 6, 19, 5, 999)],
  ['2026-11-20T08:19:05-0530', utc(2026, 10, 20, 13, 49, 5, 999)],
  ['2026-11-20', local(2026, 10, 20, 0, 0, 0, 999)],
  ['2026-07-01 12:30', local(2026, 6, 1, 12, 30, 0, 999)],
  ['2024-02-29', local(2024, 1, 29, 0, 0, 0, 999)],
  ['2h', { agoMs: 7_200_000 }],
  ['30m', { agoMs: 1_800_000 }],
  ['3d', { agoMs: 259_200_000 }],
  ['2026-02-30', undefined],
  ['2026-13-01', undefined],
  ['2026-11-20T25:00Z', undefined],
  ['2026-11-20T08:60Z', undefined],
  ['2026-11-20T08:19:05+25:00', undefined],
  ['2026-11-20Z', undefined],
  ['20261120', undefined],
  ['yesterday', undefined],
  ['2', undefined],
  ['', undefined],
])('%s', (text, when) => {
  expect(parseWhen(text)).toEqual(when);
});
