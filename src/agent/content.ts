import { contentHash } from '../model/digest.ts';
import { type Chunk, chunksOf, type Hash, type Sequence } from '../model/entry.ts';
import { packKey } from '../model/keys.ts';
import { encodeBlob, type Pack, PackBuilder } from '../model/pack.ts';
import type { ChunkLocation, InlineBlob } from '../model/record.ts';
import { decodePayload, decodeRecord } from '../model/record-decode.ts';
import { DiskFault, type OpenFile, readExactly } from '../ports/filesystem.ts';
import type { FetchPorts } from '../steps/fetch/request.ts';
import { fetchRecord } from '../steps/pull.ts';
import type { Cycle } from './context.ts';
import { appendPayload, foldOwn } from './outbox.ts';

const needRepeatMs = 3600 * 1000;
const needsPerRecord = 100;
const skipBytes = 4 * 1024 * 1024;
const inlineRecordsKept = 64;

/** What fetching needs: inline contents come from records that the journal still holds, else from the bucket. */
export function fetchPorts(cycle: Cycle): FetchPorts {
  const cache = new Map<Sequence, Promise<readonly InlineBlob[]>>();
  const inlineOf = (sequence: Sequence) => {
    const known = cache.get(sequence);
    if (known !== undefined) return known;
    if (cache.size >= inlineRecordsKept) cache.clear();
    const reading = readInline(cycle, sequence);
    cache.set(sequence, reading);
    return reading;
  };
  const onBytes = (bytes: number) => {
    cycle.counts.bytesDown += bytes;
  };
  return { ...cycle.ports, inlineOf, onBytes, givesUp: (bytes) => givesUp(cycle, bytes) };
}

/** What a request that comes in between may cost; a larger file is finished first. */
const fetchedAgainBytesMax = 64 * 1024 * 1024;

function givesUp({ options: { signal, lasting = signal } }: Cycle, bytes: number): boolean {
  return lasting.aborted || (signal.aborted && bytes <= fetchedAgainBytesMax);
}

async function readInline(cycle: Cycle, sequence: Sequence): Promise<readonly InlineBlob[]> {
  const { limits } = cycle.inForce;
  const bytes = cycle.ports.journal.recordBytes(sequence);
  const fetched = await (bytes === null
    ? fetchRecord(cycle.ports.datastore, cycle.share, sequence, limits)
    : withBody(cycle, sequence, bytes));
  if (!fetched.found) return [];
  const decoded = decodeRecord(fetched.bytes, limits);
  const payload = decoded.ok ? decodePayload(decoded, fetched.body, limits) : decoded;
  return payload.ok && 'inline' in payload.payload ? payload.payload.inline : [];
}

/** A kept record whose payload lies in a body needs the body from the bucket. */
async function withBody(cycle: Cycle, sequence: Sequence, bytes: Buffer): Promise<{ found: boolean; bytes: Buffer; body: Buffer | null }> {
  const decoded = decodeRecord(bytes, cycle.inForce.limits);
  if (!decoded.ok || decoded.body === null) return { found: true, bytes, body: null };
  const fetched = await fetchRecord(cycle.ports.datastore, cycle.share, sequence, cycle.inForce.limits);
  return fetched.found ? fetched : { found: false, bytes, body: null };
}

/** Rule B3, asking: contents that no location delivers are named in the log once an hour, so that whoever has them answers. */
export async function askForMissing(cycle: Cycle, missing: readonly Hash[]): Promise<void> {
  if (!cycle.caughtUp || cycle.config.role === 'subscriber' || cycle.options.only === 'pull') return;
  const asked = cycle.ports.journal.needs();
  const since = cycle.bucketNowMs() - needRepeatMs;
  const hashes = [...new Set(missing)].filter((hash) => (asked.get(hash) ?? 0) < since).slice(0, needsPerRecord);
  if (hashes.length === 0) return;
  const payload = { kind: 'need' as const, hashes };
  const settled = await appendPayload(cycle, payload, []);
  if (settled !== 'lost') foldOwn(cycle, settled, payload, new Map());
}

/** Rule B3, answering: what others cannot fetch and this disk holds is sent again and announced. */
export async function answerNeeds(cycle: Cycle): Promise<void> {
  if (cycle.config.role === 'subscriber' || cycle.options.only === 'pull') return;
  const locations = await packUp(cycle, held(cycle, openNeeds(cycle)));
  if (locations.length === 0) return;
  const payload = { kind: 'pack' as const, instead: true as const, locations, inline: [] };
  const settled = await appendPayload(cycle, payload, []);
  if (settled !== 'lost') foldOwn(cycle, settled, payload, new Map());
}

/** One content with the bytes that its hash names. */
export interface Whole {
  readonly hash: Hash;
  readonly bytes: Buffer;
}

/** Sends contents in new packs and says where they lie; they count once a `pack` record names the places. Throws DatastoreFault. */
export async function packUp(cycle: Cycle, contents: Iterable<Whole> | AsyncIterable<Whole>): Promise<readonly ChunkLocation[]> {
  const { datastore, random } = cycle.ports;
  const builder = new PackBuilder(cycle.inForce.limits.packBytesMax, () => random.hex(16));
  const locations: ChunkLocation[] = [];
  const send = async (pack: Pack | undefined) => {
    if (pack === undefined) return;
    await datastore.put(packKey(cycle.share, pack.id), pack.bytes);
    locations.push(...pack.locations);
  };
  for await (const { hash, bytes } of contents) await send(builder.add({ hash, size: bytes.length, ...encodeBlob(bytes) }));
  await send(builder.finish());
  return locations;
}

/** Whoever still needs a content asks again; what is no longer asked for costs nothing. */
function openNeeds(cycle: Cycle): Hash[] {
  const since = cycle.bucketNowMs() - 2 * needRepeatMs;
  return [...cycle.ports.journal.needs()].filter(([, askedMs]) => askedMs > since).map(([hash]) => hash);
}

/** Contents that this disk holds, whole files or pieces of large ones, one at a time. */
export function* held(cycle: Cycle, hashes: readonly Hash[]): Generator<Whole> {
  const left = new Set<Hash>();
  for (const hash of hashes) {
    const bytes = readByHash(cycle, hash);
    if (bytes === null) left.add(hash);
    else yield { hash, bytes };
  }
  const large = left.size === 0 ? [] : cycle.ports.journal.agreedInChunks();
  for (const { path, entry } of large) {
    let offset = 0;
    for (const { hash, size } of entry.kind === 'file' ? chunksOf(entry) : []) {
      const from = offset;
      offset += size;
      const bytes = left.has(hash) ? readVerified({ hash, size, offset: from }, () => cycle.ports.tree.open(path)) : null;
      if (bytes === null) continue;
      left.delete(hash);
      yield { hash, bytes };
    }
  }
}

function readByHash(cycle: Cycle, hash: Hash): Buffer | null {
  const { journal, tree } = cycle.ports;
  for (const { path, entry } of journal.agreedByHash(hash, 3)) {
    const bytes = entry.kind === 'file' ? readVerified({ hash, size: entry.size, offset: 0 }, () => tree.open(path)) : null;
    if (bytes !== null) return bytes;
  }
  const trashed = journal.trashByHash(hash);
  if (trashed?.entry.kind !== 'file') return null;
  return readVerified({ hash, size: trashed.entry.size, offset: 0 }, () => tree.openInTrash(trashed.name));
}

/** Null when the file holds something else there. */
function readVerified({ hash, size, offset }: Chunk & { readonly offset: number }, open: () => OpenFile): Buffer | null {
  try {
    const file = open();
    try {
      const bytes = skip(file, offset) ? readExactly(file, size) : null;
      return bytes !== null && contentHash(bytes) === hash ? bytes : null;
    } finally {
      file.close();
    }
  } catch (error) {
    if (error instanceof DiskFault) return null;
    throw error;
  }
}

function skip(file: OpenFile, bytes: number): boolean {
  const buffer = Buffer.alloc(Math.min(bytes, skipBytes));
  for (let left = bytes; left > 0; ) {
    const read = file.read(buffer.subarray(0, Math.min(left, buffer.length)));
    if (read === 0) return false;
    left -= read;
  }
  return true;
}
