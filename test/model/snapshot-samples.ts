import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { addDigest, contentHash, digestOf, digestToHex, emptyDigest } from '../../src/model/digest.ts';
import type { Entry } from '../../src/model/entry.ts';
import { birthFormat } from '../../src/model/format.ts';
import { birthLimits } from '../../src/model/limits.ts';
import { comparePaths, join } from '../../src/model/path.ts';
import { encodeFrames } from '../../src/model/record-frames.ts';
import type { SnapshotBytes, SnapshotHead, SnapshotItem, SnapshotVersion } from '../../src/model/snapshot.ts';
import { openSnapshot, snapshotItems, verifySnapshot } from '../../src/model/snapshot-decode.ts';
import { encodeItems, encodeSnapshotHead, snapshotPieces } from '../../src/model/snapshot-encode.ts';
import { itemLines } from '../../src/model/snapshot-lines.ts';
import { entry, file, path } from './record-samples.ts';

export const shareId = '2'.repeat(32);
export const format = birthFormat(shareId, 30 * 24 * 3600 * 1000, { atMs: 1_700_000_000_000, by: 'web01' });
const hashes = ['one', 'two', 'three', 'four'].map((text) => contentHash(text));
export const end = { upTo: 4, hash: hashes[3] as string };

export function at(bytes: Buffer): SnapshotBytes {
  return {
    size: bytes.length,
    read: (offset, length) => {
      if (offset + length > bytes.length) throw new RangeError('read beyond the end');
      return bytes.subarray(offset, offset + length);
    },
  };
}

export const lineage: SnapshotItem = { item: 'lineage', prefixes: Buffer.from(hashes.map((hash) => hash.slice(0, 16)).join(''), 'hex') };

/** Record `sequence` of four. */
export function record(sequence: number, over: object = {}): SnapshotItem {
  return {
    item: 'record',
    row: {
      ...{ sequence, hash: hashes[sequence - 1] as string, id: '1'.repeat(32), authorId: '3'.repeat(32), author: 'web01 – Zürich' },
      ...{ atMs: 1_700_000_000_000 + sequence, kind: 'changes', verdict: 'ok', reason: '', changeset: '0123456789abcdef', more: false },
      ...{ puts: 3, deletes: 0, kept: 1, bytes: 2 ** 41, bodyId: '', ...over },
    },
  };
}

export function version(path: string, number: number, standing: Entry | null, over: Partial<SnapshotVersion> = {}): SnapshotItem {
  const common = { against: 0, atMs: 1_700_000_000_000 + number, author: 'web01', approved: false };
  return {
    item: 'version',
    row: { path, version: number, k: 0, op: standing === null ? 'delete' : 'put', entry: standing, ...common, ...over },
  };
}

export const dir: Entry = { kind: 'dir', mode: 0o2775, owner: null, group: 'www' };
const chunks = [
  { hash: contentHash('one'), size: 3000 },
  { hash: contentHash('two'), size: 20 },
];
const place = { hash: contentHash('hello'), size: 5, codec: 'none', length: 5 } as const;

/** Every kind of line, with every optional field once. */
export const sample: readonly SnapshotItem[] = [
  lineage,
  record(2, { verdict: 'skipped', reason: 'its own hash does not match', id: '', authorId: '', author: '', kind: '', changeset: '' }),
  record(3, { more: true, bodyId: '5'.repeat(32) }),
  record(4),
  version('a', 3, dir),
  version('a!', 1, file),
  version('a!', 2, file, { k: 1, op: 'kept', against: 2 }),
  version('a/big', 2, { ...file, size: 3020, hash: contentHash('big'), chunks, owner: null }, { against: 1 }),
  version('a/big', 4, { ...file, mtimeUs: -1 }, { approved: true }),
  version('a/gone', 4, null, { approved: true }),
  version('caf\xc3\xa9 "x"\n', 4, { kind: 'link', target: '../\xff', owner: '1000', group: null }),
  { item: 'location', row: { ...place, record: 0, pack: '6'.repeat(32), offset: 1000 } },
  { item: 'location', row: { ...place, record: 3, pack: '', offset: 0 } },
  { item: 'snapshot', row: { id: 'a'.repeat(32), upTo: 2, hash: hashes[1] as string, record: 3, atMs: 1_700_000_000_003 } },
  { item: 'retired', row: { kind: 'body', id: '8'.repeat(32), record: 4, atMs: 1_700_000_000_004 } },
  { item: 'retired', row: { kind: 'pack', id: '7'.repeat(32), record: 4, atMs: 1_700_000_000_004 } },
];

export function headOf(items: readonly SnapshotItem[], over: object = {}): SnapshotHead {
  const count = (kind: SnapshotItem['item']) => items.filter(({ item }) => item === kind).length;
  const counts = { records: count('record'), versions: count('version'), locations: count('location'), snapshots: count('snapshot') };
  return {
    ...{ id: 'd'.repeat(32), share: shareId, ...end, digest: digestToHex(digestOfItems(items)), atMs: 1_700_000_000_004 },
    ...{ historyFromMs: 1_690_000_000_000, format, counts: { ...counts, retired: count('retired') }, ...over },
  };
}

function digestOfItems(items: readonly SnapshotItem[]): bigint {
  const live = new Map<string, Entry | null>();
  for (const item of items) if (item.item === 'version' && item.row.k === 0) live.set(item.row.path, item.row.entry);
  return [...live].reduce((sum, [path, standing]) => (standing === null ? sum : addDigest(sum, digestOf(path, standing))), emptyDigest);
}

/** As an honest member writes it. Throws RangeError for what it would not write. */
export function encode(items: readonly SnapshotItem[]): Buffer {
  return Buffer.concat([
    ...snapshotPieces(encodeSnapshotHead(headOf(items)), at(Buffer.concat([...encodeItems(items, end, birthLimits)]))),
  ]);
}

/** Bytes with a right own hash around any head and any lines. */
export function forge(lines: readonly string[], over: object = {}, items: readonly SnapshotItem[] = sample): Buffer {
  return withFrames(encodeFrames(lines, birthLimits).stored, over, items);
}

export function withFrames(frames: Buffer, over: object = {}, items: readonly SnapshotItem[] = sample): Buffer {
  return signed(Buffer.concat([encodeSnapshotHead(headOf(items, over)), frames]));
}

export function signed(content: Buffer): Buffer {
  return Buffer.concat([content, createHash('sha256').update(content).digest()]);
}

export function linesOf(items: readonly SnapshotItem[]): string[] {
  return items.flatMap((item) => itemLines(item));
}

/** 'ok', or the verdict and its reason. */
export function judge(bytes: Buffer): string {
  const verified = verifySnapshot(at(bytes), shareId);
  return verified.ok ? 'ok' : `${verified.verdict}: ${verified.reason}`;
}

export function decode(bytes: Buffer): SnapshotItem[] {
  const opened = openSnapshot(at(bytes), shareId);
  if (!opened.ok) throw new Error(opened.reason);
  return [...snapshotItems(at(bytes), opened)];
}

const number = fc.integer({ min: 1, max: end.upTo });
const change = fc.record({ path, number, standing: fc.option(entry), kept: fc.option(entry), approved: fc.boolean() });

/** Any history of any paths whose live entries stand in live directories. */
export const versions: fc.Arbitrary<SnapshotItem[]> = fc
  .uniqueArray(change, { selector: (one) => `${one.path} ${one.number}`, maxLength: 12 })
  .map((changes) => {
    const found = changes.flatMap(({ path: name, number: version_, standing, kept, approved }) => [
      version(name, version_, standing, { approved }),
      ...(kept === null ? [] : [version(name, version_, kept, { k: 1, op: 'kept' as const, against: version_ })]),
    ]);
    return sorted(withParents(found));
  });

/** Every directory on the way is there in the newest record, whatever stood there before. */
function withParents(found: SnapshotItem[]): SnapshotItem[] {
  const parents = new Set<string>();
  for (const item of found) {
    if (item.item !== 'version') continue;
    const names = item.row.path.split('/').slice(0, -1);
    names.reduce((above, name) => {
      parents.add(join(above, name));
      return join(above, name);
    }, '');
  }
  const others = found.filter(
    (item) => item.item !== 'version' || item.row.version !== end.upTo || item.row.k > 0 || !parents.has(item.row.path),
  );
  return [...others, ...[...parents].map((path_) => version(path_, end.upTo, dir))];
}

function sorted(items: SnapshotItem[]): SnapshotItem[] {
  const key = (item: SnapshotItem) => (item.item === 'version' ? item.row : null);
  return items.sort((a, b) => {
    const [one, other] = [key(a), key(b)];
    if (one === null || other === null) return 0;
    return comparePaths(one.path, other.path) || one.version - other.version || one.k - other.k;
  });
}
