import type { Hash, Sequence } from '../model/entry.ts';
import type { ShareFormat } from '../model/format.ts';
import { snapshotKey } from '../model/keys.ts';
import { noPrevious } from '../model/record.ts';
import { recordHash } from '../model/record-decode.ts';
import type { SnapshotItem } from '../model/snapshot.ts';
import { type Journal, JournalFault } from '../ports/journal.ts';
import { type Dumped, dump } from '../steps/dump.ts';
import { fold, passOver } from '../steps/fold.ts';
import { type FetchedSnapshot, fetchSnapshot, load } from '../steps/load.ts';
import { type Fetched, fetchRecord, findApproval, judge, type Offer } from '../steps/pull.ts';
import { breathing } from './breath.ts';
import type { Ports } from './context.ts';

export type CompactPorts = Pick<Ports, 'datastore' | 'scratch' | 'random' | 'log' | 'time'>;

export interface CompactOptions {
  /** Its name in the bucket. */
  readonly share: string;
  /** In force; its share id and limits judge the records. */
  readonly format: ShareFormat;
  /** An older snapshot; null begins at record 1. It stays the caller's to remove. */
  readonly base: FetchedSnapshot | null;
  /** At least 1, and not below the base's. */
  readonly upTo: Sequence;
  /** Bucket time before which superseded versions are left out, ms. */
  readonly cutoffMs: number;
  /** Objects that were retired before this bucket time are left out, ms. */
  readonly retiredFromMs: number;
  readonly signal: AbortSignal;
}

/**
 * - written: uploaded and read back; to be announced by a `snapshot` record. - gap: this record cannot be used, so nothing was written.
 * - unread: what the store gives back is not what was written. - stopped: the signal came.
 * In the last two cases the bucket may hold an object that nobody refers to.
 */
export type Compaction =
  | {
      readonly outcome: 'written';
      readonly id: string;
      readonly upTo: Sequence;
      /** Of record `upTo`. */
      readonly hash: Hash;
      /** State digest at that record. */
      readonly digest: Hash;
      /** Of the object. */
      readonly bytes: number;
    }
  | { readonly outcome: 'gap'; readonly sequence: Sequence; readonly reason: string }
  | { readonly outcome: 'unread'; readonly reason: string }
  | { readonly outcome: 'stopped' };

/**
 * Rule H1: snapshot(upTo) is made of an older snapshot and stored records alone, in a journal that is thrown away, and counts only after
 * it was read back whole. Two members that do this at once write two snapshots of equal worth. Throws DatastoreFault and JournalFault.
 */
export async function compact(ports: CompactPorts, options: CompactOptions): Promise<Compaction> {
  const { share, base, format, cutoffMs, retiredFromMs, signal } = options;
  const scratch = ports.scratch();
  try {
    const journal = scratch.journal();
    const goOn = breathing(ports.time, signal);
    if (base !== null && !(await journal.gradually(() => load(journal, base), goOn))) return { outcome: 'stopped' };
    const stop = await replay(ports, journal, options);
    if (stop !== null) return stop;
    const historyFromMs = Math.max(0, Math.round(cutoffMs));
    journal.pruneVersions(historyFromMs);
    const lineage = { prefixes: base === null ? [] : prefixesOf(base.items()), upTo: base?.head.upTo ?? 0 };
    const id = ports.random.hex(16);
    const dumped = dump(journal, scratch.file(), { id, format, historyFromMs, retiredFromMs, lineage });
    ports.log.debug({ step: 'compact', share, upTo: dumped.head.upTo }, 'snapshot written');
    if (signal.aborted) return { outcome: 'stopped' };
    return await upload(ports, options, dumped);
  } catch (error) {
    throw notTheMembers(error);
  } finally {
    scratch.remove();
  }
}

/** A damaged journal of a member is set aside and rebuilt: one that is thrown away anyway must not pass for it. */
function notTheMembers(error: unknown): unknown {
  if (!(error instanceof JournalFault) || error.code !== 'damaged') return error;
  return new JournalFault('unusable', `A snapshot cannot be made: ${error.message}`, error);
}

async function upload(ports: CompactPorts, { share, signal }: CompactOptions, { head, size, pieces }: Dumped): Promise<Compaction> {
  const { id, upTo, hash, digest } = head;
  const key = snapshotKey(share, upTo, id);
  await ports.datastore.putStream(key, size, () => inTurn(pieces()));
  ports.log.debug({ step: 'compact', share, upTo }, 'snapshot uploaded');
  if (signal.aborted) return { outcome: 'stopped' };
  const back = await fetchSnapshot(ports, share, key, head.share);
  if (!back.ok) return { outcome: 'unread', reason: back.reason };
  back.snapshot.remove();
  ports.log.debug({ step: 'compact', share, upTo }, 'snapshot read back');
  return { outcome: 'written', id, upTo, hash, digest, bytes: size };
}

async function* inTurn(pieces: Iterable<Buffer>): AsyncGenerator<Buffer> {
  yield* pieces;
}

function* prefixesOf(items: Iterable<SnapshotItem>): Generator<Buffer> {
  for (const item of items) {
    if (item.item !== 'lineage') return;
    yield item.prefixes;
  }
}

const readsAhead = 8;

/** Folds the stored records behind the journal's cursor up to `upTo`, as every member does. Null when all were folded or passed over. */
async function replay(ports: CompactPorts, journal: Journal, options: CompactOptions): Promise<Compaction | null> {
  const { share, format, upTo, signal } = options;
  const ahead: Promise<Fetched>[] = [];
  const from = Number(journal.meta('cursor') ?? '0');
  if (from === upTo) return await foreign(ports, journal, options);
  let asked = from;
  for (let sequence = from + 1; sequence <= upTo; sequence++) {
    if (signal.aborted) return { outcome: 'stopped' };
    while (asked < Math.min(upTo, sequence - 1 + readsAhead)) {
      const reading = fetchRecord(ports.datastore, share, ++asked, format.limits);
      reading.catch(() => undefined);
      ahead.push(reading);
    }
    const fetched = await (ahead.shift() as Promise<Fetched>);
    const position = { cursor: sequence - 1, hash: journal.meta('cursorHash') ?? noPrevious, shareId: format.share };
    const offer = judge(fetched, position, format.limits, true);
    const refused = take(journal, sequence, await weigh(ports, options, sequence, offer, journal));
    if (refused !== null) return { outcome: 'gap', sequence, reason: refused };
  }
  return null;
}

/** A base that ends at `upTo` is proved by that very record; any other by the first record that is folded onto it. */
async function foreign({ datastore }: CompactPorts, journal: Journal, { share, format, upTo }: CompactOptions): Promise<Compaction | null> {
  const last = await fetchRecord(datastore, share, upTo, format.limits);
  if (last.found && recordHash(last.bytes) === journal.meta('cursorHash')) return null;
  return { outcome: 'gap', sequence: upTo, reason: 'the snapshot to go on from does not end with it' };
}

/** A damaged record may have been given up by a person (rule B2); its time is then that of the record before it. */
async function weigh(ports: CompactPorts, options: CompactOptions, sequence: Sequence, offer: Offer, journal: Journal): Promise<Offer> {
  if (offer.offer !== 'unavailable' || offer.stored === null) return offer;
  const { share, format } = options;
  const approval = await findApproval(ports.datastore, share, sequence, offer.stored, format.limits);
  if (approval === null) return offer;
  const atMs = journal.record(sequence - 1)?.atMs ?? 0;
  return { offer: 'given-up', reason: offer.reason, hash: approval.hash, bytes: offer.stored, atMs };
}

/** Why the record cannot be used, or null. */
function take(journal: Journal, sequence: Sequence, offer: Offer): string | null {
  if (offer.offer === 'fits') fold(journal, offer, null);
  else if (offer.offer === 'bad') passOver(journal, sequence, offer.bytes, offer.hash, offer.atMs, 'bad', offer.reason);
  else if (offer.offer === 'given-up') passOver(journal, sequence, offer.bytes, offer.hash, offer.atMs, 'skipped', offer.reason);
  else return offer.offer === 'head' ? 'it is missing' : offer.reason;
  // Whoever reads a record here needs its bytes no more.
  journal.keepRecordBytes(0);
  return null;
}
