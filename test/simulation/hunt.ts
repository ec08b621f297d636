import type { Emphasis } from './draws.ts';
import { simulate } from './world.ts';

export interface Found {
  /** Null: no promise was broken. */
  readonly seed: number | null;
  readonly text: string;
}

/** The first of the seeds under which a promise is broken. */
export async function hunt(seeds: readonly number[], emphasis: Emphasis): Promise<Found> {
  for (const seed of seeds) {
    const { members } = emphasis;
    const { violation } = await simulate({ seed, emphasis, ...(members === undefined ? {} : { members }) });
    if (violation !== null) return { seed, text: violation.text.split('\n')[0] ?? '' };
  }
  return { seed: null, text: '' };
}
