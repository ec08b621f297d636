import type { Hash, Sequence } from '../../model/entry.ts';
import { decodeBlob } from '../../model/pack.ts';
import { type DecodedRecord, decodePayload, decodeRecord, recordHash } from '../../model/record-decode.ts';
import { flaw } from '../../model/verify.ts';
import { fetchRecord } from '../../steps/pull.ts';
import { isHousekept } from '../bootstrap.ts';
import type { ShareObjects } from './objects.ts';
import { inParallel, type Survey, subscriberRemedy } from './survey.ts';

const readsAtOnce = 8;

/** What stands at one number of the log. */
interface Seen {
  /** Of the whole object. */
  readonly hash: Hash;
  readonly previous: Hash | null;
  /** Why the bytes are not what an author wrote; null where they are. */
  readonly damage: string | null;
  readonly bodyId: string | null;
  readonly body: 'none' | 'sound' | 'missing' | 'damaged';
}

/**
 * Reads every record that is listed, with its body, and compares it with what the journal knows and with its neighbours. Contents that
 * lie inline in them and are needed are read on the way. Returns the ids of the bodies that records name. Throws DatastoreFault.
 */
export async function examineLog(survey: Survey, objects: ShareObjects): Promise<ReadonlySet<string>> {
  const { ports } = survey.cycle;
  const numbers = [...objects.records.keys()].sort((a, b) => a - b);
  const needed = new Set(ports.journal.plannedRecords());
  const seen = new Map<Sequence, Seen>();
  await inParallel(survey, numbers, readsAtOnce, async (sequence) => {
    const one = await read(survey, sequence, needed.has(sequence));
    if (one !== null) seen.set(sequence, one);
    survey.counts.records++;
    ports.onProgress({ phase: 'reading the log', filesDone: survey.counts.records, filesTotal: numbers.length });
  });
  // What housekeeping deletes at the low end, now or before, is no part of the log any more.
  let solid = objects.head;
  while (seen.has(solid - 1)) solid--;
  const from = isHousekept(ports.journal, solid - 1) ? solid : objects.first;
  for (let sequence = from; sequence <= objects.head && sequence > 0; sequence++) judge(survey, seen, sequence);
  return new Set([...seen.values()].flatMap(({ bodyId }) => (bodyId === null ? [] : [bodyId])));
}

async function read(survey: Survey, sequence: Sequence, isNeeded: boolean): Promise<Seen | null> {
  const { cycle } = survey;
  const { limits } = cycle.inForce;
  const fetched = await fetchRecord(cycle.ports.datastore, cycle.share, sequence, limits);
  if (!fetched.found) return null;
  const hash = recordHash(fetched.bytes);
  const decoded = decodeRecord(fetched.bytes, limits);
  if (!decoded.ok) {
    const damage = decoded.verdict === 'damaged' ? decoded.reason : null;
    return { hash, previous: null, damage, bodyId: null, body: 'none' };
  }
  const body = bodyState(decoded, fetched.body);
  if (decoded.body !== null) survey.counts.bodies++;
  const damage = decoded.header.sequence === sequence ? null : `it says that it is record ${decoded.header.sequence}`;
  if (isNeeded && damage === null) readInline(survey, decoded, fetched.body);
  return { hash, previous: decoded.header.previous, damage, bodyId: decoded.body?.id ?? null, body };
}

function bodyState(decoded: DecodedRecord, body: Buffer | null): Seen['body'] {
  if (decoded.body === null) return 'none';
  if (body === null) return 'missing';
  return recordHash(body) === decoded.body.hash ? 'sound' : 'damaged';
}

function readInline(survey: Survey, decoded: DecodedRecord, body: Buffer | null): void {
  const { journal } = survey.cycle.ports;
  const payload = decodePayload(decoded, body, survey.cycle.inForce.limits);
  if (!payload.ok || !('inline' in payload.payload)) return;
  const blobs = new Map(payload.payload.inline.map((blob) => [blob.hash, blob]));
  const sound = journal.plannedInline(decoded.header.sequence).filter(({ hash, size, codec }) => {
    const blob = blobs.get(hash);
    survey.counts.contentsRead++;
    survey.counts.bytesRead += blob?.stored.length ?? 0;
    return blob !== undefined && decodeBlob(blob.stored, codec, hash, size).ok;
  });
  journal.markSound(sound.map(({ hash }) => hash));
}

function judge(survey: Survey, seen: ReadonlyMap<Sequence, Seen>, sequence: Sequence): void {
  const row = survey.cycle.ports.journal.record(sequence);
  const one = seen.get(sequence);
  const next = seen.get(sequence + 1);
  if (one === undefined) {
    tell(survey, 'record-missing', sequence, 'is missing');
    return;
  }
  const isGivenUp = one.damage !== null && (row?.hash === one.hash || next?.previous === one.hash);
  if (isGivenUp) return;
  if (one.damage !== null) tell(survey, 'record-damaged', sequence, `is damaged (${one.damage})`);
  else if (row !== null && row.hash !== one.hash) tellRewritten(survey, sequence, next?.previous === row.hash);
  else if (row === null && breaksChain(survey, seen, sequence)) tellRewritten(survey, sequence, false);
  else if (row?.verdict !== 'bad' && (one.body === 'missing' || one.body === 'damaged'))
    tell(survey, `body-${one.body}`, sequence, one.body === 'missing' ? 'lacks its body' : 'has a damaged body');
}

/** Of two neighbours that the journal does not know the later one is told. */
function breaksChain(survey: Survey, seen: ReadonlyMap<Sequence, Seen>, sequence: Sequence): boolean {
  const before = seen.get(sequence - 1)?.hash ?? survey.cycle.ports.journal.record(sequence - 1)?.hash;
  const { previous } = seen.get(sequence) as Seen;
  return before !== undefined && previous !== null && previous !== before;
}

type RecordCode = 'record-missing' | 'record-damaged' | 'body-missing' | 'body-damaged';

function tell(survey: Survey, code: RecordCode, sequence: Sequence, what: string): void {
  survey.flaws.push(flaw(code, sequence, `record ${sequence} of the log ${what}`, remedyOf(survey, sequence, code.startsWith('body'))));
}

function remedyOf({ cycle: { config, ports } }: Survey, sequence: Sequence, needsBody: boolean): string {
  if (config.role === 'subscriber') return subscriberRemedy;
  const held = needsBody ? ports.journal.recordBody(sequence) : ports.journal.recordBytes(sequence);
  if (held !== null) return '--repair puts it back.';
  return '--repair asks the other members; one that still has it puts it back at its next sync. Else restore it from a backup of the bucket.';
}

/** A successor that names the known record by its hash proves that the other one was never part of the log. */
function tellRewritten(survey: Survey, sequence: Sequence, isProved: boolean): void {
  const { config } = survey.cycle;
  const remedy = isProved
    ? remedyOf(survey, sequence, false)
    : `If the bucket was restored or replaced on purpose, run: flocksync approve lineage --share ${config.name}. Else restore the record from a backup of the bucket.`;
  const proof = isProved ? ', as the record after it proves' : '';
  survey.flaws.push(flaw('record-rewritten', sequence, `record ${sequence} of the log is not the one that was written${proof}`, remedy));
}
