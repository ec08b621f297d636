import type { Hash, Sequence } from '../model/entry.ts';
import { bodyKey, logKey, logPrefix, parseLogKey } from '../model/keys.ts';
import type { Limits } from '../model/limits.ts';
import { formatInForce, type Payload, type RecordHeader } from '../model/record.ts';
import type { DecodedRecord } from '../model/record-decode.ts';
import { decodePayload, decodeRecord, recordHash } from '../model/record-decode.ts';
import type { Datastore, Listed } from '../ports/datastore.ts';
import { DatastoreFault } from '../ports/datastore.ts';

/** Where this member stands in the log. `hash` is that of the record at the cursor. */
export interface Position {
  readonly cursor: Sequence;
  readonly hash: Hash;
  readonly shareId: string;
}

/**
 * One record as the log offers it.
 * - fits: it continues the log. - bad: own hash right, content invalid; everybody passes over it (rule B1).
 * - given-up: unavailable, and a person approved chaining over its stored bytes (rule B2).
 * - unavailable: damaged or missing while successors exist; wait (rule B2). - head: nothing there, nothing after it.
 * - halt: another share, another history or a newer format (rules L3, L7).
 */
export type Offer =
  | {
      readonly offer: 'fits';
      readonly header: RecordHeader;
      readonly payload: Payload;
      readonly hash: Hash;
      readonly bytes: Buffer;
      readonly body: Buffer | null;
      /** Id of the body object; '' where the payload is inside the record. */
      readonly bodyId: string;
      readonly atMs: number;
    }
  | {
      readonly offer: 'bad';
      readonly author: string;
      readonly reason: string;
      readonly hash: Hash;
      readonly bytes: Buffer;
      readonly atMs: number;
    }
  | { readonly offer: 'given-up'; readonly reason: string; readonly hash: Hash; readonly bytes: Buffer; readonly atMs: number }
  | { readonly offer: 'unavailable'; readonly reason: string; readonly stored: Buffer | null }
  | { readonly offer: 'head'; readonly dateMs: number }
  | { readonly offer: 'halt'; readonly code: HaltCode; readonly reason: string };

export type HaltCode = 'another-share' | 'another-history' | 'log-shorter' | 'newer-format' | 'bucket-emptied';

/** What a raw read of one number gave; fetched ahead of its turn. */
export type Fetched =
  | { readonly found: true; readonly bytes: Buffer; readonly body: Buffer | null; readonly modifiedMs: number; readonly dateMs: number }
  | { readonly found: false; readonly dateMs: number };

/** A damaged record may be a torn read; it is read this often before it counts as unavailable. */
const readsMax = 3;

/** Record `sequence` and its body. A body that cannot be had is null and is judged later. */
export async function fetchRecord(datastore: Datastore, share: string, sequence: Sequence, limits: Limits): Promise<Fetched> {
  for (let read = 1; ; read++) {
    const { value, dateMs } = await getBounded(datastore, logKey(share, sequence), limits.recordBytesMax);
    if (value === null) return { found: false, dateMs };
    const decoded = decodeRecord(value.bytes, limits);
    const damaged = !decoded.ok && decoded.verdict === 'damaged';
    if (damaged && read < readsMax) continue;
    const body = decoded.ok && decoded.body !== null ? await fetchBody(datastore, share, decoded.body, limits) : null;
    return { found: true, bytes: value.bytes, body, modifiedMs: value.modifiedMs, dateMs };
  }
}

/** An object above the limit cannot be a record of this format; its first bytes are enough to say so. */
async function getBounded(datastore: Datastore, key: string, bytesMax: number) {
  try {
    return await datastore.get(key, { bytesMax });
  } catch (error) {
    if (!(error instanceof DatastoreFault) || error.code !== 'too-large') throw error;
    return await datastore.get(key, { bytesMax, range: { offset: 0, length: bytesMax } });
  }
}

async function fetchBody(datastore: Datastore, share: string, body: { id: string; size: number }, limits: Limits): Promise<Buffer | null> {
  try {
    return (await datastore.get(bodyKey(share, body.id), { bytesMax: Math.min(body.size, limits.bodyBytesMax) })).value?.bytes ?? null;
  } catch (error) {
    if (error instanceof DatastoreFault && error.code === 'too-large') return null;
    throw error;
  }
}

/** Judges what was read at `position.cursor + 1` (rules L1, L3, L7, B1, B2). Pure. `successors` says whether higher numbers exist. */
export function judge(fetched: Fetched, position: Position, limits: Limits, successors: boolean): Offer {
  const sequence = position.cursor + 1;
  if (!fetched.found) {
    if (!successors) return { offer: 'head', dateMs: fetched.dateMs };
    return { offer: 'unavailable', reason: 'it is missing while later records exist', stored: null };
  }
  const decoded = decodeRecord(fetched.bytes, limits);
  if (!decoded.ok) return judgeRejected(decoded, fetched, 'an unknown member');
  const halt = strange(decoded, position, sequence);
  if (halt !== undefined) return halt;
  const hash = decoded.hash;
  if (decoded.header.sequence !== sequence) {
    const reason = `it says that it is record ${decoded.header.sequence}`;
    // A record of another place in the log was put here by the store, not by an author: the right one may come back.
    if (decoded.header.previous !== position.hash) return { offer: 'unavailable', reason, stored: fetched.bytes };
    return { ...common(fetched), offer: 'bad', author: decoded.header.author.name, reason, hash };
  }
  const payload = decodePayload(decoded, fetched.body, limits);
  if (payload.ok && payload.payload.kind === 'format' && payload.payload.format > formatInForce) {
    return { offer: 'halt', code: 'newer-format', reason: `record ${sequence} raises the share to format ${payload.payload.format}` };
  }
  if (payload.ok) {
    const body = { body: fetched.body, bodyId: decoded.body?.id ?? '' };
    return { ...common(fetched), ...body, offer: 'fits', header: decoded.header, payload: payload.payload, hash };
  }
  return judgeRejected(payload, fetched, decoded.header.author.name);
}

function judgeRejected(rejected: { verdict: string; reason: string }, fetched: Fetched & { found: true }, author: string): Offer {
  if (rejected.verdict === 'newer-format') return { offer: 'halt', code: 'newer-format', reason: rejected.reason };
  if (rejected.verdict === 'damaged') return { offer: 'unavailable', reason: rejected.reason, stored: fetched.bytes };
  return { ...common(fetched), offer: 'bad', author, reason: rejected.reason, hash: recordHash(fetched.bytes) };
}

function common(fetched: Fetched & { found: true }) {
  return { bytes: fetched.bytes, atMs: fetched.modifiedMs };
}

function strange(decoded: DecodedRecord, position: Position, sequence: Sequence): Offer | undefined {
  if (decoded.header.share !== position.shareId) {
    return { offer: 'halt', code: 'another-share', reason: `record ${sequence} belongs to another share` };
  }
  if (decoded.header.sequence === sequence && decoded.header.previous !== position.hash) {
    return { offer: 'halt', code: 'another-history', reason: `record ${sequence} does not follow the record that this member knows` };
  }
  return undefined;
}

export interface LogListing {
  /** From the number asked for on, in order. */
  readonly listed: ReadonlyMap<Sequence, Listed>;
  readonly head: Sequence;
  /** Records that a member cannot use and asks the others to put back; any number. */
  readonly requested: readonly Sequence[];
  readonly dateMs: number;
}

/** Sorts behind every record, so that whoever lists the log sees it without another request. */
const requestName = 'request-';

export function requestKey(share: string, sequence: Sequence): string {
  return logKey(share, sequence).replace(logPrefix(share), logPrefix(share) + requestName);
}

/** Numbers listed from `from` on, with what the listing says of each object. */
export async function listLog(datastore: Datastore, share: string, from: Sequence): Promise<LogListing> {
  const listed = new Map<Sequence, Listed>();
  const requested: Sequence[] = [];
  let after = from > 1 ? logKey(share, from - 1) : undefined;
  let head = 0;
  for (;;) {
    const { value, dateMs } = await datastore.list(logPrefix(share), after === undefined ? {} : { after });
    for (const object of value.objects) {
      after = object.key;
      const sequence = parseLogKey(object.key)?.sequence;
      const request = parseLogKey(object.key.replace(requestName, ''))?.sequence;
      if (sequence === undefined) {
        if (request !== undefined) requested.push(request);
        continue;
      }
      listed.set(sequence, object);
      head = Math.max(head, sequence);
    }
    if (!value.truncated || after === undefined) return { listed, head, requested, dateMs };
  }
}

/**
 * An approval that chains over the stored bytes of an unavailable record (rule B2) stands right after it and names their hash.
 * Returns what to pass over, or null where nobody approved.
 */
export async function findApproval(
  datastore: Datastore,
  share: string,
  sequence: Sequence,
  stored: Buffer,
  limits: Limits,
): Promise<{ hash: Hash } | null> {
  const next = await fetchRecord(datastore, share, sequence + 1, limits);
  if (!next.found) return null;
  const decoded = decodeRecord(next.bytes, limits);
  if (!decoded.ok || decoded.kind !== 'approve') return null;
  const payload = decodePayload(decoded, null, limits);
  if (!payload.ok || payload.payload.kind !== 'approve') return null;
  const given = payload.payload.unavailable;
  const hash = recordHash(stored);
  return given?.sequence === sequence && given.stored === hash && decoded.header.previous === hash ? { hash } : null;
}
