import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { contentHash } from '../../src/model/digest.ts';
import { birthLimits } from '../../src/model/limits.ts';
import { encodeBlob } from '../../src/model/pack.ts';
import { DatastoreFault } from '../../src/ports/datastore.ts';
import { gather } from '../../src/steps/store/gather.ts';
import type { StorePorts } from '../../src/steps/store/packs.ts';
import { store } from '../../src/steps/store.ts';
import { newJournal } from '../adapters/sqlite-fixture.ts';

const nowMs = 1_700_000_000_000;
const MiB = 1024 * 1024;
const neverStopped = new AbortController().signal;

/** Ports with a bucket in memory; `put` may fail. */
function portsWith(put: (key: string, bytes: Buffer) => void = () => {}) {
  let ids = 0;
  const packs = new Map<string, Buffer>();
  const datastore = {
    put: async (key: string, bytes: Buffer) => {
      put(key, bytes);
      packs.set(key, Buffer.from(bytes));
      return { value: undefined, dateMs: nowMs };
    },
  };
  const codec = { encode: async (contents: readonly Buffer[]) => contents.map(encodeBlob) };
  const log = { debug: () => {} };
  const random = { hex: () => `${ids++}`.padStart(32, '0') };
  return { ports: { datastore, codec, log, random, journal: newJournal() } as unknown as StorePorts, packs };
}

function sourceOf(bytes: Buffer) {
  const entry = {
    kind: 'file' as const,
    mode: 0o644,
    mtimeUs: 0,
    owner: null,
    group: null,
    size: bytes.length,
    hash: contentHash(bytes),
    chunks: null,
  };
  return { path: 'p', entry, open: () => expect.fail('read a second time') };
}

test('R-P4: what a look has gathered is neither read again nor sent twice, and every content has its place', async () => {
  const { ports, packs } = portsWith();
  const contents = Array.from({ length: 24 }, (_, at) => randomBytes(MiB / 3 + at));
  const gathered = gather(ports, 'share', birthLimits, nowMs, neverStopped);
  for (const bytes of [...contents, ...contents]) await gathered.offer(contentHash(bytes), bytes);
  expect(packs.size).toBeGreaterThan(0);
  const stored = await store(ports, 'share', contents.map(sourceOf), birthLimits, { bucketNowMs: nowMs, gathered, signal: neverStopped });
  expect(stored?.changed.size).toBe(0);
  const found = stored?.locations.map(({ pack, offset, length }) => packs.get(`share/packs/${pack}`)?.subarray(offset, offset + length));
  expect(found?.map((bytes) => contentHash(bytes ?? '')).sort()).toEqual(contents.map((bytes) => contentHash(bytes)).sort());
});

test('a buffer that is used again after it was offered harms nothing', async () => {
  const { ports } = portsWith();
  const gathered = gather(ports, 'share', birthLimits, nowMs, neverStopped);
  const buffer = Buffer.from('first');
  const first = contentHash(buffer);
  gathered.offer(first, buffer);
  buffer.write('other');
  await gathered.ready();
  expect(gathered.atHand(first)?.stored.toString()).toBe('first');
});

test('what the log has or was sent before is not gathered', async () => {
  const { ports } = portsWith();
  const [known, sent] = [Buffer.from('known'), Buffer.from('sent')];
  const place = (bytes: Buffer) => ({
    hash: contentHash(bytes),
    size: bytes.length,
    codec: 'none' as const,
    record: 0,
    pack: 'x',
    offset: 0,
    length: bytes.length,
  });
  ports.journal.putLocation(place(known));
  ports.journal.putUpload(place(sent), nowMs);
  const gathered = gather(ports, 'share', birthLimits, nowMs, neverStopped);
  for (const bytes of [known, sent]) gathered.offer(contentHash(bytes), bytes);
  await gathered.ready();
  expect([known, sent].map((bytes) => gathered.atHand(contentHash(bytes)))).toEqual([undefined, undefined]);
});

test.each([0, 1])('R-P1: a pack that could not be stored is never taken for stored, whenever it fails (%i)', async (failing) => {
  let puts = 0;
  const { ports } = portsWith(() => {
    if (puts++ === failing) throw new DatastoreFault('permanent', 'refused', 'not allowed', 'ask somebody');
  });
  const contents = Array.from({ length: 30 }, () => randomBytes(MiB / 2));
  const gathered = gather(ports, 'share', birthLimits, nowMs, neverStopped);
  for (const bytes of contents) await gathered.offer(contentHash(bytes), bytes);
  await gathered.end();
  const storing = (through: typeof gathered | null) =>
    store(ports, 'share', contents.map(sourceOf), birthLimits, { bucketNowMs: nowMs, gathered: through, signal: neverStopped });
  await expect(storing(gathered)).rejects.toThrow('not allowed');
});

test('R-P1: a pack that fails while nobody waits for it fails the store', async () => {
  let puts = 0;
  const { ports } = portsWith(() => {
    if (puts++ === 0) throw new DatastoreFault('permanent', 'refused', 'not allowed', 'ask somebody');
  });
  const contents = Array.from({ length: 12 }, () => randomBytes(MiB / 2));
  const sources = contents.map((bytes) => ({
    ...sourceOf(bytes),
    open: () => ({ before: { size: bytes.length }, read: (into: Buffer) => bytes.copy(into), close: () => {} }),
  }));
  const storing = store(ports, 'share', sources as never, birthLimits, { bucketNowMs: nowMs, gathered: null, signal: neverStopped });
  await expect(storing).rejects.toThrow('not allowed');
});

test.each([
  { name: 'the same memory', stored: (bytes: Buffer) => bytes },
  { name: 'memory of its own', stored: (bytes: Buffer) => Buffer.from(bytes) },
])('every content keeps its bytes when the codec answers with $name', async ({ stored }) => {
  const { ports, packs } = portsWith();
  const codec = { encode: async (contents: readonly Buffer[]) => contents.map((bytes) => ({ codec: 'none', stored: stored(bytes) })) };
  const contents = Array.from({ length: 4000 }, () => randomBytes(3000));
  const gathered = gather({ ...ports, codec } as unknown as StorePorts, 'share', birthLimits, nowMs, neverStopped);
  for (const bytes of contents) await gathered.offer(contentHash(bytes), bytes);
  await gathered.ready();
  for (const bytes of contents) {
    const hash = contentHash(bytes);
    const place = gathered.sent(hash);
    const sent = place && packs.get(`share/packs/${place.pack}`)?.subarray(place.offset, place.offset + place.length);
    expect((sent ?? gathered.atHand(hash)?.stored)?.equals(bytes)).toBe(true);
  }
});
