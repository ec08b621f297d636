import { contentHash } from '../model/digest.ts';
import type { Chunk, FileEntry, Hash } from '../model/entry.ts';
import { chunksOf } from '../model/entry.ts';
import type { Limits } from '../model/limits.ts';
import type { Blob } from '../model/pack.ts';
import { PackBuilder } from '../model/pack.ts';
import type { BytePath } from '../model/path.ts';
import type { ChunkLocation, InlineBlob } from '../model/record.ts';
import type { OpenFile } from '../ports/filesystem.ts';
import { DiskFault, readExactly } from '../ports/filesystem.ts';
import type { Journal, Location } from '../ports/journal.ts';
import type { Gathered } from './store/gather.ts';
import { encode, openSender, type Piece, packBytes, type StorePorts, sliceBytesMin, uploadTrustedMs } from './store/packs.ts';

/** Content of a file that a record is going to name. `open` reads it from the tree or from the trash. */
export interface Source {
  readonly path: BytePath;
  readonly entry: FileEntry;
  readonly open: () => OpenFile;
}

export interface Stored {
  readonly locations: readonly ChunkLocation[];
  readonly inline: readonly InlineBlob[];
  /** Sources whose content is no longer what the entry says; they must not be published now. */
  readonly changed: ReadonlySet<BytePath>;
}

export interface StoreOptions {
  readonly bucketNowMs: number;
  readonly gathered: Gathered | null;
  readonly signal: AbortSignal;
}

/**
 * Makes every chunk of the sources reachable before a record names it (rule P1): what the bucket has is not sent again, a few small
 * contents travel inside the record, everything else goes into packs. What was gathered when the look read it is not read again.
 * Memory is bounded by `uploadsAtOnce` packs and a few slices. Null once the signal aborts: what was sent so far need not be sent again.
 */
export async function store(
  ports: StorePorts,
  share: string,
  sources: Iterable<Source>,
  limits: Limits,
  { bucketNowMs, gathered, signal }: StoreOptions,
): Promise<Stored | null> {
  await gathered?.ready();
  const packer = startPacker(ports, share, limits, signal);
  const uploadedPacks = gathered === null ? new Set<string>() : ports.journal.uploadedPacks();
  const reading: Reading = { locations: [], changed: new Set(), gathered, uploadedPacks, taken: [] };
  let encoding: Promise<readonly Blob[]> = Promise.resolve([]);
  for (const slice of read(ports, sources, limits, bucketNowMs, reading)) {
    const encoded = await encoding;
    // The next slice is read while this one is compressed.
    encoding = encode(ports, slice);
    encoding.catch(() => undefined);
    for (const blob of encoded) await packer.add(blob);
    for (const blob of reading.taken.splice(0)) await packer.add(blob);
    if (signal.aborted) return null;
  }
  for (const blob of await encoding) await packer.add(blob);
  const { located, inline } = await packer.finish();
  if (signal.aborted) return null;
  return { locations: [...reading.locations, ...located], inline, changed: reading.changed };
}

interface Reading {
  /** Of what is in the bucket already and has to be named. */
  readonly locations: ChunkLocation[];
  readonly changed: Set<BytePath>;
  readonly gathered: Gathered | null;
  /** Packs of what was gathered that still stand (rule S4). */
  readonly uploadedPacks: ReadonlySet<string>;
  /** Gathered contents that were met since the last slice. */
  readonly taken: Blob[];
}

/** Contents that the log has where a new change may rely on them. */
type InLog = ReadonlySet<Hash>;

const askedAtOnce = 500;

function* read(
  { journal }: StorePorts,
  sources: Iterable<Source>,
  limits: Limits,
  bucketNowMs: number,
  reading: Reading,
): Generator<readonly Piece[]> {
  const seen = new Set<Hash>();
  let slice: Piece[] = [];
  let sliceBytes = 0;
  for (const { source, inLog } of lookedUp(journal, sources)) {
    if (takeGathered(reading, source.entry, seen, inLog)) continue;
    const missing = missingChunks(journal, source.entry, bucketNowMs, seen, inLog, reading.locations);
    if (missing.length === 0) continue;
    const bytes = readVerified(source, limits.packBytesMax);
    if (bytes === null) reading.changed.add(source.path);
    else for (const piece of cut(bytes, chunksOf(source.entry), missing, seen)) slice.push(piece);
    sliceBytes += bytes?.length ?? 0;
    if (sliceBytes < sliceBytesMin) continue;
    yield slice;
    slice = [];
    sliceBytes = 0;
  }
  yield slice;
}

/** Which contents the log has, asked for many sources in one query. */
function* lookedUp(journal: Journal, sources: Iterable<Source>): Generator<{ source: Source; inLog: InLog }> {
  const group: Source[] = [];
  const asked = () => {
    const inLog = reliable(
      journal,
      group.flatMap(({ entry }) => chunksOf(entry).map(({ hash }) => hash)),
    );
    return group.splice(0).map((source) => ({ source, inLog }));
  };
  for (const source of sources) if (group.push(source) >= askedAtOnce) yield* asked();
  yield* asked();
}

/** Records that a snapshot covers are on their way out: who begins with that snapshot may not even know that they hold a content. */
function reliable(journal: Journal, hashes: readonly Hash[]): InLog {
  const floor = Number(journal.meta('inlineFloor') ?? '0');
  const found = [...journal.locationsOf(hashes)];
  return new Set(found.flatMap(([hash, places]) => (places.some(({ pack, record }) => pack !== '' || record > floor) ? [hash] : [])));
}

/** False for what was not gathered, is in the log already, or lies in a pack that was retired since (rule S4). */
function takeGathered(
  { gathered, uploadedPacks, taken, locations }: Reading,
  { hash, chunks }: FileEntry,
  seen: Set<Hash>,
  inLog: InLog,
): boolean {
  if (gathered === null || chunks !== null || inLog.has(hash)) return false;
  const [blob, sent] = [gathered.atHand(hash), gathered.sent(hash)];
  const location = sent !== undefined && uploadedPacks.has(sent.pack) ? sent : undefined;
  if (blob === undefined && location === undefined) return false;
  if (seen.has(hash)) return true;
  seen.add(hash);
  if (location !== undefined) locations.push(location);
  else if (blob !== undefined) taken.push(blob);
  return true;
}

/** The chunks that neither the log nor an own recent upload has; locations of the latter are collected, since the record must name them. */
function missingChunks(
  journal: Journal,
  entry: FileEntry,
  bucketNowMs: number,
  seen: Set<Hash>,
  inLog: InLog,
  locations: ChunkLocation[],
): Chunk[] {
  const missing: Chunk[] = [];
  for (const chunk of chunksOf(entry)) {
    if (seen.has(chunk.hash) || inLog.has(chunk.hash)) continue;
    const upload = journal.upload(chunk.hash, bucketNowMs - uploadTrustedMs);
    if (upload === null) missing.push(chunk);
    else {
      seen.add(chunk.hash);
      locations.push(chunkLocation(upload));
    }
  }
  return missing;
}

function chunkLocation({ hash, size, pack, offset, length, codec }: Location): ChunkLocation {
  return { hash, size, pack, offset, length, codec };
}

function readVerified(source: Source, bytesMax: number): Buffer | null {
  const { size, hash } = source.entry;
  if (size > bytesMax) throw new RangeError(`content of ${size} bytes must be sent as a stream`);
  try {
    const file = source.open();
    try {
      if (file.before.size !== size) return null;
      const bytes = readExactly(file, size);
      return bytes !== null && contentHash(bytes) === hash ? bytes : null;
    } finally {
      file.close();
    }
  } catch (error) {
    if (error instanceof DiskFault) return null;
    throw error;
  }
}

function* cut(bytes: Buffer, chunks: readonly Chunk[], wanted: readonly Chunk[], seen: Set<Hash>): Generator<Piece> {
  const hashes = new Set(wanted.map((chunk) => chunk.hash));
  let offset = 0;
  for (const { hash, size } of chunks) {
    const piece = bytes.subarray(offset, offset + size);
    offset += size;
    if (!hashes.has(hash) || seen.has(hash)) continue;
    seen.add(hash);
    yield { hash, size, bytes: piece };
  }
}

/** Inline while everything together stays small; packs from then on. */
function startPacker(ports: StorePorts, share: string, limits: Limits, signal: AbortSignal) {
  const builder = new PackBuilder(Math.min(packBytes, limits.packBytesMax), () => ports.random.hex(16));
  const sender = openSender(ports, share, signal);
  let inline: Blob[] | null = [];
  let inlineBytes = 0;

  async function pack(blob: Blob): Promise<void> {
    const full = builder.add(blob);
    if (full !== undefined) await sender.send(full);
  }

  async function add(blob: Blob): Promise<void> {
    if (inline === null) return pack(blob);
    inline.push(blob);
    inlineBytes += blob.stored.length;
    if (inlineBytes <= inlineBudget(limits)) return;
    const overflow = inline;
    inline = null;
    for (const each of overflow) await pack(each);
  }

  async function finish(): Promise<{ located: readonly ChunkLocation[]; inline: InlineBlob[] }> {
    const last = builder.finish();
    if (last !== undefined) await sender.send(last);
    return { located: await sender.finish(), inline: inline ?? [] };
  }
  return { add, finish };
}

/** Half of the record, so that the changes themselves usually fit beside the contents and no body is needed. */
function inlineBudget(limits: Limits): number {
  return Math.min(limits.inlineBytesMax, Math.floor(limits.recordBytesMax / 2));
}
