import type { Change } from '../model/change.ts';
import type { Publication } from '../model/close.ts';
import type { FileEntry } from '../model/entry.ts';
import { chunksOf } from '../model/entry.ts';
import type { BytePath } from '../model/path.ts';
import type { Payload } from '../model/record.ts';
import { DiskFault, type OpenFile } from '../ports/filesystem.ts';
import type { TrashRow } from '../ports/journal.ts';
import type { Difference, Loser, Plan } from '../steps/plan.ts';
import type { Gathered } from '../steps/store/gather.ts';
import { uploadTrustedMs } from '../steps/store/packs.ts';
import { type Source, store } from '../steps/store.ts';
import { uploadLarge } from '../steps/upload.ts';
import type { Cycle } from './context.ts';
import { appendPayload, foldOwn, noteLosses, ring } from './outbox.ts';
import { reviewOwed, settleKept, trashKey } from './owed.ts';
import { noteUpload, noteUploaded, packing } from './progress.ts';
import { notePublished } from './restless.ts';

/** Changes that go into one record at most, far below the format's bound: a record is held in memory several times while it is made. */
const changesPerRecord = 10_000;
/** The same where something is deleted: a move stays one record, in which every deletion stands beside what excuses it (rule G2). */
const changesPerMove = 100_000;

/** - nothing: there is nothing to append now. - appended. - lost: the log moved on; ingest and decide again. */
export type Published = 'nothing' | 'appended' | 'lost';

export function mayPublish(cycle: Cycle): boolean {
  return cycle.caughtUp && cycle.config.role !== 'subscriber' && cycle.options.only !== 'pull' && cycle.refusal === null;
}

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

/**
 * Appends what the plan says, in as many records as it needs; plan and `differences` lose what has been published. `follows`: something
 * else of the same changeset is still to be decided.
 */
export async function publish(
  cycle: Cycle,
  planned: Plan,
  differences: Map<BytePath, Difference>,
  gathered: Gathered | null,
  follows = false,
): Promise<Published> {
  let appended: Published = 'nothing';
  if (isAsked(cycle)) await sendFirst(cycle, planned);
  for (let left = Number.POSITIVE_INFINITY; planned.publications.size < left; ) {
    left = planned.publications.size;
    const published = await publishOnce(cycle, planned, differences, gathered, follows);
    if (published === 'lost') return 'lost';
    if (published === 'nothing') break;
    appended = 'appended';
  }
  gathered?.forget();
  return appended;
}

async function publishOnce(
  cycle: Cycle,
  planned: Plan,
  differences: Map<BytePath, Difference>,
  gathered: Gathered | null,
  follows: boolean,
): Promise<Published> {
  const selection = select(cycle, planned, follows);
  if (!isAsked(cycle)) for (const publication of selection.awaiting) startUpload(cycle, publication);
  cycle.postponed ||= selection.awaiting.length > 0;
  const closes = cycle.ports.journal.meta('openChangeset') !== undefined && !selection.more;
  if (selection.publications.length + selection.losers.length + selection.owed.length === 0 && !closes) return 'nothing';
  const payload = await makePayload(cycle, selection, differences, gathered);
  if (payload === null) return 'nothing';
  await makeDurable(cycle, selection);
  const appended = await append(cycle, payload, differences, selection);
  if (appended === 'appended') {
    for (const { path } of selection.publications) planned.publications.delete(path);
    planned.losers.length = 0;
  }
  return appended;
}

/**
 * Programs that write files do not flush them. What a power cut took away after it was published would look like something that somebody has
 * emptied or deleted here, or has brought back. Where it cannot be flushed, it is published even so: others have it then.
 */
async function makeDurable({ ports }: Cycle, { publications }: Selection): Promise<void> {
  try {
    await ports.tree.flushChanges(publications.map(({ path }) => path));
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    ports.log.warn({ step: 'flush', code: error.code }, 'what is being published could not be flushed here');
  }
}

// ---- what goes into the record -----------------------------------------------------------------------------------------------

/** Deletions children first, then entries parents first; links only when nothing of the changeset is left behind (rule P4). */
function select(cycle: Cycle, planned: Plan, follows: boolean): Selection {
  const all = [...planned.publications.values()];
  const awaiting = all.filter((publication) => isAwaiting(cycle, publication));
  const held = new Set(awaiting);
  const ready = all.filter((publication) => !held.has(publication) && publication.entry?.kind !== 'link');
  const deletes = ready.filter((publication) => publication.entry === null).sort((a, b) => (a.path < b.path ? 1 : -1));
  const puts = ready.filter((publication) => publication.entry !== null).sort((a, b) => (a.path < b.path ? -1 : 1));
  const changesMax = deletes.length > 0 ? changesPerMove : changesPerRecord;
  const chosen = takeWithin(cycle, [...deletes, ...puts], changesMax);
  const rest = follows || chosen.length < deletes.length + puts.length;
  const links = all.filter((publication) => publication.entry?.kind === 'link');
  const linksNow = links.slice(0, rest || awaiting.length > 0 ? 0 : Math.max(0, changesMax - chosen.length));
  return {
    publications: [...chosen, ...linksNow],
    losers: planned.losers,
    owed: cycle.config.role === 'subscriber' ? [] : cycle.ports.journal.owedTrash(),
    awaiting,
    more: rest || awaiting.length > 0 || linksNow.length < links.length,
  };
}

/** Content that is in the bucket already, as after a move, does not count. */
function takeWithin(cycle: Cycle, ordered: readonly Publication[], most: number): Publication[] {
  const { changesetBytesMax, changesMax } = cycle.inForce.limits;
  const sizeOf = ({ entry }: Publication) => (entry?.kind === 'file' ? entry.size : 0);
  // Where everything together fits, nobody needs to know what the bucket has of it.
  const fits = ordered.reduce((sum, publication) => sum + sizeOf(publication), 0) <= changesetBytesMax;
  const chosen: Publication[] = [];
  let bytes = 0;
  for (const publication of ordered) {
    const { entry } = publication;
    bytes += !fits && entry?.kind === 'file' && lacksContent(cycle, entry) ? entry.size : 0;
    const full = chosen.length > 0 && (chosen.length >= Math.min(most, changesMax) || bytes > changesetBytesMax);
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

/** Somebody waits for what is below some paths: it goes before whatever is on its way already. */
function isAsked({ options }: Cycle): boolean {
  return options.scope?.kind === 'below';
}

/** Large files too, one after the other. */
async function sendFirst(cycle: Cycle, { publications }: Plan): Promise<void> {
  const awaiting = [...publications.values()].filter((publication) => isAwaiting(cycle, publication));
  for (const { path, entry } of awaiting) {
    noteUpload(cycle, path, entry as FileEntry);
    await sendLarge(cycle, entry as FileEntry, () => cycle.ports.tree.open(path));
    noteUploaded(cycle, 1, 0);
  }
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
  await sendLarge(cycle, entry, () => cycle.ports.tree.open(path), cycle.options.lasting);
  noteUploaded(cycle, 1, 0);
}

async function sendLarge(cycle: Cycle, entry: FileEntry, open: () => OpenFile, signal = cycle.options.signal): Promise<void> {
  const since = cycle.bucketNowMs() - uploadTrustedMs;
  const onBytes = (bytes: number) => {
    noteUploaded(cycle, 0, bytes);
  };
  await uploadLarge({ ...cycle.ports, onBytes }, cycle.share, { entry, open }, since, signal);
}

// ---- the payload -------------------------------------------------------------------------------------------------------------

async function makePayload(
  cycle: Cycle,
  selection: Selection,
  differences: Map<BytePath, Difference>,
  gathered: Gathered | null,
): Promise<(Payload & { kind: 'changes' }) | null> {
  const { tree } = cycle.ports;
  for (const { path, entry } of selection.losers)
    if (isLarge(cycle, entry)) await sendLarge(cycle, entry as FileEntry, () => tree.open(path));
  for (const { name, entry } of selection.owed)
    if (isLarge(cycle, entry)) await sendLarge(cycle, entry as FileEntry, () => tree.openInTrash(name));
  const sources = packing(cycle, [...sourcesOf(cycle, selection)]);
  const stored = await store(cycle.ports, cycle.share, sources, cycle.inForce.limits, {
    ...{ bucketNowMs: cycle.bucketNowMs(), gathered, signal: cycle.options.signal },
  });
  if (stored === null) return null;
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
  if (entry !== null && beats === 0 && !approved.has(path)) return { op: 'put', path, base, entry };
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

function countPublished(cycle: Cycle, payload: Payload & { kind: 'changes' }): void {
  notePublished(
    cycle,
    payload.changes.flatMap(({ op, path }) => (op === 'put' ? [path] : [])),
  );
  for (const change of payload.changes) {
    if (change.op === 'put') cycle.counts.published++;
    else if (change.op === 'delete') cycle.counts.deleted++;
    if (change.op === 'kept' || (change.op === 'put' && change.beats !== undefined)) cycle.counts.conflicts++;
  }
  cycle.counts.bytesUp += [...payload.locations, ...payload.inline].reduce((sum, content) => sum + content.size, 0);
}
