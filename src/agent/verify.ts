import { decodeFormat, formatBytesMax } from '../model/format.ts';
import { formatKey } from '../model/keys.ts';
import { type Examined, flaw } from '../model/verify.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import type { Cycle } from './context.ts';
import type { Ingested } from './ingest.ts';
import { openShare } from './lineage.ts';
import { enterRoot } from './root.ts';
import { examineContents } from './verify/contents.ts';
import { examineDisk } from './verify/disk.ts';
import { compareMembers, examineJournal } from './verify/journal.ts';
import { examineLog } from './verify/log.ts';
import { countOrphans, listObjects, type ShareObjects } from './verify/objects.ts';
import { examineSnapshots } from './verify/snapshots.ts';
import { newSurvey, type Survey, subscriberRemedy, type VerifyOptions } from './verify/survey.ts';

/** What looks like a flaw may have been retired, and deleted, while it was looked for. */
const triesMax = 3;

/**
 * Takes in the log and holds bucket, journal and disk against each other. Of a dry cycle nothing is written anywhere but in its own
 * journal. Throws DatastoreFault.
 */
export async function examine(cycle: Cycle, options: VerifyOptions, catchUp: () => Promise<Ingested['ended']>): Promise<Examined> {
  // What a killed apply left must be looked at before newer records change what it was about.
  const mayRead = cycle.ports.journal.intents().length === 0 || cycle.options.dryRun || (await enterRoot(cycle)) === 'usable';
  if (!mayRead || !(await openShare(cycle))) return stopped(newSurvey(cycle, options));
  let ended = await catchUp();
  for (let tries = 1; ; tries++) {
    const cursor = cycle.cursor;
    const examined = await examineAll(newSurvey(cycle, options), ended);
    if (examined.flaws.length === 0 || ended !== 'caught-up' || tries >= triesMax || cycle.options.signal.aborted) return examined;
    ended = await catchUp();
    if (cycle.cursor === cursor) return examined;
  }
}

async function examineAll(survey: Survey, ended: Ingested['ended']): Promise<Examined> {
  const { cycle } = survey;
  if (cycle.cursor === 0 && ended === 'caught-up') return await examineUnborn(survey);
  let lost: Examined['lost'] = [];
  // Another share or another history: what the journal knows is not about this bucket. The log still shows where they part.
  if (ended !== 'halted' || cycle.halt?.code === 'another-history') lost = await examineBucket(survey, ended === 'halted');
  if (ended !== 'caught-up') tellEnd(survey);
  await examineJournal(survey);
  await examineDisk(survey);
  return { flaws: survey.flaws, counts: survey.counts, cursor: cycle.cursor, lost, halted: cycle.halt !== null };
}

async function examineBucket(survey: Survey, isHalted: boolean): Promise<Examined['lost']> {
  const { cycle, counts } = survey;
  const { journal } = cycle.ports;
  const cutoffMs = cycle.bucketNowMs() - cycle.inForce.historyMs;
  const { contents } = journal.planVerify(cutoffMs, survey.options.among);
  counts.contents = contents;
  try {
    const objects = await listObjects(cycle);
    await examineFormat(survey, objects);
    const bodies = await examineLog(survey, objects);
    if (isHalted) return [];
    await examineSnapshots(survey, objects);
    const lost = await examineContents(survey, objects);
    countOrphans(survey, objects, bodies);
    await compareMembers(survey);
    return lost;
  } finally {
    journal.endVerify();
  }
}

/** Nothing was ever published: either a share that waits for its first publisher, or none at all. */
async function examineUnborn(survey: Survey): Promise<Examined> {
  const { cycle } = survey;
  const objects = await listObjects(cycle);
  if (!objects.hasFormat) {
    const remedy = 'Run flocksync sync on a member that publishes, or check datastore.url, federation and the share name.';
    survey.flaws.push(flaw('share-missing', cycle.share, 'the share is not in the bucket', remedy));
  }
  countOrphans(survey, objects, new Set());
  return { flaws: survey.flaws, counts: survey.counts, cursor: 0, lost: [], halted: false };
}

async function examineFormat(survey: Survey, objects: ShareObjects): Promise<void> {
  const { cycle } = survey;
  const remedy = cycle.config.role === 'subscriber' ? subscriberRemedy : '--repair puts it back.';
  if (!objects.hasFormat) {
    survey.flaws.push(flaw('format-missing', 'format.json', 'format.json is missing, so no new member can join', remedy));
    return;
  }
  const reason = await formatDamage(cycle);
  if (reason === null) return;
  survey.flaws.push(flaw('format-damaged', 'format.json', `format.json is not the one that this share was made with (${reason})`, remedy));
}

async function formatDamage(cycle: Cycle): Promise<string | null> {
  try {
    const { value } = await cycle.ports.datastore.get(formatKey(cycle.share), { bytesMax: formatBytesMax });
    if (value === null) return null;
    const decoded = decodeFormat(value.bytes);
    if (!decoded.ok) return decoded.verdict === 'newer-format' ? null : decoded.reason;
    return JSON.stringify(decoded.format) === JSON.stringify(cycle.inForce) ? null : 'its numbers or its share id differ';
  } catch (error) {
    if (error instanceof DatastoreFault && error.code === 'too-large') return 'it is too long';
    throw error;
  }
}

/** A log that cannot be followed to its end: by a halt, or by a record that was told already. */
function tellEnd({ cycle, flaws }: Survey): void {
  const { halt } = cycle;
  const about = (code: string) => code.startsWith('record-') || code.startsWith('body-');
  if (halt !== null) flaws.push(flaw('share-halted', halt.code, halt.text, halt.fix));
  else if (!flaws.some(({ code }) => about(code)))
    flaws.push(...cycle.problems.map(({ text, fix }) => flaw('record-damaged', cycle.cursor + 1, text, fix)));
}

/** The share could not be opened at all. */
function stopped(survey: Survey): Examined {
  const { cycle, flaws } = survey;
  if (cycle.halt !== null) tellEnd(survey);
  else flaws.push(...cycle.problems.map(({ code, text, fix }) => flaw('share-missing', code, text, fix)));
  return { flaws, counts: survey.counts, cursor: cycle.cursor, lost: [], halted: cycle.halt !== null };
}
