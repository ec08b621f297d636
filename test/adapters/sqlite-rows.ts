import type { DirEntry, FileEntry, LinkEntry } from '../../src/model/entry.ts';
import type { Agreed, DiskStamp, Want } from '../../src/ports/journal.ts';

/** Names that a careless query or encoding would confuse: bytes around '/', wildcards, quotes, stray bytes, both ends of the range. */
export const hostileNames = [
  ...['a', 'b', 'a!', 'a-b', 'a.b', 'a0', 'a~', '%', '_', "'", '"', '\\', '\n', ' ', '-', '--', '?1', '*', '[a]'],
  ...['\u0001', '\u007f', '\u0080', '\u00bf', '\u00ff', '\u00c3\u00a9', 'e\u00cc\u0081', '\u00ff\u00fe', 'x'.repeat(255)],
];

export function hashOf(seed: number): string {
  return seed.toString(16).padStart(64, '0');
}

export function file(seed = 1, over: Partial<FileEntry> = {}): FileEntry {
  const content = { size: seed * 10, hash: hashOf(seed), chunks: null };
  return { kind: 'file', mode: 0o644, mtimeUs: 1_700_000_000_123_456, owner: 'www-data', group: null, ...content, ...over };
}

export const dir: DirEntry = { kind: 'dir', mode: 0o2755, owner: null, group: 'www-data' };
export const link: LinkEntry = { kind: 'link', target: "../\u00ff'target\n", owner: '1000', group: null };

export const stamp: DiskStamp = {
  ino: 4711,
  size: 10,
  mtimeKey: 1_700_000_000_123_456,
  ctimeKey: 1_700_000_000_123_457,
  mode: 0o644,
  mtimeUs: 1_700_000_000_123_455,
  uid: 33,
  gid: 4_294_967_294,
  racy: true,
};

export function agreed(path: string, over: Partial<Agreed> = {}): Agreed {
  return { path, entry: file(), version: 1, stamp, ...over };
}

export function want(path: string, over: Partial<Want> = {}): Want {
  return {
    path,
    entry: file(2),
    version: 2,
    atMs: 1_700_000_000_000,
    approved: false,
    reason: 'pending',
    detail: '',
    attempts: 0,
    ...over,
  };
}
