import { expect, test } from 'vitest';
import { systemRandom, systemTime } from '../../src/adapters/system.ts';

test('sleep ends with its time, and at once with an aborted signal', async () => {
  const start = systemTime.monotonicMs();
  await systemTime.sleep(20);
  expect(systemTime.monotonicMs() - start).toBeGreaterThanOrEqual(19);
  await systemTime.sleep(3_600_000, AbortSignal.abort());
  const controller = new AbortController();
  const sleeping = systemTime.sleep(30 * 86_400_000, controller.signal);
  controller.abort();
  await sleeping;
  await systemTime.sleep(0);
});

test('random bytes in hex, fractions in [0, 1)', () => {
  expect(systemRandom.hex(16)).toMatch(/^[0-9a-f]{32}$/);
  expect(systemRandom.hex(16)).not.toBe(systemRandom.hex(16));
  const fractions = Array.from({ length: 1000 }, () => systemRandom.fraction());
  expect(fractions.every((value) => value >= 0 && value < 1)).toBe(true);
  expect(Math.max(...fractions) - Math.min(...fractions)).toBeGreaterThan(0.5);
});
