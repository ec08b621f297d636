import fc from 'fast-check';
import type { Change } from '../../src/model/change.ts';
import { contentHash } from '../../src/model/digest.ts';
import type { Entry, FileEntry } from '../../src/model/entry.ts';
import { birthLimits } from '../../src/model/limits.ts';
import { pathFault } from '../../src/model/path.ts';
import type { ChunkLocation, InlineBlob, Payload, RecordHeader } from '../../src/model/record.ts';
import { decodePayload, decodeRecord } from '../../src/model/record-decode.ts';
import { type EncodedRecord, encodeRecord } from '../../src/model/record-encode.ts';

export const bodyId = '5'.repeat(32);
export const emptyHash = contentHash('');

export const header: RecordHeader = {
  format: 1,
  id: '1'.repeat(32),
  share: '2'.repeat(32),
  author: { id: '3'.repeat(32), name: 'web01 – Zürich' },
  sequence: 42,
  previous: '4'.repeat(64),
  writtenMs: 1_700_000_000_123,
};

export function encode(payload: Payload, limits = birthLimits): EncodedRecord {
  return encodeRecord(header, payload, bodyId, limits);
}

/** Through bytes and back; whichever verdict comes first. */
export function roundTrip(payload: Payload, limits = birthLimits) {
  const { record, body } = encode(payload, limits);
  const decoded = decodeRecord(record, limits);
  return decoded.ok ? decodePayload(decoded, body?.bytes ?? null, limits) : decoded;
}

export function changesOf(...changes: Change[]): Payload {
  return { kind: 'changes', changeset: '0123456789abcdef', more: false, changes, locations: [], inline: [] };
}

export const file: FileEntry = {
  ...{ kind: 'file', mode: 0o644, mtimeUs: 1_700_000_000_000_001, owner: 'www-data', group: null },
  ...{ size: 5, hash: contentHash('hello'), chunks: null },
};

const stored = Buffer.from('hello');
const inline: InlineBlob[] = [{ hash: contentHash('hello'), size: 5, codec: 'none', stored }];
const locations: ChunkLocation[] = [
  { hash: contentHash('one'), size: 3000, pack: '6'.repeat(32), offset: 0, length: 1000, codec: 'brotli' },
  { hash: contentHash('two'), size: 20, pack: '6'.repeat(32), offset: 1000, length: 20, codec: 'none' },
];
const chunks = [
  { hash: contentHash('one'), size: 3000 },
  { hash: contentHash('two'), size: 20 },
];

/** One payload of every kind, with every optional field once. */
export const samples: Record<string, Payload> = {
  changes: {
    ...{ kind: 'changes', changeset: '0123456789abcdef', more: true, locations, inline },
    changes: [
      { op: 'put', path: 'caf\xc3\xa9 "x"\n', base: 0, entry: file },
      { op: 'put', path: 'big', base: 41, entry: { ...file, size: 3020, hash: contentHash('big'), chunks, group: 'Gruppe ü' } },
      { op: 'put', path: 'empty', base: 7, entry: { ...file, size: 0, hash: emptyHash, mtimeUs: -1, mode: 0o7777 } },
      { op: 'put', path: 'dir', base: 0, entry: { kind: 'dir', mode: 0o2775, owner: null, group: 'www' } },
      { op: 'put', path: 'dir/link', base: 0, entry: { kind: 'link', target: '../\xff', owner: null, group: null } },
      { op: 'delete', path: 'gone', base: 3 },
      { op: 'delete', path: 'gone too', base: 4, approved: true },
      { op: 'kept', path: 'big', entry: file, lostTo: 0 },
      { op: 'kept', path: 'big', entry: { ...file, mode: 0o600 }, lostTo: 41 },
    ],
  },
  pack: { kind: 'pack', locations, inline },
  'pack-instead': { kind: 'pack', instead: true, locations, inline },
  need: { kind: 'need', hashes: [contentHash('a'), contentHash('b')] },
  'approve-hold': { kind: 'approve', hold: '7'.repeat(16) },
  'approve-record': { kind: 'approve', record: 41 },
  'approve-unavailable': { kind: 'approve', unavailable: { sequence: 40, stored: contentHash('x') } },
  retire: { kind: 'retire', packs: ['8'.repeat(32)], bodies: ['9'.repeat(32)], snapshots: [] },
  'retire-snapshots': { kind: 'retire', packs: [], bodies: [], snapshots: ['a'.repeat(32), 'b'.repeat(32)] },
  snapshot: { kind: 'snapshot', id: 'a'.repeat(32), upTo: 41, previousHash: contentHash('y') },
  format: { kind: 'format', format: 2 },
};

const hex = (digits: number) => fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits });
const byteString = (maxLength: number) =>
  fc.array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength }).map((codes) => String.fromCharCode(...codes));
/** Names of bytes that invite trouble: quotes, line ends, separators of other formats, invalid UTF-8, what looks like a number. */
const awkwardNames = ['\n', '"', '\\', '\r\n', '\x7f', '\xff', '\xc3', ' ', '-rf', '*', '__proto__', 'constructor', '1', '\x1b[31m'];
const name = fc.oneof(byteString(255), fc.constantFrom(...awkwardNames)).map((text) => text.replaceAll('/', '_'));
export const path = fc
  .array(name, { minLength: 1, maxLength: 6 })
  .map((names) => names.join('/'))
  .filter((joined) => pathFault(joined) === undefined);
const owner = fc.option(fc.constantFrom('root', 'www-data', '1000', 'Jörg', '😀', '"'));
const mode = fc.integer({ min: 0, max: 0o7777 });
const size = fc.integer({ min: 1, max: birthLimits.chunkBytesMax });
const chunkList = fc.array(fc.record({ hash: hex(64), size }), { minLength: 1, maxLength: 4 });

const fileEntry = fc
  .record({
    ...{ mode, owner, group: owner, hash: hex(64), size, chunks: fc.option(chunkList) },
    mtimeUs: fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
  })
  .map((at): Entry => ({ kind: 'file', ...at, size: at.chunks?.reduce((sum, chunk) => sum + chunk.size, 0) ?? at.size }));
const dirEntry = fc.record({ kind: fc.constant('dir' as const), mode, owner, group: owner });
const linkEntry = fc.record({ kind: fc.constant('link' as const), target: byteString(200), owner, group: owner });
export const entry: fc.Arbitrary<Entry> = fc.oneof(fileEntry, dirEntry, linkEntry);

const earlier = fc.integer({ min: 0, max: header.sequence - 1 });
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ op: fc.constant('put' as const), path, base: earlier, entry }),
  fc.record(
    { op: fc.constant('delete' as const), path, base: fc.integer({ min: 1, max: 41 }), approved: fc.constant(true as const) },
    { requiredKeys: ['op', 'path', 'base'] },
  ),
);
const kept: fc.Arbitrary<Change> = fc.record({ op: fc.constant('kept' as const), path, entry, lostTo: earlier });
const location: fc.Arbitrary<ChunkLocation> = fc.record({
  ...{ hash: hex(64), size, pack: hex(32), offset: fc.nat(), length: size, codec: fc.constant('brotli' as const) },
});
const blob: fc.Arbitrary<InlineBlob> = fc
  .uint8Array({ minLength: 1, maxLength: 100 })
  .map((bytes) => ({ hash: contentHash(bytes), size: bytes.length, codec: 'none', stored: Buffer.from(bytes) }));

export const changesPayload: fc.Arbitrary<Payload> = fc
  .record({
    ...{ changeset: hex(16), more: fc.boolean(), locations: fc.array(location), inline: fc.array(blob), kept: fc.array(kept) },
    changes: fc.uniqueArray(change, { selector: (at) => at.path }),
  })
  .map(({ kept, changes, ...rest }) => ({ kind: 'changes', ...rest, changes: [...changes, ...kept] }));
