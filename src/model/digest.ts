import * as crypto from 'node:crypto';
import type { Entry, Hash } from './entry.ts';
import type { BytePath } from './path.ts';

/**
 * The digest of a set of (path, entry), independent of order and kept up to date by additions and removals alone: the sum modulo
 * 2^256 of SHA-256 over a canonical text of each member. Members with equal cursors compare it (promise 4). It detects mistakes;
 * it is no defence against somebody who may write the log anyway.
 */
export type Digest = bigint;

export const emptyDigest: Digest = 0n;
const modulus = 1n << 256n;

/** SHA-256 as 64 lower-case hex digits. */
export function contentHash(bytes: Uint8Array | string): Hash {
  // One-shot hashing is several times faster on small inputs and came with Node 20.12.
  if (typeof crypto.hash === 'function') return crypto.hash('sha256', bytes);
  return crypto.createHash('sha256').update(bytes).digest('hex');
}

/** What one member of the set contributes. Chunks are left out: equal content is equal however it was cut. */
export function digestOf(path: BytePath, entry: Entry): Digest {
  return BigInt(`0x${contentHash(canonicalText(path, entry))}`);
}

export function addDigest(sum: Digest, part: Digest): Digest {
  const next = sum + part;
  return next >= modulus ? next - modulus : next;
}

export function removeDigest(sum: Digest, part: Digest): Digest {
  return sum >= part ? sum - part : sum - part + modulus;
}

/** 64 lower-case hex digits. */
export function digestToHex(digest: Digest): string {
  return digest.toString(16).padStart(64, '0');
}

/** The reverse of `digestToHex`; undefined for anything but 64 lower-case hex digits. */
export function digestFromHex(hex: string): Digest | undefined {
  return /^[0-9a-f]{64}$/.test(hex) ? BigInt(`0x${hex}`) : undefined;
}

/**
 * Fields separated by NUL, which no path, name or link target can contain. An unknown owner or group is the empty string, which is
 * no name. The text is hashed as UTF-8, so each byte of a path above 0x7f counts as two; what matters is that all members do it.
 */
function canonicalText(path: BytePath, entry: Entry): string {
  const owned = `${entry.owner ?? ''}\0${entry.group ?? ''}`;
  if (entry.kind === 'file') return `${path}\0file\0${entry.mode}\0${entry.mtimeUs}\0${owned}\0${entry.size}\0${entry.hash}`;
  if (entry.kind === 'dir') return `${path}\0dir\0${entry.mode}\0${owned}`;
  return `${path}\0link\0${owned}\0${entry.target}`;
}

export interface ContentHasher {
  update(bytes: Uint8Array): void;
  digest(): Hash;
}

/** SHA-256 of content that comes in pieces. */
export function contentHasher(): ContentHasher {
  const hash = crypto.createHash('sha256');
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') };
}
