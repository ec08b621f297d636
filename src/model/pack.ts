import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { contentHash } from './digest.ts';
import type { Hash } from './entry.ts';
import type { ChunkLocation, Codec } from './record.ts';

/**
 * Contents as they are stored. A pack is the plain concatenation of stored contents, without header or index: the log says what
 * lies where (rule P2), so an index inside would be a second truth, and a reader fetches any run of contents by one range request.
 */
export interface StoredBlob {
  readonly codec: Codec;
  readonly stored: Buffer;
}

/** One chunk ready to be stored. */
export interface Blob extends StoredBlob {
  readonly hash: Hash;
  /** Bytes before compression. */
  readonly size: number;
}

export type DecodedBlob = { readonly ok: true; readonly bytes: Buffer } | { readonly ok: false; readonly reason: string };

const compressBytesMin = 64;
const sampleAboveBytes = 64 * 1024;
const samplePieceBytes = 8 * 1024;
/** Compression must save at least one part in this many, or reading it back costs more than it spared. */
const savedPart = 16;

/** Compresses by brotli quality 1 where that saves at least a sixteenth; a long content is judged by a sample first. */
export function encodeBlob(bytes: Buffer): StoredBlob {
  if (bytes.length < compressBytesMin || (bytes.length > sampleAboveBytes && !sampleShrinks(bytes)))
    return { codec: 'none', stored: bytes };
  const compressed = compress(bytes);
  return isWorthwhile(bytes.length, compressed.length) ? { codec: 'brotli', stored: compressed } : { codec: 'none', stored: bytes };
}

/** The content with this hash and size. At most `size` bytes are inflated; whatever does not match is a reason, never an exception. */
export function decodeBlob(stored: Buffer, codec: Codec, hash: Hash, size: number): DecodedBlob {
  const bytes = codec === 'none' ? stored : decompress(stored, size);
  if (bytes === undefined) return { ok: false, reason: 'it cannot be decompressed to its size' };
  if (bytes.length !== size) return { ok: false, reason: `it has ${bytes.length} bytes instead of ${size}` };
  return contentHash(bytes) === hash ? { ok: true, bytes } : { ok: false, reason: 'its hash does not match' };
}

export interface Pack {
  /** Random, 32 hex digits. */
  readonly id: string;
  readonly bytes: Buffer;
  readonly locations: readonly ChunkLocation[];
}

/** Collects contents into packs of about `packBytesMax`; a content that was added before is skipped. */
export class PackBuilder {
  private readonly packBytesMax: number;
  private readonly newId: () => string;
  private readonly seen = new Set<Hash>();
  private blobs: Blob[] = [];
  private storedBytes = 0;

  constructor(packBytesMax: number, newId: () => string) {
    this.packBytesMax = packBytesMax;
    this.newId = newId;
  }

  /** The pack that had to be closed to make room, if any. The blob's buffer is kept until its pack is closed. */
  add(blob: Blob): Pack | undefined {
    if (this.seen.has(blob.hash)) return undefined;
    const full = this.storedBytes + blob.stored.length > this.packBytesMax ? this.finish() : undefined;
    this.seen.add(blob.hash);
    this.blobs.push(blob);
    this.storedBytes += blob.stored.length;
    return full;
  }

  /** Takes out what is in no pack yet. */
  rest(): readonly Blob[] {
    const { blobs } = this;
    this.blobs = [];
    this.storedBytes = 0;
    return blobs;
  }

  /** What is left; undefined when there is nothing. */
  finish(): Pack | undefined {
    if (this.blobs.length === 0) return undefined;
    const id = this.newId();
    const blobs = this.rest();
    return { id, bytes: Buffer.concat(blobs.map((blob) => blob.stored)), locations: locate(id, blobs) };
  }
}

/** Where each content lies in the pack that holds them one after the other. */
export function locate(pack: string, blobs: readonly Blob[]): ChunkLocation[] {
  let offset = 0;
  return blobs.map(({ hash, size, codec, stored }) => {
    const location = { hash, size, pack, offset, length: stored.length, codec };
    offset += stored.length;
    return location;
  });
}

/** Two pieces, so that a plain head before compressed bytes (or the reverse) does not decide for the whole. */
function sampleShrinks(bytes: Buffer): boolean {
  const offsets = [bytes.length >> 2, (bytes.length >> 1) + (bytes.length >> 2)];
  return offsets.some((from) => isWorthwhile(samplePieceBytes, compress(bytes.subarray(from, from + samplePieceBytes)).length));
}

function isWorthwhile(rawBytes: number, storedBytes: number): boolean {
  return storedBytes <= rawBytes - Math.ceil(rawBytes / savedPart);
}

function compress(bytes: Buffer): Buffer {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return brotliCompressSync(bytes, { params, chunkSize: chunkSizeFor(bytes.length) });
}

/** Node's own 16 KiB stay allocated behind the result, however small that is: a thousand small contents would hold 16 MiB. */
function chunkSizeFor(bytes: number): number {
  return Math.min(Math.max(bytes, 64), 256 * 1024);
}

function decompress(stored: Buffer, sizeMax: number): Buffer | undefined {
  try {
    return brotliDecompressSync(stored, { maxOutputLength: Math.max(1, sizeMax), chunkSize: chunkSizeFor(sizeMax) });
  } catch {
    return undefined;
  }
}
