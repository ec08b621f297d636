import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../../src/model/duration.ts';

test.each([
  ['0s', 0],
  ['500ms', 500],
  ['10s', 10_000],
  ['10m', 600_000],
  ['24h', 86_400_000],
  ['30d', 2_592_000_000],
  ['007s', 7000],
  ['36500d', 36_500 * 86_400_000],
])('%s is %i ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '10', 's', '-1s', '1.5h', '10 s', ' 10s', '10s\n', '10S', '10M', '1w', '1h30m', '36501d', '1e3s', '9999999999999999s'])(
  '%j is no duration',
  (text) => {
    expect(parseDuration(text)).toBeUndefined();
  },
);

test('what is formatted is read back', () => {
  fc.assert(fc.property(fc.nat({ max: 3_000_000_000 }), (ms) => parseDuration(formatDuration(ms)) === ms));
  expect([0, 1500, 90_000, 7_200_000].map(formatDuration)).toEqual(['0s', '1500ms', '90s', '2h']);
});
