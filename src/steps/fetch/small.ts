import type { Hash } from '../../model/entry.ts';
import type { BytePath } from '../../model/path.ts';
import type { StoredContent } from '../../ports/codec.ts';
import type { Datastore } from '../../ports/datastore.ts';
import type { ContentToStage, OpenFile, Staged, StagedFiles } from '../../ports/filesystem.ts';
import { DiskFault, readExactly } from '../../ports/filesystem.ts';
import type { Location } from '../../ports/journal.ts';
import type { Place, Places } from './places.ts';
import { readRange } from './range.ts';
import type { FetchPorts, StageRequest, StageResult } from './request.ts';
import { failed, unfetchable } from './request.ts';

const rangeBytesMax = 4 * 1024 * 1024;
/** Bytes of content that are handed to the stage in one go. */
const sliceBytesMin = 1024 * 1024;
const sliceContentsMax = 512;
/** Slices that are written, or wait for it, while the next is read. */
const slicesAhead = 6;
/** Unwanted bytes between two wanted ones that are cheaper to read than another request. */
const gapBytesMax = 256 * 1024;
const readsAtOnce = 3;

/** A content of one piece, the files that need it, and where it may be had: the first place is tried next. */
interface Wanted {
  readonly hash: Hash;
  readonly requests: readonly StageRequest[];
  readonly places: readonly Place[];
}

/** What the first place of a content gave. */
interface Found {
  readonly wanted: Wanted;
  readonly content: StoredContent;
}

/**
 * Stages files whose content is one piece: from this disk where the same content stands under another name or in the trash, else from
 * the bucket, where one request brings many contents of a pack. A content is read and decoded once for all files that need it.
 */
export async function* stageSmall(
  ports: FetchPorts,
  share: string,
  requests: readonly StageRequest[],
  places: Places,
): AsyncGenerator<readonly StageResult[]> {
  let pending = wantedOf(requests, places);
  while (pending.length > 0) {
    const failures: Wanted[] = [];
    yield* stageSlices(ports, slicesOf(ports, share, pending, failures), failures);
    pending = [];
    const lost: StageResult[] = [];
    for (const { hash, requests, places: tried } of failures) {
      const others = tried.slice(1);
      if (others.length > 0) pending.push({ hash, requests, places: others });
      else for (const request of requests) lost.push(unfetchable(request, [hash], lostFrom(tried)));
    }
    if (lost.length > 0) yield lost;
  }
}

function wantedOf(requests: readonly StageRequest[], places: Places): Wanted[] {
  const byHash = new Map<Hash, StageRequest[]>();
  for (const request of requests) {
    const list = byHash.get(request.entry.hash);
    if (list === undefined) byHash.set(request.entry.hash, [request]);
    else list.push(request);
  }
  return [...byHash].map(([hash, list]) => {
    if (list[0]?.entry.size === 0) return { hash, requests: list, places: [{ from: 'nothing' }] };
    // What stands at a path that is about to get this content holds something else by now.
    const isOther = (place: Place) => place.from !== 'path' || !list.some(({ path }) => path === place.path);
    return { hash, requests: list, places: places.all(hash).filter(isOther) };
  });
}

function lostFrom(tried: readonly Place[]): string {
  return tried.at(-1)?.from === 'bucket' ? 'the bucket does not have its content' : 'the log names no place for its content';
}

// ---- reading -----------------------------------------------------------------------------------------------------------------

interface Stored {
  readonly wanted: Wanted;
  readonly location: Location;
}

/** Contents that are staged in one go; their bytes are good until they are released. */
interface Slice {
  readonly contents: readonly Found[];
  release(): void;
}

/** Contents from the first place of each, in slices; those that it does not have go to `failures`. */
async function* slicesOf(ports: FetchPorts, share: string, pending: readonly Wanted[], failures: Wanted[]): AsyncGenerator<Slice> {
  const inline: Stored[] = [];
  const packed: Stored[] = [];
  const copied: Copied[] = [];
  for (const wanted of pending) {
    const [place] = wanted.places;
    if (place?.from === 'bucket') (place.location.pack === '' ? inline : packed).push({ wanted, location: place.location });
    else if (place?.from === 'path') copied.push({ wanted, path: place.path, size: sizeOf(wanted) });
  }
  for (const group of grouped(copied)) yield await readCopies(ports, group, failures);
  yield* cut(contentsApart(ports, pending, failures));
  yield* cut(await inlineContents(ports, inline, failures));
  for await (const read of readRuns(ports.datastore, share, planRuns(packed))) yield* cut(contentsOf(read, failures));
}

function* cut(contents: Iterable<Found>): Generator<Slice> {
  let slice: Found[] = [];
  let bytes = 0;
  const taken = (): Slice => ({ contents: slice, release: () => {} });
  for (const found of contents) {
    slice.push(found);
    bytes += found.content.size;
    if (bytes < sliceBytesMin && slice.length < sliceContentsMax) continue;
    yield taken();
    slice = [];
    bytes = 0;
  }
  if (slice.length > 0) yield taken();
}

/** Another file of this disk that had the content when it was last looked at. */
interface Copied {
  readonly wanted: Wanted;
  readonly path: BytePath;
  readonly size: number;
}

function sizeOf({ requests }: Wanted): number {
  return requests[0]?.entry.size ?? 0;
}

function* grouped(copied: readonly Copied[]): Generator<readonly Copied[]> {
  let [from, bytes] = [0, 0];
  for (const [at, { size }] of copied.entries()) {
    bytes += size;
    if (bytes < sliceBytesMin && at - from + 1 < sliceContentsMax) continue;
    yield copied.slice(from, at + 1);
    [from, bytes] = [at + 1, 0];
  }
  if (from < copied.length) yield copied.slice(from);
}

/** A copy that cannot be read or holds something else by now is no trouble: the content is had from elsewhere. */
async function readCopies({ tree }: FetchPorts, copied: readonly Copied[], failures: Wanted[]): Promise<Slice> {
  const { files, release } = await tree.readFiles(copied);
  const contents: Found[] = [];
  for (const [at, { wanted, size }] of copied.entries()) {
    const file = files[at];
    const content = file === undefined || file instanceof DiskFault ? null : file.content;
    if (content?.hash === wanted.hash)
      contents.push({ wanted, content: { stored: content.bytes, codec: 'none', hash: wanted.hash, size } });
    else failures.push(wanted);
  }
  return { contents, release };
}

/** From the trash, or from nothing at all. */
function* contentsApart(ports: FetchPorts, pending: readonly Wanted[], failures: Wanted[]): Generator<Found> {
  for (const wanted of pending) {
    const [place] = wanted.places;
    if (place?.from === 'bucket' || place?.from === 'path') continue;
    const stored = place === undefined ? null : place.from === 'nothing' ? Buffer.alloc(0) : readTrashed(ports, place.name, sizeOf(wanted));
    if (stored === null) failures.push(wanted);
    else yield { wanted, content: { stored, codec: 'none', hash: wanted.hash, size: sizeOf(wanted) } };
  }
}

/** All of them lie in records, which bound what they hold. */
async function inlineContents(ports: FetchPorts, inline: readonly Stored[], failures: Wanted[]): Promise<Found[]> {
  const contents: Found[] = [];
  for (const { wanted, location } of inline) {
    const blob = (await ports.inlineOf(location.record)).find(({ hash }) => hash === location.hash);
    if (blob === undefined) failures.push(wanted);
    else contents.push({ wanted, content: contentAt(location, blob.stored) });
  }
  return contents;
}

function contentAt({ hash, size, codec }: Location, stored: Buffer): StoredContent {
  return { stored, codec, hash, size };
}

function* contentsOf({ run, bytes }: Read, failures: Wanted[]): Generator<Found> {
  for (const { wanted, location } of run.stored) {
    const from = location.offset - run.offset;
    if (bytes === null) failures.push(wanted);
    else yield { wanted, content: contentAt(location, bytes.subarray(from, from + location.length)) };
  }
}

/** Null when it cannot be read or is of another length by now; its bytes are verified like any others. */
function readTrashed({ tree }: FetchPorts, name: string, size: number): Buffer | null {
  let file: OpenFile | undefined;
  try {
    file = tree.openInTrash(name);
    return file.before.size === size ? readExactly(file, size) : null;
  } catch (error) {
    if (error instanceof DiskFault) return null;
    throw error;
  } finally {
    file?.close();
  }
}

/** Neighbours in one pack, read by one request. */
interface Run {
  readonly pack: string;
  readonly offset: number;
  length: number;
  readonly stored: Stored[];
}

function planRuns(wanted: readonly Stored[]): Run[] {
  const sorted = [...wanted].sort((a, b) => compare(a.location.pack, b.location.pack) || a.location.offset - b.location.offset);
  const runs: Run[] = [];
  for (const each of sorted) {
    const { pack, offset, length } = each.location;
    const run = runs.at(-1);
    const end = run === undefined ? 0 : run.offset + run.length;
    const joins = run !== undefined && run.pack === pack && offset - end <= gapBytesMax && offset + length - run.offset <= rangeBytesMax;
    if (!joins) runs.push({ pack, offset, length, stored: [each] });
    else {
      run.length = Math.max(run.length, offset + length - run.offset);
      run.stored.push(each);
    }
  }
  return runs;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

interface Read {
  readonly run: Run;
  readonly bytes: Buffer | null;
}

async function* readRuns(datastore: Datastore, share: string, runs: readonly Run[]): AsyncGenerator<Read> {
  const flying: Promise<Read>[] = [];
  for (let at = 0; at < runs.length; at++) {
    while (flying.length < readsAtOnce && at + flying.length < runs.length) {
      const reading = readRun(datastore, share, runs[at + flying.length] as Run);
      reading.catch(() => undefined);
      flying.push(reading);
    }
    yield await (flying.shift() as Promise<Read>);
  }
}

async function readRun(datastore: Datastore, share: string, run: Run): Promise<Read> {
  return { run, bytes: await readRange(datastore, share, run.pack, run.offset, run.length) };
}

// ---- staging -----------------------------------------------------------------------------------------------------------------

interface Staging {
  readonly contents: readonly Found[];
  readonly done: Promise<readonly StagedFiles[]>;
}

/** While a slice is decoded and written, the next ones are read. */
async function* stageSlices(ports: FetchPorts, slices: AsyncIterable<Slice>, failures: Wanted[]): AsyncGenerator<readonly StageResult[]> {
  const flying: Staging[] = [];
  for await (const { contents, release } of slices) {
    const done = ports.tree.stageContents(contents.map(contentToStage)).finally(release);
    done.catch(() => undefined);
    flying.push({ contents, done });
    if (flying.length >= slicesAhead) yield await resultsOf(ports, flying.shift() as Staging, failures);
  }
  for (const staging of flying) yield await resultsOf(ports, staging, failures);
}

function contentToStage({ wanted, content }: Found): ContentToStage {
  return { content, files: fitting(wanted, content).map(({ path, metadata }) => ({ path, metadata })) };
}

/** The size of an entry may lie beside a right hash: such a file can be had from nowhere. */
function fitting({ requests }: Wanted, { size }: StoredContent): StageRequest[] {
  return requests.filter(({ entry }) => entry.size === size);
}

async function resultsOf(ports: FetchPorts, { contents, done }: Staging, failures: Wanted[]): Promise<StageResult[]> {
  const answers = await done;
  const results: StageResult[] = [];
  for (const [at, { wanted, content }] of contents.entries()) {
    const files = answers[at] ?? null;
    if (files === null) {
      failures.push(wanted);
      continue;
    }
    for (const [which, request] of fitting(wanted, content).entries()) results.push(resultOf(request, files[which] as Staged | DiskFault));
    for (const request of wanted.requests)
      if (request.entry.size !== content.size) results.push(unfetchable(request, [], 'its content is not as long as it says'));
  }
  ports.onBytes(results.reduce((sum, { ok, request }) => sum + (ok ? request.entry.size : 0), 0));
  return results;
}

function resultOf(request: StageRequest, staged: Staged | DiskFault): StageResult {
  return staged instanceof DiskFault ? failed(request, staged) : { ok: true, request, staged };
}
