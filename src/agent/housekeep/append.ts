import type { Payload } from '../../model/record.ts';
import { appendPayload, foldOwn } from '../outbox.ts';
import type { Care } from './care.ts';

const racesMax = 20;

/**
 * Appends what `decide` says, and asks it again after every lost race: the winner's record may have changed the answer (rule S4).
 * Null of `decide` ends it; a spent budget does not, since what the record is about has been done by now. Returns the number of the
 * record; null without one.
 */
export async function appendDecided(care: Care, decide: () => Payload | null): Promise<number | null> {
  const { cycle } = care;
  for (let races = 0; races < racesMax && !care.stopped(); races++) {
    const payload = decide();
    if (payload === null) return null;
    const settled = await appendPayload(cycle, payload, []);
    if (settled !== 'lost') {
      foldOwn(cycle, settled, payload, new Map());
      care.appended++;
      return settled.outbox.sequence;
    }
    if (!(await care.catchUp())) return null;
  }
  care.stop();
  return null;
}
