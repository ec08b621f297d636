import type { Hash } from '../model/entry.ts';
import { type BytePath, parentOf } from '../model/path.ts';
import type { Applied } from '../steps/apply/run.ts';
import { apply } from '../steps/apply.ts';
import { stampOf } from '../steps/collate/finding.ts';
import { isKept, type Plan } from '../steps/plan.ts';
import { revisitDisplaced } from '../steps/revisit.ts';
import { keepJoining } from './base.ts';
import { isLetThrough, recallRefusal } from './check.ts';
import { askForMissing } from './content.ts';
import type { Cycle } from './context.ts';
import { whileApplying } from './hooks.ts';
import type { Ingested } from './ingest.ts';
import { noteJoin } from './join.ts';
import { noteAppliedLosses } from './losses.ts';
import { listenForNews, newsFirst, type Part } from './news.ts';
import { beginSlice, type Slice } from './replay.ts';
import { stagingOf } from './staging.ts';

/**
 * - again: something local came in between. - more: log and disk are looked at before the rest of a long apply. - news: the log has something
 * small, which comes first.
 */
export type Turn = 'done' | 'again' | 'more' | 'news';

/** Takes in what is new in the log. */
type CatchUp = () => Promise<Ingested['ended']>;

/** Applies what the log wants here, or as much of it as fits between two looks. */
export async function bringHome(cycle: Cycle, decided: Plan, catchUp: CatchUp): Promise<Turn> {
  const { ports, options } = cycle;
  const { applies, newFiles } = decided;
  const paths = applies.length + newFiles.length;
  recallRefusal(cycle);
  if (options.only === 'publish' || !cycle.canApply) return 'done';
  if (!(await isLetThrough(cycle, decided)) || paths === 0) return options.signal.aborted ? 'again' : 'done';
  noteJoin(cycle, decided);
  ports.log.debug({ step: 'apply', share: cycle.share, paths }, 'applying');
  const slice = beginSlice(cycle);
  const applied = await whileApplying(ports.journal, () => bringParts(cycle, decided, slice));
  cycle.counts.applied += applied.placed;
  cycle.counts.removed += applied.removed;
  // What was written within the clock's tick is read once more.
  for (const items of [applies, newFiles]) cycle.memory.attention.add(parentsOf(items));
  noteAppliedLosses(cycle, decided.lossesThere);
  keepJoining(cycle, decided, applied.left);
  const late = await lookAtDisplaced(cycle, applied.displaced);
  if (slice.isCut()) slice.paid(applied);
  cycle.appliedFrom = slice.over() ? cycle.cursor : null;
  if (options.signal.aborted) return 'again';
  if (slice.over()) return slice.isCut() && late === 0 && !applied.again ? 'news' : 'more';
  if (applied.missing.length > 0 && cycle.refusal === null && (await lookUpAgain(cycle, applied.missing, catchUp))) return 'again';
  return applied.again || late > 0 ? 'again' : 'done';
}

/** What has come in since an apply was ended early goes before the rest of it, which is ended early for such news. */
async function bringParts(cycle: Cycle, decided: Plan, slice: Slice): Promise<Applied> {
  // What was judged as a whole appears as a whole.
  const mayDivide = cycle.ports.journal.meta('joined') === '1' && cycle.config.check === null;
  const parts = mayDivide ? newsFirst(cycle, decided, cycle.appliedFrom) : [decided];
  const [first = decided, rest] = parts;
  if (rest === undefined) return await bring(cycle, first, slice, mayDivide);
  const before = await bring(cycle, first, slice, false);
  const after = await bring(cycle, rest, slice, true);
  return {
    ...{ placed: before.placed + after.placed, removed: before.removed + after.removed, bytes: before.bytes + after.bytes },
    discarded: before.discarded + after.discarded,
    ...{ missing: [...before.missing, ...after.missing], left: [...before.left, ...after.left], again: before.again || after.again },
    displaced: [...before.displaced, ...after.displaced],
  };
}

async function bring(cycle: Cycle, { applies, newFiles }: Part, slice: Slice, listens: boolean): Promise<Applied> {
  const { ports, config } = cycle;
  const over = new AbortController();
  const listening = listens ? listenForNews(cycle, () => slice.cut(), over.signal) : Promise.resolve();
  try {
    return await apply(
      {
        ...ports,
        fetch: stagingOf(cycle, applies, newFiles),
        onPlaced: (files) => {
          ports.onProgress({ phase: 'applying', filesDone: files, filesTotal: applies.length + newFiles.length });
          slice.placed(files);
        },
      },
      { tasks: applies, newFiles },
      {
        ...{ fixed: config.metadata === 'preserve' ? null : config.metadata, bucketNowMs: cycle.latestNowMs() },
        ...{ nowUs: () => ports.time.wallMs() * 1000, stampOf, signal: slice.signal },
        isOwed: (path, lostTo, loser) => !isKept(ports.journal, path, lostTo, loser),
      },
    );
  } finally {
    over.abort();
    await listening;
  }
}

/** Rule B3: a pack may have been replaced meanwhile, which the log tells; what is missing even so is asked for. True: there is news. */
async function lookUpAgain(cycle: Cycle, missing: readonly Hash[], catchUp: CatchUp): Promise<boolean> {
  const before = cycle.cursor;
  const ended = await catchUp();
  if (ended === 'caught-up' && cycle.cursor === before) await askForMissing(cycle, missing);
  return ended !== 'halted' && cycle.cursor > before;
}

async function lookAtDisplaced(cycle: Cycle, names: readonly string[]): Promise<number> {
  if (names.length === 0) return 0;
  const { signal, lasting = signal } = cycle.options;
  await cycle.ports.time.sleep(cycle.config.settleMs, lasting);
  // They stay announced, so that the next cycle looks at them.
  if (lasting.aborted) return 0;
  const late = revisitDisplaced(cycle.ports.tree, cycle.ports.journal, names);
  cycle.ports.journal.clearIntents();
  return late;
}

function* parentsOf(items: Iterable<{ readonly path: BytePath }>): Generator<BytePath> {
  for (const { path } of items) yield parentOf(path);
}
