import { contentHash } from '../model/digest.ts';
import type { Chunk, FileEntry, Hash } from '../model/entry.ts';
import { chunksOf } from '../model/entry.ts';
import { packKey } from '../model/keys.ts';
import type { Limits } from '../model/limits.ts';
import type { Blob, Pack, StoredBlob } from '../model/pack.ts';
import { PackBuilder } from '../model/pack.ts';
import type { BytePath } from '../model/path.ts';
import type { ChunkLocation, InlineBlob } from '../model/record.ts';
import type { ContentCodec } from '../ports/codec.ts';
import type { Datastore } from '../ports/datastore.ts';
import type { OpenFile } from '../ports/filesystem.ts';
import { DiskFault, readExactly } from '../ports/filesystem.ts';
import type { Journal, Location } from '../ports/journal.ts';
import type { Log } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';

export interface StorePorts {
  readonly codec: ContentCodec;
  readonly datastore: Datastore;
  readonly journal: Journal;
  readonly random: Random;
  readonly log: Log;
}

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

/** Uploads of ours that no record names yet count for this long by the bucket's clock (rule P3 retires at 7 days). */
export const uploadTrustedMs = 6 * 24 * 3600 * 1000;
const uploadsAtOnce = 2;
/** Stored bytes of a pack: large enough to make requests rare, small enough to hold several in memory. */
const packBytes = 4 * 1024 * 1024;
/** Bytes of content that are compressed in one go. */
const sliceBytesMin = 1024 * 1024;

/**
 * Makes every chunk of the sources reachable before a record names it (rule P1): what the bucket has is not sent again, a few small
 * contents travel inside the record, everything else goes into packs. Memory is bounded by `uploadsAtOnce` packs and a few slices.
 */
export async function store(
  ports: StorePorts,
  share: string,
  sources: Iterable<Source>,
  limits: Limits,
  bucketNowMs: number,
): Promise<Stored> {
  const packer = startPacker(ports, share, limits);
  const locations: ChunkLocation[] = [];
  const changed = new Set<BytePath>();
  let encoding: Promise<readonly Blob[]> = Promise.resolve([]);
  for (const slice of read(ports, sources, limits, bucketNowMs, { locations, changed })) {
    const encoded = await encoding;
    // The next slice is read while this one is compressed.
    encoding = encode(ports.codec, slice);
    encoding.catch(() => undefined);
    for (const blob of encoded) await packer.add(blob);
  }
  for (const blob of await encoding) await packer.add(blob);
  const { located, inline } = await packer.finish();
  return { locations: [...locations, ...located], inline, changed };
}

/** A chunk that has to be sent. */
interface Piece extends Chunk {
  readonly bytes: Buffer;
}

function* read(
  { journal }: StorePorts,
  sources: Iterable<Source>,
  limits: Limits,
  bucketNowMs: number,
  found: { readonly locations: ChunkLocation[]; readonly changed: Set<BytePath> },
): Generator<readonly Piece[]> {
  const seen = new Set<Hash>();
  let slice: Piece[] = [];
  let sliceBytes = 0;
  for (const source of sources) {
    const missing = missingChunks(journal, source.entry, bucketNowMs, seen, found.locations);
    if (missing.length === 0) continue;
    const bytes = readVerified(source, limits.packBytesMax);
    if (bytes === null) found.changed.add(source.path);
    else for (const piece of cut(bytes, chunksOf(source.entry), missing, seen)) slice.push(piece);
    sliceBytes += bytes?.length ?? 0;
    if (sliceBytes < sliceBytesMin) continue;
    yield slice;
    slice = [];
    sliceBytes = 0;
  }
  yield slice;
}

async function encode(codec: ContentCodec, slice: readonly Piece[]): Promise<readonly Blob[]> {
  const stored = await codec.encode(slice.map((piece) => piece.bytes));
  return slice.map(({ hash, size }, at) => ({ hash, size, ...(stored[at] as StoredBlob) }));
}

/** The chunks that neither the log nor an own recent upload has; locations of the latter are collected, since the record must name them. */
function missingChunks(journal: Journal, entry: FileEntry, bucketNowMs: number, seen: Set<Hash>, locations: ChunkLocation[]): Chunk[] {
  const missing: Chunk[] = [];
  for (const chunk of chunksOf(entry)) {
    if (seen.has(chunk.hash) || journal.hasLocation(chunk.hash)) continue;
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
function startPacker(ports: StorePorts, share: string, limits: Limits) {
  const builder = new PackBuilder(Math.min(packBytes, limits.packBytesMax), () => ports.random.hex(16));
  const located: ChunkLocation[] = [];
  const flying = new Set<Promise<void>>();
  let inline: Blob[] | null = [];
  let inlineBytes = 0;

  async function send(pack: Pack): Promise<void> {
    while (flying.size >= uploadsAtOnce) await Promise.race(flying);
    const sending = sendPack(ports, share, pack).then((locations) => void located.push(...locations));
    const tracked = sending.finally(() => flying.delete(tracked));
    // A failure surfaces at the next race or at the end; until then it must not count as unhandled.
    tracked.catch(() => undefined);
    flying.add(tracked);
  }

  async function pack(blob: Blob): Promise<void> {
    const full = builder.add(blob);
    if (full !== undefined) await send(full);
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

  async function finish(): Promise<{ located: ChunkLocation[]; inline: InlineBlob[] }> {
    const last = builder.finish();
    if (last !== undefined) await send(last);
    await Promise.all(flying);
    return { located, inline: inline ?? [] };
  }
  return { add, finish };
}

/** Half of the record, so that the changes themselves usually fit beside the contents and no body is needed. */
function inlineBudget(limits: Limits): number {
  return Math.min(limits.inlineBytesMax, Math.floor(limits.recordBytesMax / 2));
}

async function sendPack(ports: StorePorts, share: string, pack: Pack): Promise<readonly ChunkLocation[]> {
  const { dateMs } = await ports.datastore.put(packKey(share, pack.id), pack.bytes);
  ports.log.debug({ step: 'pack', share, bytes: pack.bytes.length }, 'pack stored');
  rememberUpload(ports.journal, pack.locations, dateMs);
  return pack.locations;
}

/** Committed at once: a killed run finds its finished packs again (rule P4). */
function rememberUpload(journal: Journal, locations: readonly ChunkLocation[], atMs: number): void {
  journal.transaction(() => {
    for (const location of locations) journal.putUpload({ ...location, record: 0 }, atMs);
  });
}
