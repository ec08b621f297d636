import { createHash } from 'node:crypto';
import { bodyKey, logKey } from '../model/keys.ts';
import { noPrevious } from '../model/record.ts';
import { decodeRecord, recordHash } from '../model/record-decode.ts';
import type { Listed } from '../ports/datastore.ts';
import type { RecordRow } from '../ports/journal.ts';
import { passOver as fillPlace, fold } from '../steps/fold.ts';
import type { Fetched, LogListing, Offer, Position } from '../steps/pull.ts';
import { fetchRecord, findApproval, judge, listLog, requestKey } from '../steps/pull.ts';
import { bootstrap, isHousekept, noteHorizon, passOver } from './bootstrap.ts';
import type { Cycle } from './context.ts';
import { haltOf, putFormatBack } from './lineage.ts';
import { noteAbsence } from './readiness.ts';
import { readingTheLog, tellOthers } from './replay.ts';

/** Records behind the cursor that each listing checks as well: it costs nothing and finds damage while somebody still has the bytes. */
const lookBack = 50;
const readsAhead = 8;
const recordsKept = 200;
/** Own or ingested records whose object is read once more after the first listing that shows it. */
const verifiedPerListing = 4;

/** What a pull ended with. `stuck`: a record is unavailable; nothing may be appended, what was ingested before can be applied. */
export type Ingested = { readonly ended: 'caught-up' | 'halted' | 'stuck'; readonly head: number };

/** Listings begun anew because the snapshot went while it was read: by then a newer one stood for as long as its predecessor was kept. */
const movesMax = 3;

/** One listing from a little before the cursor, then every record behind it in order (rules L3, B1, B2). */
export async function ingestAll(cycle: Cycle, beforeReplay: () => Promise<void>, moves = 0): Promise<Ingested> {
  const { ports } = cycle;
  cycle.memory.listedMs = 0;
  cycle.memory.polled = null;
  const from = Math.max(1, cycle.cursor - lookBack);
  const listing = await listLog(ports.datastore, cycle.share, from);
  cycle.heard(listing.dateMs);
  const lost: RecordRow[] = [];
  if (!(await verifyKnown(cycle, listing, from, lost))) return { ended: 'halted', head: listing.head };
  noteAbsence(cycle, listing.head);
  if (listing.head > cycle.cursor) await beforeReplay();
  const bootstrapped = await bootstrap(cycle, listing);
  if (bootstrapped === 'stopped') return { ended: 'stuck', head: listing.head };
  if (bootstrapped === 'halted') return { ended: 'halted', head: listing.head };
  if (bootstrapped === 'moved' && moves < movesMax) return await ingestAll(cycle, () => Promise.resolve(), moves + 1);
  for (const sequence of listing.requested) await answerRequest(cycle, sequence);
  const ingested = bootstrapped === 'housekept' ? { ended: 'stuck' as const, head: listing.head } : await follow(cycle, listing);
  cycle.endSeenMs = listing.dateMs;
  cycle.memory.listedMs = ingested.ended === 'caught-up' ? listing.dateMs : 0;
  if (ingested.ended === 'halted') return ingested;
  noteHorizon(ports.journal, listing, from);
  // Only the whole log tells whether a record that is missing was housekept.
  for (const row of lost) if (!isHousekept(ports.journal, row.sequence)) await putBack(cycle, row);
  return ingested;
}

/** A record that cannot be read is asked for, unless a snapshot covers it. */
async function follow(cycle: Cycle, { head, requested }: LogListing): Promise<Ingested> {
  const ingested = await ingestUpTo(cycle, head);
  if (ingested.ended !== 'stuck') return ingested;
  if (await passOver(cycle, head)) {
    cycle.withdraw(({ code }) => code === 'record-unavailable');
    return await ingestUpTo(cycle, head);
  }
  if (cycle.halt !== null) return { ended: 'halted', head };
  if (!requested.includes(cycle.cursor + 1)) await requestRecord(cycle, cycle.cursor + 1);
  return ingested;
}

/** The idle poll of a daemon: one GET of the next number. */
export async function pollNext(cycle: Cycle): Promise<boolean> {
  const sequence = cycle.cursor + 1;
  const fetched = await fetchRecord(cycle.ports.datastore, cycle.share, sequence, cycle.inForce.limits);
  cycle.heard(fetched.dateMs);
  if (!fetched.found) cycle.endSeenMs = fetched.dateMs;
  cycle.memory.polled = fetched.found ? { sequence, fetched } : null;
  return fetched.found;
}

async function ingestUpTo(cycle: Cycle, head: number): Promise<Ingested> {
  const { ports } = cycle;
  const limits = cycle.inForce.limits;
  const ahead = new Map<number, Promise<Fetched>>();
  let next = cycle.cursor + 1;
  while (cycle.cursor < head) {
    for (next = Math.max(next, cycle.cursor + 1); next <= head && next <= cycle.cursor + readsAhead; next++) {
      const reading = fetchRecord(ports.datastore, cycle.share, next, limits);
      reading.catch(() => undefined);
      ahead.set(next, reading);
    }
    const sequence = cycle.cursor + 1;
    const fetched = await (ahead.get(sequence) as Promise<Fetched>);
    ahead.delete(sequence);
    cycle.heard(fetched.dateMs);
    const offer = await weigh(cycle, sequence, judge(fetched, position(cycle), limits, sequence < head));
    if (!take(cycle, sequence, offer)) return { ended: offer.offer === 'halt' ? 'halted' : 'stuck', head };
    ports.onProgress({ phase: readingTheLog, filesDone: cycle.cursor, filesTotal: head });
    await tellOthers(cycle);
  }
  if (head > 0) ports.journal.keepRecordBytes(recordsKept);
  return { ended: 'caught-up', head };
}

export function position(cycle: Cycle): Position {
  const { journal } = cycle.ports;
  return { cursor: cycle.cursor, hash: journal.meta('cursorHash') ?? noPrevious, shareId: cycle.inForce.share };
}

/** A damaged record may have been given up by a person. */
async function weigh(cycle: Cycle, sequence: number, offer: Offer): Promise<Offer> {
  if (offer.offer !== 'unavailable' || offer.stored === null) return offer;
  const { datastore } = cycle.ports;
  const approval = await findApproval(datastore, cycle.share, sequence, offer.stored, cycle.inForce.limits);
  if (approval === null) return offer;
  return { offer: 'given-up', reason: offer.reason, hash: approval.hash, bytes: offer.stored, atMs: cycle.bucketNowMs() };
}

/** False when the log cannot be followed beyond this number for now. */
export function take(cycle: Cycle, sequence: number, offer: Offer): boolean {
  const { journal, log } = cycle.ports;
  if (offer.offer === 'fits') {
    const folded = fold(journal, offer, null);
    cycle.counts.records++;
    log.debug({ step: 'ingest', share: cycle.share, sequence }, 'record ingested');
    if (folded.verdict === 'bad') tellBad(cycle, sequence, offer.header.author.name, folded.reason);
    return true;
  }
  if (offer.offer === 'bad' || offer.offer === 'given-up') {
    fillPlace(journal, sequence, offer.bytes, offer.hash, offer.atMs, offer.offer === 'bad' ? 'bad' : 'skipped', offer.reason);
    if (offer.offer === 'bad') tellBad(cycle, sequence, offer.author, offer.reason);
    else cycle.events.push(`record ${sequence} was given up by an approval and is passed over (${offer.reason})`);
    return true;
  }
  if (offer.offer === 'halt') cycle.halt = haltOf(cycle.share, offer.code, offer.reason);
  if (offer.offer === 'unavailable') {
    cycle.note(
      'record-unavailable',
      null,
      `record ${sequence} of the log cannot be used (${offer.reason}); nothing newer is taken over until it is back`,
      `A member that has it puts it back by itself at its next sync. If none has it, run: flocksync approve record-${sequence} --share ${cycle.share}`,
    );
  }
  return false;
}

function tellBad(cycle: Cycle, sequence: number, author: string, reason: string): void {
  cycle.events.push(`record ${sequence} by ${author} is invalid and is passed over by every member: ${reason}`);
}

/**
 * The listing must still show what this member knows (rule L3). A damaged record that this member holds is put back in identical bytes
 * (rule B2); what is missing goes to `lost`. False = halted.
 */
async function verifyKnown(cycle: Cycle, { listed, head }: LogListing, from: number, lost: RecordRow[]): Promise<boolean> {
  const { journal } = cycle.ports;
  if (head < cycle.cursor) return await confirmShorter(cycle);
  let reads = 0;
  for (let sequence = cycle.cursor; sequence >= from && sequence > 0; sequence--) {
    const row = journal.record(sequence);
    if (row === null) continue;
    const object = listed.get(sequence);
    if (object === undefined) lost.push(row);
    else if (!sameObject(row, object)) {
      // What a snapshot brought could not be put back from here.
      const mendable = reads < verifiedPerListing && journal.recordBytes(sequence) !== null;
      if (sequence !== cycle.cursor && !mendable) continue;
      reads++;
      if (!(await verifyObject(cycle, row, object))) return false;
    }
  }
  return true;
}

function sameObject(row: RecordRow, object: Listed): boolean {
  return row.objectTag === object.tag && row.objectSize === object.size && row.objectModifiedMs === object.modifiedMs && object.tag !== '';
}

/** One listing may have been served from elsewhere; the record at the cursor is asked for by name before the share halts. */
async function confirmShorter(cycle: Cycle): Promise<boolean> {
  const fetched = await fetchRecord(cycle.ports.datastore, cycle.share, cycle.cursor, cycle.inForce.limits);
  if (fetched.found && recordHash(fetched.bytes) === cycle.ports.journal.meta('cursorHash')) return true;
  cycle.halt = haltOf(cycle.share, 'log-shorter', `record ${cycle.cursor} is missing`);
  return false;
}

async function verifyObject(cycle: Cycle, row: RecordRow, object: Listed): Promise<boolean> {
  const { journal } = cycle.ports;
  const held = journal.recordBytes(row.sequence);
  const md5 = held === null ? '' : createHash('md5').update(held).digest('hex');
  if (held === null || object.tag.replaceAll('"', '') !== md5) {
    const fetched = await fetchRecord(cycle.ports.datastore, cycle.share, row.sequence, cycle.inForce.limits);
    if (!fetched.found || recordHash(fetched.bytes) !== row.hash) return await differs(cycle, row, fetched);
  }
  journal.setRecordObject(row.sequence, object.size, object.modifiedMs, object.tag);
  return true;
}

/** Damage is repaired, and so is a record of this share in another's place; another valid record is another history. */
async function differs(cycle: Cycle, row: RecordRow, fetched: Fetched): Promise<boolean> {
  const decoded = fetched.found ? decodeRecord(fetched.bytes, cycle.inForce.limits) : null;
  const foreign = decoded?.ok && decoded.header.share !== cycle.inForce.share;
  const misplaced = decoded?.ok && !foreign && decoded.header.sequence !== row.sequence;
  if (decoded === null || misplaced || (!decoded.ok && decoded.verdict === 'damaged')) {
    if (fetched.found && (await isGivenUp(cycle, row.sequence, fetched.bytes))) return haltAtGivenUp(cycle, row.sequence);
    await putBack(cycle, row);
    return true;
  }
  cycle.halt = haltOf(
    cycle.share,
    foreign ? 'another-share' : 'another-history',
    `record ${row.sequence} is not the one this member knows`,
  );
  return false;
}

/** Putting the record back now would cut the log off right behind it, for every member. */
function haltAtGivenUp(cycle: Cycle, sequence: number): false {
  cycle.halt = haltOf(cycle.share, 'another-history', `record ${sequence}, which this member holds, was given up by an approval`);
  return false;
}

async function isGivenUp(cycle: Cycle, sequence: number, stored: Buffer): Promise<boolean> {
  return (await findApproval(cycle.ports.datastore, cycle.share, sequence, stored, cycle.inForce.limits)) !== null;
}

/** Rule B2: whoever holds a record puts identical bytes back. What nobody holds is found by those who still need it. */
async function putBack(cycle: Cycle, row: RecordRow): Promise<void> {
  const { datastore, journal, log } = cycle.ports;
  const bytes = journal.recordBytes(row.sequence);
  if (bytes === null || row.verdict === 'skipped' || cycle.config.role === 'subscriber' || cycle.options.dryRun) return;
  await datastore.put(logKey(cycle.share, row.sequence), bytes);
  log.warn({ step: 'ingest', share: cycle.share, sequence: row.sequence }, 'a damaged or missing record was put back');
}

/** Rule B2, asking: the others see it in their next listing. */
async function requestRecord(cycle: Cycle, sequence: number): Promise<void> {
  if (cycle.config.role === 'subscriber' || cycle.options.dryRun) return;
  await cycle.ports.datastore.put(requestKey(cycle.share, sequence), Buffer.from(`${cycle.ports.member.id}\n`));
}

/** Rule B2, answering: record and body are put back where this member holds them and the bucket does not. */
async function answerRequest(cycle: Cycle, sequence: number): Promise<void> {
  const { datastore, journal } = cycle.ports;
  if (sequence > cycle.cursor || cycle.config.role === 'subscriber' || cycle.options.dryRun) return;
  if (sequence === 1 && (await putFormatBack(cycle))) {
    await datastore.remove(requestKey(cycle.share, sequence));
    return;
  }
  if (sequence < Number(journal.meta('horizon') ?? '1')) {
    await datastore.remove(requestKey(cycle.share, sequence));
    return;
  }
  const bytes = journal.recordBytes(sequence);
  if (bytes === null) return;
  const { limits } = cycle.inForce;
  const fetched = await fetchRecord(datastore, cycle.share, sequence, limits);
  const decoded = decodeRecord(bytes, limits);
  if (fetched.found && !fetched.bytes.equals(bytes) && (await isGivenUp(cycle, sequence, fetched.bytes))) return;
  if (!fetched.found || !fetched.bytes.equals(bytes)) await datastore.put(logKey(cycle.share, sequence), bytes);
  if (decoded.ok && decoded.body !== null && (!fetched.found || fetched.body === null || recordHash(fetched.body) !== decoded.body.hash)) {
    const body = journal.recordBody(sequence);
    if (body === null) return;
    await datastore.put(bodyKey(cycle.share, decoded.body.id), body);
  }
  await datastore.remove(requestKey(cycle.share, sequence));
}

/** For `approve record-N`: the bytes that stand at an unavailable number, as they are. */
export async function storedBytes(cycle: Cycle, sequence: number): Promise<Buffer | null> {
  const fetched = await fetchRecord(cycle.ports.datastore, cycle.share, sequence, cycle.inForce.limits);
  return fetched.found ? fetched.bytes : null;
}
