import { contentHasher } from '../../model/digest.ts';
import type { Chunk, FileEntry, Hash } from '../../model/entry.ts';
import { chunksOf } from '../../model/entry.ts';
import type { OpenFile, StageWriter } from '../../ports/filesystem.ts';
import { DiskFault } from '../../ports/filesystem.ts';
import type { Location } from '../../ports/journal.ts';
import type { Copy } from './places.ts';
import { openCopy } from './places.ts';
import { readRange } from './range.ts';
import type { FetchPorts, StageRequest, StageResult } from './request.ts';
import { failed, unfetchable } from './request.ts';

const copyBytes = 4 * 1024 * 1024;

/** Content of several chunks: from a copy on this disk, else chunk by chunk in order. Null where it was told to give up. */
export async function stageLarge(
  ports: FetchPorts,
  share: string,
  request: StageRequest,
  copies: readonly Copy[],
): Promise<StageResult | null> {
  for (const copy of copies) {
    const copied = copy.from === 'path' && copy.path === request.path ? null : copyFrom(ports, request, () => openCopy(ports.tree, copy));
    if (copied !== null) return copied;
  }
  return await stageChunks(ports, share, request);
}

/** null when the source turned out to hold something else: then the bucket is asked. */
function copyFrom(ports: FetchPorts, request: StageRequest, open: () => OpenFile): StageResult | null {
  let source: OpenFile | undefined;
  let writer: StageWriter | undefined;
  try {
    source = open();
    if (source.before.size !== request.entry.size) return null;
    writer = ports.tree.stage(request.path);
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

async function stageChunks(ports: FetchPorts, share: string, request: StageRequest): Promise<StageResult | null> {
  const chunks = chunksOf(request.entry);
  const whole = contentHasher();
  let writer: StageWriter | undefined;
  let ahead: Promise<Buffer | null> | undefined;
  let written = 0;
  try {
    writer = ports.tree.stage(request.path);
    for (let i = 0; i < chunks.length; i++) {
      if (ports.givesUp(written)) return abandon(writer, null);
      const bytes = await (ahead ?? readChunk(ports, share, chunks[i] as Chunk));
      ahead = i + 1 < chunks.length ? readChunk(ports, share, chunks[i + 1] as Chunk) : undefined;
      ahead?.catch(() => undefined);
      if (bytes === null)
        return abandon(writer, unfetchable(request, lostFrom(ports, chunks, i), 'the bucket does not have all of its content'));
      whole.update(bytes);
      writer.write(bytes);
      written += bytes.length;
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

function abandon<T extends StageResult | null>(writer: StageWriter, result: T): T {
  writer.abort();
  return result;
}

/** Decoded beside the writing of the chunk before it. */
async function readChunk(ports: FetchPorts, share: string, chunk: Chunk): Promise<Buffer | null> {
  for (const location of ports.journal.locations(chunk.hash)) {
    const stored = await readLocation(ports, share, location);
    const [bytes] = stored === null ? [] : await ports.codec.decode([{ ...chunk, stored, codec: location.codec }]);
    if (bytes) return bytes;
  }
  return null;
}

async function readLocation(ports: FetchPorts, share: string, location: Location): Promise<Buffer | null> {
  if (location.pack !== '') return readRange(ports.datastore, share, location.pack, location.offset, location.length);
  return (await ports.inlineOf(location.record)).find((blob) => blob.hash === location.hash)?.stored ?? null;
}
