import { contentHash } from '../model/digest.ts';
import type { Chunk, FileEntry, Hash } from '../model/entry.ts';
import { chunksOf } from '../model/entry.ts';
import { packKey } from '../model/keys.ts';
import type { Blob } from '../model/pack.ts';
import { encodeBlob, locate } from '../model/pack.ts';
import type { Datastore } from '../ports/datastore.ts';
import type { OpenFile } from '../ports/filesystem.ts';
import { DiskFault, readExactly } from '../ports/filesystem.ts';
import type { Journal } from '../ports/journal.ts';
import type { Log } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';

export interface UploadPorts {
  readonly datastore: Datastore;
  readonly journal: Journal;
  readonly random: Random;
  readonly log: Log;
  readonly onBytes: (bytes: number) => void;
}

/** Stored bytes that go into one object: what a killed upload can lose at most, and what is held in memory. */
const groupBytes = 32 * 1024 * 1024;

/**
 * Sends the chunks of one large file that the bucket does not have, group by group, and journals each finished group, so that a
 * killed upload goes on where it was (rule P4). False when the file is no longer what the entry says; the next scan will see it.
 */
export async function uploadLarge(
  ports: UploadPorts,
  share: string,
  { entry, open }: { readonly entry: FileEntry; readonly open: () => OpenFile },
  trustedSinceMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const wanted = new Set(missing(ports.journal, entry, trustedSinceMs).map((chunk) => chunk.hash));
  if (wanted.size === 0) return true;
  let file: OpenFile;
  try {
    file = open();
  } catch (error) {
    if (error instanceof DiskFault) return false;
    throw error;
  }
  try {
    if (file.before.size !== entry.size) return false;
    return await sendGroups(ports, share, file, chunksOf(entry), wanted, signal);
  } catch (error) {
    if (error instanceof DiskFault) return false;
    throw error;
  } finally {
    file.close();
  }
}

function missing(journal: Journal, entry: FileEntry, trustedSinceMs: number): Chunk[] {
  return chunksOf(entry).filter((chunk) => !journal.hasLocation(chunk.hash) && journal.upload(chunk.hash, trustedSinceMs) === null);
}

async function sendGroups(
  ports: UploadPorts,
  share: string,
  file: OpenFile,
  chunks: readonly Chunk[],
  wanted: Set<Hash>,
  signal: AbortSignal,
): Promise<boolean> {
  let group: Blob[] = [];
  let stored = 0;
  for (const chunk of chunks) {
    if (signal.aborted) return false;
    const bytes = readChunk(file, chunk);
    if (bytes === null) return false;
    if (!wanted.delete(chunk.hash)) continue;
    const blob = { ...chunk, ...encodeBlob(bytes) };
    group.push(blob);
    stored += blob.stored.length;
    if (stored < groupBytes) continue;
    await sendGroup(ports, share, group);
    group = [];
    stored = 0;
  }
  if (group.length > 0) await sendGroup(ports, share, group);
  return true;
}

function readChunk(file: OpenFile, chunk: Chunk): Buffer | null {
  const bytes = readExactly(file, chunk.size);
  return bytes !== null && contentHash(bytes) === chunk.hash ? bytes : null;
}

async function sendGroup(ports: UploadPorts, share: string, group: readonly Blob[]): Promise<void> {
  const pack = ports.random.hex(16);
  const locations = locate(pack, group);
  const bytes = group.reduce((sum, blob) => sum + blob.stored.length, 0);
  const { dateMs } = await ports.datastore.putStream(packKey(share, pack), bytes, () => pieces(group));
  ports.log.debug({ step: 'pack', share, bytes }, 'part of a large file stored');
  ports.journal.transaction(() => {
    for (const location of locations) ports.journal.putUpload({ ...location, record: 0 }, dateMs);
  });
  ports.onBytes(group.reduce((sum, blob) => sum + blob.size, 0));
}

async function* pieces(group: readonly Blob[]): AsyncGenerator<Buffer> {
  for (const blob of group) yield blob.stored;
}
