import type { Sequence } from '../../model/entry.ts';
import { encodeFormat } from '../../model/format.ts';
import { bodyKey, formatKey, logKey } from '../../model/keys.ts';
import { decodeRecord, recordHash } from '../../model/record-decode.ts';
import type { RecordRow } from '../../ports/journal-rows.ts';
import { type Fetched, fetchRecord, findApproval, requestKey } from '../../steps/pull.ts';
import type { Cycle } from '../context.ts';
import { putFormatBack } from '../lineage.ts';
import { flawsOf, type Repair } from './under-way.ts';

/** What stands there and cannot be used is replaced on a person's word; a missing one comes back by itself as well (rule B2). */
export async function repairFormat({ cycle, examined, done }: Repair): Promise<void> {
  const wasMissing = flawsOf(examined, 'format-missing').length > 0 && (await putFormatBack(cycle));
  const isDamaged = flawsOf(examined, 'format-damaged').length > 0;
  if (isDamaged) await cycle.ports.datastore.put(formatKey(cycle.share), encodeFormat(cycle.inForce));
  if (wasMissing || isDamaged) done.push('format.json was put back');
}

/** Rule B2: identical bytes where this member holds them, else a request that the others see in their next listing. */
export async function repairRecords({ cycle, examined, done }: Repair): Promise<void> {
  const codes = ['record-missing', 'record-damaged', 'record-rewritten', 'body-missing', 'body-damaged'] as const;
  const numbers = new Set(flawsOf(examined, ...codes).map(({ subject }) => Number(subject)));
  for (const sequence of [...numbers].sort((a, b) => a - b)) {
    const outcome = await repairRecord(cycle, sequence);
    if (outcome === 'put') done.push(`record ${sequence} was put back`);
    if (outcome !== 'asked') continue;
    await cycle.ports.datastore.put(requestKey(cycle.share, sequence), Buffer.from(`${cycle.ports.member.id}\n`));
    done.push(`the other members are asked for record ${sequence}`);
  }
}

/** `left`: it is as it should be by now, or another history that only a person may overrule. */
async function repairRecord(cycle: Cycle, sequence: Sequence): Promise<'put' | 'asked' | 'left'> {
  const { journal, datastore } = cycle.ports;
  const { limits } = cycle.inForce;
  const row = journal.record(sequence);
  const bytes = journal.recordBytes(sequence);
  const fetched = await fetchRecord(datastore, cycle.share, sequence, limits);
  const stands = fetched.found && recordHash(fetched.bytes) === row?.hash;
  if (!stands && !(await mayReplace(cycle, sequence, row, fetched))) return 'left';
  if (row === null || bytes === null || row.verdict === 'skipped' || recordHash(bytes) !== row.hash)
    return isWhole(cycle, fetched) ? 'left' : 'asked';
  const decoded = decodeRecord(bytes, limits);
  const body = decoded.ok ? decoded.body : null;
  const lacksBody = body !== null && (!fetched.found || fetched.body === null || recordHash(fetched.body) !== body.hash);
  const held = lacksBody ? journal.recordBody(sequence) : null;
  if (lacksBody && held !== null) await datastore.put(bodyKey(cycle.share, body.id), held);
  if (!stands) await datastore.put(logKey(cycle.share, sequence), bytes);
  // Of a missing record the body could not be looked at; it is told by the next look where it is gone as well.
  return lacksBody && held === null && stands ? 'asked' : 'put';
}

function isWhole(cycle: Cycle, fetched: Fetched): boolean {
  if (!fetched.found) return false;
  const decoded = decodeRecord(fetched.bytes, cycle.inForce.limits);
  return decoded.ok && (decoded.body === null || (fetched.body !== null && recordHash(fetched.body) === decoded.body.hash));
}

/**
 * Nothing, or bytes that nobody wrote, may be replaced unless a person gave the record up. A valid record in the place of the known one
 * may be another history (rule L3); only a successor that names the known one proves that it is not.
 */
async function mayReplace(cycle: Cycle, sequence: Sequence, row: RecordRow | null, fetched: Fetched): Promise<boolean> {
  const { datastore } = cycle.ports;
  const { limits } = cycle.inForce;
  if (!fetched.found) return true;
  if ((await findApproval(datastore, cycle.share, sequence, fetched.bytes, limits)) !== null) return false;
  const decoded = decodeRecord(fetched.bytes, limits);
  if (!decoded.ok && decoded.verdict === 'damaged') return true;
  const next = await fetchRecord(datastore, cycle.share, sequence + 1, limits);
  const successor = next.found ? decodeRecord(next.bytes, limits) : null;
  return row !== null && successor?.ok === true && successor.header.previous === row.hash;
}
