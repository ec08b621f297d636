import { expectArray, expectHash, expectHex, expectInteger, expectOneOf, type Json, Malformed } from './checks.ts';
import type { Limits } from './limits.ts';
import { type ChunkLocation, type Codec, codecs, type InlineBlob } from './record.ts';

/** Where contents lie, as far as it was read from a payload's lines. */
export interface Contents {
  readonly locations: ChunkLocation[];
  readonly inline: InlineBlob[];
  /** The stored bytes of all inline contents, and how many of them the lines so far describe. */
  readonly stored: Buffer;
  used: number;
}

export function contentsOf(stored: Buffer): Contents {
  return { locations: [], inline: [], stored, used: 0 };
}

/** False when the line is neither a location nor an inline content. Throws Malformed. */
export function readContentLine(line: Json, contents: Contents, limits: Limits): boolean {
  if (line.o === 'l') addWithin(contents.locations, readLocation(line, limits), limits);
  else if (line.o === 'i') addWithin(contents.inline, readInline(line, contents, limits), limits);
  else return false;
  return true;
}

/** An array of one line; its length is bounded by the line's. */
export function readList(value: unknown, what: string): readonly unknown[] {
  return expectArray(value, Number.MAX_SAFE_INTEGER, what);
}

function addWithin<T>(list: T[], element: T, limits: Limits): void {
  if (list.length >= limits.changesMax) throw new Malformed(`more than ${limits.changesMax} contents`);
  list.push(element);
}

function readLocation(line: Json, limits: Limits): ChunkLocation {
  const stored = readStored(line, limits);
  return {
    hash: stored.hash,
    size: stored.size,
    pack: expectHex(line.k, 32, 'pack id'),
    offset: expectInteger(line['@'], 0, limits.entryBytesMax, 'offset'),
    length: stored.length,
    codec: stored.codec,
  };
}

function readInline(line: Json, contents: Contents, limits: Limits): InlineBlob {
  const { hash, size, length, codec } = readStored(line, limits);
  const from = contents.used;
  contents.used += length;
  return { hash, size, codec, stored: contents.stored.subarray(from, contents.used) };
}

function readStored(line: Json, limits: Limits): { hash: string; size: number; length: number; codec: Codec } {
  const size = expectInteger(line.s, 1, limits.chunkBytesMax, 'size of a content');
  const codec = expectOneOf(line.z, codecs, 'codec of a content');
  const length = expectInteger(line.n, 1, limits.chunkBytesMax, 'stored length of a content');
  if (codec === 'none' && length !== size) throw new Malformed('stored length is not the size');
  return { hash: expectHash(line.h, 'hash'), size, length, codec };
}
