import { memberKey } from '../model/keys.ts';
import type { Cycle } from './context.ts';
import { heartbeatBytesMax, repeatBeat } from './heartbeat.ts';

/** Stores tell when an object was written to the second. */
const clockTickMs = 1000;

/**
 * The bucket's time on which several answers agree, ms: the earliest that any of them allows. For what deletes by age: one answer may come
 * from a gateway whose clock is wrong, and what went for it does not come back. The own heartbeat is written once more, where this member
 * may write, since the store stamps it by another clock than that of its answers. Costs three requests. Throws DatastoreFault.
 */
export async function sureNowMs(cycle: Cycle): Promise<number> {
  const { datastore, journal, member } = cycle.ports;
  const told = [cycle.bucketNowMs()];
  const key = memberKey(cycle.share, member.id);
  const mayWrite = cycle.config.role !== 'subscriber' && !cycle.options.dryRun;
  const stamped = mayWrite && journal.meta('heartbeatText') !== undefined;
  if (stamped) await repeatBeat(cycle);
  for (let answers = 0; answers < 2; answers++) {
    const { value, dateMs } = await datastore.get(key, { bytesMax: heartbeatBytesMax });
    told.push(dateMs);
    if (stamped && value !== null) told.push(value.modifiedMs + clockTickMs);
  }
  const nowMs = Math.min(...told);
  cycle.heard(nowMs);
  return nowMs;
}
