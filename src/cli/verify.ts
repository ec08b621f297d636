import { lockShare, type ShareLock } from '../adapters/share-lock.ts';
import { lockFile } from '../adapters/state-directory.ts';
import { systemTime } from '../adapters/system.ts';
import { rememberVerified } from '../agent/verified.ts';
import type { Repaired } from '../agent/verify/repair.ts';
import { openShare, type World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import type { Examined, Flaw } from '../model/verify.ts';
import type { VerifyCommand } from './command.ts';
import { runCycles } from './cycles.ts';
import { pathFields, printDocument } from './document.ts';
import { type ExitCode, exit, worst } from './exit.ts';
import { counted, formatBytes, formatElapsed } from './format.ts';
import type { Output } from './output.ts';
import type { Progress } from './progress.ts';
import { chooseShares, tellFault } from './shares.ts';

/** One share's examinations, and what was done between them. */
interface Verified {
  readonly found: Examined;
  readonly repaired: Repaired | null;
  /** What is left afterwards; `found` where nothing was repaired. */
  readonly left: Examined;
  readonly elapsedMs: number;
}

/** Holds bucket, journal and disk against each other, share by share; mends what it can where that is asked for. */
export async function verify(world: World, command: VerifyCommand, output: Output, progress: Progress): Promise<ExitCode> {
  const chosen = await chooseShares(world, command.shares, output);
  if (chosen === null) return exit.usage;
  const codes: ExitCode[] = [chosen.code];
  const documents: object[] = [];
  for (const share of chosen.shares) {
    const verified = await verifyShare(world, share, command, output, progress);
    progress.clear();
    if (typeof verified === 'number') codes.push(verified);
    else {
      codes.push(codeOf(verified.left));
      if (command.json) documents.push(asDocument(share, verified, command));
      else print(share.name, verified, command, output);
    }
  }
  if (command.json) printDocument(output, { shares: documents });
  return worst(codes);
}

function codeOf({ halted, flaws }: Examined): ExitCode {
  if (halted) return exit.held;
  return flaws.some(({ harmful }) => harmful) ? exit.problems : exit.done;
}

async function verifyShare(
  world: World,
  share: ShareConfig,
  command: VerifyCommand,
  output: Output,
  progress: Progress,
): Promise<Verified | ExitCode> {
  let lock: ShareLock | null = null;
  try {
    world.member();
    const onWait = () => world.log.debug({ share: share.name }, 'waiting for another cycle of this share');
    lock = await lockShare(lockFile(world.config, share.name), systemTime, { wait: true, signal: world.signal, onWait });
    const verified = lock === null ? null : await examineAndRepair(world, share, command, output, progress, lock);
    if (verified !== null && !world.signal.aborted) return verified;
    output.error(`flocksync: ${share.name}: stopped by a signal before it was done`);
    return exit.problems;
  } catch (error) {
    progress.clear();
    return tellFault(error, share.name, output);
  } finally {
    lock?.release();
  }
}

async function examineAndRepair(
  world: World,
  share: ShareConfig,
  command: VerifyCommand,
  output: Output,
  progress: Progress,
  lock: ShareLock,
): Promise<Verified> {
  const startedMs = systemTime.monotonicMs();
  const found = await examineCopy(world, share, command, progress, lock);
  const isRepaired = command.repair && found.flaws.length > 0 && !world.signal.aborted;
  const { repaired, left } = isRepaired ? await repairShare(world, share, found, output, progress) : { repaired: null, left: found };
  return { found, repaired, left, elapsedMs: systemTime.monotonicMs() - startedMs };
}

/**
 * On a copy of the journal, as a dry run: whoever only looks writes nothing, neither here nor in the bucket. What is not going to repair
 * needs the share's turn for the copy alone; what changes meanwhile looks changed.
 */
async function examineCopy(
  world: World,
  share: ShareConfig,
  { fraction, repair }: VerifyCommand,
  progress: Progress,
  lock: ShareLock,
): Promise<Examined> {
  const opened = await openShare(world, share, { dryRun: true, onProgress: showing(progress) });
  if (!repair) lock.release();
  try {
    return await opened.agent.verify({ fraction, among: null }, { dryRun: true, only: null, signal: world.signal });
  } finally {
    opened.close();
  }
}

/** Mends, brings home what has to be fetched, and looks again at all that was touched. */
async function repairShare(world: World, share: ShareConfig, found: Examined, output: Output, progress: Progress) {
  const opened = await openShare(world, share, { dryRun: false, onProgress: showing(progress) });
  const { agent } = opened;
  const options = { dryRun: false, only: null, signal: world.signal };
  const events = [...opened.events];
  try {
    const repaired = await agent.repair(found, options);
    // Nothing done, nothing changed.
    if (repaired.done.length === 0) return { repaired, left: found };
    if (repaired.toFetch > 0) {
      const outcomes = await runCycles(agent, { ...options, only: 'pull' });
      events.push(...outcomes.flatMap((outcome) => outcome.events));
    }
    const left = await agent.verify({ fraction: 1, among: repaired.touched }, options);
    if (codeOf(left) === exit.done) rememberVerified(opened.journal, null);
    return { repaired, left };
  } finally {
    for (const event of [...events, ...agent.memory.events.splice(0)]) output.error(`flocksync: ${share.name}: ${event}`);
    opened.close();
  }
}

const blankProgress = { filesDone: 0, filesTotal: null, bytesDone: 0, bytesTotal: null };

function showing(progress: Progress) {
  return (event: object & { readonly phase: string }) => progress.update({ ...blankProgress, ...event });
}

// ---- for people --------------------------------------------------------------------------------------------------------------

function print(share: string, verified: Verified, command: VerifyCommand, output: Output): void {
  const { found, repaired, left } = verified;
  const say = (text: string) => void (command.quiet || output.line(`${share}: ${text}`));
  if (repaired !== null) {
    for (const { path, subject, text } of found.flaws) say(`found: ${path === null ? text : `${subject}: ${text}`}`);
    for (const text of repaired.done) say(`repair: ${text}`);
    if (repaired.stopped !== null) output.error(`flocksync: ${share}: nothing could be repaired: ${repaired.stopped}`);
  }
  for (const each of left.flaws) output.error(flawLine(share, each));
  for (const text of summary(verified, command)) say(text);
}

function flawLine(share: string, { path, subject, text, remedy }: Flaw): string {
  return `flocksync: ${share}: ${path === null ? '' : `${subject}: `}${text}. ${remedy}`;
}

function summary({ found, left, repaired, elapsedMs }: Verified, { fraction }: VerifyCommand): string[] {
  const { counts } = found;
  const orphans = `${counted(counts.orphans, 'object')} that nothing refers to (${formatBytes(counts.orphanBytes)}), ${counts.retired} waiting to be deleted`;
  const changed =
    counts.filesChanged > 0 ? `; ${counted(counts.filesChanged, 'file')} changed since the last cycle, which the next one reads` : '';
  const problems = left.flaws.filter(({ harmful }) => harmful).length;
  const verdict = problems === 0 ? 'all is well' : `${counted(problems, 'problem')}${repaired === null ? '' : ' left'}`;
  return [
    `${verdict} at record ${left.cursor}${fraction < 1 ? `, by a sample of ${sampleText(fraction)}` : ''}, ${formatElapsed(elapsedMs)}`,
    `bucket: ${counted(counts.records, 'record')}, ${counted(counts.snapshots, 'snapshot')}, ${counted(counts.packs, 'pack')}; ${counted(counts.contents, 'content')}, of which ${counted(counts.contentsRead, 'copy', 'copies')} read (${formatBytes(counts.bytesRead)})`,
    `bucket: ${orphans}`,
    `disk: ${counts.filesRead} of ${counted(counts.files, 'file')} read (${formatBytes(counts.fileBytesRead)})${changed}`,
  ];
}

function sampleText(fraction: number): string {
  return `${Number((fraction * 100).toPrecision(6))}%`;
}

// ---- for scripts -------------------------------------------------------------------------------------------------------------

function asDocument(share: ShareConfig, { found, left, repaired }: Verified, { fraction }: VerifyCommand) {
  return {
    ...{ share: share.name, cursor: left.cursor, ok: codeOf(left) === exit.done, halted: left.halted, sample: fraction },
    flaws: left.flaws.map(flawDocument),
    ...(repaired === null ? {} : { found: found.flaws.map(flawDocument), repaired: repaired.done }),
    counts: found.counts,
  };
}

function flawDocument({ code, subject, path, text, remedy, harmful }: Flaw) {
  return { code, ...(path === null ? { subject } : pathFields(path)), text, remedy, harmful };
}
