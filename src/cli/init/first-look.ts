import { compileExcludes } from '../../adapters/excludes.ts';
import { leftOutBelow } from '../../adapters/site.ts';
import { hasJournal } from '../../adapters/state-directory.ts';
import { type HeardMember, readMembers } from '../../agent/members.ts';
import type { World } from '../../compose.ts';
import type { ShareConfig } from '../../config-types.ts';
import { toText } from '../../model/path.ts';
import { presets } from '../../model/presets.ts';
import { DatastoreFault } from '../../ports/datastore.ts';
import { JournalFault } from '../../ports/journal.ts';
import type { InitCommand } from '../command.ts';
import { doctor } from '../doctor.ts';
import { type ExitCode, exit, worst } from '../exit.ts';
import { counted, formatBytes, formatElapsed, formatMoment, formatTable, printable } from '../format.ts';
import type { Output } from '../output.ts';
import { joinLines, type Preview, previewOf } from '../preview.ts';
import type { Progress } from '../progress.ts';
import { outcomeCode, outcomeProblems, problemLine } from '../report.ts';
import { tellFault } from '../shares.ts';
import { type FoundShare, sharesIn } from './bucket.ts';

const planLinesShown = 12;
const leftOutShown = 8;

/** What doctor says of the config, which need not stand on the disk yet. */
export async function examine(world: World, command: InitCommand, output: Output): Promise<ExitCode> {
  if (!command.quiet) output.line('Testing it:\n');
  const kept: string[] = [];
  const code = await doctor(world, { ...command, name: 'doctor', json: false }, command.quiet ? keeping(output, kept) : output);
  // Trouble is told with -q, too.
  if (code !== exit.done) for (const line of kept) output.error(line);
  return code;
}

/** Who is there already, what a first sync would do here, and the next commands. `flag` is what they need to find the config. */
export async function firstLook(world: World, command: InitCommand, flag: string, output: Output, progress: Progress): Promise<ExitCode> {
  const say = (text: string) => void (command.quiet || output.line(text));
  const codes: ExitCode[] = [];
  const { shares } = await world.shares(true);
  for (const share of shares) codes.push(await lookAtShare(world, share, say, output, progress));
  say(`\nNext:\n${nextSteps(flag).join('\n')}`);
  return worst(codes);
}

function keeping(output: Output, lines: string[]): Output {
  return { ...output, line: (text) => void lines.push(text) };
}

function nextSteps(flag: string): string[] {
  const steps = [
    ['sync -n', 'shows all of it, one line per path'],
    ['sync', 'does it'],
    ['install cron --write', 'from then on every 15 seconds; or systemd, for the daemon'],
    ['status', 'who is where'],
  ];
  return formatTable(steps.map(([command, about]) => [`  flocksync ${command}${flag}`, about ?? '']));
}

async function lookAtShare(
  world: World,
  share: ShareConfig,
  say: (text: string) => void,
  output: Output,
  progress: Progress,
): Promise<ExitCode> {
  try {
    const { shares } = await sharesIn(world, world.config.federation);
    const standing = shares.find(({ name }) => name === share.name);
    say(`\n${await headline(world, share, standing)}`);
    for (const line of leftOutLines(world, share)) say(line);
    const preview = await previewOf(world, share, progress);
    for (const problem of outcomeProblems(preview.outcome)) output.error(problemLine(share.name, problem));
    for (const line of standing === undefined
      ? foundingLines(share, preview)
      : joiningLines(preview, !hasJournal(world.config, share.name)))
      say(line);
    for (const line of firstLines(preview)) say(line);
    return outcomeCode({ ...preview.outcome, events: [] });
  } catch (error) {
    if (!(error instanceof DatastoreFault) && !(error instanceof JournalFault)) throw error;
    return tellFault(error, share.name, output);
  }
}

async function headline(world: World, share: ShareConfig, standing: FoundShare | undefined): Promise<string> {
  if (standing === undefined) return `Share ${share.name} is not in the bucket yet.`;
  const { members } = await readMembers(await world.datastore(), share.name);
  const founded = `founded ${formatMoment(standing.atMs)} by ${printable(standing.by)}`;
  return `Share ${share.name} is in the bucket, ${founded}${members.length === 0 ? '' : `; ${membersText(members)}`}.`;
}

const membersNamed = 5;

function membersText(members: readonly HeardMember[]): string {
  const named = members.slice(0, membersNamed).map(({ heartbeat, agoMs }) => `${printable(heartbeat.name)} (${formatElapsed(agoMs)} ago)`);
  const more = members.length > membersNamed ? ` and ${members.length - membersNamed} more` : '';
  return `heard of: ${named.join(', ')}${more}`;
}

function leftOutLines(world: World, share: ShareConfig): string[] {
  if (share.preset === null) return [];
  const { first, count, isAll } = leftOutBelow(share.path, compileExcludes(share.exclude), world.signal);
  const what = `Preset ${share.preset} (${presets[share.preset].about})`;
  const where = isAll ? 'that is there now' : 'among the first names of this large tree';
  if (count === 0) return [`${what} leaves out nothing ${where}; flocksync help presets lists what it would.`];
  const shown = first.slice(0, leftOutShown).map((path) => toText(path));
  return [
    `${what} leaves out ${isAll ? '' : 'at least '}${counted(count, 'path')} here: ${shown.join(', ')}${count > shown.length ? ', …' : ''}`,
  ];
}

function foundingLines(share: ShareConfig, { published, outcome }: Preview): string[] {
  if (share.role === 'subscriber')
    return [`A subscriber does not found it: run flocksync init and sync on the server that publishes, first.`];
  const { count, bytes } = published;
  if (count === 0 && outcome.problems.length === 0)
    return [`${share.path} holds no files: the server with the good content goes first. Here, this would found an empty share.`];
  return [`This server would found it with what it has: ${counted(count, 'file')}, ${formatBytes(bytes)}. All others follow it.`];
}

function joiningLines(preview: Preview, isNew: boolean): string[] {
  const lines = joinLines(preview, '`join: merge`');
  const { equal, dressed, differ, onlyHere, published, comes } = preview;
  if (dressed.count + differ.count + onlyHere.count + published.count + comes.count === 0)
    return [
      `${isNew ? 'Joining' : 'A sync'} changes nothing here: ${equal === 0 ? 'the share holds no files' : `all ${counted(equal, 'file')} are equal`}.`,
    ];
  return [`${isNew ? 'Joining' : 'A sync'} would mean for the files of this server:`, ...lines];
}

function firstLines({ lines }: Preview): string[] {
  if (lines.length === 0) return [];
  const more = lines.length - planLinesShown;
  return ['', ...lines.slice(0, planLinesShown).map((line) => `  ${line}`), ...(more > 0 ? [`  … and ${counted(more, 'more path')}`] : [])];
}
