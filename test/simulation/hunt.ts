import { dieEverywhere, type PointOfDeath } from './crash/points.ts';
import { scenarios } from './crash/scenarios.ts';
import type { Emphasis } from './draws.ts';
import { Violation } from './violation.ts';
import { simulate } from './world.ts';

/** What a bug is looked for by: random seeds, or a death at each point of one scenario. */
export type Way =
  | { readonly by: 'seeds'; readonly emphasis: Emphasis }
  | { readonly by: 'points'; readonly scenario: string; readonly death: PointOfDeath['death'] };

export interface Found {
  /** The seed or the point, 0 for a point where it takes no death; null: no promise was broken. */
  readonly at: number | null;
  readonly text: string;
}

const nothing: Found = { at: null, text: '' };

/** The first of these seeds or points under which a promise is broken. */
export async function hunt(way: Way, from: number, to: number): Promise<Found> {
  return way.by === 'seeds' ? await bySeeds(way.emphasis, from, to) : await byPoints(way, from, to);
}

async function bySeeds(emphasis: Emphasis, from: number, to: number): Promise<Found> {
  const { members } = emphasis;
  for (let seed = from; seed <= to; seed++) {
    const { violation } = await simulate({ seed, emphasis, ...(members === undefined ? {} : { members }) });
    if (violation !== null) return { at: seed, text: firstLine(violation.text) };
  }
  return nothing;
}

async function byPoints({ scenario: name, death }: Way & { by: 'points' }, from: number, to: number): Promise<Found> {
  const scenario = scenarios.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(`no scenario of the crash points is called ${name}`);
  let at = 0;
  const onPoint = (point: number) => {
    at = point;
  };
  try {
    await dieEverywhere(scenario, death, { from: Math.max(1, from), to, onPoint });
    return nothing;
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return { at, text: firstLine(error.message) };
  }
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
