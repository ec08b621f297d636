import { contentHash } from '../model/digest.ts';
import type { Hash, Sequence } from '../model/entry.ts';
import { packKey } from '../model/keys.ts';
import { encodeBlob, PackBuilder } from '../model/pack.ts';
import type { InlineBlob } from '../model/record.ts';
import { decodePayload, decodeRecord } from '../model/record-decode.ts';
import { DiskFault, type OpenFile } from '../ports/filesystem.ts';
import type { FetchPorts } from '../steps/fetch.ts';
import { fetchRecord } from '../steps/pull.ts';
import type { Cycle } from './context.ts';
import { appendPayload, foldOwn } from './publish.ts';

const needRepeatMs = 3600 * 1000;
const needsPerRecord = 100;
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
    cycle.ports.onProgress({ phase: 'downloading', bytesDone: cycle.counts.bytesDown });
  };
  return { ...cycle.ports, inlineOf, onBytes };
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
  const { journal } = cycle.ports;
  if (cycle.config.role === 'subscriber' || cycle.options.only === 'pull') return;
  const builder = new PackBuilder(cycle.inForce.limits.packBytesMax, () => cycle.ports.random.hex(16));
  const packs = [];
  for (const hash of journal.needs().keys()) {
    const bytes = readByHash(cycle, hash);
    if (bytes === null) continue;
    const full = builder.add({ hash, size: bytes.length, ...encodeBlob(bytes) });
    if (full !== undefined) packs.push(full);
  }
  const last = builder.finish();
  if (last !== undefined) packs.push(last);
  if (packs.length === 0) return;
  for (const pack of packs) await cycle.ports.datastore.put(packKey(cycle.share, pack.id), pack.bytes);
  const payload = { kind: 'pack' as const, locations: packs.flatMap((pack) => pack.locations), inline: [] };
  const settled = await appendPayload(cycle, payload, []);
  if (settled !== 'lost') foldOwn(cycle, settled, payload, new Map());
}

function readByHash(cycle: Cycle, hash: Hash): Buffer | null {
  const { journal, tree } = cycle.ports;
  for (const row of journal.agreedByHash(hash, 3)) {
    const bytes = readVerified(hash, () => tree.open(row.path));
    if (bytes !== null) return bytes;
  }
  const trashed = journal.trashByHash(hash);
  return trashed === null ? null : readVerified(hash, () => tree.openInTrash(trashed.name));
}

function readVerified(hash: Hash, open: () => OpenFile): Buffer | null {
  try {
    const file = open();
    try {
      const bytes = Buffer.alloc(file.before.size);
      for (let length = 0; length < bytes.length; ) {
        const read = file.read(bytes.subarray(length));
        if (read === 0) return null;
        length += read;
      }
      return contentHash(bytes) === hash ? bytes : null;
    } finally {
      file.close();
    }
  } catch (error) {
    if (error instanceof DiskFault) return null;
    throw error;
  }
}
