import { logPrefix, parseLogKey } from '../../model/keys.ts';
import { isHousekept } from '../bootstrap.ts';
import type { Cycle } from '../context.ts';
import type { Care } from './care.ts';

/** What was applied to this server, for people: as long as the history, and so many rows at most. */
const auditRowsMax = 1_000_000;
/** The listing looks this far behind the cursor; the rows of those records must stay. */
const recordsKept = 200;
const pruneEveryMs = 6 * 3600 * 1000;

/** True when the journal holds what has gone from the history since the last pruning. Asking costs nothing. */
export function isPruneDue(cycle: Cycle): boolean {
  const { journal } = cycle.ports;
  const prunedAt = journal.meta('prunedAtMs');
  // A time to come was told by a clock that was wrong.
  const agoMs = Math.abs(cycle.bucketNowMs() - Number(prunedAt));
  if (prunedAt !== undefined) return agoMs >= Math.min(pruneEveryMs, cycle.inForce.historyMs);
  journal.setMeta('prunedAtMs', String(cycle.bucketNowMs()));
  // What was folded just now is young; a snapshot may be old.
  return journal.meta('loadedSnapshot') !== undefined;
}

/** Rule H2 on this server: what nobody can ask for any more leaves the journal. One request shows how far the log was housekept. */
export async function pruneJournal(care: Care): Promise<void> {
  const { journal } = care.cycle.ports;
  const nowMs = care.nowMs;
  const cutoffMs = nowMs - care.ages.historyMs;
  const horizon = await findHorizon(care.cycle);
  const covered = journal.snapshots().findLast(({ atMs }) => nowMs - atMs >= care.ages.logGraceMs)?.upTo ?? 0;
  journal.transaction(() => {
    const versions = journal.pruneVersions(cutoffMs);
    // Rows of records tell whose body is whose: they stay at least as long as the record may.
    const records = journal.pruneRecords(cutoffMs, Math.min(Math.max(horizon, covered + 1), care.cycle.cursor - recordsKept));
    const places = journal.dropInlineLocations(horizon);
    journal.forgetObjects(nowMs - care.ages.retiredKnownMs, nowMs - care.ages.uploadTrustedMs);
    const audits = journal.pruneAudit(cutoffMs, auditRowsMax);
    journal.setMeta('prunedAtMs', String(nowMs));
    journal.setMeta('historyFromMs', String(knownFrom(care, cutoffMs)));
    tellPruned(care, {
      'old versions': versions,
      'old records': records,
      'places in deleted records': places,
      'old audit entries': audits,
    });
  });
}

/** What a snapshot had left out already does not come back; a time to come was told by a clock that was wrong. */
function knownFrom({ cycle, nowMs }: Care, cutoffMs: number): number {
  const before = Number(cycle.ports.journal.meta('historyFromMs') ?? Number.NEGATIVE_INFINITY);
  return Math.max(cutoffMs, Math.min(before, nowMs));
}

function tellPruned(care: Care, pruned: Readonly<Record<string, number>>): void {
  for (const [what, count] of Object.entries(pruned)) {
    if (count > 0) care.tell('prune', `${care.cycle.share}: journal`, `${count} ${what}`);
  }
}

/** The record below which the log was housekept, as far as known; 0 where it was not. What is missing otherwise is lost (rule B2). */
async function findHorizon(cycle: Cycle): Promise<number> {
  const { datastore, journal } = cycle.ports;
  const { value } = await datastore.list(logPrefix(cycle.share), { limit: 1 });
  const first = parseLogKey(value.objects[0]?.key ?? '')?.sequence ?? 0;
  const known = Number(journal.meta('horizon') ?? '0');
  if (first <= known || first < 2 || !isHousekept(journal, first - 1)) return known;
  journal.setMeta('horizon', String(first));
  return first;
}
