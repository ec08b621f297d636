import type { Sequence } from '../model/entry.ts';
import { noPrevious, type RecordHeader } from '../model/record.ts';
import { decodeRecord, recordHash } from '../model/record-decode.ts';
import type { SnapshotHead } from '../model/snapshot.ts';
import type { Journal } from '../ports/journal.ts';
import { type FetchedSnapshot, fetchSnapshot, type ListedSnapshot, lineageHolds, listSnapshots, load } from '../steps/load.ts';
import { fetchRecord, type LogListing } from '../steps/pull.ts';
import { breathing } from './breath.ts';
import type { Cycle } from './context.ts';
import { haltOf } from './lineage.ts';
import { settleByLineage } from './outbox.ts';
import { clearReadiness } from './readiness.ts';
import { loadingTheSnapshot, tellOthers } from './replay.ts';
import { blindUntil } from './suspect.ts';

/** A snapshot that saves fewer records than this is not worth its requests to a new member. */
const worthRecords = 20;
/** Snapshots that are tried, from the newest on; there are few, unless somebody else writes there. */
const triesMax = 8;

/**
 * - follow: the log goes on from the cursor, where it stood or where a snapshot put it. - halted.
 * - housekept: what is needed next left the log behind a snapshot, and no snapshot can be used.
 * - moved: a snapshot was housekept while it was read, so that the listing is too old to go on from. - stopped: the signal came.
 */
export type Bootstrapped = 'follow' | 'halted' | 'housekept' | 'moved' | 'stopped';

/**
 * Rule H3 and the horizon: a new member takes the newest snapshot where that saves enough, one that is behind the horizon must take one,
 * with its journal as base. Records that are missing without any snapshot are lost, not housekept: that is left to the log (rule B2).
 */
export async function bootstrap(cycle: Cycle, listing: LogListing): Promise<Bootstrapped> {
  const solid = solidFrom(listing);
  if (solid > cycle.cursor + 1) return await closeGap(cycle, listing, solid);
  if (cycle.cursor > 0 || listing.head < worthRecords) return 'follow';
  const taken = await takeSnapshot(cycle, listing.head, worthRecords, '');
  return goesOn(taken) ? 'follow' : taken;
}

/** Everything from `solid` on is in the log, and what this member needs before it is not. */
async function closeGap(cycle: Cycle, { listed, head }: LogListing, solid: Sequence): Promise<Bootstrapped> {
  const first = await readHeader(cycle, solid);
  if (first !== null && first.share !== cycle.inForce.share) {
    cycle.halt = haltOf(cycle.share, 'another-share', `record ${solid}, the first of ${listed.size} that are there`);
    return 'halted';
  }
  const taken = await takeSnapshot(cycle, head, solid - 1, `records ${cycle.cursor + 1} to ${solid - 1} are in the log no more`);
  if (taken === 'loaded') rememberHorizon(cycle.ports.journal, solid);
  if (!goesOn(taken)) return taken;
  if (taken !== 'unusable') return 'follow';
  noteHorizonOf(cycle, solid);
  return 'housekept';
}

function goesOn(taken: Taken): taken is Exclude<Taken, 'halted' | 'moved' | 'stopped'> {
  return taken !== 'halted' && taken !== 'moved' && taken !== 'stopped';
}

/** For a record that nobody can read: a snapshot that was made while it could be read covers it as well. True: one was loaded. */
export async function passOver(cycle: Cycle, head: Sequence): Promise<boolean> {
  const next = cycle.cursor + 1;
  return (await takeSnapshot(cycle, head, next, `record ${next} cannot be read`)) === 'loaded';
}

/** The lowest number from which the listing shows every record up to the head; 0 for an empty log. */
export function solidFrom({ listed, head }: LogListing): Sequence {
  let lowest = head;
  while (listed.has(lowest - 1)) lowest--;
  return lowest;
}

/** What a snapshot covers and the log has lost at its low end was housekept, and is neither put back nor asked for. */
export function isHousekept(journal: Journal, sequence: Sequence): boolean {
  return sequence < Number(journal.meta('horizon') ?? '1') || sequence <= (journal.snapshots().at(-1)?.upTo ?? 0);
}

/** Called with what a listing from `from` on shows, once the log has been read. */
export function noteHorizon(journal: Journal, listing: LogListing, from: Sequence): void {
  const solid = solidFrom(listing);
  if (solid > from && isHousekept(journal, solid - 1)) rememberHorizon(journal, solid);
}

function rememberHorizon(journal: Journal, solid: Sequence): void {
  if (Number(journal.meta('horizon') ?? '1') < solid) journal.setMeta('horizon', String(solid));
}

function noteHorizonOf(cycle: Cycle, solid: Sequence): void {
  cycle.note(
    'behind-horizon',
    null,
    `records ${cycle.cursor + 1} to ${solid - 1} are in the log no more, and no snapshot that covers them can be used; nothing newer is taken over`,
    'Run flocksync housekeep on a member that is up to date: it writes a new snapshot.',
  );
}

async function readHeader(cycle: Cycle, sequence: Sequence): Promise<RecordHeader | null> {
  const { limits } = cycle.inForce;
  const fetched = await fetchRecord(cycle.ports.datastore, cycle.share, sequence, limits);
  const decoded = fetched.found ? decodeRecord(fetched.bytes, limits) : null;
  return decoded?.ok && decoded.header.sequence === sequence ? decoded.header : null;
}

/** - stopped: the signal came. - none: the bucket has no snapshot of at least `least`. - unusable: it has, and none of them can be used, or - moved: not any more. */
type Taken = 'loaded' | 'halted' | 'none' | 'unusable' | 'moved' | 'stopped';

/** The newest snapshot that can be used and covers at least record `least`. `why` is told, except to a new member. */
async function takeSnapshot(cycle: Cycle, head: Sequence, least: Sequence, why: string): Promise<Taken> {
  const listed = await listSnapshots(cycle.ports.datastore, cycle.share);
  const candidates = listed.filter(({ upTo }) => upTo >= least && upTo <= head).reverse();
  let moved = false;
  for (const candidate of candidates.slice(0, triesMax)) {
    const taken = await tryOne(cycle, candidate, why);
    if (taken !== 'unusable' && taken !== 'moved') return taken;
    moved ||= taken === 'moved';
  }
  if (moved) return 'moved';
  return candidates.length === 0 ? 'none' : 'unusable';
}

async function tryOne(cycle: Cycle, listed: ListedSnapshot, why: string): Promise<Exclude<Taken, 'none'>> {
  const { ports, share } = cycle;
  const onBytes = (bytesDone: number, bytesTotal: number) =>
    ports.onProgress({ phase: loadingTheSnapshot, filesDone: 0, filesTotal: 1, bytesDone, bytesTotal });
  onBytes(0, listed.size);
  await tellOthers(cycle);
  const fetched = await fetchSnapshot({ ...ports, onBytes }, share, listed.key, cycle.inForce.share);
  if (!fetched.ok) {
    if (!fetched.newer) return await noteUnusable(cycle, listed, fetched.reason);
    cycle.halt = haltOf(share, 'newer-format', `the snapshot of record ${listed.upTo}: ${fetched.reason}`);
    return 'halted';
  }
  try {
    return await take(cycle, listed, fetched.snapshot, why);
  } finally {
    fetched.snapshot.remove();
  }
}

/** One that was housekept while it was read is no trouble. */
async function noteUnusable(cycle: Cycle, { upTo, id }: ListedSnapshot, reason: string): Promise<'unusable' | 'moved'> {
  const standing = await listSnapshots(cycle.ports.datastore, cycle.share);
  if (!standing.some((each) => each.id === id)) return 'moved';
  cycle.note(
    'snapshot-unusable',
    null,
    `the snapshot of record ${upTo} (${id}) cannot be used: ${reason}`,
    'Run flocksync housekeep on a member that is up to date: it writes a new snapshot.',
  );
  return 'unusable';
}

async function take(cycle: Cycle, listed: ListedSnapshot, snapshot: FetchedSnapshot, why: string): Promise<Exclude<Taken, 'none'>> {
  const { journal, log } = cycle.ports;
  const { head } = snapshot;
  if (!(await isAnchored(cycle, head))) return await noteUnusable(cycle, listed, 'it does not belong to this log');
  const before = cycle.cursor;
  // Rule L4: only a journal of this very history is a base.
  if (!lineageHolds(snapshot, before, journal.meta('cursorHash') ?? noPrevious)) {
    cycle.halt = haltOf(cycle.share, 'another-history', `record ${before} is not the one that the snapshot of record ${head.upTo} knows`);
    return 'halted';
  }
  clearReadiness(cycle);
  const { signal, lasting = signal } = cycle.options;
  const isWhole = await journal.gradually(
    function* () {
      settleByLineage(cycle, (sequence, hash) => lineageHolds(snapshot, sequence, hash));
      yield* load(journal, snapshot);
      distrust(cycle, before);
    },
    breathing(cycle.ports.time, lasting),
  );
  if (!isWhole) return 'stopped';
  cycle.format = head.format;
  log.debug({ step: 'load', share: cycle.share, sequence: head.upTo }, 'snapshot loaded');
  if (before > 0)
    cycle.events.push(
      `${why}; this member, at record ${before}, goes on from the snapshot of record ${head.upTo}, and keeps what was changed here`,
    );
  return 'loaded';
}

/** A snapshot proves itself by the log: the record behind it names its hash, or the record that it ends with has it. */
async function isAnchored(cycle: Cycle, { upTo, hash }: SnapshotHead): Promise<boolean> {
  const next = await readHeader(cycle, upTo + 1);
  if (next !== null) return next.previous === hash;
  const own = await fetchRecord(cycle.ports.datastore, cycle.share, upTo, cycle.inForce.limits);
  return own.found && recordHash(own.bytes) === hash;
}

/**
 * What the snapshot cannot tell any more: rule J3 needs every deletion since the last known position, rule J2 every version since the one
 * that a restored journal stands at. Beyond retention what is only here cannot be told from something that was deleted, unless it was
 * written after the other life of a restored disk was last heard of.
 */
function distrust(cycle: Cycle, before: Sequence): void {
  const { journal } = cycle.ports;
  const historyFromMs = Number(journal.meta('historyFromMs') ?? '0');
  const knowsAllSince = (sequence: Sequence) =>
    sequence >= cycle.cursor || (journal.record(sequence + 1)?.atMs ?? Number.NEGATIVE_INFINITY) >= historyFromMs;
  const since = Number(journal.meta('joinBase') ?? 'NaN');
  if (Number.isSafeInteger(since) && !knowsAllSince(since)) {
    journal.setMeta('joinBase', null);
    cycle.events.push(
      `the history of the share does not reach back to record ${since} any more: what is only on this member goes to the trash`,
    );
  }
  if (journal.meta('suspectBase') === '1' && !knowsAllSince(before)) journal.setMeta('suspectBase', blindUntil(cycle.otherLifeMs));
}
