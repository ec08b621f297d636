/**
 * Bounds that belong to the format in force (rule L7): every member judges a record by the same numbers, so "bad" means the same
 * everywhere. They are checked before writing, and on announced lengths before anything is allocated when reading.
 */
export interface Limits {
  /** A record object, everything included; a longer payload moves to a body object. */
  readonly recordBytesMax: number;
  /** A body object as it is stored. */
  readonly bodyBytesMax: number;
  /** A payload after decompression. */
  readonly payloadRawBytesMax: number;
  /** One separately compressed frame of a payload, after decompression: what a reader inflates before it looks at the lines. */
  readonly frameBytesMax: number;
  /** A frame may be at most this many times as long as it is stored; honest change lists stay far below, bombs do not. */
  readonly inflateRatioMax: number;
  /** One line of a payload. */
  readonly lineBytesMax: number;
  /** Entries of each list of a record: changes, locations, inline contents, hashes, and the chunks of all its files together. */
  readonly changesMax: number;
  /** Stored bytes of all contents that one record carries inline. */
  readonly inlineBytesMax: number;
  /** Content of one changeset that still becomes a single record. */
  readonly changesetBytesMax: number;
  /** Size at which a pack is closed; only a single content that is longer makes a longer pack. */
  readonly packBytesMax: number;
  /** A chunk before compression. */
  readonly chunkBytesMax: number;
  /** A file. */
  readonly entryBytesMax: number;
  /** Decimal digits of a log key. */
  readonly logKeyDigits: number;
}

const KiB = 1024;
const MiB = 1024 * KiB;

/** In force in every share of format 1 from its creation on. */
export const birthLimits: Limits = Object.freeze({
  recordBytesMax: 128 * KiB,
  bodyBytesMax: 64 * MiB,
  payloadRawBytesMax: 256 * MiB,
  frameBytesMax: MiB,
  inflateRatioMax: 256,
  lineBytesMax: 64 * KiB,
  changesMax: 250_000,
  inlineBytesMax: 64 * KiB,
  changesetBytesMax: 1024 * MiB,
  packBytesMax: 16 * MiB,
  chunkBytesMax: 64 * MiB,
  entryBytesMax: 2 ** 50,
  logKeyDigits: 16,
});
