import { expectHash, expectInteger, expectName, type Json, Malformed } from './checks.ts';
import { contentHash } from './digest.ts';
import type { Chunk, Entry, FileEntry } from './entry.ts';
import type { Limits } from './limits.ts';

/**
 * An entry as the tail of a JSON object of a change line. Keys: k kind (f, d, l) · m mode · t modification time in µs · s size ·
 * h hash · c number of chunks that the next chunk lines hold, absent when the content is one chunk · l link target ·
 * u owner, g group, absent when unknown.
 */
export function entryFields(entry: Entry): string {
  const owned =
    (entry.owner === null ? '' : `,"u":${JSON.stringify(entry.owner)}`) +
    (entry.group === null ? '' : `,"g":${JSON.stringify(entry.group)}`);
  if (entry.kind === 'dir') return `"k":"d","m":${entry.mode}${owned}`;
  if (entry.kind === 'link') return `"k":"l","l":${JSON.stringify(entry.target)}${owned}`;
  const chunked = entry.chunks === null ? '' : `,"c":${entry.chunks.length}`;
  return `"k":"f","m":${entry.mode},"t":${entry.mtimeUs},"s":${entry.size},"h":"${entry.hash}"${chunked}${owned}`;
}

/** An entry that was read; a file whose chunks follow in later lines is filled and checked by `finishFile`. */
export interface ReadEntry {
  readonly entry: Entry;
  /** Chunks still to come, and the array that `entry` holds. */
  readonly awaited: { readonly count: number; readonly into: Chunk[] } | null;
}

export function readEntry(line: Json, limits: Limits): ReadEntry {
  const owner = line.u === undefined ? null : expectName(line.u, 'owner');
  const group = line.g === undefined ? null : expectName(line.g, 'group');
  if (line.k === 'f') return readFile(line, owner, group, limits);
  if (line.k === 'd') return { entry: { kind: 'dir', mode: readMode(line.m), owner, group }, awaited: null };
  if (line.k === 'l') return { entry: { kind: 'link', target: readTarget(line.l), owner, group }, awaited: null };
  throw new Malformed('kind of entry is unknown');
}

function readFile(line: Json, owner: string | null, group: string | null, limits: Limits): ReadEntry {
  const count = line.c === undefined ? null : expectInteger(line.c, 0, limits.changesMax, 'number of chunks');
  const into: Chunk[] | null = count === null ? null : [];
  const entry: FileEntry = {
    kind: 'file',
    mode: readMode(line.m),
    mtimeUs: expectInteger(line.t, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 'modification time'),
    owner,
    group,
    size: expectInteger(line.s, 0, limits.entryBytesMax, 'size'),
    hash: expectHash(line.h, 'hash'),
    chunks: into,
  };
  if (entry.size === 0 && entry.hash !== emptyHash) throw new Malformed('hash is not that of an empty file');
  if (into === null || count === null) {
    if (entry.size > limits.chunkBytesMax) throw new Malformed(`a chunk is longer than ${limits.chunkBytesMax} bytes`);
    return { entry, awaited: null };
  }
  return { entry, awaited: { count, into } };
}

/** Called when all chunks of a file are there. */
export function finishFile(entry: Entry): void {
  if (entry.kind !== 'file' || entry.chunks === null) return;
  let sum = 0;
  for (const chunk of entry.chunks) sum += chunk.size;
  if (sum !== entry.size) throw new Malformed('chunk sizes do not add up to the size');
}

export function readChunk(pair: unknown, limits: Limits): Chunk {
  if (!Array.isArray(pair)) throw new Malformed('chunk is not an array');
  return { hash: expectHash(pair[0], 'hash of a chunk'), size: expectInteger(pair[1], 1, limits.chunkBytesMax, 'size of a chunk') };
}

const emptyHash = contentHash('');
const modeMax = 0o7777;
const targetBytesMax = 4095;

function readMode(value: unknown): number {
  return expectInteger(value, 0, modeMax, 'mode');
}

function readTarget(value: unknown): string {
  if (typeof value !== 'string' || value === '' || value.length > targetBytesMax) {
    throw new Malformed(`link target is not a string of 1 to ${targetBytesMax} bytes`);
  }
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code === 0 || code > 255) throw new Malformed('link target is not a byte string without NUL');
  }
  return value;
}
