import { expect, test } from 'vitest';
import { lookPauseMs, pollPauseMs, troublePauseMs } from '../../src/model/pace.ts';

const minuteMs = 60_000;

test.each([
  { poll: 'adaptive', quietMs: 0, pauseMs: 1000 },
  { poll: 'adaptive', quietMs: 2 * minuteMs, pauseMs: 1000 },
  { poll: 'adaptive', quietMs: 3 * minuteMs, pauseMs: 2000 },
  { poll: 'adaptive', quietMs: 6 * minuteMs, pauseMs: 15_000 },
  { poll: 'adaptive', quietMs: 1e12, pauseMs: 15_000 },
  { poll: 5000, quietMs: 0, pauseMs: 5000 },
  { poll: 5000, quietMs: 1e12, pauseMs: 5000 },
] as const)('poll $poll after $quietMs ms of quiet: $pauseMs ms', ({ poll, quietMs, pauseMs }) => {
  expect(pollPauseMs(poll, quietMs)).toBe(pauseMs);
});

test.each([
  { lookMs: 3, quietMs: 0, pauseMs: 1000 },
  { lookMs: 3, quietMs: 1e9, pauseMs: 1000 },
  { lookMs: 300, quietMs: 0, pauseMs: 3000 },
  { lookMs: 300, quietMs: 1e9, pauseMs: 15_000 },
  { lookMs: 3000, quietMs: 1e9, pauseMs: minuteMs },
])('a look of $lookMs ms after $quietMs ms of quiet: the next in $pauseMs ms', ({ lookMs, quietMs, pauseMs }) => {
  expect(lookPauseMs(lookMs, quietMs)).toBe(pauseMs);
});

test('trouble: pauses double up to a minute, and vary by half', () => {
  expect([0, 1, 2, 3].map((failures) => troublePauseMs(failures, 0))).toEqual([500, 1000, 2000, 4000]);
  expect(troublePauseMs(1000, 0)).toBe(30_000);
  expect(troublePauseMs(1000, 0.999_999)).toBeLessThanOrEqual(minuteMs);
});
