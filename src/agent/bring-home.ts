import type { Hash } from '../model/entry.ts';
import { parentOf } from '../model/path.ts';
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
import { beginSlice } from './replay.ts';
import { stagingOf } from './staging.ts';

/** 'again': something local came in between. 'more': the log is looked at before the rest of a long apply. */
export type Turn = 'done' | 'again' | 'more';

/** Takes in what is new in the log. */
type CatchUp = () => Promise<Ingested['ended']>;

/** Applies what the log wants here, or as much of it as fits between two looks. */
export async function bringHome(cycle: Cycle, decided: Plan, catchUp: CatchUp): Promise<Turn> {
  const { ports, config, options } = cycle;
  const { applies, newFiles } = decided;
  const paths = applies.length + newFiles.length;
  recallRefusal(cycle);
  if (options.only === 'publish' || !cycle.canApply) return 'done';
  if (!(await isLetThrough(cycle, decided)) || paths === 0) return options.signal.aborted ? 'again' : 'done';
  noteJoin(cycle, decided);
  const slice = beginSlice(cycle);
  ports.log.debug({ step: 'apply', share: cycle.share, paths }, 'applying');
  const bringing = () =>
    apply(
      {
        ...ports,
        fetch: stagingOf(cycle, applies, newFiles),
        onPlaced: (files) => {
          ports.onProgress({ phase: 'applying', filesDone: files, filesTotal: paths });
          slice.placed(files);
        },
      },
      { tasks: applies, newFiles },
      {
        ...{ fixed: config.metadata === 'preserve' ? null : config.metadata, bucketNowMs: cycle.bucketNowMs() },
        ...{ nowUs: () => ports.time.wallMs() * 1000, stampOf, signal: slice.signal },
        isOwed: (path, lostTo, loser) => !isKept(ports.journal, path, lostTo, loser),
      },
    );
  const applied = await whileApplying(ports.journal, bringing);
  cycle.counts.applied += applied.placed;
  cycle.counts.removed += applied.removed;
  // What was written within the clock's tick is read once more.
  cycle.memory.attention.add(new Set([...applies, ...newFiles].map(({ path }) => parentOf(path))));
  noteAppliedLosses(cycle, decided.lossesThere);
  keepJoining(cycle, decided, applied.left);
  const late = await lookAtDisplaced(cycle, applied.displaced);
  if (options.signal.aborted) return 'again';
  if (slice.over()) return 'more';
  if (applied.missing.length > 0 && cycle.refusal === null && (await lookUpAgain(cycle, applied.missing, catchUp))) return 'again';
  return applied.again || late > 0 ? 'again' : 'done';
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
  await cycle.ports.time.sleep(cycle.config.settleMs, cycle.options.signal);
  const late = revisitDisplaced(cycle.ports.tree, cycle.ports.journal, names);
  cycle.ports.journal.clearIntents();
  return late;
}
