import { farApartMs } from '../model/grace.ts';
import { fetchRecord, judge } from '../steps/pull.ts';
import type { Cycle, CycleOptions } from './context.ts';
import { type Ingested, position, take } from './ingest.ts';

/** The log is listed at least this often, by the bucket's clock (rule L3). */
const listingMs = 5 * 60_000;
/** Above this many, a listing and reads side by side are faster. */
const recordsMax = 8;
/** What a poll has brought is what the log says now. */
const polledMs = 1000;

/**
 * Between two listings a process that has listed the log itself goes by its numbers: what stands right behind the cursor, and fits, is taken
 * in. Null where only a listing can tell: what stands there is no plain continuation, or this member's own id has written it (rule J4).
 */
export async function followOn(cycle: Cycle, how: CycleOptions['log']): Promise<Ingested | null> {
  const { memory } = cycle;
  if (how === undefined || how === 'list' || cycle.cursor === 0 || !isFresh(cycle, cycle.bucketNowMs())) return null;
  if (cycle.ports.journal.meta('joined') !== '1' || cycle.ports.journal.outbox() !== null) return null;
  if (how === 'known' && !cycle.caughtUp && memory.polled === null) return { ended: 'caught-up', head: cycle.cursor };
  for (let records = 0; records < recordsMax; records++) {
    const followed = await followOne(cycle);
    if (followed === 'end') return { ended: 'caught-up', head: cycle.cursor };
    if (followed === 'strange') return null;
  }
  return null;
}

/** A clock that has run ahead meanwhile is that of a machine that slept, or of another life of this one. */
function isFresh({ memory: { listedMs }, inForce }: Cycle, nowMs: number): boolean {
  return listedMs > 0 && nowMs >= listedMs && nowMs - listedMs < Math.min(listingMs, farApartMs(inForce.historyMs));
}

async function followOne(cycle: Cycle): Promise<'taken' | 'end' | 'strange'> {
  const { limits } = cycle.inForce;
  const fetched = polled(cycle) ?? (await fetchRecord(cycle.ports.datastore, cycle.share, cycle.cursor + 1, limits));
  cycle.heard(fetched.dateMs);
  if (!isFresh(cycle, fetched.dateMs)) return 'strange';
  if (!fetched.found) {
    cycle.endSeenMs = fetched.dateMs;
    return 'end';
  }
  const offer = judge(fetched, position(cycle), limits, false);
  if (offer.offer !== 'fits' || offer.header.author.id === cycle.ports.member.id) return 'strange';
  return take(cycle, cycle.cursor + 1, offer) ? 'taken' : 'strange';
}

function polled(cycle: Cycle) {
  const { polled: found } = cycle.memory;
  cycle.memory.polled = null;
  return found !== null && found.sequence === cycle.cursor + 1 && cycle.bucketNowMs() - found.fetched.dateMs < polledMs
    ? found.fetched
    : null;
}
