import type { Prompt } from '../adapters/prompt.ts';
import { lockShare } from '../adapters/share-lock.ts';
import { lockFile } from '../adapters/state-directory.ts';
import { systemTime } from '../adapters/system.ts';
import { forgetBase } from '../agent/lineage.ts';
import { openShare, type World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import { formatBytesMax } from '../model/format.ts';
import { formatKey } from '../model/keys.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import { JournalFault } from '../ports/journal.ts';
import type { JoinCommand } from './command.ts';
import { type ExitCode, exit, worst } from './exit.ts';
import type { Output } from './output.ts';
import { joinLines, type Preview, previewOf } from './preview.ts';
import type { Progress } from './progress.ts';
import { outcomeCode, outcomeProblems, problemLine } from './report.ts';
import { chooseShares, tellFault } from './shares.ts';
import { syncHere } from './sync-share.ts';

/** A cycle under way gets this long to come to its end. */
const lockWaitMs = 60_000;

/**
 * Joins a share anew, as a server that has never seen it: what this member knew of it is forgotten, and the log wins. Shows what that
 * means, asks, and runs a whole cycle.
 */
export async function join(
  world: World,
  command: JoinCommand,
  output: Output,
  progress: Progress,
  prompt: Prompt | null,
): Promise<ExitCode> {
  const chosen = await chooseShares(world, [command.share], output);
  const [share, other] = chosen?.shares ?? [];
  if (chosen === null || share === undefined) return exit.usage;
  if (other !== undefined) return refuse(output, `"${command.share}" means several shares: join one after the other`);
  if (share.role === 'publisher')
    return refuse(output, `${share.name}: a publisher takes over nothing of others; make it role: both or subscriber first`);
  try {
    return worst([chosen.code, await joinOne(world, share, command, output, progress, prompt)]);
  } catch (error) {
    if (!(error instanceof DatastoreFault) && !(error instanceof JournalFault)) throw error;
    return tellFault(error, share.name, output);
  }
}

function refuse(output: Output, sentence: string, code: ExitCode = exit.usage): ExitCode {
  output.error(`flocksync: ${sentence}`);
  return code;
}

async function joinOne(
  world: World,
  share: ShareConfig,
  command: JoinCommand,
  output: Output,
  progress: Progress,
  prompt: Prompt | null,
): Promise<ExitCode> {
  const { value } = await (await world.datastore()).get(formatKey(share.name), { bytesMax: formatBytesMax });
  if (value === null)
    return refuse(
      output,
      `${share.name}: the share is not in the bucket, so there is nothing to join; flocksync sync founds it`,
      exit.problems,
    );
  const how = command.merge ? 'merge' : share.join;
  const preview = await previewOf(world, share, progress, (journal) => forgetBase(journal, how));
  const problems = outcomeProblems(preview.outcome);
  for (const problem of problems) output.error(problemLine(share.name, problem));
  if (preview.outcome.halt !== null) return outcomeCode(preview.outcome);
  tell(share, preview, command, output);
  if (command.dryRun) return outcomeCode({ ...preview.outcome, events: [] });
  const consent = await consentTo(share, command, prompt);
  if (consent !== null) return refuse(output, consent);
  return await joinNow(world, share, how, output, progress);
}

function tell(share: ShareConfig, preview: Preview, { dryRun, quiet }: JoinCommand, output: Output): void {
  const lines = joinLines(preview, '`--merge`');
  if (dryRun) for (const line of preview.lines) output.line(line);
  if (quiet) return;
  output.line(`Joining ${share.name} anew would mean for the files in ${share.path}:`);
  for (const line of lines.length === 0 ? ['  nothing: there are none, here and in the share'] : lines) output.line(line);
}

/** Null, or why nothing is done. */
async function consentTo(share: ShareConfig, { yes }: JoinCommand, prompt: Prompt | null): Promise<string | null> {
  if (yes) return null;
  if (prompt === null) return `${share.name}: nothing was done: without a terminal to ask on, say --yes; -n only shows it`;
  const answer = await prompt.ask(`Forget what this server knew of ${share.name}, and do so? [y/N]: `);
  prompt.close();
  return /^y(es)?$/i.test(answer ?? '') ? null : `${share.name}: nothing was done`;
}

async function joinNow(world: World, share: ShareConfig, how: 'trash' | 'merge', output: Output, progress: Progress): Promise<ExitCode> {
  world.member();
  const signal = AbortSignal.any([world.signal, AbortSignal.timeout(lockWaitMs)]);
  const lock = await lockShare(lockFile(world.config, share.name), systemTime, { wait: true, signal });
  if (lock === null) return refuse(output, `${share.name}: a running cycle did not come to its end; try again`, exit.problems);
  try {
    const opened = await openShare(world, share, { dryRun: false, onProgress: () => {} });
    try {
      for (const event of opened.events) output.error(`flocksync: ${share.name}: ${event}`);
      forgetBase(opened.journal, how);
      opened.journal.flush();
    } finally {
      opened.close();
    }
    // A daemon that took the next cycle would tell the list of the trash to its own log.
    return await syncHere(world, share, { dryRun: false, only: null, wait: true, below: null }, { output, progress, lock });
  } finally {
    lock.release();
  }
}
