import type { Change } from './change.ts';
import type { Hash, Sequence } from './entry.ts';

/** How a stored content is compressed. Every stored piece names its codec, so a later format can add one. */
export type Codec = 'none' | 'brotli';
export const codecs: readonly Codec[] = ['none', 'brotli'];

/** The highest format that this program reads, and the one it writes. */
export const formatInForce = 1;
/** `previous` of record 1. */
export const noPrevious: Hash = '0'.repeat(64);

export interface Author {
  /** Member id, 32 hex digits. */
  readonly id: string;
  /** A label for people, at most 255 characters. */
  readonly name: string;
}

export interface RecordHeader {
  readonly format: 1;
  /** Random, 32 hex digits: two records are never equal by accident. */
  readonly id: string;
  /** Share id, 32 hex digits. */
  readonly share: string;
  readonly author: Author;
  readonly sequence: Sequence;
  /** SHA-256 of the whole predecessor object, its trailing hash included; 64 zeros for record 1. */
  readonly previous: Hash;
  /** The author's clock, ms since 1970; for people only, nothing is decided by it. */
  readonly writtenMs: number;
}

/** A small content that travels in the record itself. */
export interface InlineBlob {
  readonly hash: Hash;
  /** Bytes before compression. */
  readonly size: number;
  readonly codec: Codec;
  /** The bytes as stored. */
  readonly stored: Buffer;
}

/** Where a chunk's stored bytes lie in a pack. */
export interface ChunkLocation {
  readonly hash: Hash;
  /** Bytes before compression. */
  readonly size: number;
  /** Pack id, 32 hex digits. */
  readonly pack: string;
  readonly offset: number;
  /** Stored bytes. */
  readonly length: number;
  readonly codec: Codec;
}

export interface ChangesPayload {
  readonly kind: 'changes';
  /** Changeset id, 16 hex digits; the same in all records of a split changeset. */
  readonly changeset: string;
  /** Another record of the same changeset follows (rule P4). */
  readonly more: boolean;
  readonly changes: readonly Change[];
  /** What was written to packs for this record. */
  readonly locations: readonly ChunkLocation[];
  readonly inline: readonly InlineBlob[];
}

/** Content announced again (rule B3). */
export interface PackPayload {
  readonly kind: 'pack';
  /** These places stand for all earlier ones of the same contents, which did not deliver them. */
  readonly instead?: true;
  readonly locations: readonly ChunkLocation[];
  readonly inline: readonly InlineBlob[];
}

/** A member cannot fetch these; whoever holds the bytes answers with a `pack` record. */
export interface NeedPayload {
  readonly kind: 'need';
  readonly hashes: readonly Hash[];
}

/** A person's decision; exactly one of the three is present. */
export interface ApprovePayload {
  readonly kind: 'approve';
  /** A publisher's hold id (rule G3). */
  readonly hold?: string;
  /** The record whose deletions receivers held. */
  readonly record?: Sequence;
  /** A record that stays unavailable is passed over as it is stored (rule B2). */
  readonly unavailable?: { readonly sequence: Sequence; readonly stored: Hash };
}

/** Objects that nothing refers to any more; they are deleted after a grace time (rule P3). Ids of 32 hex digits. */
export interface RetirePayload {
  readonly kind: 'retire';
  readonly packs: readonly string[];
  readonly bodies: readonly string[];
  readonly snapshots: readonly string[];
}

export interface SnapshotPayload {
  readonly kind: 'snapshot';
  /** 32 hex digits. */
  readonly id: string;
  readonly upTo: Sequence;
  /** SHA-256 of the record `upTo`. */
  readonly previousHash: Hash;
}

export interface FormatPayload {
  readonly kind: 'format';
  readonly format: number;
}

export type Payload = ChangesPayload | PackPayload | NeedPayload | ApprovePayload | RetirePayload | SnapshotPayload | FormatPayload;

/** Every payload kind of format 1; any other kind makes a record bad. */
export const payloadKinds: readonly Payload['kind'][] = ['changes', 'pack', 'need', 'approve', 'retire', 'snapshot', 'format'];

/** A payload that is too long for its record lies in the object `bodies/<id>`. */
export interface BodyReference {
  /** 32 hex digits. */
  readonly id: string;
  /** Bytes as stored. */
  readonly size: number;
  readonly hash: Hash;
}

/**
 * - damaged: the bytes are not what the author wrote (own hash wrong, truncated, body missing or different): wait and re-read (B2).
 * - bad: the bytes are what the author wrote, and they break the format: skipped by everybody (B1).
 * - newer-format: this program is too old to judge them: halt and ask for an upgrade (L7).
 */
export type Verdict = 'damaged' | 'bad' | 'newer-format';

export interface Rejected {
  readonly ok: false;
  readonly verdict: Verdict;
  /** One clause for people, without a path of this machine. */
  readonly reason: string;
}
