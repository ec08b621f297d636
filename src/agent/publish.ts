import type { Change } from '../model/change.ts';
import type { Publication } from '../model/close.ts';
import type { FileEntry } from '../model/entry.ts';
import { chunksOf } from '../model/entry.ts';
import { unexcused } from '../model/guard.ts';
import { bellKey, logKey } from '../model/keys.ts';
import type { BytePath } from '../model/path.ts';
import { noPrevious, type Payload } from '../model/record.ts';
import { decodePayload, decodeRecord } from '../model/record-decode.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import type { OpenFile } from '../ports/filesystem.ts';
import type { DiskStamp, Outbox, TrashRow } from '../ports/journal.ts';
import { prepareAppend, type Settled, settleAppend } from '../steps/append.ts';
import { fold, refusal } from '../steps/fold.ts';
import type { Difference, Loser, Plan } from '../steps/plan.ts';
import { fetchRecord, listLog } from '../steps/pull.ts';
import { type Source, store, uploadTrustedMs } from '../steps/store.ts';
import { uploadLarge } from '../steps/upload.ts';
import type { Cycle } from './context.ts';
import { noteSeeding } from './decide.ts';
import { reviewOwed, settleKept, trashKey } from './owed.ts';
import { noteUpload, noteUploaded, packing } from './progress.ts';

/**
 * Changes that go into one record at most: below the format's bound, since a record is held in memory several times while it is made,
 * and high enough that a move of a large directory stays one record, in which every deletion stands beside what excuses it (rule G2).
 */
const changesPerRecord = 100_000;

/** - nothing: there is nothing to append now. - appended. - lost: the log moved on; ingest and decide again. */
export type Published = 'nothing' | 'appended' | 'lost';

/** What one record is going to say. */
interface Selection {
  readonly publications: readonly Publication[];
  readonly losers: readonly Loser[];
  readonly owed: readonly TrashRow[];
  /** Large files whose content is still on its way. */
  readonly awaiting: readonly Publication[];
  /** Something else of the same changeset follows. */
  readonly more: boolean;
}

/** Appends at most one record for what the plan says; `differences` loses what has been published. */
export async function publishOnce(cycle: Cycle, planned: Plan, differences: Map<BytePath, Difference>): Promise<Published> {
  const selection = select(cycle, planned);
  for (const publication of selection.awaiting) startUpload(cycle, publication);
  cycle.postponed ||= selection.awaiting.length > 0;
  const closes = cycle.ports.journal.meta('openChangeset') !== undefined && !selection.more;
  if (selection.publications.length + selection.losers.length + selection.owed.length === 0 && !closes) return 'nothing';
  const payload = await makePayload(cycle, selection, differences);
  if (payload === null) return 'nothing';
  return await append(cycle, payload, differences, selection);
}

// ---- what goes into the record -----------------------------------------------------------------------------------------------

/** Deletions children first, then entries parents first; links only when nothing of the changeset is left behind (rule P4). */
function select(cycle: Cycle, planned: Plan): Selection {
  const all = [...planned.publications.values()];
  const awaiting = all.filter((publication) => isAwaiting(cycle, publication));
  const held = new Set(awaiting);
  const ready = all.filter((publication) => !held.has(publication) && publication.entry?.kind !== 'link');
  const deletes = ready.filter((publication) => publication.entry === null).sort((a, b) => (a.path < b.path ? 1 : -1));
  const puts = ready.filter((publication) => publication.entry !== null).sort((a, b) => (a.path < b.path ? -1 : 1));
  const chosen = takeWithin(cycle, [...deletes, ...puts]);
  const rest = chosen.length < deletes.length + puts.length;
  const links = all.filter((publication) => publication.entry?.kind === 'link');
  const linksNow = links.slice(0, rest || awaiting.length > 0 ? 0 : changesPerRecord - chosen.length);
  return {
    publications: [...chosen, ...linksNow],
    losers: planned.losers,
    owed: cycle.config.role === 'subscriber' ? [] : cycle.ports.journal.owedTrash(),
    awaiting,
    more: rest || awaiting.length > 0 || linksNow.length < links.length,
  };
}

function takeWithin(cycle: Cycle, ordered: readonly Publication[]): Publication[] {
  const { changesetBytesMax, changesMax } = cycle.inForce.limits;
  const chosen: Publication[] = [];
  let bytes = 0;
  for (const publication of ordered) {
    bytes += publication.entry?.kind === 'file' ? publication.entry.size : 0;
    const full = chosen.length > 0 && (chosen.length >= Math.min(changesPerRecord, changesMax) || bytes > changesetBytesMax);
    if (full) break;
    chosen.push(publication);
  }
  return chosen;
}

function isAwaiting(cycle: Cycle, { entry }: Publication): boolean {
  return entry?.kind === 'file' && entry.size > cycle.inForce.limits.packBytesMax && lacksContent(cycle, entry);
}

function lacksContent(cycle: Cycle, entry: FileEntry): boolean {
  const { journal } = cycle.ports;
  const since = cycle.bucketNowMs() - uploadTrustedMs;
  return chunksOf(entry).some(({ hash }) => !journal.hasLocation(hash) && journal.upload(hash, since) === null);
}

/** In the background: small changes overtake it, and the cycle that finds its content in the bucket publishes the file. */
function startUpload(cycle: Cycle, { path, entry }: Publication): void {
  if (entry?.kind !== 'file' || cycle.options.signal.aborted) return;
  const { uploads } = cycle.memory;
  const running = uploads.get(path);
  if (running?.hash === entry.hash) return;
  noteUpload(cycle, path, entry);
  const done = queueUpload(cycle, path, entry).catch((error: unknown) => {
    upload.failed = error;
  });
  const upload = {
    hash: entry.hash,
    done: done.then(() => void (uploads.get(path) === upload && upload.failed === undefined && uploads.delete(path))),
    failed: undefined as unknown,
  };
  uploads.set(path, upload);
}

/** One large file at a time: the next one waits for those that came before it. */
async function queueUpload(cycle: Cycle, path: BytePath, entry: FileEntry): Promise<void> {
  const before = [...cycle.memory.uploads.values()].map((upload) => upload.done);
  await Promise.all(before);
  await sendLarge(cycle, entry, () => cycle.ports.tree.open(path));
  noteUploaded(cycle, 1, 0);
}

async function sendLarge(cycle: Cycle, entry: FileEntry, open: () => OpenFile): Promise<void> {
  const since = cycle.bucketNowMs() - uploadTrustedMs;
  const onBytes = (bytes: number) => {
    noteUploaded(cycle, 0, bytes);
  };
  await uploadLarge({ ...cycle.ports, onBytes }, cycle.share, { entry, open }, since, cycle.options.signal);
}

// ---- the payload -------------------------------------------------------------------------------------------------------------

async function makePayload(
  cycle: Cycle,
  selection: Selection,
  differences: Map<BytePath, Difference>,
): Promise<(Payload & { kind: 'changes' }) | null> {
  const { tree } = cycle.ports;
  for (const { path, entry } of selection.losers)
    if (isLarge(cycle, entry)) await sendLarge(cycle, entry as FileEntry, () => tree.open(path));
  for (const { name, entry } of selection.owed)
    if (isLarge(cycle, entry)) await sendLarge(cycle, entry as FileEntry, () => tree.openInTrash(name));
  const stored = await store(
    cycle.ports,
    cycle.share,
    packing(cycle, [...sourcesOf(cycle, selection)]),
    cycle.inForce.limits,
    cycle.bucketNowMs(),
  );
  const changed = new Set([...stored.changed, ...unsent(cycle, selection)]);
  const lost = selection.owed.filter((row) => changed.delete(trashKey(row)));
  reviewOwed(cycle, lost);
  // What changed while it was read leaves this record; the next scan meets it again.
  for (const path of changed) differences.delete(path);
  cycle.postponed ||= changed.size > 0;
  const fresh = selection.publications.filter(({ path }) => !changed.has(path));
  const losers = selection.losers.filter(({ path }) => !changed.has(path));
  const owed = selection.owed.filter((row) => !lost.includes(row));
  const approved = approvedPaths(cycle);
  const changes = [...fresh.map((publication) => toChange(publication, approved)), ...keptChanges(losers, owed)];
  const closes = cycle.ports.journal.meta('openChangeset') !== undefined && !selection.more;
  if (changes.length === 0 && !closes) return null;
  const changeset = cycle.ports.journal.meta('openChangeset') ?? cycle.ports.random.hex(8);
  return { kind: 'changes', changeset, more: selection.more, changes, locations: stored.locations, inline: stored.inline };
}

function isLarge(cycle: Cycle, entry: { kind: string; size?: number }): boolean {
  return entry.kind === 'file' && (entry.size ?? 0) > cycle.inForce.limits.packBytesMax;
}

/** Large contents come too once they are in the bucket: nothing of them is read again, but the record has to say where they lie. */
function* sourcesOf(cycle: Cycle, selection: Selection): Generator<Source> {
  const { tree } = cycle.ports;
  for (const { path, entry } of [...selection.publications, ...selection.losers]) {
    if (entry?.kind === 'file' && !isUnsent(cycle, entry)) yield { path, entry, open: () => tree.open(path) };
  }
  for (const row of selection.owed) {
    const { entry, name } = row;
    if (entry.kind === 'file' && !isUnsent(cycle, entry)) yield { path: trashKey(row), entry, open: () => tree.openInTrash(name) };
  }
}

/** Large contents that changed while they were sent. */
function unsent(cycle: Cycle, selection: Selection): BytePath[] {
  const all = [...selection.publications, ...selection.losers, ...selection.owed.map((row) => ({ ...row, path: trashKey(row) }))];
  return all.filter(({ entry }) => entry?.kind === 'file' && isUnsent(cycle, entry)).map(({ path }) => path);
}

function isUnsent(cycle: Cycle, entry: FileEntry): boolean {
  return isLarge(cycle, entry) && lacksContent(cycle, entry);
}

function toChange({ path, entry, base, beats }: Publication, approved: ReadonlySet<BytePath>): Change {
  const flag = approved.has(path) ? { approved: true as const } : {};
  if (entry !== null) return { op: 'put', path, base, entry, ...(beats === 0 ? {} : { beats }), ...flag };
  return { op: 'delete', path, base, ...flag };
}

function approvedPaths(cycle: Cycle): ReadonlySet<BytePath> {
  const { journal } = cycle.ports;
  const holds = journal.holds().filter((hold) => hold.state === 'approved' && hold.kind === 'publisher');
  return new Set(holds.flatMap((hold) => journal.holdPaths(hold.id).map((held) => held.path)));
}

function keptChanges(losers: readonly Loser[], owed: readonly TrashRow[]): Change[] {
  const kept = [...losers, ...owed];
  return kept.map(({ path, entry, lostTo }) => ({ op: 'kept', path, entry, lostTo }));
}

// ---- the append --------------------------------------------------------------------------------------------------------------

async function append(
  cycle: Cycle,
  payload: Payload & { kind: 'changes' },
  differences: Map<BytePath, Difference>,
  selection: Selection,
): Promise<Published> {
  const notOnDisk = selection.publications.filter((publication) => !publication.onDisk).map((publication) => publication.path);
  const settled = await appendPayload(cycle, payload, notOnDisk);
  if (settled === 'lost') return 'lost';
  const { journal } = cycle.ports;
  journal.transaction(() => {
    noteLosses(cycle, payload);
    foldOwn(cycle, settled, payload, differences);
    journal.setMeta('openChangeset', payload.more ? payload.changeset : null);
    settleKept(cycle, payload.changes);
  });
  cycle.ports.log.debug({ step: 'fold', share: cycle.share, sequence: cycle.cursor }, 'own record folded');
  forgetPublished(cycle, payload, new Set(notOnDisk), differences);
  countPublished(cycle, payload);
  await ring(cycle);
  return 'appended';
}

/** What was published is no difference any more; a merge that still has to be applied keeps its look, over the new base. */
function forgetPublished(
  cycle: Cycle,
  payload: Payload & { kind: 'changes' },
  notOnDisk: ReadonlySet<BytePath>,
  differences: Map<BytePath, Difference>,
): void {
  for (const { op, path } of payload.changes) {
    const difference = differences.get(path);
    if (op === 'kept' || difference === undefined) continue;
    if (notOnDisk.has(path)) differences.set(path, { ...difference, agreed: cycle.ports.journal.agreed(path) });
    else differences.delete(path);
  }
}

/** Appends any payload at the next number. Throws the fault when the store gives no answer; the outbox row waits for the next run. */
export async function appendPayload(cycle: Cycle, payload: Payload, notOnDisk: readonly BytePath[]): Promise<Settled | 'lost'> {
  const { journal, member } = cycle.ports;
  const header = {
    share: cycle.inForce.share,
    author: { id: member.id, name: member.name },
    sequence: cycle.cursor + 1,
    previous: journal.meta('cursorHash') ?? noPrevious,
  };
  const extra = { freeAtMs: cycle.endSeenMs, notOnDisk };
  const refused = refusal(journal, payload);
  if (refused !== undefined) throw new Error(`the record that was about to be written does not fit the log: ${refused}`);
  const outbox = await prepareAppend(cycle.ports, cycle.share, header, payload, cycle.inForce.limits, extra);
  cycle.ports.log.debug({ step: 'append', share: cycle.share, sequence: outbox.sequence }, 'record in the outbox');
  return await settle(cycle, outbox, false);
}

/** `resumed`: another process wrote the row, so only a listing shows that the record stands where it belongs (rule S3). */
async function settle(cycle: Cycle, outbox: Outbox, resumed: boolean): Promise<Settled | 'lost'> {
  const appended = await settleAppend(cycle.ports, cycle.share, outbox, cycle.options.signal);
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
  const { listed, dateMs } = await listLog(datastore, cycle.share, Math.max(1, sequence - 1));
  cycle.heard(dateMs);
  const follows = sequence === 1 || listed.has(sequence - 1);
  if (listed.has(sequence) && follows && (await chains(cycle, listed.has(sequence + 1), sequence + 1, hash))) return true;
  await datastore.remove(logKey(cycle.share, sequence));
  return false;
}

async function chains(cycle: Cycle, exists: boolean, sequence: number, hash: string): Promise<boolean> {
  if (!exists) return true;
  const { limits } = cycle.inForce;
  const next = await fetchRecord(cycle.ports.datastore, cycle.share, sequence, limits);
  if (!next.found) return true;
  const decoded = decodeRecord(next.bytes, limits);
  // A successor that cannot be read says nothing against us.
  return !decoded.ok || decoded.header.previous === hash;
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
  const settled = await settle(cycle, outbox, true);
  if (settled === 'lost') return;
  const decoded = decodeRecord(outbox.bytes, cycle.inForce.limits);
  const payload = decoded.ok ? decodePayload(decoded, outbox.body?.bytes ?? null, cycle.inForce.limits) : decoded;
  if (!payload.ok) throw new Error(`the outbox holds a record that is ${payload.verdict}: ${payload.reason}`);
  journal.transaction(() => {
    if (payload.payload.kind === 'changes') noteLosses(cycle, payload.payload);
    foldOwn(cycle, settled, payload.payload, new Map());
    if (payload.payload.kind === 'changes') {
      settleKept(cycle, payload.payload.changes);
      journal.setMeta('openChangeset', payload.payload.more ? payload.payload.changeset : null);
    }
  });
  await ring(cycle);
}

function stampsOf(changes: readonly Change[], differences: ReadonlyMap<BytePath, Difference>): Map<BytePath, DiskStamp> {
  const stamps = new Map<BytePath, DiskStamp>();
  for (const { path } of changes) {
    const stamp = differences.get(path)?.stamp ?? null;
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
    atMs: settled.atMs,
    payload,
  };
  const folded = fold(journal, arrived, { notOnDisk: new Set(outbox.notOnDisk), stamps });
  if (folded.verdict === 'bad')
    cycle.events.push(`record ${outbox.sequence} of this member is invalid and is passed over by every member: ${folded.reason}`);
  journal.dropOutbox();
  cycle.counts.records++;
}

function noteLosses(cycle: Cycle, payload: Payload & { kind: 'changes' }): void {
  const { journal } = cycle.ports;
  const losses = [];
  const appearing = [];
  for (const change of payload.changes) {
    if (change.op === 'kept') continue;
    const before = journal.agreed(change.path)?.entry ?? null;
    const truncation =
      change.op === 'put' && before?.kind === 'file' && before.size > 0 && change.entry.kind === 'file' && change.entry.size === 0;
    if (before === null) {
      if (change.op === 'put' && change.entry.kind === 'file') appearing.push(change.entry);
    } else if (before.kind !== 'dir' && (change.op === 'delete' || truncation))
      losses.push({ path: change.path, before, atMs: 0, truncation });
  }
  const counted = unexcused({ losses, appearing }).length;
  if (counted > 0) journal.noteDeletions(cycle.bucketNowMs(), counted);
}

function countPublished(cycle: Cycle, payload: Payload & { kind: 'changes' }): void {
  for (const change of payload.changes) {
    if (change.op === 'put') cycle.counts.published++;
    else if (change.op === 'delete') cycle.counts.deleted++;
    if (change.op === 'kept' || (change.op === 'put' && change.beats !== undefined)) cycle.counts.conflicts++;
  }
  cycle.counts.bytesUp += [...payload.locations, ...payload.inline].reduce((sum, content) => sum + content.size, 0);
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
