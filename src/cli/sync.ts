import { lockShare, type ShareLock } from '../adapters/share-lock.ts';
import { lockFile } from '../adapters/state-directory.ts';
import { systemTime } from '../adapters/system.ts';
import type { Outcome } from '../agent.ts';
import { type OpenedShare, openShare, type World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import { toText } from '../model/path.ts';
import { selectShares } from '../model/select.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import type { Plan } from '../steps/plan.ts';
import type { SyncCommand } from './command.ts';
import { runCycles } from './cycles.ts';
import { type ExitCode, exit, worst } from './exit.ts';
import { faultOfShare, faultText } from './faults.ts';
import { counted, formatBytes, formatElapsed } from './format.ts';
import { callAfterFault, callBeforeEnd, withOnChange } from './on-change.ts';
import type { Output } from './output.ts';
import { planLine } from './plan-line.ts';
import type { Progress } from './progress.ts';
import { outcomeCode, outcomeProblems, standingLines } from './report.ts';
import { StatusTeller } from './status-file.ts';

const sharesAtOnce = 4;

export async function sync(world: World, command: SyncCommand, output: Output, progress: Progress): Promise<ExitCode> {
  const { expanded, fault } = await sharesOf(world, output);
  const { selected, unmatched } = selectShares(
    expanded.shares.map((share) => share.name),
    command.shares,
  );
  if (fault !== null && (unmatched.length > 0 || selected.length === 0)) {
    output.error(`flocksync: ${faultText(fault)}`);
    return exit.unreachable;
  }
  for (const name of unmatched)
    output.error(
      `flocksync: no share is called "${name}"; the config has: ${expanded.shares.map((share) => share.name).join(', ') || 'none'}`,
    );
  if (unmatched.length > 0) return exit.usage;
  const codes: ExitCode[] = expanded.problems.length > 0 ? [exit.problems] : [];
  if (fault !== null) codes.push(exit.unreachable);
  const pending = expanded.shares.filter((share) => selected.includes(share.name));
  const workers = Array.from({ length: sharesAtOnce }, async () => {
    for (let share = pending.shift(); share !== undefined; share = pending.shift()) {
      codes.push(await syncShare(world, share, command, output, progress));
    }
  });
  await Promise.all(workers);
  return worst(codes);
}

/** Where the bucket cannot be asked for shares, those known here go on, and each remembers that it has told the trouble. */
async function sharesOf(world: World, output: Output) {
  const asked = await world.shares(true).catch(async (fault: unknown) => {
    if (!(fault instanceof DatastoreFault)) throw fault;
    return { ...(await world.shares(false)), fault };
  });
  for (const { share, message } of asked.problems) output.error(`flocksync: ${share}: ${message}`);
  return { expanded: asked, fault: 'fault' in asked ? asked.fault : null };
}

async function syncShare(world: World, share: ShareConfig, command: SyncCommand, output: Output, progress: Progress): Promise<ExitCode> {
  let lock: ShareLock | null = null;
  let opened: OpenedShare | undefined;
  const teller = new StatusTeller(world, share);
  try {
    if (!command.dryRun) lock = await takeTurn(world, share, command);
    if (lock === null && !command.dryRun) return world.signal.aborted ? interrupted(share, output) : exit.done;
    opened = await openShare(world, share, {
      dryRun: command.dryRun,
      onProgress: (event) => {
        progress.update({ ...blankProgress, ...event });
        if (!command.dryRun) teller.progressed(event);
      },
    });
    progress.clear();
    tellEvents(share, opened.events, output);
    const { ports } = opened.agent;
    const call = async () => {
      lock?.release();
      if (!command.dryRun) await callBeforeEnd(world, share, ports, command.wait);
    };
    return await runShare(world, opened, share, command, { output, progress, teller, call });
  } catch (error) {
    progress.clear();
    if (!command.dryRun) teller.failed(error);
    opened?.failed(error);
    tellEvents(share, opened?.agent.memory.events ?? [], output);
    const code = tellFault(error, share, opened, output, command.dryRun);
    // What was applied before the store went away is not told of when it is back, but now.
    if (opened !== undefined && !command.dryRun && error instanceof DatastoreFault)
      await callAfterFault(world, share, opened.agent.ports, output, () => lock?.release());
    return code;
  } finally {
    opened?.close();
    lock?.release();
  }
}

async function takeTurn(world: World, share: ShareConfig, command: SyncCommand): Promise<ShareLock | null> {
  world.member();
  const onWait = () => world.log.debug({ share: share.name }, 'waiting for another cycle of this share');
  return await lockShare(lockFile(world.config, share.name), systemTime, { wait: command.wait, signal: world.signal, onWait });
}

/** Exit 0 would say that everything has been synchronised. */
function interrupted(share: ShareConfig, output: Output): ExitCode {
  output.error(`flocksync: ${share.name}: stopped by a signal before it was done; the next run goes on`);
  return exit.problems;
}

const blankProgress = { filesDone: 0, filesTotal: null, bytesDone: 0, bytesTotal: null };

/** What a cycle speaks to, and what is called once it is over. */
interface Around {
  readonly output: Output;
  readonly progress: Progress;
  readonly teller: StatusTeller;
  readonly call: () => Promise<void>;
}

async function runShare(
  world: World,
  opened: OpenedShare,
  share: ShareConfig,
  command: SyncCommand,
  { output, progress, teller, call }: Around,
): Promise<ExitCode> {
  const startedMs = systemTime.monotonicMs();
  const options = { dryRun: command.dryRun, only: command.only, signal: world.signal };
  const outcomes = await runCycles(opened.agent, options);
  progress.clear();
  await call();
  const last = withOnChange(outcomes.at(-1) ?? outcomes[0], opened.journal);
  const events = outcomes.flatMap((outcome) => outcome.events);
  const whole = { ...last, events: [...opened.events, ...events] };
  if (command.dryRun) for (const line of last.planned.flatMap((plan) => planLines(plan, command.only))) output.line(line);
  tellEvents(share, events, output);
  const untold = command.dryRun ? null : teller.cycled(last, opened.agent);
  const problems = [...outcomeProblems(last), ...(untold === null ? [] : [untold])];
  for (const line of standingLines(opened.journal, share.name, problems, systemTime.wallMs(), output.terminal || command.dryRun))
    output.error(line);
  if (output.terminal && !command.dryRun) output.line(summary(share.name, outcomes, systemTime.monotonicMs() - startedMs));
  const code = worst([outcomeCode(whole), untold === null ? exit.done : exit.problems]);
  return world.signal.aborted ? worst([interrupted(share, output), code]) : code;
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

/** One rsync-like line per path: `<` goes to the bucket, `>` comes from it; one direction alone where only that is asked for. */
function planLines(plan: Plan, only: SyncCommand['only']): string[] {
  const lines: [string, string][] = [];
  const [goes, comes] = [only !== 'pull', only !== 'publish'];
  if (goes)
    for (const { path, entry, base } of plan.publications.values())
      lines.push([path, planLine('<', path, entry?.kind ?? null, base === 0)]);
  if (comes)
    for (const { path, entry, expected } of plan.applies) lines.push([path, planLine('>', path, entry?.kind ?? null, expected === null)]);
  if (goes) for (const { path } of plan.heldHere) lines.push([path, `<*held      ${toText(path)}`]);
  if (comes) for (const { path } of plan.heldThere) lines.push([path, `>*held      ${toText(path)}`]);
  return lines.sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([, text]) => text);
}

export function summary(share: string, outcomes: readonly Outcome[], elapsedMs: number): string {
  const sum = (pick: (counts: Outcome['counts']) => number) => outcomes.reduce((total, outcome) => total + pick(outcome.counts), 0);
  const parts: string[] = [];
  const add = (count: number, text: string) => count > 0 && parts.push(text);
  add(
    sum((counts) => counts.published),
    `${counted(
      sum((counts) => counts.published),
      'change',
    )} published (${formatBytes(sum((counts) => counts.bytesUp))})`,
  );
  add(
    sum((counts) => counts.deleted),
    `${counted(
      sum((counts) => counts.deleted),
      'deletion',
    )} published`,
  );
  add(
    sum((counts) => counts.applied),
    `${counted(
      sum((counts) => counts.applied),
      'change',
    )} applied (${formatBytes(sum((counts) => counts.bytesDown))})`,
  );
  add(
    sum((counts) => counts.removed),
    `${counted(
      sum((counts) => counts.removed),
      'deletion',
    )} applied`,
  );
  add(
    sum((counts) => counts.conflicts),
    `${counted(
      sum((counts) => counts.conflicts),
      'conflict',
    )} resolved`,
  );
  const what = parts.length === 0 ? 'nothing to do' : parts.join(', ');
  return `${share}: ${what}; at record ${(outcomes.at(-1) as Outcome).cursor}, ${formatElapsed(elapsedMs)}`;
}
