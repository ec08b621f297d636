import type { Hash } from '../model/entry.ts';
import type { StoredBlob } from '../model/pack.ts';
import type { Codec } from '../model/record.ts';

/** A content as it is stored, and what it must be once it is decoded. */
export interface StoredContent {
  readonly stored: Buffer;
  readonly codec: Codec;
  readonly hash: Hash;
  /** Bytes of the content. */
  readonly size: number;
}

/**
 * Turns contents into their stored form and back, many in one call, so that the work can be done beside reading and writing. A call
 * should bring a few MiB: all of it is in memory twice. Answers come in the order of what was asked.
 */
export interface ContentCodec {
  encode(contents: readonly Buffer[]): Promise<readonly StoredBlob[]>;
  /** null for whatever is not the content of that hash and size. */
  decode(contents: readonly StoredContent[]): Promise<readonly (Buffer | null)[]>;
  close(): Promise<void>;
}
