import type { Hash, Sequence } from '../model/entry.ts';
import { encodeFormat } from '../model/format.ts';
import { parseSnapshotKey, snapshotsPrefix } from '../model/keys.ts';
import type { BytePath } from '../model/path.ts';
import { entryFields } from '../model/record-entry.ts';
import type { SnapshotHead, SnapshotItem, SnapshotVersion } from '../model/snapshot.ts';
import { prefixBytes } from '../model/snapshot-check.ts';
import { openSnapshot, snapshotHeadBytesMax, snapshotItems, verifySnapshot } from '../model/snapshot-decode.ts';
import type { Datastore, Listed } from '../ports/datastore.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import type { Journal, Want } from '../ports/journal.ts';
import type { Scratch, ScratchFile } from '../ports/scratch.ts';

/** A whole snapshot on this disk, verified: own hash, order, counts, tree and digest. It lives as long as its scratch room. */
export interface FetchedSnapshot {
  readonly head: SnapshotHead;
  /** Bytes of the whole object. */
  readonly size: number;
  /** Its items in their order, each time anew. */
  items(): Iterable<SnapshotItem>;
  /** Gives the scratch room back. */
  remove(): void;
}

/** `reason` is one clause for people; `newer` asks for an upgrade (rule L7) and is no damage. */
export type SnapshotFetch =
  | { readonly ok: true; readonly snapshot: FetchedSnapshot }
  | { readonly ok: false; readonly newer: boolean; readonly reason: string };

/** A snapshot as the bucket lists it; nothing of it has been read. */
export interface ListedSnapshot {
  readonly key: string;
  readonly upTo: Sequence;
  readonly id: string;
  readonly size: number;
  readonly modifiedMs: number;
}

/** All snapshots of a share, announced or not, ascending by what they cover. Throws DatastoreFault. */
export async function listSnapshots(datastore: Datastore, share: string): Promise<ListedSnapshot[]> {
  const found: ListedSnapshot[] = [];
  for (let after: string | undefined; ; ) {
    const { value } = await datastore.list(snapshotsPrefix(share), after === undefined ? {} : { after });
    for (const { key, size, modifiedMs } of value.objects) {
      const parsed = parseSnapshotKey(key);
      if (parsed !== undefined) found.push({ key, upTo: parsed.upTo, id: parsed.id, size, modifiedMs });
      after = key;
    }
    if (!value.truncated) return found;
  }
}

export interface FetchSnapshotPorts {
  readonly datastore: Datastore;
  readonly scratch: () => Scratch;
  /** Told after each piece; bytes. */
  readonly onBytes?: (done: number, total: number) => void;
}

const pieceBytes = 8 * 1024 * 1024;
const piecesAhead = 3;

/**
 * Brings a snapshot to this disk and verifies all of it. `shareId` is the share that it must belong to. Whether it belongs to this log is
 * the caller's question: the record behind it must name `head.hash` as its predecessor. Throws DatastoreFault and JournalFault.
 */
export async function fetchSnapshot(ports: FetchSnapshotPorts, share: string, key: string, shareId: string): Promise<SnapshotFetch> {
  const scratch = ports.scratch();
  let fetched: SnapshotFetch | null = null;
  try {
    fetched = await fetchInto(scratch, ports, share, key, shareId);
    return fetched;
  } finally {
    if (!fetched?.ok) scratch.remove();
  }
}

async function fetchInto(
  scratch: Scratch,
  { datastore, onBytes }: FetchSnapshotPorts,
  share: string,
  key: string,
  shareId: string,
): Promise<SnapshotFetch> {
  const named = parseSnapshotKey(key);
  const listed = (await datastore.list(key, { limit: 1 })).value.objects[0];
  if (named?.share !== share || listed?.key !== key) return { ok: false, newer: false, reason: 'it is not there' };
  const file = scratch.file();
  const reason = await download(datastore, listed, file, shareId, onBytes);
  if (reason !== undefined) return reason;
  const verified = verifySnapshot(file, shareId);
  if (!verified.ok) return { ok: false, newer: verified.verdict === 'newer-format', reason: verified.reason };
  const { head } = verified;
  if (head.upTo !== named.upTo || head.id !== named.id) return { ok: false, newer: false, reason: 'it is not the one that its name says' };
  const items = () => snapshotItems(file, verified);
  return { ok: true, snapshot: { head, size: file.size, items, remove: () => scratch.remove() } };
}

/** The header is judged before the rest is asked for. Undefined: the file holds the whole object. */
async function download(
  datastore: Datastore,
  { key, size }: Listed,
  file: ScratchFile,
  shareId: string,
  onBytes: FetchSnapshotPorts['onBytes'],
): Promise<(SnapshotFetch & { ok: false }) | undefined> {
  const ahead: Promise<Buffer | null>[] = [];
  let asked = 0;
  while (file.size < size) {
    for (; asked < size && ahead.length < (file.size === 0 ? 1 : piecesAhead); asked += pieceBytes) {
      const reading = readPiece(datastore, key, asked, Math.min(pieceBytes, size - asked));
      reading.catch(() => undefined);
      ahead.push(reading);
    }
    const first = file.size === 0;
    const piece = await (ahead.shift() as Promise<Buffer | null>);
    if (piece === null) return { ok: false, newer: false, reason: 'it changed or went while it was read' };
    file.append(piece);
    onBytes?.(file.size, size);
    const opened = first && size > snapshotHeadBytesMax ? openSnapshot(file, shareId) : null;
    if (opened?.ok === false) return { ok: false, newer: opened.verdict === 'newer-format', reason: opened.reason };
  }
  return undefined;
}

async function readPiece(datastore: Datastore, key: string, offset: number, length: number): Promise<Buffer | null> {
  try {
    const { value } = await datastore.get(key, { bytesMax: length, range: { offset, length } });
    return value?.bytes.length === length ? value.bytes : null;
  } catch (error) {
    if (error instanceof DatastoreFault && error.code === 'bad-range') return null;
    throw error;
  }
}

/** Rule L4: record `sequence` of the lineage behind this snapshot has this hash. True for 0, false for what it does not cover. */
export function lineageHolds({ head, items }: FetchedSnapshot, sequence: Sequence, hash: Hash): boolean {
  if (sequence === 0) return true;
  if (sequence > head.upTo) return false;
  let before = 0;
  for (const item of items()) {
    if (item.item !== 'lineage') return false;
    const at = (sequence - 1) * prefixBytes - before;
    if (at < item.prefixes.length) return hash.startsWith(item.prefixes.toString('hex', at, at + prefixBytes));
    before += item.prefixes.length;
  }
  return false;
}

/**
 * Takes a snapshot over, in one transaction of the caller's, and pauses now and then: history, locations and what else the log says are replaced by it; what disk and log agreed on
 * stays as the base, and every path at which the snapshot says something else gets a want, as if every record up to it had been folded.
 * What the snapshot does not have at all was deleted longer ago than it remembers. Throws RangeError when the journal is ahead of it, and
 * JournalFault.
 */
export function* load(journal: Journal, snapshot: FetchedSnapshot): Generator<void, void> {
  const { head } = snapshot;
  const cursor = Number(journal.meta('cursor') ?? '0');
  if (cursor > head.upTo) throw new RangeError(`the journal is at record ${cursor}, the snapshot at ${head.upTo}`);
  const hasBase = journal.foldedCount() > 0 || journal.wantCount().deletes > 0;
  journal.resetLog();
  let newest: SnapshotVersion | null = null;
  let items = 0;
  for (const item of snapshot.items()) {
    if (item.item === 'version') {
      if (newest !== null && newest.path !== item.row.path) newest = foldNewest(journal, newest, cursor, hasBase);
      if (item.row.k === 0) newest = item.row;
    }
    keep(journal, item);
    if (++items % itemsAtOnce === 0) yield;
  }
  if (newest !== null) foldNewest(journal, newest, cursor, hasBase);
  if (hasBase) for (const path of journal.foldedWithoutVersion()) putLongGone(journal, path, head);
  stand(journal, head);
}

const itemsAtOnce = 500;

function keep(journal: Journal, item: SnapshotItem): void {
  if (item.item === 'record') journal.putRecord({ ...item.row, ...unlisted }, null, null);
  else if (item.item === 'version') journal.putVersion(item.row);
  else if (item.item === 'location') journal.putLocation(item.row);
  else if (item.item === 'snapshot') journal.putSnapshot(item.row);
  else if (item.item === 'retired') journal.putRetired(item.row);
}

const unlisted = { objectSize: 0, objectModifiedMs: 0, objectTag: '' };

/** What the newest change of a path means beside what the journal knew of it up to `cursor`. */
function foldNewest(journal: Journal, newest: SnapshotVersion, cursor: Sequence, hasBase: boolean): null {
  const { path, entry, version, atMs, approved } = newest;
  const standing = hasBase ? journal.want(path) : null;
  const wanted: Want = { path, entry, version, atMs, approved, reason: 'pending', detail: '', attempts: 0 };
  if (standing !== null) {
    // What was known of this very change stays, with how far its apply has come.
    const known = standing.version === version || (version <= cursor && entry === null && standing.entry === null);
    if (known) approve(journal, standing, approved);
    else journal.putWant({ ...wanted, reason: standing.reason === 'excluded' ? 'excluded' : 'pending' });
    return null;
  }
  const agreed = hasBase ? journal.agreed(path) : null;
  const met =
    entry === null ? agreed === null && version <= cursor : agreed?.version === version && entryFields(agreed.entry) === entryFields(entry);
  if (!met) journal.putWant(wanted);
  return null;
}

function approve(journal: Journal, standing: Want, approved: boolean): void {
  if (!approved || standing.approved || (standing.reason !== 'pending' && standing.reason !== 'held')) return;
  journal.putWant({ ...standing, approved, reason: 'pending', detail: '' });
}

/** The tombstone has been forgotten, so nobody knows when: at the latest where the snapshot's history begins. */
function putLongGone(journal: Journal, path: BytePath, { upTo, historyFromMs }: SnapshotHead): void {
  const reason = journal.want(path)?.reason === 'excluded' ? 'excluded' : 'pending';
  journal.putWant({ path, entry: null, version: upTo, atMs: historyFromMs, approved: false, reason, detail: '', attempts: 0 });
}

function stand(journal: Journal, head: SnapshotHead): void {
  journal.setMeta('shareId', head.share);
  journal.setMeta('format', encodeFormat(head.format).toString());
  journal.setMeta('cursor', String(head.upTo));
  journal.setMeta('cursorHash', head.hash);
  journal.setMeta('digest', head.digest);
  journal.setMeta('loadedSnapshot', head.id);
  journal.setMeta('historyFromMs', String(head.historyFromMs));
  journal.setMeta('inlineFloor', String(head.upTo));
}
