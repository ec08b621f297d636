import { isCareDue, isSnapshotDue, jitterOf, type Standing } from '../model/housekeeping.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import { survey } from '../steps/survey.ts';
import type { Cycle } from './context.ts';
import { beat } from './heartbeat.ts';
import { automatic, Care, type Chore, unbounded } from './housekeep/care.ts';
import { packInline, repackSparse } from './housekeep/contents.ts';
import { isPruneDue, pruneJournal } from './housekeep/local.ts';
import { retire } from './housekeep/retire.ts';
import { readRipe, writeSnapshot } from './housekeep/snapshot.ts';
import { Stock } from './housekeep/stock.ts';
import { abortUploads, deleteRecords, deleteRetired, forgetMembers } from './housekeep/sweep.ts';
import { openShare } from './lineage.ts';
import { rememberPosition } from './position.ts';
import { enterRoot } from './root.ts';
import { sureNowMs } from './sure-time.ts';
import { pruneTrash } from './trash.ts';

/** Head and predecessor: a log that a housekeeping by hand need not shorten any more. */
const recordsThatStay = 2;

/** A schedule that nobody kept for so long, on this member or another one, counts no more. */
const passedByMs = 2 * 24 * 3600 * 1000;

export type { Chore } from './housekeep/care.ts';

/** What housekeeping did, or in a dry run would do. */
export interface Housekept {
  readonly chores: readonly Chore[];
  /** Records of others came in meanwhile: somebody has to apply them. */
  readonly foreign: boolean;
}

/**
 * After a complete cycle: what is due, within a budget. Whether anything is due is known without a request. `follow` takes in what is
 * new in the log and is false when that is impossible. `later`: the bucket has a time of its own, unless it was passed by. True: records of others came in, which somebody has to apply. Throws DatastoreFault.
 */
export async function housekeepWhenDue(cycle: Cycle, later: boolean, follow: () => Promise<boolean>): Promise<boolean> {
  const before = cycle.cursor;
  const { foreign } = await keepDue(cycle, later, follow);
  cycle.ports.journal.flush();
  if (cycle.cursor > before) {
    rememberPosition(cycle);
    await beat(cycle, 'idle');
  }
  return foreign;
}

async function keepDue(cycle: Cycle, later: boolean, follow: () => Promise<boolean>): Promise<Housekept> {
  const nothing = { chores: [], foreign: false };
  const prune = isPruneDue(cycle);
  if (!prune && !bucketDue(cycle, later).care) return nothing;
  return await unlessRefused(cycle, async () => {
    await sureNowMs(cycle);
    const { care, snapshot } = bucketDue(cycle, later);
    if (!prune && !care) return nothing;
    const doing = new Care(cycle, automatic, follow);
    await pruneJournal(doing);
    return care ? await careForBucket(doing, snapshot) : nothing;
  });
}

/** By the bucket's time as far as known; of what is due, the snapshot is a part. */
function bucketDue(cycle: Cycle, later: boolean): { readonly care: boolean; readonly snapshot: boolean } {
  if (!mayCare(cycle)) return { care: false, snapshot: false };
  const standing = standingOf(cycle);
  const nowMs = cycle.bucketNowMs();
  if (later && nowMs - Math.max(standing.doneAtMs, standing.sinceMs) < passedByMs) return { care: false, snapshot: false };
  const snapshot = isSnapshotDue(standing, nowMs) && !wasTriedLately(cycle, nowMs);
  return { snapshot, care: snapshot || isCareDue(standing, nowMs) };
}

/**
 * By hand: no thresholds and no budget; what still has to wait is left for the next time. Null when the log cannot be read to its end;
 * why is in the cycle.
 */
export async function housekeepNow(cycle: Cycle, follow: () => Promise<boolean>): Promise<Housekept | null> {
  const { journal } = cycle.ports;
  const usable = (await enterRoot(cycle)) === 'usable';
  // What a killed apply left must be looked at before newer records change what it was about.
  if (!usable && (cycle.halt?.code === 'root-in-use' || journal.intents().length > 0)) return null;
  // A root that is away keeps its trash; it says nothing about the bucket.
  cycle.halt = null;
  if (!(await openShare(cycle)) || !(await follow())) return null;
  await sureNowMs(cycle);
  const care = new Care(cycle, unbounded, follow);
  if (usable && cycle.canApply) await pruneTrash(cycle, (subject, reason) => care.tell('prune', subject, reason));
  await pruneJournal(care);
  const kept = cycle.config.role === 'subscriber' ? { chores: care.chores, foreign: false } : await careForBucket(care, true);
  if (cycle.options.dryRun) return kept;
  journal.flush();
  rememberPosition(cycle);
  return kept;
}

/** A snapshot that fails costs as much as one that succeeds: what is in its way will not be gone with the next cycle. */
const snapshotRetryMs = 6 * 3600 * 1000;

function wasTriedLately({ ports: { journal }, inForce }: Cycle, nowMs: number): boolean {
  const triedAtMs = journal.meta('snapshotTriedAtMs');
  return triedAtMs !== undefined && nowMs - Number(triedAtMs) < Math.min(snapshotRetryMs, inForce.historyMs);
}

function mayCare({ config, options }: Cycle): boolean {
  return config.role !== 'subscriber' && options.only === null;
}

function standingOf({ cursor, ports }: Cycle): Standing {
  const { journal, member } = ports;
  const newest = journal.snapshots().at(-1) ?? null;
  return {
    ...{ cursor, newest, liveEntries: () => journal.foldedCount(), jitter: jitterOf(member.id) },
    sinceMs: journal.oldestRecord()?.atMs ?? 0,
    changed: journal.changedSince(newest?.upTo ?? 0),
    doneAtMs: Math.max(Number(journal.meta('housekeptAtMs') ?? '0'), journal.lastCareMs()),
  };
}

/** Whoever may not delete still does everything else; the others will do it. */
async function unlessRefused(cycle: Cycle, work: () => Promise<Housekept>): Promise<Housekept> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DatastoreFault) || error.code !== 'refused') throw error;
    cycle.ports.journal.dropOutbox();
    cycle.ports.journal.setMeta('housekeptAtMs', String(cycle.bucketNowMs()));
    cycle.note('housekeeping-refused', null, `the store refuses what housekeeping needs: ${error.message}`, error.fix);
    return { chores: [], foreign: false };
  }
}

/**
 * The bucket's part, in this order (rules H1, H2, L6, P1 to P3): everything that is about to go is first replaced, then named by a
 * record, and deleted by a later run. Each step may be killed at any point.
 */
async function careForBucket(care: Care, snapshotDue: boolean): Promise<Housekept> {
  const { cycle } = care;
  const { journal, datastore } = cycle.ports;
  const cursor = cycle.cursor;
  const listed = await care.whole(() => survey(datastore, cycle.share));
  cycle.heard(listed.dateMs);
  const stock = new Stock(care, listed);
  // Seconds for a large share: a signal is to be heard before the next such question.
  stock.weigh();
  await cycle.ports.time.sleep(0);
  await repackSparse(care, stock);
  const newest = journal.snapshots().at(-1)?.upTo ?? 0;
  const changed = journal.changedSince(newest) || care.wouldAppend > 0;
  const writes = snapshotDue && (changed || (care.isByHand && newest > 0 && care.head - newest > recordsThatStay));
  await packInline(care, stock, () => (writes ? cycle.cursor : newest));
  if (writes) await care.whole(() => writeSnapshot(care, stock));
  const ripeIsSound = await care.whole(() => readRipe(care, stock));
  await retire(care, stock, ripeIsSound);
  if (ripeIsSound) await deleteRecords(care, stock);
  await deleteRetired(care, stock);
  await abortUploads(care);
  await forgetMembers(care);
  if (!care.dryRun && !care.cutShort()) journal.setMeta('housekeptAtMs', String(care.nowMs));
  return { chores: care.chores, foreign: cycle.cursor - cursor > care.appended };
}
