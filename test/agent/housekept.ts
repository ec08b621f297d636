import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDirectory } from '../../src/adapters/directory.ts';
import { scratchBelow } from '../../src/adapters/scratch.ts';
import { systemRandom, systemTime } from '../../src/adapters/system.ts';
import { compact } from '../../src/agent/compact.ts';
import { decodeFormat } from '../../src/model/format.ts';
import { snapshotKey } from '../../src/model/keys.ts';
import { birthLimits } from '../../src/model/limits.ts';
import type { ChunkLocation, Payload } from '../../src/model/record.ts';
import { decodePayload, decodeRecord, recordHash } from '../../src/model/record-decode.ts';
import { encodeRecord } from '../../src/model/record-encode.ts';
import { fetchSnapshot, listSnapshots } from '../../src/steps/load.ts';

/** What housekeeping makes of a directory bucket, without the times that it waits for. */
export interface HousekeptBucket {
  /** Directory of the share in the bucket. */
  readonly share: string;
  sequences(): number[];
  file(sequence: number): string;
  /** A snapshot of all that is in the log, announced unless said otherwise; inline contents go to a pack first. */
  compact(options?: { readonly cutoffMs?: number; readonly announce?: boolean }): Promise<{ readonly upTo: number; readonly file: string }>;
  /** Removes the records below this number. */
  forget(below: number): void;
}

const keeper = { id: 'c'.repeat(32), name: 'keeper' };
const random = () => randomBytes(16).toString('hex');

/** `path` is the bucket's directory, that of the federation `shop` in it is the members'. */
export function housekept(path: string, scratch: string): HousekeptBucket {
  const share = join(path, 'shop', 'webroot');
  const file = (sequence: number) => join(share, 'log', String(sequence).padStart(16, '0'));
  const sequences = () =>
    readdirSync(join(share, 'log'))
      .filter((name) => /^\d{16}$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  const bucket: HousekeptBucket = {
    ...{ share, file, sequences },
    compact: async ({ cutoffMs = 0, announce = true } = {}) => {
      packInline(bucket);
      const upTo = sequences().at(-1) ?? 0;
      const datastore = openDirectory({ path, federation: 'shop' });
      const decoded = decodeFormat(readFileSync(join(share, 'format.json')));
      if (!decoded.ok) throw new Error(decoded.reason);
      const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
      const ports = { datastore, scratch: scratchBelow(scratch), random: systemRandom, time: systemTime, log };
      const newest = (await listSnapshots(datastore, 'webroot')).at(-1);
      const fetched = newest === undefined ? null : await fetchSnapshot(ports, 'webroot', newest.key, decoded.format.share);
      const base = fetched?.ok ? fetched.snapshot : null;
      const signal = new AbortController().signal;
      const made = await compact(ports, { share: 'webroot', format: decoded.format, base, upTo, cutoffMs, retiredFromMs: 0, signal });
      base?.remove();
      if (made.outcome !== 'written') throw new Error(JSON.stringify(made));
      if (announce) append(bucket, { kind: 'snapshot', id: made.id, upTo, previousHash: made.hash });
      return { upTo, file: join(path, 'shop', snapshotKey('webroot', upTo, made.id)) };
    },
    forget: (below) => {
      for (const sequence of sequences()) if (sequence < below) rmSync(file(sequence));
    },
  };
  return bucket;
}

/** Appends any record behind the head. */
export function append({ sequences, file, share }: HousekeptBucket, payload: Payload): number {
  const head = sequences().at(-1) ?? 0;
  const previous = recordHash(readFileSync(file(head)));
  const shareId = JSON.parse(readFileSync(join(share, 'format.json'), 'utf8')).share as string;
  const header = { format: 1 as const, id: random(), share: shareId, author: keeper, sequence: head + 1, previous, writtenMs: 1 };
  writeFileSync(file(head + 1), encodeRecord(header, payload, random(), birthLimits).record);
  return head + 1;
}

/** Inline contents leave with their records, so each gets another place first. */
function packInline(bucket: HousekeptBucket): void {
  const pack = random();
  const stored: Buffer[] = [];
  const locations: ChunkLocation[] = [];
  let offset = 0;
  for (const sequence of bucket.sequences()) {
    const decoded = decodeRecord(readFileSync(bucket.file(sequence)), birthLimits);
    const payload = decoded.ok && decoded.body === null ? decodePayload(decoded, null, birthLimits) : null;
    const kinds: readonly string[] = ['changes', 'pack'];
    if (!payload?.ok || !kinds.includes(payload.payload.kind) || !('inline' in payload.payload)) continue;
    for (const { hash, size, codec, stored: bytes } of payload.payload.inline) {
      locations.push({ hash, size, codec, pack, offset, length: bytes.length });
      stored.push(bytes);
      offset += bytes.length;
    }
  }
  if (locations.length === 0) return;
  mkdirSync(join(bucket.share, 'packs'), { recursive: true });
  writeFileSync(join(bucket.share, 'packs', pack), Buffer.concat(stored));
  append(bucket, { kind: 'pack', locations, inline: [] });
}
