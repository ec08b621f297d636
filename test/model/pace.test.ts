import { expect, test } from 'vitest';
import {
  adaptivePoll,
  lookPauseMs,
  outOfStep,
  pollPauseMs,
  relookPauseMs,
  troublePauseMs,
  vainPauseMs,
  wholeLookRestMs,
} from '../../src/model/pace.ts';

const minuteMs = 60_000;

test.each([
  { poll: adaptivePoll, quietMs: 0, pauseMs: 1000 },
  { poll: adaptivePoll, quietMs: 2 * minuteMs, pauseMs: 1000 },
  { poll: adaptivePoll, quietMs: 3 * minuteMs, pauseMs: 2000 },
  { poll: adaptivePoll, quietMs: 6 * minuteMs, pauseMs: 15_000 },
  { poll: adaptivePoll, quietMs: 1e12, pauseMs: 15_000 },
  { poll: { activeMs: 5000, idleMs: 5000 }, quietMs: 0, pauseMs: 5000 },
  { poll: { activeMs: 5000, idleMs: 5000 }, quietMs: 1e12, pauseMs: 5000 },
  { poll: { activeMs: 100, idleMs: 86_400_000 }, quietMs: 0, pauseMs: 100 },
  { poll: { activeMs: 100, idleMs: 86_400_000 }, quietMs: 1e12, pauseMs: 86_400_000 },
])('poll $poll after $quietMs ms of quiet: $pauseMs ms', ({ poll, quietMs, pauseMs }) => {
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

test('members that ask in step drift apart: a pause varies by a tenth', () => {
  expect(outOfStep(1000, 0)).toBeCloseTo(900);
  expect(outOfStep(1000, 0.5)).toBeCloseTo(1000);
  expect(outOfStep(1000, 0.999_999)).toBeLessThanOrEqual(1100);
});

test('what a look has left open is looked at again soon, then more and more rarely', () => {
  expect([0, 1, 2, 5, 20].map((looks) => relookPauseMs(1, looks))).toEqual([1000, 2000, 4000, 32_000, 60_000]);
  expect(relookPauseMs(500, 0)).toBe(5000);
});

test('events that lead to nothing start looks more and more rarely, a second apart at most', () => {
  expect([0, 3, 4, 5, 6, 30].map(vainPauseMs)).toEqual([0, 0, 50, 100, 200, 1000]);
});

test('what was lost waits for a tenth of the time that a look at everything takes, a minute at most', () => {
  expect([0, 30, 3000, 16_000, 1e9].map(wholeLookRestMs)).toEqual([0, 300, 30_000, 60_000, 60_000]);
});
