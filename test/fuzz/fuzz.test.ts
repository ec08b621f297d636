import { expect, test } from 'vitest';
import { attempt } from './attempt.ts';
import { targets } from './targets.ts';

/** So that no two targets see the same throws. `npm run fuzz` goes on from other numbers. */
const firstSeed = 1000;
/** A slow machine tries fewer inputs. */
const targetMs = 2500;

test.each(targets)(
  '$name: whatever comes is judged, soon, without an exception, and leads nowhere outside',
  async (target) => {
    const faults: string[] = [];
    const endMs = performance.now() + targetMs;
    for (let seed = firstSeed; seed < firstSeed + target.inputs && performance.now() < endMs && faults.length < 5; seed++) {
      const { fault } = await attempt(target, seed);
      if (fault !== null) faults.push(fault);
    }
    expect(faults).toEqual([]);
  },
  60_000,
);
