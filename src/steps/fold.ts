import type { Change } from '../model/change.ts';
import { addDigest, digestFromHex, digestOf, digestToHex, emptyDigest, removeDigest } from '../model/digest.ts';
import type { Entry, Sequence } from '../model/entry.ts';
import type { BytePath } from '../model/path.ts';
import { parentOf } from '../model/path.ts';
import { absorbed } from '../model/reconcile.ts';
import type { ChangesPayload, PackPayload, Payload, RecordHeader, RetirePayload, SnapshotPayload } from '../model/record.ts';
import type { DiskStamp, Journal, RecordRow, Want } from '../ports/journal.ts';

export interface Arrived {
  readonly header: RecordHeader;
  readonly hash: string;
  readonly bytes: Buffer;
  /** The body object, where the record has one. */
  readonly body: Buffer | null;
  /** Its id; '' where the payload is inside the record. */
  readonly bodyId: string;
  /** Bucket time, ms. */
  readonly atMs: number;
  readonly payload: Payload;
}

/** How an own record's entries stand on this disk: a stamp where the disk holds the entry, absent where it has to be applied. */
export interface OwnRecord {
  readonly notOnDisk: ReadonlySet<BytePath>;
  readonly stamps: ReadonlyMap<BytePath, DiskStamp>;
}

export type Folding = { readonly verdict: 'ok' } | { readonly verdict: 'bad'; readonly reason: string };

/**
 * Folds one record into the journal in one transaction (rule I1): cursor, hash, digest, versions, locations, and per path a want, or
 * the new base where the record is our own and the disk holds its entry. A record whose changes do not fit the fold (rule L2) is
 * bad: it is passed over as a whole.
 */
export function fold(journal: Journal, record: Arrived, own: OwnRecord | null): Folding {
  return journal.transaction(() => {
    const reason = refusal(journal, record.payload);
    if (reason === undefined) foldPayload(journal, record, own);
    advance(journal, record, reason);
    return reason === undefined ? { verdict: 'ok' } : { verdict: 'bad', reason };
  });
}

/** Passes over a record that is bad by its own form, or that a person has given up (rule B2). */
export function passOver(
  journal: Journal,
  sequence: Sequence,
  bytes: Buffer,
  hash: string,
  atMs: number,
  verdict: 'bad' | 'skipped',
  reason: string,
): void {
  const row: RecordRow = { ...blankRow, sequence, hash, atMs, verdict, reason };
  journal.transaction(() => {
    journal.putRecord(row, bytes, null);
    journal.setMeta('cursor', String(sequence));
    journal.setMeta('cursorHash', hash);
  });
}

/** A longer body is not kept for re-puts: the journal must stay small. */
const bodyKeptBytesMax = 8 * 1024 * 1024;

const blankRow = {
  ...{ id: '', authorId: '', author: '', kind: '', changeset: '', more: false, puts: 0, deletes: 0, kept: 0, bytes: 0 },
  ...{ objectSize: 0, objectModifiedMs: 0, objectTag: '', bodyId: '' },
};

/** Why the log would refuse this payload, or undefined: an author asks before it appends (rule S5). */
export function refusal(journal: Journal, payload: Payload): string | undefined {
  return payload.kind === 'changes' ? misfit(journal, payload) : undefined;
}

/** Rule L2: every base is the path's version in the fold, and afterwards every live entry stands in live directories. */
function misfit(journal: Journal, payload: ChangesPayload): string | undefined {
  const after = new Map<BytePath, Entry | null>();
  const directoriesGone: BytePath[] = [];
  for (const change of payload.changes) {
    if (change.op === 'kept') continue;
    const { path, base } = change;
    const entry = change.op === 'put' ? change.entry : null;
    const folded = journal.folded(path);
    const version = folded === null ? 0 : folded.version;
    if (version !== base) return `a change is based on version ${base}, the log is at ${version}`;
    if (folded?.entry.kind === 'dir' && entry?.kind !== 'dir') directoriesGone.push(path);
    after.set(path, entry);
  }
  return misplaced(journal, after) ?? orphaned(journal, directoriesGone, after);
}

function misplaced(journal: Journal, after: ReadonlyMap<BytePath, Entry | null>): string | undefined {
  const isDirectory = new Map<BytePath, boolean>([['', true]]);
  for (const [path, entry] of after) {
    if (entry === null) continue;
    const parent = parentOf(path);
    let fits = isDirectory.get(parent);
    if (fits === undefined) {
      const standing = after.has(parent) ? after.get(parent) : journal.folded(parent)?.entry;
      fits = standing?.kind === 'dir';
      isDirectory.set(parent, fits);
    }
    if (!fits) return 'an entry stands below what is no directory';
  }
  return undefined;
}

function orphaned(journal: Journal, directoriesGone: readonly BytePath[], after: ReadonlyMap<BytePath, Entry | null>): string | undefined {
  for (const path of directoriesGone) {
    if (!journal.foldedAnyBelow(path)) continue;
    for (const below of journal.foldedBelow(path)) {
      if (after.get(below.path) !== null) return 'a directory goes while something below it stays';
    }
  }
  return undefined;
}

function foldPayload(journal: Journal, record: Arrived, own: OwnRecord | null): void {
  const { payload } = record;
  const sequence = record.header.sequence;
  if (payload.kind === 'changes') foldChanges(journal, record, payload, own);
  if (payload.kind === 'pack' && payload.instead === true) dropPlaces(journal, payload);
  if (payload.kind === 'changes' || payload.kind === 'pack') {
    for (const { hash, size, codec, pack, offset, length } of payload.locations) {
      journal.putLocation({ hash, size, codec, record: 0, pack, offset, length });
    }
    for (const { hash, size, codec, stored } of payload.inline) {
      journal.putLocation({ hash, size, codec, record: sequence, pack: '', offset: 0, length: stored.length });
    }
    const hashes = [...payload.locations, ...payload.inline].map((content) => content.hash);
    if (own !== null) journal.dropUploads(hashes);
    if (payload.kind === 'pack') for (const hash of hashes) journal.dropNeed(hash);
  }
  if (payload.kind === 'need') for (const hash of payload.hashes) journal.putNeed(hash, record.atMs);
  if (payload.kind === 'approve') foldApproval(journal, payload);
  if (payload.kind === 'snapshot') foldSnapshot(journal, record, payload);
  if (payload.kind === 'retire') foldRetired(journal, record, payload);
}

/** A place that does not deliver must not pass for the one that makes the new place needless (rule B3). */
function dropPlaces(journal: Journal, { locations, inline }: PackPayload): void {
  for (const { hash } of [...locations, ...inline]) for (const place of journal.locations(hash)) journal.dropLocation(place);
}

/** Inline contents of what a snapshot covers go with their records before long: no new change may rely on them. */
function foldSnapshot(journal: Journal, { header, atMs }: Arrived, { id, upTo, previousHash }: SnapshotPayload): void {
  journal.putSnapshot({ id, upTo, hash: previousHash, record: header.sequence, atMs });
  const floor = Number(journal.meta('inlineFloor') ?? '0');
  journal.setMeta('inlineFloor', String(Math.max(floor, upTo)));
}

/** Rule P3: from here on nothing may rely on these objects; they are deleted after a grace time. */
function foldRetired(journal: Journal, { header, atMs }: Arrived, { packs, bodies, snapshots }: RetirePayload): void {
  const row = { record: header.sequence, atMs };
  for (const id of packs) journal.putRetired({ ...row, kind: 'pack', id });
  for (const id of bodies) journal.putRetired({ ...row, kind: 'body', id });
  for (const id of snapshots) journal.putRetired({ ...row, kind: 'snapshot', id });
  journal.dropPacks(packs);
  journal.dropSnapshots(snapshots);
}

/** Rule G3: a publisher's hold is approved by its id, a receiver's by the number of the deletion record. */
function foldApproval(journal: Journal, payload: { hold?: string; record?: Sequence }): void {
  if (payload.hold !== undefined) approveHold(journal, payload.hold);
  if (payload.record === undefined) return;
  journal.approveVersions(payload.record);
  approveRecord(journal, payload.record);
}

/** Lets the deletions of one record through that this member holds. */
export function approveRecord(journal: Journal, sequence: Sequence): void {
  for (const want of journal.wantsOf(sequence)) if (want.reason === 'pending' || want.reason === 'held') approveWant(journal, want);
}

/** Lets a hold of this member through at its next cycle: own deletions are published, those of others applied. Unknown ids change nothing. */
export function approveHold(journal: Journal, id: string): void {
  const hold = journal.holds().find((one) => one.id === id);
  if (hold === undefined) return;
  journal.setHoldState(id, 'approved');
  // What a check has refused is let past the check, and past no other guard.
  if (hold.kind !== 'receiver') return;
  for (const { path, version } of journal.holdPaths(id)) {
    const want = journal.want(path);
    if (want?.version === version) approveWant(journal, want);
  }
}

function approveWant(journal: Journal, want: Want): void {
  journal.putWant({ ...want, approved: true, reason: 'pending', detail: '' });
}

function foldChanges(journal: Journal, record: Arrived, payload: ChangesPayload, own: OwnRecord | null): void {
  let digest = digestFromHex(journal.meta('digest') ?? '') ?? emptyDigest;
  const keptCount = new Map<BytePath, number>();
  for (const change of payload.changes) {
    noteVersion(journal, change, record, keptCount);
    if (change.op === 'kept') continue;
    const old = change.base === 0 ? null : journal.folded(change.path);
    if (old !== null) digest = removeDigest(digest, digestOf(old.path, old.entry));
    if (change.op === 'put') digest = addDigest(digest, digestOf(change.path, change.entry));
    foldPath(journal, change, record, own);
  }
  journal.setMeta('digest', digestToHex(digest));
}

function noteVersion(journal: Journal, change: Change, { header, atMs }: Arrived, keptCount: Map<BytePath, number>): void {
  const { path, op } = change;
  const version = header.sequence;
  const k = op === 'kept' ? (keptCount.get(path) ?? 0) + 1 : 0;
  if (op === 'kept') keptCount.set(path, k);
  journal.putVersion({
    path,
    version,
    k,
    op,
    entry: op === 'delete' ? null : change.entry,
    against: opponentOf(change, version),
    atMs,
    author: header.author.name,
    approved: op !== 'kept' && change.approved === true,
  });
}

/** What a kept version lost to, or what a put that won a conflict beat; 0 where there was none. */
function opponentOf(change: Change, version: Sequence): Sequence {
  if (change.op === 'kept') return change.lostTo === 0 ? version : change.lostTo;
  return change.op === 'put' ? (change.beats ?? 0) : 0;
}

function foldPath(journal: Journal, change: Exclude<Change, { op: 'kept' }>, record: Arrived, own: OwnRecord | null): void {
  const { path } = change;
  const version = record.header.sequence;
  const entry = change.op === 'put' ? change.entry : null;
  if (own !== null && !own.notOnDisk.has(path)) {
    if (entry === null) journal.dropAgreed(path);
    else journal.putAgreed({ path, entry, version, stamp: own.stamps.get(path) ?? null });
    journal.dropWant(path);
    return;
  }
  const standing = journal.want(path);
  if (own !== null && entry !== null) absorb(journal, path, standing?.entry ?? null, entry, version);
  const excluded = standing?.reason === 'excluded';
  const approved = change.approved === true;
  journal.putWant({
    path,
    entry,
    version,
    atMs: record.atMs,
    approved,
    reason: excluded ? 'excluded' : 'pending',
    detail: '',
    attempts: 0,
  });
}

/** A merge of ours that the disk does not hold yet: what this disk had changed is in the log now, so it is no edit any more. */
function absorb(journal: Journal, path: BytePath, wanted: Entry | null, merged: Entry, version: Sequence): void {
  const agreed = journal.agreed(path);
  if (agreed === null || wanted === null) return;
  const stamp = agreed.stamp === null ? null : { ...agreed.stamp, racy: true };
  journal.putAgreed({ path, entry: absorbed(agreed.entry, wanted, merged), version, stamp });
}

function advance(journal: Journal, record: Arrived, bad: string | undefined): void {
  const { header, payload } = record;
  const changes = payload.kind === 'changes' ? payload.changes : [];
  const puts = changes.filter((change) => change.op === 'put');
  journal.putRecord(
    {
      ...blankRow,
      sequence: header.sequence,
      hash: record.hash,
      id: header.id,
      authorId: header.author.id,
      author: header.author.name,
      atMs: record.atMs,
      kind: payload.kind,
      verdict: bad === undefined ? 'ok' : 'bad',
      reason: bad ?? '',
      changeset: payload.kind === 'changes' ? payload.changeset : '',
      more: payload.kind === 'changes' && payload.more,
      puts: puts.length,
      deletes: changes.filter((change) => change.op === 'delete').length,
      kept: changes.filter((change) => change.op === 'kept').length,
      bodyId: record.bodyId,
      bytes: puts.reduce((sum, change) => sum + (change.entry.kind === 'file' ? change.entry.size : 0), 0),
    },
    record.bytes,
    record.body !== null && record.body.length <= bodyKeptBytesMax ? record.body : null,
  );
  journal.setMeta('cursor', String(header.sequence));
  journal.setMeta('cursorHash', record.hash);
}
