import type { Change } from '../model/change.ts';
import { farApartMs } from '../model/grace.ts';
import { unexcused } from '../model/guard.ts';
import { bellKey, logKey } from '../model/keys.ts';
import type { BytePath } from '../model/path.ts';
import { noPrevious, type Payload } from '../model/record.ts';
import { decodePayload, decodeRecord } from '../model/record-decode.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import type { DiskStamp, Outbox } from '../ports/journal.ts';
import { prepareAppend, type Settled, settleAppend } from '../steps/append.ts';
import { fold, refusal } from '../steps/fold.ts';
import type { Difference } from '../steps/plan.ts';
import { fetchRecord, type LogListing, listLog } from '../steps/pull.ts';
import type { Cycle } from './context.ts';
import { noteSeeding } from './decide.ts';
import { settleKept } from './owed.ts';

/** Appends any payload at the next number. Throws the fault when the store gives no answer; the outbox row waits for the next run. */
export async function appendPayload(cycle: Cycle, payload: Payload, notOnDisk: Outbox['notOnDisk']): Promise<Settled | 'lost'> {
  const { journal, member } = cycle.ports;
  const header = {
    share: cycle.inForce.share,
    author: { id: member.id, name: member.name },
    sequence: cycle.cursor + 1,
    previous: journal.meta('cursorHash') ?? noPrevious,
  };
  const extra = { freeAtMs: cycle.endSeenMs, notOnDisk };
  const refused = journal.transaction(() => refusal(journal, payload));
  if (refused !== undefined) throw new Error(`the record that was about to be written does not fit the log: ${refused}`);
  const outbox = await prepareAppend(cycle.ports, cycle.share, header, payload, cycle.inForce.limits, extra);
  cycle.ports.log.debug({ step: 'append', share: cycle.share, sequence: outbox.sequence }, 'record in the outbox');
  return await settle(cycle, outbox, false);
}

/** `resumed`: another process wrote the row, so only a listing shows that the record stands where it belongs (rule S3). */
async function settle(cycle: Cycle, outbox: Outbox, resumed: boolean): Promise<Settled | 'lost'> {
  const appended = await settleAppend(cycle.ports, cycle.share, outbox, farApartMs(cycle.inForce.historyMs), cycle.options.signal);
  if (appended.outcome === 'unsettled') throw appended.fault;
  if (appended.outcome === 'lost' || ((appended.confirm || resumed) && !(await confirmPlace(cycle, outbox)))) {
    cycle.ports.journal.dropOutbox();
    return 'lost';
  }
  cycle.heard(Math.max(appended.atMs, cycle.bucketNowMs()));
  cycle.endSeenMs = cycle.bucketNowMs();
  cycle.ports.log.debug({ step: 'record', share: cycle.share, sequence: outbox.sequence }, 'record is in the log');
  return appended;
}

/** Rule S3: predecessor, mine, and nothing or a chained successor; else the record strayed into a hole and is taken back. */
async function confirmPlace(cycle: Cycle, outbox: Outbox): Promise<boolean> {
  const { sequence, hash } = outbox;
  const { datastore } = cycle.ports;
  const listing = await listLog(datastore, cycle.share, Math.max(1, sequence - 1));
  cycle.heard(listing.dateMs);
  if (listing.listed.has(sequence) && (await standsInLog(cycle, listing, sequence, hash))) return true;
  await datastore.remove(logKey(cycle.share, sequence));
  return false;
}

/** - open: at the end of the log, or a record stands there. - hole: another history goes on behind it. - gone: the log begins further up. */
type Place = 'open' | 'hole' | 'gone';

/**
 * What became of the number of an earlier run (rule S3). A record that is put into a hole would be taken back at once, but who reads it in
 * between takes it for the log. What others have chained to is put back (rule B2).
 */
async function placeOf(cycle: Cycle, { sequence, hash }: Outbox): Promise<Place> {
  const { listed, head, dateMs } = await listLog(cycle.ports.datastore, cycle.share, sequence);
  cycle.heard(dateMs);
  if (head <= sequence || listed.has(sequence)) return 'open';
  if (!listed.has(sequence + 1)) return 'gone';
  const next = await previousIn(cycle, sequence + 1);
  return next === null || next === hash ? 'open' : 'hole';
}

/** What others have chained to stands, even where its predecessor was housekept since; at the head the predecessor is always there. */
async function standsInLog(cycle: Cycle, { listed, head }: LogListing, sequence: number, hash: string): Promise<boolean> {
  const next = listed.has(sequence + 1) ? await previousIn(cycle, sequence + 1) : null;
  if (next !== null) return next === hash;
  const follows = sequence === 1 || listed.has(sequence - 1);
  // A successor that cannot be read says nothing against us; records beyond a gap do.
  return follows && (head === sequence || listed.has(sequence + 1));
}

/** What a record names as its predecessor; null where it cannot be read. */
async function previousIn(cycle: Cycle, sequence: number): Promise<string | null> {
  const { limits } = cycle.inForce;
  const fetched = await fetchRecord(cycle.ports.datastore, cycle.share, sequence, limits);
  const decoded = fetched.found ? decodeRecord(fetched.bytes, limits) : null;
  return decoded?.ok ? decoded.header.previous : null;
}

/** The outbox row of a killed or unanswered run: the same bytes at the same number (rules S1, S2). */
export async function settleOutbox(cycle: Cycle): Promise<void> {
  const { journal, log } = cycle.ports;
  const outbox = journal.outbox();
  if (outbox === null) return;
  log.debug({ step: 'settle', share: cycle.share, sequence: outbox.sequence }, 'settling the record of an earlier run');
  if (outbox.sequence !== cycle.cursor + 1) {
    journal.dropOutbox();
    return;
  }
  const place = await placeOf(cycle, outbox);
  if (place === 'hole') journal.dropOutbox();
  if (place !== 'open') return;
  const settled = await settle(cycle, outbox, true);
  if (settled === 'lost') return;
  foldResumed(cycle, settled);
  await ring(cycle);
}

/**
 * The same where the log begins behind the number: `stood` says whether the lineage of a snapshot has the record. What it brought is then
 * known here, and no news of this disk if others have changed it since.
 */
export function settleByLineage(cycle: Cycle, stood: (sequence: number, hash: string) => boolean): void {
  const { journal } = cycle.ports;
  const outbox = journal.outbox();
  if (outbox === null) return;
  const isOurs = outbox.sequence === cycle.cursor + 1 && stood(outbox.sequence, outbox.hash);
  if (isOurs) foldResumed(cycle, { outcome: 'appended', outbox, atMs: cycle.bucketNowMs(), confirm: false });
  else journal.dropOutbox();
}

function foldResumed(cycle: Cycle, settled: Settled): void {
  const { journal } = cycle.ports;
  const { outbox } = settled;
  const decoded = decodeRecord(outbox.bytes, cycle.inForce.limits);
  const payload = decoded.ok ? decodePayload(decoded, outbox.body?.bytes ?? null, cycle.inForce.limits) : decoded;
  if (!payload.ok) throw new Error(`the outbox holds a record that is ${payload.verdict}: ${payload.reason}`);
  journal.transaction(() => {
    if (payload.payload.kind === 'changes' && outbox.notOnDisk !== null) noteLosses(cycle, payload.payload);
    foldOwn(cycle, settled, payload.payload, new Map());
    if (payload.payload.kind === 'changes') {
      settleKept(cycle, payload.payload.changes);
      journal.setMeta('openChangeset', payload.payload.more ? payload.payload.changeset : null);
    }
  });
}

function stampsOf(changes: readonly Change[], differences: ReadonlyMap<BytePath, Difference>): Map<BytePath, DiskStamp> {
  const stamps = new Map<BytePath, DiskStamp>();
  for (const { path } of changes) {
    const stamp = differences.get(path)?.look ?? null;
    if (stamp !== null) stamps.set(path, stamp);
  }
  return stamps;
}

/** Folds a settled own record: where the disk holds the entry it becomes the base, with the stat from before the read (rule D2). */
export function foldOwn(cycle: Cycle, settled: Settled, payload: Payload, differences: ReadonlyMap<BytePath, Difference>): void {
  const { journal } = cycle.ports;
  const { outbox } = settled;
  const decoded = decodeRecord(outbox.bytes, cycle.inForce.limits);
  if (!decoded.ok) throw new Error(`an own record is ${decoded.verdict}: ${decoded.reason}`);
  if (payload.kind === 'changes') noteSeeding(cycle);
  const stamps = payload.kind === 'changes' ? stampsOf(payload.changes, differences) : new Map<BytePath, DiskStamp>();
  const arrived = {
    header: decoded.header,
    hash: outbox.hash,
    bytes: outbox.bytes,
    body: outbox.body?.bytes ?? null,
    bodyId: outbox.body?.id ?? '',
    atMs: settled.atMs,
    payload,
  };
  const folded = fold(journal, arrived, outbox.notOnDisk === null ? null : { notOnDisk: new Set(outbox.notOnDisk), stamps });
  if (folded.verdict === 'bad')
    cycle.events.push(`record ${outbox.sequence} of this member is invalid and is passed over by every member: ${folded.reason}`);
  journal.dropOutbox();
  cycle.counts.records++;
}

/** Deletions and truncations that nothing excuses count in the rolling window of maxDelete (rule G2). */
export function noteLosses(cycle: Cycle, payload: Payload & { kind: 'changes' }): void {
  const { journal } = cycle.ports;
  const losses = [];
  for (const change of payload.changes) {
    const truncates = change.op === 'put' && change.entry.kind === 'file' && change.entry.size === 0;
    if (change.op !== 'delete' && !truncates) continue;
    const before = journal.agreed(change.path)?.entry ?? null;
    const isLost = before !== null && before.kind !== 'dir' && (!truncates || (before.kind === 'file' && before.size > 0));
    if (isLost) losses.push({ path: change.path, before, atMs: 0, truncation: truncates });
  }
  if (losses.length === 0) return;
  const files = payload.changes.flatMap((change) =>
    change.op === 'put' && change.entry.kind === 'file' ? [{ path: change.path, ...change.entry }] : [],
  );
  const appearing = files.filter(({ path }) => journal.agreed(path) === null);
  const counted = unexcused({ losses, appearing }).length;
  if (counted > 0) journal.noteDeletions(cycle.bucketNowMs(), counted);
}

/** Rule L8: a hint for daemons; a federation works without it. */
export async function ring(cycle: Cycle): Promise<void> {
  try {
    await cycle.ports.datastore.put(bellKey(), Buffer.from(cycle.ports.random.hex(16)));
    cycle.ports.log.debug({ step: 'bell', share: cycle.share }, 'bell rung');
  } catch (error) {
    if (!(error instanceof DatastoreFault)) throw error;
    cycle.ports.log.warn({ share: cycle.share, code: error.code }, 'the bell could not be rung');
  }
}
