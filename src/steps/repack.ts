import type { Sequence } from '../model/entry.ts';
import { packKey } from '../model/keys.ts';
import type { Limits } from '../model/limits.ts';
import { type Blob, decodeBlob, type Pack, PackBuilder } from '../model/pack.ts';
import type { InlineBlob } from '../model/record.ts';
import { type Datastore, DatastoreFault } from '../ports/datastore.ts';
import type { Journal, Location } from '../ports/journal.ts';
import type { Log } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';

export interface RepackPorts {
  readonly datastore: Datastore;
  readonly journal: Journal;
  readonly random: Random;
  readonly log: Log;
  /** Inline contents of a record; none where it cannot be had. */
  readonly inlineOf: (sequence: Sequence) => Promise<readonly InlineBlob[]>;
}

/** Stored bytes of a new pack: as large as what a publisher writes. */
const packBytes = 4 * 1024 * 1024;
/** Neighbours that lie no further apart come by one request. */
const gapBytesMax = 64 * 1024;
const requestBytesMax = 8 * 1024 * 1024;

/**
 * Copies contents as they are stored, from packs or records into new packs, and notes each as an upload that no record names yet, so
 * that a killed run finds them again. What does not match its hash is left where it is. Memory is bounded by a pack and a request.
 */
export async function repack(ports: RepackPorts, share: string, contents: readonly Location[], limits: Limits): Promise<void> {
  const builder = new PackBuilder(Math.min(packBytes, limits.packBytesMax), () => ports.random.hex(16));
  for await (const blob of blobs(ports, share, contents)) await send(ports, share, builder.add(blob));
  await send(ports, share, builder.finish());
}

async function send(ports: RepackPorts, share: string, pack: Pack | undefined): Promise<void> {
  if (pack === undefined) return;
  const { dateMs } = await ports.datastore.put(packKey(share, pack.id), pack.bytes);
  ports.log.debug({ step: 'repack', share, bytes: pack.bytes.length }, 'contents moved to a new pack');
  ports.journal.transaction(() => {
    for (const location of pack.locations) ports.journal.putUpload({ ...location, record: 0 }, dateMs);
  });
}

async function* blobs(ports: RepackPorts, share: string, contents: readonly Location[]): AsyncGenerator<Blob> {
  for (const run of runsOf(contents)) {
    const stored = run[0]?.pack === '' ? await storedInline(ports, run) : await storedInPack(ports, share, run);
    for (const { hash, size, codec, stored: bytes } of stored) {
      if (decodeBlob(bytes, codec, hash, size).ok) yield { hash, size, codec, stored: bytes };
    }
  }
}

/** Contents of one record, or neighbours in one pack. */
function runsOf(contents: readonly Location[]): Location[][] {
  const runs: Location[][] = [];
  for (const location of contents) {
    const run = runs.at(-1);
    if (run !== undefined && belongs(run, location)) run.push(location);
    else runs.push([location]);
  }
  return runs;
}

function belongs(run: readonly Location[], { pack, record, offset, length }: Location): boolean {
  const [first, last] = [run[0] as Location, run.at(-1) as Location];
  if (pack !== last.pack) return false;
  if (pack === '') return record === last.record;
  const end = last.offset + last.length;
  return offset >= end && offset - end <= gapBytesMax && offset + length - first.offset <= requestBytesMax;
}

async function storedInline({ inlineOf }: RepackPorts, run: readonly Location[]): Promise<readonly InlineBlob[]> {
  const wanted = new Set(run.map(({ hash }) => hash));
  return (await inlineOf((run[0] as Location).record)).filter(({ hash }) => wanted.has(hash));
}

/** Nothing where the pack is gone or shorter than the index says: its contents stay a matter of rule B3. */
async function storedInPack({ datastore }: RepackPorts, share: string, run: readonly Location[]): Promise<readonly Blob[]> {
  const [first, last] = [run[0] as Location, run.at(-1) as Location];
  const range = { offset: first.offset, length: last.offset + last.length - first.offset };
  const bytes = await read(datastore, packKey(share, first.pack), range);
  if (bytes === null || bytes.length < range.length) return [];
  return run.map(({ hash, size, codec, offset, length }) => {
    const at = offset - first.offset;
    return { hash, size, codec, stored: bytes.subarray(at, at + length) };
  });
}

async function read(datastore: Datastore, key: string, range: { offset: number; length: number }): Promise<Buffer | null> {
  try {
    return (await datastore.get(key, { bytesMax: range.length, range })).value?.bytes ?? null;
  } catch (error) {
    if (error instanceof DatastoreFault && error.code === 'bad-range') return null;
    throw error;
  }
}
