import { contentHash, contentHasher } from '../../model/digest.ts';
import type { Entry } from '../../model/entry.ts';
import { metadataDifference, sameContent } from '../../model/entry.ts';
import type { Content } from '../../model/local.ts';
import { localEntry, ownerNames } from '../../model/local.ts';
import type { BytePath } from '../../model/path.ts';
import type { Problem } from '../../model/problem.ts';
import { problem } from '../../model/problem.ts';
import type { FileRead, OpenFile, PreciseStat, Stat } from '../../ports/filesystem.ts';
import { DiskFault } from '../../ports/filesystem.ts';
import type { Agreed } from '../../ports/journal.ts';
import { breathing } from './breath.ts';
import { type Candidate, type CollateOptions, type CollatePorts, type HalfRead, lookOf, type Reading, sameLook } from './finding.ts';

/** What was read so far, for progress. */
export interface Counted {
  files: number;
  bytes: number;
}

const rememberBytesMin = 1024 * 1024;
const readBytes = 4 * 1024 * 1024;

/** Reads one candidate; `changed` when a look before or after the read shows another stat than the candidate's (rule D2). */
export async function readOne(ports: CollatePorts, candidate: Candidate, options: CollateOptions, counted: Counted): Promise<Reading> {
  try {
    if (candidate.stat.kind !== 'file') return readUnfiled(ports, candidate, options);
    if (isOnlyListed(candidate, options)) return lookOnly(ports, candidate);
    return await readFile(ports, candidate, options, counted);
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    return troubleReading(candidate, error);
  }
}

/** The same for a file that was opened and read before; it was asked for at `askedUs`, microseconds. */
export async function judgeRead(
  ports: CollatePorts,
  candidate: Candidate,
  read: FileRead | DiskFault,
  askedUs: number,
  options: CollateOptions,
  counted: Counted,
): Promise<Reading> {
  if (read instanceof DiskFault) return troubleReading(candidate, read);
  const { before, after, content } = read;
  if (!sameLook(candidate.stat, before)) return changedTo(candidate, before);
  if (!sameLook(before, after)) return changedTo(candidate, after);
  // A file system that is mistaken about lengths.
  if (content === null) return await readOne(ports, candidate, options, counted);
  const { hash, bytes } = content;
  await options.onContent(hash, bytes);
  count(counted, bytes.length, options);
  return settle(ports, candidate, { stat: before, lookedUs: askedUs }, { kind: 'file', size: bytes.length, hash, chunks: null }, options);
}

/** A small file that will be read whole, in one go. */
export function isQuicklyRead(candidate: Candidate, options: CollateOptions): boolean {
  return isSmall(candidate) && !isOnlyListed(candidate, options);
}

export function isSmall({ stat }: Candidate): boolean {
  return stat.kind === 'file' && stat.size < rememberBytesMin;
}

function count(counted: Counted, bytes: number, options: CollateOptions): void {
  counted.files++;
  counted.bytes += bytes;
  options.onProgress(counted.files, counted.bytes);
}

function troubleReading(candidate: Candidate, fault: DiskFault): Reading {
  if (fault.code === 'absent' || fault.code === 'not-directory') return { result: 'gone' };
  if (fault.code === 'denied' && isAsAgreed(candidate)) return { result: 'as-agreed' };
  return { result: 'unreadable', problem: unreadable(candidate.path, fault) };
}

function isOnlyListed(candidate: Candidate, options: CollateOptions): boolean {
  return !options.needsContent(candidate.path, candidate.agreed) && !looksAgreed(candidate);
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
  // Nothing was read, so nothing that the stat cache could trust.
  const look = { ...lookOf(stat, 0), racy: true };
  return { result: 'found', finding: { path: candidate.path, agreed: candidate.agreed, local: { seen: 'unknown' }, look } };
}

/** Directories and links. */
function readUnfiled(ports: CollatePorts, candidate: Candidate, options: CollateOptions): Reading {
  const lookedUs = ports.time.wallMs() * 1000;
  const stat = ports.tree.look(candidate.path);
  if (stat === null) return { result: 'gone' };
  if (stat.kind !== candidate.stat.kind) return changedTo(candidate, stat);
  if (stat.kind === 'dir') return settle(ports, candidate, { stat, lookedUs }, { kind: 'dir' }, options);
  if (!sameLook(candidate.stat, stat)) return changedTo(candidate, stat);
  const target = ports.tree.readLink(candidate.path);
  const after = ports.tree.look(candidate.path);
  if (after === null || !sameLook(stat, after)) return after === null ? { result: 'gone' } : changedTo(candidate, after);
  return settle(ports, candidate, { stat, lookedUs }, { kind: 'link', target }, options);
}

async function readFile(ports: CollatePorts, candidate: Candidate, options: CollateOptions, counted: Counted): Promise<Reading> {
  const lookedUs = ports.time.wallMs() * 1000;
  const file = ports.tree.open(candidate.path);
  try {
    if (!sameLook(candidate.stat, file.before)) return changedTo(candidate, file.before);
    const known = options.remembered.get(candidate.path);
    const isKnown = known !== undefined && sameLook(known.stat, file.before);
    const isSmall = !isKnown && file.before.size <= readBytes;
    // Within the tick the same stat may stand for other content a moment later.
    const trusted = !lookOf(file.before, lookedUs).racy;
    const content = isKnown ? known.content : isSmall ? readWhole(file) : await readLarge(ports, file, candidate.path, options, trusted);
    if (content === null) return { result: 'changed', candidate };
    const after = file.now();
    if (!sameLook(file.before, after)) return changedTo(candidate, after);
    if (isSmall && content.kind === 'file') await options.onContent(content.hash, shared.subarray(0, content.size));
    if (file.before.size >= rememberBytesMin && trusted) options.remembered.set(candidate.path, { stat: file.before, content });
    count(counted, file.before.size, options);
    return settle(ports, candidate, { stat: file.before, lookedUs }, content, options);
  } finally {
    file.close();
  }
}

const shared = Buffer.allocUnsafe(readBytes);

/** The bytes stay in `shared` until anything else is awaited. */
function readWhole(file: OpenFile): Content {
  const size = readFully(file, shared);
  return { kind: 'file', size, hash: contentHash(shared.subarray(0, size)), chunks: null };
}

/** Null when the look was told to stop: then the next one goes on where this one was, unless the file has changed. */
async function readLarge(
  ports: CollatePorts,
  file: OpenFile,
  path: BytePath,
  options: CollateOptions,
  trusted: boolean,
): Promise<Content | null> {
  const before = options.halfRead.get(path);
  options.halfRead.delete(path);
  const half = before !== undefined && sameLook(before.stat, file.before) ? before : beginHalf(file.before);
  file.skip(half.total);
  const content = await hashPieces(ports, file, half, options);
  if (content === null && trusted) options.halfRead.set(path, half);
  return content;
}

function beginHalf(stat: PreciseStat): HalfRead {
  return { stat, whole: contentHasher(), chunk: contentHasher(), chunkSize: 0, total: 0, chunks: [] };
}

/** Hash of the whole and of each chunk in one pass; one chunk is the whole. */
async function hashPieces(ports: CollatePorts, file: OpenFile, half: HalfRead, options: CollateOptions): Promise<Content | null> {
  const breathe = breathing(ports.time);
  // A buffer of its own: other shares may read while this one lets the event loop run.
  const buffer = Buffer.allocUnsafe(Math.min(readBytes, options.chunkBytes));
  for (let length = readFully(file, buffer); length > 0; length = readFully(file, buffer)) {
    hashPiece(half, buffer.subarray(0, length), options.chunkBytes);
    await breathe();
    if (options.signal.aborted) return null;
  }
  const { chunks, chunk, chunkSize, total, whole } = half;
  if (chunkSize > 0) chunks.push({ hash: chunk.digest(), size: chunkSize });
  return { kind: 'file', size: total, hash: whole.digest(), chunks: chunks.length > 1 ? chunks : null };
}

function hashPiece(half: HalfRead, bytes: Buffer, chunkBytes: number): void {
  for (let from = 0; from < bytes.length; ) {
    const piece = bytes.subarray(from, Math.min(bytes.length, from + chunkBytes - half.chunkSize));
    half.chunk.update(piece);
    half.chunkSize += piece.length;
    from += piece.length;
    if (half.chunkSize < chunkBytes) continue;
    half.chunks.push({ hash: half.chunk.digest(), size: half.chunkSize });
    half.chunk = contentHasher();
    half.chunkSize = 0;
  }
  half.whole.update(bytes);
  half.total += bytes.length;
}

function readFully(file: OpenFile, buffer: Buffer): number {
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
): Reading {
  const look = lookOf(stat, lookedUs);
  const base = agreed && { entry: agreed.entry, readBack: agreed.stamp };
  const entry = localEntry(content, stat, ownerNames(ports.owners, stat), base, options.fixed);
  if (agreed !== null && sameContent(agreed.entry, entry) && metadataDifference(agreed.entry, entry).length === 0)
    return { result: 'refreshed', path, look };
  return { result: 'found', finding: { path, agreed, local: { seen: 'entry', entry: keepChunks(entry, agreed) }, look } };
}

/** Equal content keeps the log's chunk list, so that a change of metadata alone never changes how content is addressed. */
function keepChunks(entry: Entry, agreed: Agreed | null): Entry {
  if (entry.kind !== 'file' || agreed?.entry.kind !== 'file' || !sameContent(entry, agreed.entry)) return entry;
  return { ...entry, chunks: agreed.entry.chunks };
}

function changedTo(candidate: Candidate, stat: Stat): Reading {
  return { result: 'changed', candidate: { ...candidate, stat } };
}

export function unreadable(path: BytePath, fault: DiskFault): Problem {
  return problem(
    'unreadable',
    path,
    `cannot be read (${fault.message}); it is not synchronised`,
    'Make it readable for the user that runs flocksync, or exclude it.',
  );
}
