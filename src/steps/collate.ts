import { contentHash, contentHasher } from '../model/digest.ts';
import type { Chunk, Entry } from '../model/entry.ts';
import { metadataDifference, sameContent } from '../model/entry.ts';
import type { Content, FixedMetadata } from '../model/local.ts';
import { clockTickUs, localEntry } from '../model/local.ts';
import type { BytePath } from '../model/path.ts';
import { parentOf } from '../model/path.ts';
import type { Problem } from '../model/problem.ts';
import { problem } from '../model/problem.ts';
import type { Local } from '../model/reconcile.ts';
import type { Owners, PreciseStat, ShareTree, Stat } from '../ports/filesystem.ts';
import { DiskFault } from '../ports/filesystem.ts';
import type { Agreed, DiskStamp, Journal } from '../ports/journal.ts';
import type { Time } from '../ports/time.ts';

/** One path at which this disk differs from the base. */
export interface Finding {
  readonly path: BytePath;
  readonly agreed: Agreed | null;
  readonly local: Local;
  /** The look from before the read; null when the path is absent. */
  readonly stat: PreciseStat | null;
  /** The same for the stat cache, racy by the time of that look: whatever happens in its tick later leaves no trace in a stat. */
  readonly stamp: DiskStamp | null;
}

export interface Collated {
  readonly findings: ReadonlyMap<BytePath, Finding>;
  /** Paths that would not hold still until `settleMaxMs`; they leave the changeset and are met by the next cycle. */
  readonly unsettled: readonly BytePath[];
  readonly problems: readonly Problem[];
  /** Subtrees or names that could not be read: nothing is concluded about them. */
  readonly unknown: readonly BytePath[];
}

export interface CollatePorts {
  readonly tree: ShareTree;
  readonly journal: Journal;
  readonly time: Time;
  readonly owners: Owners;
}

export interface CollateOptions {
  readonly settleMs: number;
  readonly settleMaxMs: number;
  readonly chunkBytes: number;
  readonly fixed: FixedMetadata | null;
  /** False for what nobody will publish or compare (a subscriber's own files): it is listed without being read. */
  readonly needsContent: (path: BytePath, agreed: Agreed | null) => boolean;
  /** Hashes of large files from earlier looks of this process, so that a long upload does not hash them again every second. */
  readonly remembered: Map<BytePath, { readonly stat: PreciseStat; readonly content: Content }>;
  readonly onProgress: (files: number, bytes: number) => void;
  readonly signal: AbortSignal;
}

interface Candidate {
  readonly path: BytePath;
  readonly stat: Stat;
  readonly agreed: Agreed | null;
}

type Reading =
  | { readonly result: 'settled'; readonly finding: Finding | null }
  | { readonly result: 'changed'; readonly candidate: Candidate }
  | { readonly result: 'gone' }
  | { readonly result: 'unreadable'; readonly problem: Problem };

const rememberBytesMin = 1024 * 1024;
const readBytes = 4 * 1024 * 1024;
const pauseBytes = 64 * 1024 * 1024;

/**
 * Turns candidates of a scan into findings (rules D1, D2): a second look at least `settleMs` after the scan must show the same stat,
 * and the same again after the content was read. What only looked different (touched and restored, a new inode with equal content)
 * updates the stat cache and is no finding.
 */
export async function collate(
  ports: CollatePorts,
  scanned: { readonly found: readonly Candidate[]; readonly missing: readonly Agreed[]; readonly endedMs: number },
  options: CollateOptions,
): Promise<Collated> {
  const state: State = { findings: new Map(), problems: [], unknown: [], refreshed: [], files: 0, bytes: 0 };
  if (scanned.found.length + scanned.missing.length === 0) return { ...state, unsettled: [] };
  await ports.time.sleep(scanned.endedMs + options.settleMs - ports.time.monotonicMs(), options.signal);
  confirmAbsences(ports, scanned.missing, state);
  const unsettled = await readUntilSettled(ports, scanned.found, options, state);
  refreshStamps(ports.journal, state.refreshed);
  return { findings: state.findings, problems: state.problems, unknown: state.unknown, unsettled };
}

interface State {
  findings: Map<BytePath, Finding>;
  problems: Problem[];
  unknown: BytePath[];
  refreshed: [BytePath, DiskStamp][];
  files: number;
  bytes: number;
}

/** Only the uppermost name of a missing subtree is looked at again: below an absent directory nothing can be. */
function confirmAbsences(ports: CollatePorts, missing: readonly Agreed[], state: State): void {
  const absent = new Set<BytePath>();
  for (const row of missing) {
    const known = absent.has(parentOf(row.path)) || isAbsent(ports, row.path, state);
    if (!known) continue;
    absent.add(row.path);
    state.findings.set(row.path, { path: row.path, agreed: row, local: { seen: 'absent' }, stat: null, stamp: null });
  }
}

function isAbsent(ports: CollatePorts, path: BytePath, state: State): boolean {
  try {
    return ports.tree.look(path) === null;
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    // A file or link stands where a directory on the way was: nothing can be below it.
    if (error.code === 'absent' || error.code === 'not-directory') return true;
    state.unknown.push(path);
    state.problems.push(unreadable(path, error));
    return false;
  }
}

async function readUntilSettled(
  ports: CollatePorts,
  found: readonly Candidate[],
  options: CollateOptions,
  state: State,
): Promise<BytePath[]> {
  const deadlineMs = ports.time.monotonicMs() + options.settleMaxMs;
  let pending = found;
  for (;;) {
    const changed = await readAll(ports, pending, options, state);
    if (changed.length === 0) return [];
    if (options.signal.aborted || ports.time.monotonicMs() >= deadlineMs) return changed.map((candidate) => candidate.path);
    await ports.time.sleep(Math.max(options.settleMs, 10), options.signal);
    pending = changed;
  }
}

async function readAll(ports: CollatePorts, pending: readonly Candidate[], options: CollateOptions, state: State): Promise<Candidate[]> {
  const changed: Candidate[] = [];
  for (const candidate of pending) {
    if (options.signal.aborted) return [...changed, candidate];
    const reading = await readOne(ports, candidate, options, state);
    if (reading.result === 'changed') changed.push(reading.candidate);
    else if (reading.result === 'unreadable') {
      state.unknown.push(candidate.path);
      state.problems.push(reading.problem);
    } else if (reading.result === 'settled' && reading.finding !== null) state.findings.set(candidate.path, reading.finding);
  }
  return changed;
}

async function readOne(ports: CollatePorts, candidate: Candidate, options: CollateOptions, state: State): Promise<Reading> {
  try {
    if (candidate.stat.kind !== 'file') return readUnfiled(ports, candidate, options, state);
    if (!options.needsContent(candidate.path, candidate.agreed) && !looksAgreed(candidate)) return lookOnly(ports, candidate);
    return await readFile(ports, candidate, options, state);
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    if (error.code === 'absent' || error.code === 'not-directory') return { result: 'gone' };
    if (error.code === 'denied' && isAsAgreed(candidate)) return { result: 'settled', finding: null };
    return { result: 'unreadable', problem: unreadable(candidate.path, error) };
  }
}

/** Only the content can tell whether it is as agreed; once read it need not be looked at again. */
function looksAgreed({ agreed, stat }: Candidate): boolean {
  return agreed !== null && (agreed.stamp === null || sameLook({ ...stat, ...agreed.stamp }, stat));
}

/** Only the clock's tick speaks against it: a file that came without the right to read it is no problem of this disk. */
function isAsAgreed({ stat, agreed }: Candidate): boolean {
  const stamp = agreed?.stamp;
  return stamp != null && agreed?.entry.kind === 'file' && sameLook(stat, { ...stat, ...stamp, kind: 'file' });
}

/** A file that is only listed: its entry carries no trustworthy hash and must never be published. */
function lookOnly(ports: CollatePorts, candidate: Candidate): Reading {
  const stat = ports.tree.look(candidate.path);
  if (stat === null) return { result: 'gone' };
  const finding = { path: candidate.path, agreed: candidate.agreed, local: { seen: 'unknown' as const }, stat, stamp: null };
  return { result: 'settled', finding };
}

/** Directories and links. */
function readUnfiled(ports: CollatePorts, candidate: Candidate, options: CollateOptions, state: State): Reading {
  const lookedUs = ports.time.wallMs() * 1000;
  const stat = ports.tree.look(candidate.path);
  if (stat === null) return { result: 'gone' };
  if (stat.kind !== candidate.stat.kind) return changedTo(candidate, stat);
  if (stat.kind === 'dir') return settle(ports, candidate, { stat, lookedUs }, { kind: 'dir' }, options, state);
  if (!sameLook(candidate.stat, stat)) return changedTo(candidate, stat);
  const target = ports.tree.readLink(candidate.path);
  const after = ports.tree.look(candidate.path);
  if (after === null || !sameLook(stat, after)) return after === null ? { result: 'gone' } : changedTo(candidate, after);
  return settle(ports, candidate, { stat, lookedUs }, { kind: 'link', target }, options, state);
}

async function readFile(ports: CollatePorts, candidate: Candidate, options: CollateOptions, state: State): Promise<Reading> {
  const lookedUs = ports.time.wallMs() * 1000;
  const file = ports.tree.open(candidate.path);
  try {
    if (!sameLook(candidate.stat, file.before)) return changedTo(candidate, file.before);
    const known = options.remembered.get(candidate.path);
    const content = known !== undefined && sameLook(known.stat, file.before) ? known.content : await hashContent(ports, file, options);
    const after = file.now();
    if (!sameLook(file.before, after)) return changedTo(candidate, after);
    // Within the tick the same stat may stand for other content a moment later.
    const trusted = !stampOf(file.before, lookedUs).racy;
    if (file.before.size >= rememberBytesMin && trusted) options.remembered.set(candidate.path, { stat: file.before, content });
    state.files++;
    state.bytes += file.before.size;
    options.onProgress(state.files, state.bytes);
    return settle(ports, candidate, { stat: file.before, lookedUs }, content, options, state);
  } finally {
    file.close();
  }
}

const shared = Buffer.allocUnsafe(readBytes);

/** Hash of the whole and of each chunk in one pass; one chunk is the whole. */
async function hashContent(
  ports: CollatePorts,
  file: { readonly before: PreciseStat; read(buffer: Buffer): number },
  options: CollateOptions,
): Promise<Content> {
  const size = file.before.size;
  if (size <= readBytes) {
    const length = readFully(file, shared);
    return { kind: 'file', size: length, hash: contentHash(shared.subarray(0, length)), chunks: null };
  }
  const whole = contentHasher();
  const chunks: Chunk[] = [];
  let chunk = contentHasher();
  let chunkSize = 0;
  let total = 0;
  // A buffer of its own: other shares may read while this one lets the event loop run.
  const buffer = Buffer.allocUnsafe(Math.min(readBytes, options.chunkBytes));
  for (let length = readFully(file, buffer); length > 0; length = readFully(file, buffer)) {
    for (let from = 0; from < length; ) {
      const piece = buffer.subarray(from, Math.min(length, from + options.chunkBytes - chunkSize));
      chunk.update(piece);
      chunkSize += piece.length;
      from += piece.length;
      if (chunkSize < options.chunkBytes) continue;
      chunks.push({ hash: chunk.digest(), size: chunkSize });
      chunk = contentHasher();
      chunkSize = 0;
    }
    whole.update(buffer.subarray(0, length));
    if (Math.floor((total + length) / pauseBytes) > Math.floor(total / pauseBytes)) await ports.time.sleep(0);
    total += length;
  }
  if (chunkSize > 0) chunks.push({ hash: chunk.digest(), size: chunkSize });
  return { kind: 'file', size: total, hash: whole.digest(), chunks: chunks.length > 1 ? chunks : null };
}

function readFully(file: { read(buffer: Buffer): number }, buffer: Buffer): number {
  let length = 0;
  while (length < buffer.length) {
    const read = file.read(length === 0 ? buffer : buffer.subarray(length));
    if (read === 0) break;
    length += read;
  }
  return length;
}

function settle(
  ports: CollatePorts,
  { path, agreed }: Candidate,
  { stat, lookedUs }: { readonly stat: PreciseStat; readonly lookedUs: number },
  content: Content,
  options: CollateOptions,
  state: State,
): Reading {
  const stamp = stampOf(stat, lookedUs);
  const entry = localEntry(
    content,
    stat,
    ownerNames(ports.owners, stat),
    agreed && { entry: agreed.entry, readBack: agreed.stamp },
    options.fixed,
  );
  if (agreed !== null && sameContent(agreed.entry, entry) && metadataDifference(agreed.entry, entry).length === 0) {
    state.refreshed.push([path, stamp]);
    return { result: 'settled', finding: null };
  }
  return { result: 'settled', finding: { path, agreed, local: { seen: 'entry', entry: keepChunks(entry, agreed) }, stat, stamp } };
}

/** Equal content keeps the log's chunk list, so that a change of metadata alone never changes how content is addressed. */
function keepChunks(entry: Entry, agreed: Agreed | null): Entry {
  if (entry.kind !== 'file' || agreed?.entry.kind !== 'file' || !sameContent(entry, agreed.entry)) return entry;
  return { ...entry, chunks: agreed.entry.chunks };
}

export function ownerNames(owners: Owners, stat: Stat): { owner: string | null; group: string | null } {
  if (!owners.privileged) return { owner: null, group: null };
  return { owner: owners.userName(stat.uid), group: owners.groupName(stat.gid) };
}

/** The stat cache's row for a look; younger than the clock's tick it is racy and will be read again (rule D2). */
export function stampOf(stat: PreciseStat, nowUs: number): DiskStamp {
  const { ino, size, mtimeKey, ctimeKey, mode, mtimeUs, uid, gid } = stat;
  const racy = stat.kind !== 'dir' && ctimeKey > nowUs - clockTickUs;
  return { ino, size, mtimeKey, ctimeKey, mode, mtimeUs, uid, gid, racy };
}

function refreshStamps(journal: Journal, refreshed: readonly [BytePath, DiskStamp][]): void {
  if (refreshed.length === 0) return;
  journal.transaction(() => {
    for (const [path, stamp] of refreshed) journal.putStamp(path, stamp);
  });
}

function changedTo(candidate: Candidate, stat: Stat): Reading {
  return { result: 'changed', candidate: { ...candidate, stat } };
}

/** Directories change size and times whenever a child does; for them only rights are looked at. */
function sameLook(a: Stat, b: Stat): boolean {
  return (
    a.kind === b.kind &&
    a.ino === b.ino &&
    a.size === b.size &&
    a.mtimeKey === b.mtimeKey &&
    a.ctimeKey === b.ctimeKey &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid
  );
}

function unreadable(path: BytePath, fault: DiskFault): Problem {
  return problem(
    'unreadable',
    path,
    `cannot be read (${fault.message}); it is not synchronised`,
    'Make it readable for the user that runs flocksync, or exclude it.',
  );
}
