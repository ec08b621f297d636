import { hostname } from 'node:os';
import { realpathOrNull } from '../../adapters/config-file.ts';
import { placeFault, placeFile, standingAt } from '../../adapters/place-file.ts';
import type { Prompt } from '../../adapters/prompt.ts';
import type { World } from '../../compose.ts';
import { loadConfig } from '../../config.ts';
import type { Config } from '../../config-types.ts';
import type { DatastoreFault } from '../../ports/datastore.ts';
import { defaultConfigFile } from '../arguments.ts';
import type { InitCommand } from '../command.ts';
import { type ExitCode, exit } from '../exit.ts';
import type { Output } from '../output.ts';
import type { Progress } from '../progress.ts';
import { askForFederation, askForPlace, askForShare, type Place } from './answers.ts';
import { type Found, sharesIn } from './bucket.ts';
import { type Answers, configText } from './config-text.ts';
import { askForKeys, envFileOf, keySource, saveKeys, type Variables } from './credentials.ts';
import { examine, firstLook } from './first-look.ts';

/** What the process around it has to offer. */
export interface Surroundings {
  /** Those of the process; with those of the env file in `merged`. */
  readonly variables: Variables;
  readonly merged: Variables;
  /** Null where nobody is there to answer. */
  readonly prompt: Prompt | null;
  readonly output: Output;
  readonly progress: Progress;
  open(config: Config, variables: Variables): World;
}

/** Writes the config, tests it, and shows what a first sync would do. Nothing is published and nothing in the root is touched. */
export async function init(command: InitCommand, around: Surroundings): Promise<ExitCode> {
  const { output, prompt } = around;
  if (prompt !== null && !command.force && standingAt(command.config).kind !== 'absent') return refuse(output, standsAlready(command));
  // Whoever has answered everything does not want to hear it only then.
  const unfit = placeFault(command.config);
  if (unfit !== null) return refuse(output, unfit);
  const place = await askForPlace(command, around.merged, prompt);
  if (place === null) return ended(output);
  const keys = await keysFor(command, around, place);
  const answers = await askForNames(command, { ...around, merged: { ...around.merged, ...keys } }, place);
  if (answers === null) return ended(output);
  if ('fault' in answers) return refuse(output, answers.fault);
  const text = configText(answers, envFileOf(around.variables));
  const sound = soundness(text, command.config, { ...around.merged, ...keys });
  if (sound.fault !== null) return refuse(output, sound.fault);
  const refusal = refusalOf(command, text);
  if (refusal !== null) return refuse(output, refusal);
  const world = around.open(sound.config, { ...around.merged, ...keys });
  try {
    return await tryAndWrite(world, command, text, keys, around);
  } finally {
    await world.close();
  }
}

/** Where a person is there, nothing is written that does not work, unless that is wanted. */
async function tryAndWrite(world: World, command: InitCommand, text: string, keys: Variables, around: Surroundings): Promise<ExitCode> {
  const { output, progress, prompt } = around;
  const examined = await examine(world, command, output);
  if (!command.quiet) output.line('');
  if (examined !== exit.done && prompt !== null) {
    const answer = await prompt.ask('Write the config all the same? [y/N]: ');
    if (!/^y(es)?$/i.test(answer ?? '')) return refuse(output, 'nothing was written; correct what failed, and run it again', examined);
  }
  const written = write(command, text, output);
  if (written !== exit.done) return written;
  const { datastore } = world.config;
  if (datastore.kind === 's3' && datastore.profile === null) await settleKeys(command, around, keys);
  prompt?.close();
  const flag = command.config === defaultConfigFile ? '' : ` --config ${command.config}`;
  if (examined === exit.done) return await firstLook(world, command, flag, output, progress);
  output.error(`flocksync: correct what failed; then go on with: flocksync doctor${flag}, flocksync sync -n${flag}`);
  return examined;
}

function refuse(output: Output, sentence: string, code: ExitCode = exit.usage): ExitCode {
  output.error(`flocksync: ${sentence}`);
  return code;
}

function ended(output: Output): ExitCode {
  return refuse(output, 'ended before all was answered; nothing was written');
}

function standsAlready({ config }: InitCommand): string {
  return `${config} is there already, and stays: flocksync doctor tests it, --force replaces it, --config FILE writes another`;
}

// ---- the answers -------------------------------------------------------------------------------------------------------------

/** Keys that were typed. Without any, the tools' own ways count: a profile, a role of the machine. */
async function keysFor(command: InitCommand, { variables, prompt }: Surroundings, place: Place): Promise<Variables> {
  if (prompt === null || !command.url.startsWith('s3://') || place.profile !== null || keySource(variables) !== 'none') return {};
  return (await askForKeys(prompt)) ?? {};
}

async function askForNames(command: InitCommand, around: Surroundings, place: Place): Promise<Answers | { fault: string } | null> {
  // The same reader that will read the file says what is wrong with a flag, before anything is asked of the bucket.
  const draft: Answers = { ...place, federation: command.federation ?? 'web', share: command.share ?? 'webroot' };
  const sound = soundness(configText(draft, ''), command.config, around.merged);
  if (sound.fault !== null) return { fault: sound.fault };
  const top = await lookInto(around, { ...sound.config, federation: command.federation ?? '' });
  const federation = await askForFederation(command, top, around.prompt);
  if (federation === null || typeof federation !== 'string') return federation;
  // A key may be good for its own group alone; any other trouble would be the same again.
  const isListed = top.fault?.code !== 'refused' || command.federation !== null;
  const found = isListed ? top : await lookInto(around, { ...sound.config, federation });
  if (found.fault !== null) around.output.error(`flocksync: note: ${untold(found.fault, command)}`);
  const known = found.shares.filter((share) => share.federation === federation).map(({ name }) => name);
  const share = await askForShare(command, place.path, known, around.prompt);
  return share === null ? null : { ...place, federation, share };
}

function untold(fault: DatastoreFault, { federation }: InitCommand): string {
  const hint =
    fault.code === 'refused' && federation === null ? '; a key may be good for one group of servers alone: --federation NAME' : '';
  return `the bucket does not tell which shares there are: ${fault.message}${hint}`;
}

async function lookInto({ open, merged }: Surroundings, config: Config): Promise<Found> {
  const world = open(config, merged);
  try {
    return await sharesIn(world, config.federation);
  } finally {
    await world.close();
  }
}

type Sound = { readonly fault: null; readonly config: Config } | { readonly fault: string };

function soundness(text: string, file: string, variables: Variables): Sound {
  const result = loadConfig(text, file, { variables, hostName: hostname(), realpath: realpathOrNull });
  return result.ok ? { fault: null, config: result.config } : { fault: result.faults.map(({ message }) => message).join('\nflocksync: ') };
}

// ---- the files ---------------------------------------------------------------------------------------------------------------

/** Null where the file may be written: nothing stands there, or the same, or it may be replaced. */
function refusalOf(command: InitCommand, text: string): string | null {
  const standing = standingAt(command.config);
  if (standing.kind === 'other') return `${command.config} ${standing.why}`;
  return standing.kind === 'file' && standing.text !== text && !command.force ? standsAlready(command) : null;
}

function write(command: InitCommand, text: string, output: Output): ExitCode {
  const { config, force, quiet } = command;
  const say = (sentence: string) => void (quiet || output.line(sentence));
  const standing = standingAt(config);
  if (standing.kind === 'file' && standing.text === text) {
    say(`${config} says so already`);
    return exit.done;
  }
  const placed = placeFile(config, text, { mode: 0o644, replace: force });
  if (!placed.ok) return refuse(output, placed.message);
  say(`${config} written${placed.kept === null ? '' : `; what stood there is ${placed.kept} now`}`);
  return exit.done;
}

/** Keys that only this shell knows work now, and fail with the first run of cron: the hardest kind to find. */
async function settleKeys(command: InitCommand, { variables, prompt, output }: Surroundings, keys: Variables): Promise<void> {
  const file = envFileOf(variables);
  const all = { ...variables, ...keys };
  const typed = Object.keys(keys).length > 0;
  if (typed || (keySource(variables) === 'shell' && command.saveKeys)) {
    const saved = saveKeys(file, all);
    if (saved.ok) return void (command.quiet || output.line(saved.text));
    return output.error(`flocksync: ${saved.text}`);
  }
  if (keySource(variables) !== 'shell') return;
  const answer =
    prompt === null ? 'n' : await prompt.ask(`Write the keys of this shell to ${file} (0600), for cron and the daemon? [Y/n]: `);
  if (answer === null || /^n/i.test(answer)) return output.error(`flocksync: note: ${keysInShell(file)}`);
  const saved = saveKeys(file, all);
  if (saved.ok) output.line(saved.text);
  else output.error(`flocksync: ${saved.text}`);
}

function keysInShell(file: string): string {
  return `the keys stand in this shell's environment, which cron and systemd do not have: put AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY into ${file}, mode 0600 (--save-keys does so)`;
}
