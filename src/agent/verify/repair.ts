import type { Hash } from '../../model/entry.ts';
import type { Payload } from '../../model/record.ts';
import type { Examined } from '../../model/verify.ts';
import { DatastoreFault } from '../../ports/datastore.ts';
import type { Cycle } from '../context.ts';
import type { Ingested } from '../ingest.ts';
import { openShare } from '../lineage.ts';
import { appendPayload, foldOwn, ring } from '../outbox.ts';
import { rememberPosition } from '../position.ts';
import { enterRoot } from '../root.ts';
import { contentsInQuestion, repairContents, retireBadPacks } from './repair-contents.ts';
import { repairDisk } from './repair-disk.ts';
import { repairFormat, repairRecords } from './repair-log.ts';
import { repairSnapshots } from './repair-snapshots.ts';
import type { Repair } from './under-way.ts';

/** What a repair has done. */
export interface Repaired {
  /** Sentences without their full stop, in the order of what was done. */
  readonly done: readonly string[];
  /** Contents that were found wanting, and those of files that are fetched again: worth another look. */
  readonly touched: readonly Hash[];
  /** Files whose right content the next apply brings. */
  readonly toFetch: number;
  /** Why nothing could be repaired, as a clause; null where it could be tried. */
  readonly stopped: string | null;
}

const racesMax = 100;

/**
 * Mends what an examination has found, as far as this member can: the log first, since everything else needs its end. The caller holds
 * the share's lock; what is to be fetched waits for a pull. Throws DatastoreFault.
 */
export async function repair(cycle: Cycle, examined: Examined, catchUp: () => Promise<Ingested['ended']>): Promise<Repaired> {
  const done: string[] = [];
  const touched = new Set<Hash>();
  let toFetch = 0;
  const append: Repair['append'] = async (payload) => await appendLast(cycle, payload, catchUp);
  const one: Repair = { cycle, examined, done, touched, catchUp, append };
  const mayWrite = cycle.config.role !== 'subscriber';
  const opened = (await enterRoot(cycle)) === 'usable' && (await openShare(cycle));
  if (opened) {
    for (const hash of contentsInQuestion(one)) touched.add(hash);
    if (mayWrite) await repairFormat(one);
    if (mayWrite) await repairRecords(one);
    if ((await catchUp()) === 'caught-up') {
      if (mayWrite) await repairContents(one);
      if (mayWrite) await retireBadPacks(one);
      if (mayWrite) await repairSnapshots(one);
      toFetch = await repairDisk(one);
    }
    cycle.ports.journal.flush();
    rememberPosition(cycle);
  }
  const stopped = opened ? null : (cycle.halt?.text ?? cycle.problems.at(-1)?.text ?? 'the share cannot be opened');
  return { done, touched: [...touched], toFetch, stopped };
}

async function appendLast(cycle: Cycle, payload: () => Payload | null, catchUp: () => Promise<Ingested['ended']>): Promise<number | null> {
  for (let races = 0; races < racesMax && !cycle.options.signal.aborted; races++) {
    const next = payload();
    if (next === null) return null;
    const settled = await appendPayload(cycle, next, []);
    if (settled !== 'lost') {
      foldOwn(cycle, settled, next, new Map());
      await ring(cycle);
      return settled.outbox.sequence;
    }
    if ((await catchUp()) !== 'caught-up') return null;
  }
  const fix = 'Run it again when fewer members publish at the same time.';
  throw new DatastoreFault('transient', 'conflict', 'other members append faster than this one', fix);
}
