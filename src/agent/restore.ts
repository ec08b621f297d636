import type { Change } from '../model/change.ts';
import type { Publication } from '../model/close.ts';
import { chunksOf, type Hash, type Sequence } from '../model/entry.ts';
import type { BytePath } from '../model/path.ts';
import type { ChangesPayload, ChunkLocation } from '../model/record.ts';
import type { Step } from '../model/travel.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import { answerNeeds } from './content.ts';
import type { Cycle } from './context.ts';
import { type Asked, type Conflict, type Earlier, earlier, type Refusal } from './earlier.ts';
import { openShare } from './lineage.ts';
import { appendPayload, foldOwn, ring } from './outbox.ts';
import { rememberPosition } from './position.ts';
import { enterRoot } from './root.ts';

/**
 * - done: `records` brought it back, or would in a dry run; none where everything is as asked for. - refused: it makes no sense here.
 * - missing: the contents of these paths lie nowhere any more. - stopped: the log cannot be appended to, and why, as a clause.
 */
export type Restored =
  | {
      readonly result: 'done';
      readonly records: readonly Sequence[];
      readonly steps: readonly Step[];
      readonly conflicts: readonly Conflict[];
    }
  | { readonly result: 'refused'; readonly refusal: Refusal }
  | { readonly result: 'missing'; readonly paths: readonly BytePath[] }
  | { readonly result: 'stopped'; readonly why: string };

/** What a dry run of the cycle before has found on this disk. */
export type Unpublished = ReadonlyMap<BytePath, Publication>;

const racesMax = 100;
/** As for publishing: a record is held in memory several times while it is made. */
const changesPerRecord = 25_000;

/**
 * Appends changes that bring an earlier state back, behind everything that is in the log; applying them is left to the next cycle, on this
 * member as on every other one. Throws DatastoreFault when the store gives no answer.
 */
export async function restore(cycle: Cycle, asked: Asked, unpublished: Unpublished, catchUp: () => Promise<boolean>): Promise<Restored> {
  // What a killed apply left must be looked at before newer records change what it was about.
  if (cycle.ports.journal.intents().length > 0 && (await enterRoot(cycle)) !== 'usable') return stopped(cycle, 'the root cannot be used');
  if (!(await openShare(cycle))) return stopped(cycle, 'the share cannot be opened');
  const records: Sequence[] = [];
  const first: Step[] = [];
  for (let races = 0; races < racesMax && (await catchUp()); races++) {
    const found = decide(cycle, asked, unpublished);
    if (!found.ok) return { result: 'refused', refusal: found.refusal };
    for (const path of [...found.wished, ...found.steps.map((step) => step.path)]) cycle.memory.asked.add(path);
    if (records.length === 0) first.splice(0, first.length, ...found.steps);
    const paths = await withoutContent(cycle, found.steps, catchUp);
    if (paths.length > 0) return { result: 'missing', paths };
    if (!cycle.options.dryRun && !(await appendAll(cycle, found.steps, records))) continue;
    finish(cycle);
    return { result: 'done', records, steps: first, conflicts: found.conflicts };
  }
  return stopped(cycle, 'the log cannot be followed to its end');
}

function stopped(cycle: Cycle, otherwise: string): Restored {
  return { result: 'stopped', why: cycle.halt?.text ?? cycle.problems.at(-1)?.text ?? otherwise };
}

function decide(cycle: Cycle, asked: Asked, unpublished: Unpublished): Earlier {
  const { journal } = cycle.ports;
  return journal.transaction(() => earlier(journal, asked, cycle.bucketNowMs(), unpublished));
}

function finish(cycle: Cycle): void {
  if (cycle.options.dryRun) return;
  cycle.ports.journal.flush();
  rememberPosition(cycle);
}

// ---- contents ----------------------------------------------------------------------------------------------------------------

/**
 * Paths whose content lies in no place that a new change may rely on (rule S4). What this disk still holds is sent again first, as if
 * another member had asked for it (rule B3).
 */
async function withoutContent(cycle: Cycle, steps: readonly Step[], catchUp: () => Promise<boolean>): Promise<BytePath[]> {
  const { journal } = cycle.ports;
  const missing = [...new Set(steps.flatMap((step) => missingOf(cycle, step)))];
  if (missing.length === 0) return [];
  if (!cycle.options.dryRun) {
    for (const hash of missing) journal.putNeed(hash, cycle.bucketNowMs());
    await answerNeeds(cycle);
    // The answer may have lost its number to another record.
    await catchUp();
    for (const hash of missing) journal.dropNeed(hash);
  }
  const isLost = (hash: Hash) => !cycle.options.dryRun || !isHere(cycle, hash);
  return steps.filter((step) => missingOf(cycle, step).some(isLost)).map(({ path }) => path);
}

function missingOf(cycle: Cycle, { entry }: Step): Hash[] {
  if (entry?.kind !== 'file') return [];
  return chunksOf(entry).flatMap(({ hash }) => (cycle.ports.journal.hasLocation(hash) ? [] : [hash]));
}

function isHere({ ports: { journal } }: Cycle, hash: Hash): boolean {
  return journal.agreedByHash(hash, 1).length > 0 || journal.trashByHash(hash) !== null;
}

// ---- records -----------------------------------------------------------------------------------------------------------------

/** False when another record came in between: what is left has to be decided anew. Adds the numbers to `records`. */
async function appendAll(cycle: Cycle, steps: readonly Step[], records: Sequence[]): Promise<boolean> {
  const { journal, random, log } = cycle.ports;
  const before = journal.meta('openChangeset') ?? null;
  const changeset = random.hex(8);
  for (let from = 0; from < steps.length; ) {
    const to = recordEnd(steps, from, cycle.inForce.limits.changesMax);
    const more = to < steps.length;
    const part = steps.slice(from, to);
    const locations = locationsOf(cycle, part);
    const payload: ChangesPayload = { kind: 'changes', changeset, more, changes: part.map(toChange), locations, inline: [] };
    const settled = await appendOrGiveUp(cycle, payload);
    if (settled === 'lost') return false;
    journal.transaction(() => {
      foldOwn(cycle, settled, payload, new Map());
      journal.setMeta('openChangeset', more ? changeset : before);
    });
    log.debug({ step: 'restore', share: cycle.share, sequence: cycle.cursor }, 'earlier state appended');
    records.push(cycle.cursor);
    await ring(cycle);
    from = to;
  }
  return true;
}

/** A member that began with a snapshot does not know where contents lie that no retained version named: they are told again. */
function locationsOf({ ports: { journal } }: Cycle, steps: readonly Step[]): ChunkLocation[] {
  const hashes = new Set(steps.flatMap(({ entry }) => (entry?.kind === 'file' ? chunksOf(entry).map((chunk) => chunk.hash) : [])));
  return [...journal.locationsOf([...hashes]).values()].flatMap((known) => {
    const inPack = known.find((location) => location.pack !== '');
    if (inPack === undefined) return [];
    const { hash, size, pack, offset, length, codec } = inPack;
    return [{ hash, size, pack, offset, length, codec }];
  });
}

/** A refused row need not wait: should it stand after all, this member learns it from the log like every other one. */
async function appendOrGiveUp(cycle: Cycle, payload: ChangesPayload) {
  try {
    return await appendPayload(cycle, payload, null);
  } catch (error) {
    if (error instanceof DatastoreFault && error.code === 'refused') cycle.ports.journal.dropOutbox();
    throw error;
  }
}

/** The format bounds the changes of a record, and the chunks of all its files. */
function recordEnd(steps: readonly Step[], from: number, chunksMax: number): number {
  let chunks = 0;
  let to = from;
  for (; to < steps.length && to - from < changesPerRecord; to++) {
    const entry = steps[to]?.entry;
    chunks += entry?.kind === 'file' ? chunksOf(entry).length : 0;
    if (chunks > chunksMax && to > from) break;
  }
  return to;
}

/** A person asked for it, so that no guard of a receiver holds it (rule G3). */
function toChange({ path, entry, before, base }: Step): Change {
  if (entry === null) return { op: 'delete', path, base, approved: true };
  const truncates = entry.kind === 'file' && entry.size === 0 && before?.kind === 'file';
  return { op: 'put', path, base, entry, ...(truncates ? { approved: true as const } : {}) };
}
