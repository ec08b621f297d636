import { afterAll, describe, expect, test } from 'vitest';
import { dieEverywhere, dieTwiceEverywhere } from './crash/points.ts';
import { scenarios, shortest } from './crash/scenarios.ts';

const told: string[] = [];
let tried = 0;

/** Says in the end what was tried. */
function note(what: string, points: number): void {
  tried += points;
  told.push(`${String(points).padStart(6)} ${what}`);
}

afterAll(() => console.log(`crash points tried: ${tried}\n${told.join('\n')}`));

describe.each(['killed', 'power-cut'] as const)(
  '%s at any effect of its own, a member finds its way back, and nothing is lost',
  (death) => {
    test.each(scenarios)('$name', { timeout: 300_000 }, async (scenario) => {
      const points = await dieEverywhere(scenario, death);
      expect(points).toBeGreaterThan(0);
      note(`${death}: ${scenario.name}`, points);
    });
  },
);

describe('a power cut at any effect of the recovery from any kill', () => {
  test.each(shortest)('$name', { timeout: 300_000 }, async (scenario) => {
    const pairs = await dieTwiceEverywhere(scenario, ['killed', 'power-cut']);
    expect(pairs).toBeGreaterThan(50);
    note(`twice: ${scenario.name}`, pairs);
  });
});
