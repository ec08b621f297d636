import { bodyKey, logKey } from '../model/keys.ts';
import type { Limits } from '../model/limits.ts';
import type { Payload, RecordHeader } from '../model/record.ts';
import { decodePayload, decodeRecord, recordHash } from '../model/record-decode.ts';
import { encodeRecord } from '../model/record-encode.ts';
import type { Datastore } from '../ports/datastore.ts';
import { contradiction, DatastoreFault } from '../ports/datastore.ts';
import type { Journal, Outbox } from '../ports/journal.ts';
import type { Log } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';
import type { Time } from '../ports/time.ts';

export interface AppendPorts {
  readonly datastore: Datastore;
  readonly journal: Journal;
  readonly random: Random;
  readonly time: Time;
  readonly log: Log;
}

/** A record of this member that stands in the log. */
export interface Settled {
  readonly outcome: 'appended';
  readonly outbox: Outbox;
  /** Bucket time at which it was written or seen, ms. */
  readonly atMs: number;
  /** Rule S3: one listing must confirm its place before it counts. */
  readonly confirm: boolean;
}

/** `lost`: another record has the number. `unsettled`: the store gave no answer; the outbox row stays for the next run. */
export type Appended = Settled | { readonly outcome: 'lost' } | { readonly outcome: 'unsettled'; readonly fault: DatastoreFault };

const settleAttempts = 6;
/** A store that hangs must not hold a run from cron for minutes; the outbox row waits for the next run. */
const settleMaxMs = 25_000;

/**
 * Writes a new record into the outbox: immutable bytes bound to one number, journalled before the put (rule S1) and read by the
 * reader's own code first (rule S5). `freeAtMs` is the bucket's time of the read that saw the number free.
 */
export async function prepareAppend(
  ports: AppendPorts,
  share: string,
  header: Omit<RecordHeader, 'format' | 'id' | 'writtenMs'>,
  payload: Payload,
  limits: Limits,
  extra: { readonly freeAtMs: number; readonly notOnDisk: Outbox['notOnDisk'] },
): Promise<Outbox> {
  const full: RecordHeader = { format: 1, id: ports.random.hex(16), writtenMs: ports.time.wallMs(), ...header };
  const encoded = encodeRecord(full, payload, ports.random.hex(16), limits);
  assertReadable(encoded.record, encoded.body?.bytes ?? null, limits);
  if (encoded.body !== null) {
    await ports.datastore.put(bodyKey(share, encoded.body.id), encoded.body.bytes);
    ports.log.debug({ step: 'body', share, bytes: encoded.body.bytes.length }, 'body stored');
  }
  const outbox: Outbox = {
    sequence: header.sequence,
    hash: recordHash(encoded.record),
    bytes: encoded.record,
    body: encoded.body,
    ...extra,
  };
  ports.journal.putOutbox(outbox);
  ports.journal.flush();
  return outbox;
}

function assertReadable(record: Buffer, body: Buffer | null, limits: Limits): void {
  const decoded = decodeRecord(record, limits);
  const payload = decoded.ok ? decodePayload(decoded, body, limits) : decoded;
  if (!payload.ok) throw new Error(`the record that was about to be written would be ${payload.verdict}: ${payload.reason}`);
}

/**
 * Sends the outbox row until its number is occupied (rules S1, S2): a lost answer is settled by reading back, a 404 settles nothing
 * and the same bytes are sent again. An answer that comes more than `farApartMs` of bucket time after the look that saw the number free
 * asks for a confirmation (rule S3).
 */
export async function settleAppend(
  ports: AppendPorts,
  share: string,
  outbox: Outbox,
  farApartMs: number,
  signal: AbortSignal,
): Promise<Appended> {
  const key = logKey(share, outbox.sequence);
  const endMs = ports.time.monotonicMs() + settleMaxMs;
  for (let attempt = 0; ; attempt++) {
    const put = await tryPut(ports.datastore, key, outbox.bytes);
    if (put.result === 'created') {
      return { outcome: 'appended', outbox, atMs: put.dateMs, confirm: attempt > 0 || put.dateMs - outbox.freeAtMs > farApartMs };
    }
    const standing =
      put.result === 'fault' && put.fault.kind !== 'unknown' ? null : await readBack(ports.datastore, key, outbox.bytes.length);
    if (standing !== null && 'bytes' in standing) {
      if (recordHash(standing.bytes) !== outbox.hash) return { outcome: 'lost' };
      return { outcome: 'appended', outbox, atMs: standing.modifiedMs, confirm: true };
    }
    const fault = put.result === 'fault' ? put.fault : (standing ?? contradiction(key));
    if (fault.kind === 'permanent' || attempt >= settleAttempts || signal.aborted || ports.time.monotonicMs() > endMs)
      return { outcome: 'unsettled', fault };
    await ports.time.sleep(backoffMs(attempt, ports.random), signal);
  }
}

type Put = { result: 'created'; dateMs: number } | { result: 'exists' } | { result: 'fault'; fault: DatastoreFault };

async function tryPut(datastore: Datastore, key: string, bytes: Buffer): Promise<Put> {
  try {
    const answer = await datastore.putIfAbsent(key, bytes);
    return answer.value === 'created' ? { result: 'created', dateMs: answer.dateMs } : { result: 'exists' };
  } catch (error) {
    if (error instanceof DatastoreFault) return { result: 'fault', fault: error };
    throw error;
  }
}

/** What stands at the number; null when nothing does; a fault when the store would not say. A longer object is surely not ours. */
async function readBack(
  datastore: Datastore,
  key: string,
  length: number,
): Promise<{ bytes: Buffer; modifiedMs: number } | DatastoreFault | null> {
  try {
    return (await datastore.get(key, { bytesMax: length })).value;
  } catch (error) {
    if (!(error instanceof DatastoreFault)) throw error;
    return error.code === 'too-large' ? { bytes: Buffer.alloc(0), modifiedMs: 0 } : error;
  }
}

function backoffMs(attempt: number, random: Random): number {
  return Math.min(5000, 100 * 2 ** attempt) * (0.5 + random.fraction() / 2);
}
