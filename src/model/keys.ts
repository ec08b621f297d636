import type { Sequence } from './entry.ts';

/** Where each object lies, relative to `<prefix>/<federation>/`. `share` is the share's name in the bucket. */

const logKeyDigits = 16;
const logKeyPattern = /^(.+)\/log\/([0-9]{16})$/;
const snapshotKeyPattern = /^(.+)\/snapshots\/([0-9]{16})-([0-9a-f]{32})$/;

export function bellKey(): string {
  return 'bell';
}

export function formatKey(share: string): string {
  return `${share}/format.json`;
}

/** Prefix of all records, for listing. */
export function logPrefix(share: string): string {
  return `${share}/log/`;
}

/** Fixed width, so that byte order is number order. Throws RangeError for what is no sequence number of a record. */
export function logKey(share: string, sequence: Sequence): string {
  return `${logPrefix(share)}${digitsOf(sequence)}`;
}

function digitsOf(sequence: Sequence): string {
  if (!Number.isSafeInteger(sequence) || sequence < 1) throw new RangeError(`no sequence number: ${sequence}`);
  return String(sequence).padStart(logKeyDigits, '0');
}

/** Undefined for every key that `logKey` does not make. */
export function parseLogKey(key: string): { share: string; sequence: Sequence } | undefined {
  const match = logKeyPattern.exec(key);
  if (match === null) return undefined;
  const sequence = Number(match[2]);
  return Number.isSafeInteger(sequence) && sequence > 0 ? { share: match[1] as string, sequence } : undefined;
}

export function packsPrefix(share: string): string {
  return `${share}/packs/`;
}

export function packKey(share: string, id: string): string {
  return `${packsPrefix(share)}${id}`;
}

export function bodiesPrefix(share: string): string {
  return `${share}/bodies/`;
}

export function bodyKey(share: string, id: string): string {
  return `${bodiesPrefix(share)}${id}`;
}

export function snapshotsPrefix(share: string): string {
  return `${share}/snapshots/`;
}

/** Byte order is the order of `upTo`. Throws RangeError for what is no sequence number of a record. */
export function snapshotKey(share: string, upTo: Sequence, id: string): string {
  return `${snapshotsPrefix(share)}${digitsOf(upTo)}-${id}`;
}

/** Undefined for every key that `snapshotKey` does not make. */
export function parseSnapshotKey(key: string): { share: string; upTo: Sequence; id: string } | undefined {
  const match = snapshotKeyPattern.exec(key);
  if (match === null) return undefined;
  const upTo = Number(match[2]);
  return Number.isSafeInteger(upTo) && upTo > 0 ? { share: match[1] as string, upTo, id: match[3] as string } : undefined;
}

export function membersPrefix(share: string): string {
  return `${share}/members/`;
}

export function memberKey(share: string, memberId: string): string {
  return `${membersPrefix(share)}${memberId}.json`;
}

const idPattern = /^[0-9a-f]{32}$/;

/** The id in the key of a pack, a body or (`ending` .json) a heartbeat right below `prefix`; undefined for any other name. */
export function idBelow(prefix: string, key: string, ending = ''): string | undefined {
  if (!key.startsWith(prefix) || !key.endsWith(ending)) return undefined;
  const id = key.slice(prefix.length, key.length - ending.length);
  return idPattern.test(id) ? id : undefined;
}
