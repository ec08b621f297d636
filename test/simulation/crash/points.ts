import { Violation } from '../violation.ts';
import type { Death } from '../world.ts';
import { Federation } from './federation.ts';
import type { Scenario } from './scenarios.ts';

export interface PointOfDeath {
  /** Number of the effect, from 1, of the victim's process. */
  readonly at: number;
  readonly death: Exclude<Death, null>;
}

export interface Recovered {
  /** What the process was at, for each of the deaths that came to pass. */
  readonly deaths: readonly string[];
  /** What stands in the end, by path. */
  readonly fold: ReadonlyMap<string, string>;
}

/** A newcomer at the end costs as much as everything else, so that not every point has one. */
const welcomeEvery = 6;

/**
 * Runs the scenario, with the first death in it and each further one in the recovery from the one before, until everybody is at rest with
 * all promises kept. Throws what is wrong, with the line of the trace where it was seen.
 */
export async function throughDeaths(scenario: Scenario, points: readonly PointOfDeath[]): Promise<Recovered> {
  const federation = new Federation(1);
  const deaths: string[] = [];
  try {
    await scenario.prepare(federation);
    const victim = scenario.victim(federation);
    if (points.length === 0) await scenario.act(federation);
    for (const [index, { at, death }] of points.entries()) {
      federation.doom(victim, at, death);
      await (index === 0 ? scenario.act(federation) : federation.run(victim));
      if (!federation.spare()) break;
      deaths.push(federation.died ?? '');
    }
    const last = points.at(-1)?.at ?? 0;
    return { deaths, fold: await federation.rest(last % welcomeEvery === 0) };
  } catch (error) {
    throw told(scenario, points, deaths, federation, error);
  } finally {
    federation.close();
  }
}

function told(
  scenario: Scenario,
  points: readonly PointOfDeath[],
  deaths: readonly string[],
  { world }: Federation,
  error: unknown,
): Violation {
  const ways = points.map(({ at, death }, index) => `${death} at effect ${at} (${deaths[index] ?? 'not reached'})`);
  const message = error instanceof Error ? error.message : String(error);
  return new Violation([`${scenario.name}, ${ways.join(', then ')}: ${message}`, ...world.scheduler.lastLines().slice(-40)].join('\n'));
}

/** A part of the points of a scenario. */
export interface Range {
  readonly from: number;
  readonly to: number;
  /** Hears of each point before it is tried. */
  readonly onPoint: (at: number) => void;
}

const everywhere: Range = { from: 1, to: Number.POSITIVE_INFINITY, onPoint: () => {} };

/** Every single point of the scenario, one after the other; returns the number of the last one. */
export async function dieEverywhere(scenario: Scenario, death: PointOfDeath['death'], range = everywhere): Promise<number> {
  const ends = await endsOf(scenario);
  for (let at = range.from; ; at++) {
    if (at > range.to) return range.to;
    range.onPoint(at);
    const recovered = await throughDeaths(scenario, [{ at, death }]);
    if (recovered.deaths.length === 0) return at - 1;
    assertEnd(scenario, [{ at, death }], recovered, ends);
  }
}

/** A second death at every point of the recovery from every first one; returns how many pairs there were. */
export async function dieTwiceEverywhere(
  scenario: Scenario,
  [first, second]: readonly [PointOfDeath['death'], PointOfDeath['death']],
): Promise<number> {
  const ends = await endsOf(scenario);
  for (let at = 1, pairs = 0; ; at++) {
    for (let again = 1; ; again++) {
      const points = [
        { at, death: first },
        { at: again, death: second },
      ];
      const recovered = await throughDeaths(scenario, points);
      if (recovered.deaths.length === 0) return pairs;
      assertEnd(scenario, points, recovered, ends);
      if (recovered.deaths.length === 1) break;
      pairs++;
    }
  }
}

/** What the scenario may come to: that of nobody's death, and where a person asks for something that of never having been asked. */
async function endsOf(scenario: Scenario): Promise<readonly string[]> {
  const undisturbed = await throughDeaths(scenario, []);
  if (scenario.asks === undefined) return [textOf(undisturbed.fold)];
  const unasked = await throughDeaths({ ...scenario, act: async () => {} }, []);
  return [undisturbed, unasked].map(({ fold }) => textOf(fold));
}

function textOf(fold: ReadonlyMap<string, string>): string {
  return JSON.stringify([...fold].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A death changes nothing about what comes of people's work. */
function assertEnd({ name }: Scenario, points: readonly PointOfDeath[], { deaths, fold }: Recovered, ends: readonly string[]): void {
  if (ends.includes(textOf(fold))) return;
  const ways = points.map(({ at, death }, index) => `${death} at effect ${at} (${deaths[index]})`).join(', then ');
  throw new Violation(`${name}, ${ways}: it ends with\n${textOf(fold)}\ninstead of\n${ends.join('\nor\n')}`);
}
