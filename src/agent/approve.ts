import { farApartMs } from '../model/grace.ts';
import type { ApprovePayload } from '../model/record.ts';
import { recordHash } from '../model/record-decode.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import { prepareAppend, type Settled, settleAppend } from '../steps/append.ts';
import { listLog } from '../steps/pull.ts';
import type { Cycle } from './context.ts';
import { storedBytes } from './ingest.ts';
import { openShare } from './lineage.ts';
import { appendPayload, foldOwn, ring } from './outbox.ts';
import { rememberPosition } from './position.ts';
import { enterRoot } from './root.ts';

/** What a person lets through: a hold of any member, the deletions of a record (rule G3), or an unavailable record (rule B2). */
export type Approval = { readonly hold: string } | { readonly record: number } | { readonly unavailable: number };

/**
 * - appended: record `sequence` says it to every member. - refused: the store lets this member write nothing.
 * - not: nothing was done, and why, as a clause.
 */
export type Approved =
  | { readonly done: 'appended'; readonly sequence: number }
  | { readonly done: 'refused'; readonly fault: DatastoreFault }
  | { readonly done: 'not'; readonly why: string };

const racesMax = 100;

/** Appends an approval behind everything that is in the log. Throws DatastoreFault when the store gives no answer. */
export async function appendApproval(cycle: Cycle, approval: Approval, catchUp: () => Promise<boolean>): Promise<Approved> {
  // What a killed apply left must be looked at before newer records change what it was about.
  if (cycle.ports.journal.intents().length > 0 && (await enterRoot(cycle)) !== 'usable') return stopped(cycle, 'the root cannot be used');
  if (!(await openShare(cycle))) return stopped(cycle, 'the share cannot be opened');
  const complete = await catchUp();
  const approved =
    'unavailable' in approval ? await giveUp(cycle, approval.unavailable, complete) : await approve(cycle, approval, complete, catchUp);
  cycle.ports.journal.flush();
  rememberPosition(cycle);
  return approved;
}

function stopped(cycle: Cycle, otherwise: string): Approved {
  return { done: 'not', why: cycle.halt?.text ?? cycle.problems.at(-1)?.text ?? otherwise };
}

async function approve(
  cycle: Cycle,
  approval: { hold: string } | { record: number },
  complete: boolean,
  catchUp: () => Promise<boolean>,
): Promise<Approved> {
  const payload: ApprovePayload = { kind: 'approve', ...approval };
  let caughtUp = complete;
  for (let races = 0; caughtUp && races < racesMax; races++) {
    const settled = await appendOrRefused(cycle, payload);
    if (settled instanceof DatastoreFault) return { done: 'refused', fault: settled };
    if (settled !== 'lost') {
      foldOwn(cycle, settled, payload, new Map());
      await ring(cycle);
      return { done: 'appended', sequence: settled.outbox.sequence };
    }
    caughtUp = await catchUp();
  }
  return stopped(cycle, 'the log cannot be followed to its end');
}

/** The row need not wait for a settlement: should the record stand after all, this member learns it from the log like every other one. */
async function appendOrRefused(cycle: Cycle, payload: ApprovePayload): Promise<Settled | 'lost' | DatastoreFault> {
  try {
    return await appendPayload(cycle, payload, []);
  } catch (error) {
    if (!(error instanceof DatastoreFault) || error.code !== 'refused') throw error;
    cycle.ports.journal.dropOutbox();
    return error;
  }
}

/**
 * The approval stands right after the record that nobody can read and chains over the bytes that stand there; every member, this one
 * included, meets it at its next pull (see `findApproval`).
 */
async function giveUp(cycle: Cycle, sequence: number, complete: boolean): Promise<Approved> {
  if (cycle.halt !== null) return stopped(cycle, 'the share is halted');
  if (complete || cycle.cursor + 1 !== sequence) {
    const where = complete ? `every record up to ${cycle.cursor} is usable` : `the record in question is ${cycle.cursor + 1}`;
    return { done: 'not', why: `record ${sequence} keeps nothing from being read; ${where}` };
  }
  const { listed, head, dateMs } = await listLog(cycle.ports.datastore, cycle.share, sequence);
  if (head > sequence)
    return {
      done: 'not',
      why: `later records follow record ${sequence}, so it cannot be passed over; restore it from a backup of the bucket`,
    };
  const stored = listed.has(sequence) ? await storedBytes(cycle, sequence) : null;
  if (stored === null) return { done: 'not', why: `record ${sequence} is not in the bucket` };
  return await chainOver(cycle, sequence, recordHash(stored), dateMs);
}

async function chainOver(cycle: Cycle, sequence: number, stored: string, freeAtMs: number): Promise<Approved> {
  const { journal, member } = cycle.ports;
  const header = { share: cycle.inForce.share, author: { id: member.id, name: member.name }, sequence: sequence + 1, previous: stored };
  const payload: ApprovePayload = { kind: 'approve', unavailable: { sequence, stored } };
  const outbox = await prepareAppend(cycle.ports, cycle.share, header, payload, cycle.inForce.limits, {
    freeAtMs,
    notOnDisk: [],
  });
  const appended = await settleAppend(cycle.ports, cycle.share, outbox, farApartMs(cycle.inForce.historyMs), cycle.options.signal);
  // Whatever came of it, this member learns it from the log like every other one.
  journal.dropOutbox();
  if (appended.outcome === 'unsettled') throw appended.fault;
  if (appended.outcome === 'lost')
    return { done: 'not', why: `another record has taken number ${sequence + 1} meanwhile; run sync and look again` };
  await ring(cycle);
  return { done: 'appended', sequence: sequence + 1 };
}
