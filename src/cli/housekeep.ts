import { lockShare, type ShareLock } from '../adapters/share-lock.ts';
import { lockFile } from '../adapters/state-directory.ts';
import { systemTime } from '../adapters/system.ts';
import type { ProgressEvent } from '../agent/context.ts';
import type { Chore } from '../agent/housekeep/care.ts';
import { type OpenedShare, openShare, type World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import type { HousekeepCommand } from './command.ts';
import { printDocument } from './document.ts';
import { type ExitCode, exit, worst } from './exit.ts';
import { faultOfShare } from './faults.ts';
import { counted, formatElapsed } from './format.ts';
import type { Output } from './output.ts';
import type { Progress } from './progress.ts';
import { problemLine } from './report.ts';
import { chooseShares } from './shares.ts';

/** Journal, trash and bucket of each share, without thresholds and budget; with --dry-run only told. */
export async function housekeep(world: World, command: HousekeepCommand, output: Output, progress: Progress): Promise<ExitCode> {
  const chosen = await chooseShares(world, command.shares, output);
  if (chosen === null) return exit.usage;
  const codes: ExitCode[] = [chosen.code];
  const documents: object[] = [];
  for (const share of chosen.shares) {
    const { code, chores } = await housekeepShare(world, share, command, output, progress);
    codes.push(code);
    if (chores !== null) documents.push({ share: share.name, dryRun: command.dryRun, chores });
  }
  if (command.json) printDocument(output, { shares: documents });
  return worst(codes);
}

/** `chores` is null where nothing could be done. */
interface Done {
  readonly code: ExitCode;
  readonly chores: readonly Chore[] | null;
}

async function housekeepShare(
  world: World,
  share: ShareConfig,
  command: HousekeepCommand,
  output: Output,
  progress: Progress,
): Promise<Done> {
  let lock: ShareLock | null = null;
  let opened: OpenedShare | undefined;
  try {
    if (!command.dryRun) lock = await takeTurn(world, share);
    if (lock === null && !command.dryRun) return interrupted(share, output);
    const onProgress = (event: ProgressEvent) => progress.update({ ...blank, ...event });
    opened = await openShare(world, share, { dryRun: command.dryRun, onProgress });
    return await keep(world, opened, share, command, output, progress);
  } catch (error) {
    progress.clear();
    opened?.failed(error);
    const told = faultOfShare(error, share.name, opened, { nowMs: systemTime.wallMs(), always: true });
    if (told === null) throw error;
    if (told.line !== null) output.error(told.line);
    return { code: told.code, chores: null };
  } finally {
    opened?.close();
    lock?.release();
  }
}

const blank = { filesDone: 0, filesTotal: null, bytesDone: 0, bytesTotal: null };

async function takeTurn(world: World, share: ShareConfig): Promise<ShareLock | null> {
  world.member();
  const onWait = () => world.log.debug({ share: share.name }, 'waiting for another cycle of this share');
  return await lockShare(lockFile(world.config, share.name), systemTime, { wait: true, signal: world.signal, onWait });
}

/** Whatever was done stays done. */
function interrupted(share: ShareConfig, output: Output): Done {
  output.error(`flocksync: ${share.name}: stopped by a signal before it was done; the next housekeeping goes on`);
  return { code: exit.problems, chores: null };
}

async function keep(
  world: World,
  opened: OpenedShare,
  share: ShareConfig,
  command: HousekeepCommand,
  output: Output,
  progress: Progress,
): Promise<Done> {
  const startedMs = systemTime.monotonicMs();
  const { kept, cycle } = await opened.agent.housekeep({ dryRun: command.dryRun, signal: world.signal });
  progress.clear();
  const events = [...opened.events, ...cycle.events.splice(0)];
  for (const event of events) output.error(`flocksync: ${share.name}: ${event}`);
  const { halt, problems } = cycle;
  const told = halt === null ? problems : [{ code: halt.code, path: null, text: halt.text, fix: halt.fix }, ...problems];
  for (const problem of told) output.error(problemLine(share.name, problem));
  if (world.signal.aborted) return interrupted(share, output);
  if (kept !== null && !command.json) tell(share, kept.chores, command, output, systemTime.monotonicMs() - startedMs);
  if (halt !== null) return { code: halt.code === 'root-in-use' ? exit.usage : exit.held, chores: null };
  const sound = kept !== null && problems.length === 0 && events.length === 0;
  return { code: sound ? exit.done : exit.problems, chores: kept?.chores ?? null };
}

function tell(share: ShareConfig, chores: readonly Chore[], command: HousekeepCommand, output: Output, elapsedMs: number): void {
  if (command.dryRun) for (const { what, subject, reason } of chores) output.line(`${what.padEnd(8)}  ${subject}  (${reason})`);
  if (share.role === 'subscriber' && !command.quiet)
    output.line(`${share.name}: a subscriber does not write to the bucket; only this server's journal and trash were looked after`);
  if (output.terminal && !command.dryRun) output.line(`${share.name}: ${summary(chores)}, ${formatElapsed(elapsedMs)}`);
}

function summary(chores: readonly Chore[]): string {
  const count = (...kinds: Chore['what'][]) => chores.filter(({ what }) => kinds.includes(what)).length;
  const parts = [
    count('snapshot') > 0 ? 'snapshot written' : '',
    count('retire') > 0 ? `${counted(count('retire'), 'object')} retired` : '',
    count('repack') > 0 ? `${counted(count('repack'), 'pack')} written anew` : '',
    count('delete') > 0 ? `${counted(count('delete'), 'object')} deleted` : '',
    count('abort') > 0 ? `${counted(count('abort'), 'unfinished upload')} given up` : '',
    count('prune') > 0 ? 'journal or trash pruned' : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'nothing to do' : parts.join(', ');
}
