import { lockShare, type ShareLock } from '../adapters/share-lock.ts';
import { lockFile } from '../adapters/state-directory.ts';
import { systemTime } from '../adapters/system.ts';
import { type OpenedShare, openShare, type World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import type { BytePath } from '../model/path.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import { type SyncAnswer, tellAnswer } from './answer.ts';
import { askForStatus, askToSync } from './ask.ts';
import type { SyncCommand } from './command.ts';
import { runCycles } from './cycles.ts';
import { Desk } from './desk.ts';
import { type ExitCode, exit, worst } from './exit.ts';
import { faultOfShare } from './faults.ts';
import { callAfterFault, callBeforeEnd, isInsideCheck, withOnChange } from './on-change.ts';
import type { Output } from './output.ts';
import { planLines } from './plan-line.ts';
import type { Progress } from './progress.ts';
import { publishPaths } from './publish-paths.ts';
import { outcomeCode, outcomeProblems, standingLines } from './report.ts';
import { StatusTeller } from './status-file.ts';
import { countsOf, summary } from './summary.ts';

export type SyncOptions = Pick<SyncCommand, 'dryRun' | 'only' | 'wait'> & {
  /** Only what is at and below these is published, and nothing else happens; null for a whole cycle. */
  readonly below: readonly BytePath[] | null;
};

/** One share, by the process that looks after it, or where there is none by this one. */
export async function syncShare(
  world: World,
  share: ShareConfig,
  options: SyncOptions,
  output: Output,
  progress: Progress,
): Promise<ExitCode> {
  const startedMs = systemTime.monotonicMs();
  if (!options.dryRun && isInsideCheck(share)) {
    output.error(`flocksync: ${share.name}: its own check runs this command, and the cycle waits for the check; leave the sync out of it`);
    return exit.usage;
  }
  try {
    const turn = options.dryRun ? null : await takeTurn(world, share, options, progress);
    if (turn?.kind === 'none') return world.signal.aborted ? interrupted(share, output) : exit.done;
    if (turn?.kind === 'answered') return tellAnswer(turn.answer, share.name, output, systemTime.monotonicMs() - startedMs);
    return await syncHere(world, share, options, { output, progress, lock: turn?.lock ?? null });
  } catch (error) {
    return tellFault(error, share, undefined, output, options.dryRun);
  }
}

// ---- whose turn it is --------------------------------------------------------------------------------------------------------

/** - none: it is somebody else's, and nobody is waited for. */
type Turn =
  | { readonly kind: 'answered'; readonly answer: SyncAnswer }
  | { readonly kind: 'own'; readonly lock: ShareLock }
  | { readonly kind: 'none' };

/** Whoever holds the lock may begin to listen while this process waits. */
const askAgainMs = 500;

async function takeTurn(world: World, share: ShareConfig, { only, wait, below }: SyncOptions, progress: Progress): Promise<Turn> {
  const file = lockFile(world.config, share.name);
  world.member();
  if (!wait) {
    const lock = (await askForStatus(world, share)) === null ? await lockShare(file, systemTime, { wait, signal: world.signal }) : null;
    return lock === null ? { kind: 'none' } : { kind: 'own', lock };
  }
  while (!world.signal.aborted) {
    const answer = await askToSync(world, share, below === null ? { op: 'sync', only } : { op: 'publish', paths: below }, progress);
    if (answer !== null) return { kind: 'answered', answer };
    const signal = AbortSignal.any([world.signal, AbortSignal.timeout(askAgainMs)]);
    const onWait = () => world.log.debug({ share: share.name }, 'waiting for another cycle of this share');
    const lock = await lockShare(file, systemTime, { wait, signal, onWait });
    if (lock !== null) return { kind: 'own', lock };
  }
  return { kind: 'none' };
}

/** Exit 0 would say that everything has been synchronised. */
function interrupted(share: ShareConfig, output: Output): ExitCode {
  output.error(`flocksync: ${share.name}: stopped by a signal before it was done; the next run goes on`);
  return exit.problems;
}

// ---- by this process ---------------------------------------------------------------------------------------------------------

/** What a cycle speaks to; the lock is null for a dry run. */
interface Around {
  readonly output: Output;
  readonly progress: Progress;
  readonly lock: ShareLock | null;
}

const blankProgress = { filesDone: 0, filesTotal: null, bytesDone: 0, bytesTotal: null };

/** By this process, which gives the lock back. The caller holds it, and has seen to it that nobody else works on the share. */
export async function syncHere(world: World, share: ShareConfig, options: SyncOptions, around: Around): Promise<ExitCode> {
  const { output, progress, lock } = around;
  const { dryRun } = options;
  const teller = new StatusTeller(world, share);
  const desk = new Desk(world, share, 'sync', () => {});
  const release = () => {
    desk.close();
    lock?.release();
  };
  let opened: OpenedShare | undefined;
  try {
    opened = await openShare(world, share, {
      dryRun,
      onProgress: (event) => {
        progress.update({ ...blankProgress, ...event });
        desk.requests.activity.note(event);
        if (!dryRun) teller.progressed(event);
      },
    });
    progress.clear();
    tellEvents(share, opened.events, output);
    if (options.below !== null && !dryRun) return await publishHere(world, opened, share, options.below, around);
    if (!dryRun) await desk.open(opened);
    return await cycleHere(world, opened, share, options, { ...around, teller, desk, release });
  } catch (error) {
    progress.clear();
    if (!dryRun) teller.failed(error);
    opened?.failed(error);
    tellEvents(share, opened?.agent.memory.events ?? [], output);
    const code = tellFault(error, share, opened, output, dryRun);
    // What was applied before the store went away is not told of when it is back, but now.
    if (opened !== undefined && !dryRun && error instanceof DatastoreFault)
      await callAfterFault(world, share, opened.agent.ports, output, release);
    return code;
  } finally {
    desk.leave();
    opened?.close();
    release();
  }
}

async function publishHere(
  world: World,
  { agent }: OpenedShare,
  share: ShareConfig,
  paths: readonly BytePath[],
  { output, progress }: Around,
): Promise<ExitCode> {
  const startedMs = systemTime.monotonicMs();
  const answer = await publishPaths(agent, paths, world.signal, new AbortController().signal);
  progress.clear();
  return answer === null ? interrupted(share, output) : tellAnswer(answer, share.name, output, systemTime.monotonicMs() - startedMs);
}

async function cycleHere(
  world: World,
  opened: OpenedShare,
  share: ShareConfig,
  { dryRun, only, wait, below }: SyncOptions,
  {
    output,
    progress,
    teller,
    desk,
    release,
  }: Around & { readonly teller: StatusTeller; readonly desk: Desk; readonly release: () => void },
): Promise<ExitCode> {
  const startedMs = systemTime.monotonicMs();
  const scope = below === null ? {} : { scope: { kind: 'below' as const, paths: below } };
  const outcomes = await runCycles(opened.agent, { dryRun, only, signal: world.signal, ...scope }, desk.requests);
  progress.clear();
  if (!dryRun) {
    release();
    await callBeforeEnd(world, share, opened.agent.ports, wait);
  }
  const last = withOnChange(outcomes.at(-1) ?? outcomes[0], opened.journal);
  const events = outcomes.flatMap((outcome) => outcome.events);
  if (dryRun) for (const line of last.planned.flatMap((plan) => planLines(plan, only))) output.line(line);
  tellEvents(share, events, output);
  const untold = dryRun ? null : await tellStatus(world, share, () => teller.cycled(last, opened.agent));
  const problems = [...outcomeProblems(last), ...(untold === null ? [] : [untold])];
  for (const line of standingLines(opened.journal, share.name, problems, systemTime.wallMs(), output.terminal || dryRun))
    output.error(line);
  if (output.terminal && !dryRun) output.line(summary(share.name, countsOf(outcomes), last.cursor, systemTime.monotonicMs() - startedMs));
  const code = worst([outcomeCode({ ...last, events: [...opened.events, ...events] }), untold === null ? exit.done : exit.problems]);
  return world.signal.aborted ? worst([interrupted(share, output), code]) : code;
}

/** The turn was given away before the hook ran; whoever has it by now tells by itself. */
async function tellStatus<T>(world: World, share: ShareConfig, tell: () => T): Promise<T | null> {
  if (share.statusFile === null) return null;
  const lock = await lockShare(lockFile(world.config, share.name), systemTime, { wait: false, signal: world.signal });
  if (lock === null) return null;
  try {
    return tell();
  } finally {
    lock.release();
  }
}

function tellEvents(share: ShareConfig, events: readonly string[], output: Output): void {
  for (const event of events) output.error(`flocksync: ${share.name}: ${event}`);
}

/** Whoever asks for a dry run is looking: what stands is said again. */
function tellFault(error: unknown, share: ShareConfig, opened: OpenedShare | undefined, output: Output, dryRun: boolean): ExitCode {
  const told = faultOfShare(error, share.name, opened, { nowMs: systemTime.wallMs(), always: output.terminal || dryRun });
  if (told === null) throw error;
  if (told.line !== null) output.error(told.line);
  return told.code;
}
