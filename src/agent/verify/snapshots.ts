import { flaw } from '../../model/verify.ts';
import { fetchSnapshot } from '../../steps/load.ts';
import { isHousekept } from '../bootstrap.ts';
import type { ListedSnapshot, ShareObjects } from './objects.ts';
import { type Survey, subscriberRemedy } from './survey.ts';

const missingTold = 20;

/**
 * Every announced snapshot must be listed, and the newest one that is read back completely must stand for all records that the log no
 * longer holds. Older ones are only counted. Throws DatastoreFault.
 */
export async function examineSnapshots(survey: Survey, objects: ShareObjects): Promise<void> {
  const { journal } = survey.cycle.ports;
  const retired = new Set(journal.retired().map(({ id }) => id));
  const standing = objects.snapshots.filter(({ id }) => !retired.has(id));
  const announced = journal.snapshots();
  const listed = new Set(standing.map(({ id }) => id));
  survey.counts.snapshots = standing.length;
  for (const { id, upTo } of announced)
    if (!listed.has(id)) survey.flaws.push(flaw('snapshot-missing', id, `snapshot ${id} of record ${upTo} is missing`, remedyOf(survey)));
  const sound = await newestSound(survey, standing, new Set(announced.map(({ id }) => id)));
  const gone = objects.solid - 1;
  if (gone <= (sound?.upTo ?? 0)) return;
  if (isHousekept(journal, gone)) tellIncomplete(survey, gone);
  else tellMissing(survey, (sound?.upTo ?? 0) + 1, objects.first - 1);
}

async function newestSound(
  survey: Survey,
  standing: readonly ListedSnapshot[],
  announced: ReadonlySet<string>,
): Promise<ListedSnapshot | null> {
  const { cycle } = survey;
  for (const snapshot of standing) {
    if (cycle.options.signal.aborted) return null;
    cycle.ports.onProgress({ phase: 'reading the snapshot', bytesTotal: snapshot.object.size });
    const reason = await damageOf(survey, snapshot);
    if (reason === null) return snapshot;
    // One that nobody announced is thrown away by housekeeping, damaged or not.
    const isAnnounced = announced.has(snapshot.id);
    const remedy = isAnnounced ? remedyOf(survey) : 'Nobody announced it: housekeeping removes it when it is 7 days old.';
    const text = `snapshot ${snapshot.id} of record ${snapshot.upTo} is damaged (${reason})`;
    survey.flaws.push(flaw('snapshot-damaged', snapshot.id, text, remedy, isAnnounced));
  }
  return null;
}

async function damageOf({ cycle }: Survey, { upTo, object }: ListedSnapshot): Promise<string | null> {
  const fetched = await fetchSnapshot(cycle.ports, cycle.share, object.key, cycle.inForce.share);
  if (!fetched.ok) return fetched.reason;
  try {
    const known = cycle.ports.journal.record(upTo);
    return known !== null && known.hash !== fetched.snapshot.head.hash ? 'it tells another history' : null;
  } finally {
    fetched.snapshot.remove();
  }
}

function remedyOf({ cycle: { config } }: Survey): string {
  return config.role === 'subscriber' ? subscriberRemedy : '--repair makes a new one from the records and the older snapshots that stand.';
}

/** Members that are at the head lack nothing; whoever comes new, or was away for too long, has no way in. */
function tellIncomplete(survey: Survey, gone: number): void {
  const text = `the records up to ${gone} were housekept, and no usable snapshot stands for them: members that are up to date go on, a new one cannot join`;
  const remedy =
    'Restore a snapshot from a backup of the bucket; else found the share anew, see "Verify and repair" in the operations manual.';
  survey.flaws.push(flaw('log-incomplete', gone, text, remedy));
}

/** No snapshot was ever made of them, so they were lost, not housekept. */
function tellMissing(survey: Survey, from: number, to: number): void {
  const { journal } = survey.cycle.ports;
  for (let sequence = from; sequence <= Math.min(to, from + missingTold - 1); sequence++) {
    const held = journal.recordBytes(sequence) !== null;
    const remedy = held ? '--repair puts it back.' : '--repair asks the other members; else restore it from a backup of the bucket.';
    survey.flaws.push(
      flaw(
        'record-missing',
        sequence,
        `record ${sequence} of the log is missing`,
        survey.cycle.config.role === 'subscriber' ? subscriberRemedy : remedy,
      ),
    );
  }
}
