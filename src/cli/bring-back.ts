import { lockShare, type ShareLock } from '../adapters/share-lock.ts';
import { lockFile } from '../adapters/state-directory.ts';
import { systemTime } from '../adapters/system.ts';
import type { ProgressEvent } from '../agent/context.ts';
import type { Asked, Conflict } from '../agent/earlier.ts';
import type { Restored } from '../agent/restore.ts';
import type { Outcome } from '../agent.ts';
import { type OpenedShare, openShare, type World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import { toText } from '../model/path.ts';
import type { Step } from '../model/travel.ts';
import type { Journal } from '../ports/journal.ts';
import { missingLines, obstacleText, refusalLines } from './bring-back-text.ts';
import { runCycles } from './cycles.ts';
import { type ExitCode, exit, worst } from './exit.ts';
import { faultOfShare } from './faults.ts';
import { counted, formatCount } from './format.ts';
import { callBeforeEnd, withOnChange } from './on-change.ts';
import type { Output } from './output.ts';
import { planLine } from './plan-line.ts';
import type { Progress } from './progress.ts';
import { outcomeCode, outcomeProblems, standingLines } from './report.ts';

const conflictsToldMax = 100;

/** What `restore` and `undo` have in common. */
export interface Request {
  readonly share: ShareConfig;
  /** As typed, for messages: `index.php@57`. */
  readonly what: string;
  readonly dryRun: boolean;
  readonly quiet: boolean;
  /** With the journal as it is after the first cycle. */
  readonly ask: (journal: Journal) => Asked;
}

/**
 * A whole cycle, so that nothing unpublished is in the way; the earlier state as new records; a whole cycle that applies them here. Under
 * the share's lock, hence beside a daemon; a dry run works on a copy of the journal.
 */
export async function bringBack(world: World, request: Request, output: Output, progress: Progress): Promise<ExitCode> {
  const { share, dryRun } = request;
  if (share.role === 'subscriber') {
    output.error(`flocksync: ${share.name}: a subscriber does not write; run this on a member that publishes`);
    return exit.problems;
  }
  let lock: ShareLock | null = null;
  let opened: OpenedShare | undefined;
  try {
    if (!dryRun) lock = await takeTurn(world, share, output);
    if (lock === null && !dryRun) return interrupted(share, output);
    const onProgress = (event: ProgressEvent) => progress.update({ ...blankProgress, ...event });
    opened = await openShare(world, share, { dryRun, onProgress });
    tellEvents(share, opened.events, output);
    const { ports } = opened.agent;
    const call = async () => {
      lock?.release();
      if (!dryRun) await callBeforeEnd(world, share, ports, true);
    };
    return worst([opened.events.length > 0 ? exit.problems : exit.done, await between(world, opened, request, output, progress, call)]);
  } catch (error) {
    progress.clear();
    opened?.failed(error);
    const told = faultOfShare(error, share.name, opened, { nowMs: systemTime.wallMs(), always: true });
    if (told === null) throw error;
    if (told.line !== null) output.error(told.line);
    return told.code;
  } finally {
    opened?.close();
    lock?.release();
  }
}

const blankProgress = { filesDone: 0, filesTotal: null, bytesDone: 0, bytesTotal: null };

async function takeTurn(world: World, share: ShareConfig, output: Output): Promise<ShareLock | null> {
  world.member();
  const onWait = () => {
    if (output.terminal) output.error(`flocksync: ${share.name}: waiting for a running cycle to come to its end`);
  };
  return await lockShare(lockFile(world.config, share.name), systemTime, { wait: true, signal: world.signal, onWait });
}

function interrupted(share: ShareConfig, output: Output): ExitCode {
  output.error(`flocksync: ${share.name}: stopped by a signal before it was done; run it again`);
  return exit.problems;
}

async function between(
  world: World,
  opened: OpenedShare,
  request: Request,
  output: Output,
  progress: Progress,
  call: () => Promise<void>,
): Promise<ExitCode> {
  const { share, dryRun } = request;
  const end = async (last: Outcome, events: readonly string[]) => {
    await call();
    return ending(world, opened, share, withOnChange(last, opened.journal), output, events);
  };
  const options = { dryRun, signal: world.signal };
  const before = await runCycles(opened.agent, { ...options, only: null });
  progress.clear();
  const last = before.at(-1) as Outcome;
  tellEvents(share, eventsOf(before), output);
  if (last.halt !== null || world.signal.aborted) return await end(last, eventsOf(before));
  const asked = request.ask(opened.journal);
  const restored = await opened.agent.restore(asked, last.planned[0]?.publications ?? new Map(), options);
  progress.clear();
  const told = tell(restored, opened, request, output);
  // What a publisher asked for before a kill is in the log, and not yet here.
  const open = restored.result === 'done' && (restored.records.length > 0 || share.role === 'publisher');
  if (!open || dryRun) return worst([told, await end(last, eventsOf(before))]);
  const after = await runCycles(opened.agent, { ...options, only: null });
  progress.clear();
  tellEvents(share, eventsOf(after), output);
  const events = [...eventsOf(before), ...eventsOf(after)];
  return worst([told, await end(after.at(-1) as Outcome, events)]);
}

function eventsOf(outcomes: readonly Outcome[]): string[] {
  return outcomes.flatMap((outcome) => outcome.events);
}

/** A person is looking: what stands is said, even where it has been said before. */
function ending(world: World, opened: OpenedShare, share: ShareConfig, last: Outcome, output: Output, events: readonly string[]): ExitCode {
  for (const line of standingLines(opened.journal, share.name, outcomeProblems(last), systemTime.wallMs(), true)) output.error(line);
  const code = outcomeCode({ ...last, events });
  return world.signal.aborted ? worst([code, interrupted(share, output)]) : code;
}

function tellEvents(share: ShareConfig, events: readonly string[], output: Output): void {
  for (const event of events) output.error(`flocksync: ${share.name}: ${event}`);
}

// ---- what came of it ---------------------------------------------------------------------------------------------------------

function tell(restored: Restored, opened: OpenedShare, request: Request, output: Output): ExitCode {
  const { share, quiet, dryRun, what } = request;
  if (restored.result === 'done') {
    if (dryRun) for (const line of stepLines(restored.steps)) output.line(line);
    else if (!quiet) output.line(`${share.name}: ${summary(restored, what)}`);
    tellConflicts(share, restored.conflicts, output);
    return restored.conflicts.length > 0 ? exit.problems : exit.done;
  }
  const lines =
    restored.result === 'refused'
      ? refusalLines(restored.refusal, opened.journal)
      : restored.result === 'missing'
        ? missingLines(restored.paths)
        : [`${restored.why}; nothing more was brought back`];
  for (const [index, line] of lines.entries()) output.error(index === 0 ? `flocksync: ${share.name}: ${line}` : line);
  return exit.problems;
}

function stepLines(steps: readonly Step[]): string[] {
  const byPath = [...steps].sort((a, b) => (a.path < b.path ? -1 : 1));
  return byPath.map(({ path, entry, before }) => planLine('<', path, entry?.kind ?? null, before === null));
}

function summary({ steps, records, conflicts }: Restored & { result: 'done' }, what: string): string {
  const [first, last] = [records[0] ?? 0, records.at(-1) ?? 0];
  if (records.length === 0) return conflicts.length > 0 ? `${what}: nothing else to do` : `${what}: everything is like that already`;
  const deleted = steps.filter((step) => step.entry === null).length;
  const parts = [`${counted(steps.length - deleted, 'path')} brought back`, ...(deleted > 0 ? [`${formatCount(deleted)} deleted`] : [])];
  return `${what}: ${parts.join(', ')}, in record${first === last ? '' : 's'} ${first}${first === last ? '' : ` to ${last}`}`;
}

function tellConflicts(share: ShareConfig, conflicts: readonly Conflict[], output: Output): void {
  for (const conflict of conflicts.slice(0, conflictsToldMax)) {
    const why = conflict.why === 'changed' ? `record ${conflict.changedBy} has changed it since` : obstacleText(conflict);
    output.error(`flocksync: ${share.name}: ${toText(conflict.path)} is left as it is: ${why}`);
  }
  const more = conflicts.length - conflictsToldMax;
  if (more > 0) output.error(`flocksync: ${share.name}: … and ${counted(more, 'more path')}`);
}
