import { contentHasher } from '../model/digest.ts';
import type { Chunk, FileEntry, Hash, Sequence } from '../model/entry.ts';
import { chunksOf } from '../model/entry.ts';
import { packKey } from '../model/keys.ts';
import { decodeBlob } from '../model/pack.ts';
import type { BytePath } from '../model/path.ts';
import { parentOf } from '../model/path.ts';
import type { InlineBlob } from '../model/record.ts';
import type { ContentCodec } from '../ports/codec.ts';
import type { Datastore } from '../ports/datastore.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import type { DiskMetadata, OpenFile, ShareTree, Staged, StageWriter } from '../ports/filesystem.ts';
import { DiskFault } from '../ports/filesystem.ts';
import type { Journal, Location } from '../ports/journal.ts';

/** A file that has to be staged: its entry, where it will stand, and the metadata that it gets on this disk. */
export interface StageRequest {
  readonly path: BytePath;
  readonly entry: FileEntry;
  readonly metadata: DiskMetadata;
}

/** - unfetchable: no location gave the right bytes; `missing` names them. - full: no room. - refused: another disk fault. */
export type StageResult =
  | { readonly ok: true; readonly request: StageRequest; readonly staged: Staged }
  | {
      readonly ok: false;
      readonly request: StageRequest;
      readonly reason: 'unfetchable' | 'full' | 'refused';
      readonly detail: string;
      readonly missing: readonly Hash[];
    };

export interface FetchPorts {
  readonly datastore: Datastore;
  readonly journal: Journal;
  readonly tree: ShareTree;
  readonly codec: ContentCodec;
  /** Inline contents of a record that was ingested before. */
  readonly inlineOf: (sequence: Sequence) => Promise<readonly InlineBlob[]>;
  readonly onBytes: (bytes: number) => void;
}

const rangeBytesMax = 4 * 1024 * 1024;
/** Bytes of content that are decoded in one go. */
const sliceBytesMin = 1024 * 1024;
/** Files of equal content that are tried before the bucket is asked. */
const copiesTried = 3;
/** Unwanted bytes between two wanted ones that are cheaper to read than another request. */
const gapBytesMax = 256 * 1024;
const readsAtOnce = 3;
const copyBytes = 4 * 1024 * 1024;

/**
 * Stages every requested file with verified content (promise 2): from this disk where the same content stands under another name or
 * in the trash, else from the bucket, where one request brings many contents of a pack. Results come in no particular order.
 */
export async function* fetchContents(ports: FetchPorts, share: string, requests: readonly StageRequest[]): AsyncGenerator<StageResult> {
  const byHash = new Map<Hash, StageRequest[]>();
  const large: StageRequest[] = [];
  const here = copiesOf(ports, new Set(requests.map((request) => request.entry.hash)));
  for (const request of requests) {
    const chunks = chunksOf(request.entry);
    const local = chunks.length === 0 ? stageBytes(ports, request, Buffer.alloc(0)) : stageLocalCopy(ports, request, here);
    if (local !== null) yield local;
    else if (chunks.length > 1) large.push(request);
    else addTo(byHash, request.entry.hash, request);
  }
  yield* fetchSmall(ports, share, byHash);
  for (const request of large) yield await stageLarge(ports, share, request);
}

function addTo(map: Map<Hash, StageRequest[]>, hash: Hash, request: StageRequest): void {
  const list = map.get(hash);
  if (list === undefined) map.set(hash, [request]);
  else list.push(request);
}

// ---- contents that this disk already has -------------------------------------------------------------------------------------

interface Copies {
  readonly paths: ReadonlyMap<Hash, readonly BytePath[]>;
  /** By hash: the name in the trash. */
  readonly trashed: ReadonlyMap<Hash, string>;
}

/** Asked for all contents at once: a question of its own for each would take a lock on the journal each time. */
function copiesOf({ journal }: FetchPorts, hashes: ReadonlySet<Hash>): Copies {
  return journal.transaction(() => {
    const trashed = new Map<Hash, string>();
    for (const hash of hashes) {
      const row = journal.trashByHash(hash);
      if (row !== null) trashed.set(hash, row.name);
    }
    return { paths: journal.agreedPaths([...hashes], copiesTried), trashed };
  });
}

function stageLocalCopy(ports: FetchPorts, request: StageRequest, { paths, trashed }: Copies): StageResult | null {
  const { hash } = request.entry;
  for (const path of paths.get(hash) ?? []) {
    const copied = path === request.path ? null : copyFrom(ports, request, () => ports.tree.open(path));
    if (copied !== null) return copied;
  }
  const name = trashed.get(hash);
  return name === undefined ? null : copyFrom(ports, request, () => ports.tree.openInTrash(name));
}

/** null when the source turned out to hold something else: then the bucket is asked. */
function copyFrom(ports: FetchPorts, request: StageRequest, open: () => OpenFile): StageResult | null {
  let source: OpenFile | undefined;
  let writer: StageWriter | undefined;
  try {
    source = open();
    if (source.before.size !== request.entry.size) return null;
    writer = ports.tree.stage(parentOf(request.path));
    if (!copyVerified(source, writer, request.entry)) return null;
    const staged = writer.finish(request.metadata);
    writer = undefined;
    ports.onBytes(request.entry.size);
    return { ok: true, request, staged };
  } catch (error) {
    return error instanceof DiskFault && error.code === 'full' ? failed(request, error) : ignoreDiskFault(error);
  } finally {
    writer?.abort();
    source?.close();
  }
}

function ignoreDiskFault(error: unknown): null {
  if (error instanceof DiskFault) return null;
  throw error;
}

function copyVerified(source: OpenFile, writer: StageWriter, entry: FileEntry): boolean {
  const hash = contentHasher();
  const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(copyBytes, entry.size)));
  let total = 0;
  for (let length = source.read(buffer); length > 0; length = source.read(buffer)) {
    const piece = buffer.subarray(0, length);
    hash.update(piece);
    writer.write(piece);
    total += length;
    if (total > entry.size) return false;
  }
  return total === entry.size && hash.digest() === entry.hash;
}

// ---- small contents, many in one request -------------------------------------------------------------------------------------

interface Wanted {
  readonly location: Location;
  readonly requests: readonly StageRequest[];
  /** Locations to try after this one. */
  readonly others: readonly Location[];
}

interface Run {
  readonly pack: string;
  readonly offset: number;
  readonly length: number;
  readonly wanted: readonly Wanted[];
}

async function* fetchSmall(ports: FetchPorts, share: string, byHash: ReadonlyMap<Hash, StageRequest[]>): AsyncGenerator<StageResult> {
  let pending: Wanted[] = [];
  const places = ports.journal.locationsOf([...byHash.keys()]);
  for (const [hash, requests] of byHash) {
    const [location, ...others] = places.get(hash) ?? [];
    if (location !== undefined) pending.push({ location, others, requests });
    else for (const request of requests) yield unfetchable(request, [hash], 'the log names no place for its content');
  }
  while (pending.length > 0) {
    const failures: Wanted[] = [];
    yield* inlineContents(ports, pending, failures);
    yield* packContents(ports, share, pending, failures);
    pending = [];
    for (const failure of failures) {
      const [location, ...others] = failure.others;
      if (location !== undefined) pending.push({ ...failure, location, others });
      else
        for (const request of failure.requests) yield unfetchable(request, [failure.location.hash], 'the bucket does not have its content');
    }
  }
}

async function* inlineContents(ports: FetchPorts, pending: readonly Wanted[], failures: Wanted[]): AsyncGenerator<StageResult> {
  for (const wanted of pending) {
    if (wanted.location.pack !== '') continue;
    const blob = (await ports.inlineOf(wanted.location.record)).find((each) => each.hash === wanted.location.hash);
    yield* stageBlob(ports, wanted, blob?.stored, failures);
  }
}

async function* packContents(
  ports: FetchPorts,
  share: string,
  pending: readonly Wanted[],
  failures: Wanted[],
): AsyncGenerator<StageResult> {
  const runs = planRuns(pending.filter((wanted) => wanted.location.pack !== ''));
  let before: Slice | undefined;
  for await (const { run, bytes } of readRuns(ports.datastore, share, runs)) {
    for (const wanted of slicesOf(run)) {
      const slice = { wanted, contents: decodeSlice(ports.codec, run, wanted, bytes) };
      slice.contents.catch(() => undefined);
      // This slice is decoded while the one before is written.
      if (before !== undefined) yield* stageSlice(ports, before, await before.contents, failures);
      before = slice;
    }
  }
  if (before !== undefined) yield* stageSlice(ports, before, await before.contents, failures);
}

interface Slice {
  readonly wanted: readonly Wanted[];
  readonly contents: Promise<readonly (Buffer | null)[]>;
}

async function* readRuns(datastore: Datastore, share: string, runs: readonly Run[]): AsyncGenerator<{ run: Run; bytes: Buffer | null }> {
  const flying: Promise<{ run: Run; bytes: Buffer | null }>[] = [];
  for (let at = 0; at < runs.length; at++) {
    while (flying.length < readsAtOnce && at + flying.length < runs.length) {
      const reading = readRun(datastore, share, runs[at + flying.length] as Run);
      reading.catch(() => undefined);
      flying.push(reading);
    }
    yield await (flying.shift() as Promise<{ run: Run; bytes: Buffer | null }>);
  }
}

function* slicesOf({ wanted }: Run): Generator<readonly Wanted[]> {
  let slice: Wanted[] = [];
  let bytes = 0;
  for (const each of wanted) {
    slice.push(each);
    bytes += each.location.size;
    if (bytes < sliceBytesMin) continue;
    yield slice;
    slice = [];
    bytes = 0;
  }
  if (slice.length > 0) yield slice;
}

async function decodeSlice(
  codec: ContentCodec,
  run: Run,
  wanted: readonly Wanted[],
  bytes: Buffer | null,
): Promise<readonly (Buffer | null)[]> {
  if (bytes === null) return wanted.map(() => null);
  return await codec.decode(
    wanted.map(({ location }) => {
      const from = location.offset - run.offset;
      return { ...location, stored: bytes.subarray(from, from + location.length) };
    }),
  );
}

function* stageSlice(ports: FetchPorts, slice: Slice, contents: readonly (Buffer | null)[], failures: Wanted[]): Generator<StageResult> {
  for (const [at, wanted] of slice.wanted.entries()) {
    const bytes = contents[at] ?? null;
    if (bytes === null) failures.push(wanted);
    else for (const request of wanted.requests) yield stageWhole(ports, request, bytes);
  }
}

function planRuns(wanted: readonly Wanted[]): Run[] {
  const sorted = [...wanted].sort((a, b) => compare(a.location.pack, b.location.pack) || a.location.offset - b.location.offset);
  const runs: { pack: string; offset: number; length: number; wanted: Wanted[] }[] = [];
  for (const each of sorted) {
    const { pack, offset, length } = each.location;
    const run = runs.at(-1);
    const end = run === undefined ? 0 : run.offset + run.length;
    const joins = run !== undefined && run.pack === pack && offset - end <= gapBytesMax && offset + length - run.offset <= rangeBytesMax;
    if (!joins) runs.push({ pack, offset, length, wanted: [each] });
    else {
      run.length = Math.max(run.length, offset + length - run.offset);
      run.wanted.push(each);
    }
  }
  return runs;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Bytes null: this place does not have them; trouble with the store as a whole is thrown. */
async function readRun(datastore: Datastore, share: string, run: Run): Promise<{ run: Run; bytes: Buffer | null }> {
  return { run, bytes: await readRange(datastore, share, run.pack, run.offset, run.length) };
}

async function readRange(datastore: Datastore, share: string, pack: string, offset: number, length: number): Promise<Buffer | null> {
  try {
    return (await datastore.get(packKey(share, pack), { bytesMax: length, range: { offset, length } })).value?.bytes ?? null;
  } catch (error) {
    const ofThisObject = error instanceof DatastoreFault && (error.code === 'bad-range' || error.code === 'too-large');
    if (ofThisObject) return null;
    throw error;
  }
}

function* stageBlob(ports: FetchPorts, wanted: Wanted, stored: Buffer | undefined, failures: Wanted[]): Generator<StageResult> {
  const { hash, size, codec } = wanted.location;
  const decoded = stored === undefined ? undefined : decodeBlob(stored, codec, hash, size);
  if (decoded === undefined || !decoded.ok) failures.push(wanted);
  else for (const request of wanted.requests) yield stageWhole(ports, request, decoded.bytes);
}

/** The size of an entry may lie beside a right hash: such a file can be had from nowhere. */
function stageWhole(ports: FetchPorts, request: StageRequest, bytes: Buffer): StageResult {
  if (bytes.length === request.entry.size) return stageBytes(ports, request, bytes);
  return unfetchable(request, [], 'its content is not as long as it says');
}

function stageBytes(ports: FetchPorts, request: StageRequest, bytes: Buffer): StageResult {
  let writer: StageWriter | undefined;
  try {
    writer = ports.tree.stage(parentOf(request.path));
    if (bytes.length > 0) writer.write(bytes);
    const staged = writer.finish(request.metadata);
    ports.onBytes(bytes.length);
    return { ok: true, request, staged };
  } catch (error) {
    writer?.abort();
    return failed(request, error);
  }
}

// ---- large contents, chunk by chunk in order ---------------------------------------------------------------------------------

async function stageLarge(ports: FetchPorts, share: string, request: StageRequest): Promise<StageResult> {
  const chunks = chunksOf(request.entry);
  const whole = contentHasher();
  let writer: StageWriter | undefined;
  let ahead: Promise<Buffer | null> | undefined;
  try {
    writer = ports.tree.stage(parentOf(request.path));
    for (let i = 0; i < chunks.length; i++) {
      const bytes = await (ahead ?? readChunk(ports, share, chunks[i] as Chunk));
      ahead = i + 1 < chunks.length ? readChunk(ports, share, chunks[i + 1] as Chunk) : undefined;
      ahead?.catch(() => undefined);
      if (bytes === null)
        return abandon(writer, unfetchable(request, lostFrom(ports, chunks, i), 'the bucket does not have all of its content'));
      whole.update(bytes);
      writer.write(bytes);
      ports.onBytes(bytes.length);
    }
    if (whole.digest() !== request.entry.hash) return abandon(writer, unfetchable(request, [], 'its pieces do not add up to its content'));
    return { ok: true, request, staged: writer.finish(request.metadata) };
  } catch (error) {
    writer?.abort();
    return failed(request, error);
  }
}

/** A piece that cannot be had, and those behind it that lie in the same packs only: asking for one after the other would take long. */
function lostFrom({ journal }: FetchPorts, chunks: readonly Chunk[], at: number): Hash[] {
  const packs = new Set(journal.locations((chunks[at] as Chunk).hash).map(({ pack }) => pack));
  const isLost = ({ hash }: Chunk) => journal.locations(hash).every(({ pack }) => packs.has(pack));
  return chunks
    .slice(at)
    .filter(isLost)
    .map(({ hash }) => hash);
}

function abandon(writer: StageWriter, result: StageResult): StageResult {
  writer.abort();
  return result;
}

async function readChunk(ports: FetchPorts, share: string, chunk: Chunk): Promise<Buffer | null> {
  for (const location of ports.journal.locations(chunk.hash)) {
    const stored = await readLocation(ports, share, location);
    const decoded = stored === null ? undefined : decodeBlob(stored, location.codec, chunk.hash, chunk.size);
    if (decoded?.ok) return decoded.bytes;
  }
  return null;
}

async function readLocation(ports: FetchPorts, share: string, location: Location): Promise<Buffer | null> {
  if (location.pack !== '') return readRange(ports.datastore, share, location.pack, location.offset, location.length);
  return (await ports.inlineOf(location.record)).find((blob) => blob.hash === location.hash)?.stored ?? null;
}

function unfetchable(request: StageRequest, missing: readonly Hash[], detail: string): StageResult {
  return { ok: false, request, reason: 'unfetchable', detail, missing };
}

/** Trouble with this file's place on the disk; anything else is not this file's alone and goes up. */
function failed(request: StageRequest, error: unknown): StageResult {
  if (!(error instanceof DiskFault)) throw error;
  return { ok: false, request, reason: error.code === 'full' ? 'full' : 'refused', detail: error.message, missing: [] };
}
