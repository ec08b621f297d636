import { realpathOrNull } from '../adapters/config-file.ts';
import type { Folders, Installation } from '../adapters/installation.ts';
import { systemOwners } from '../adapters/owners.ts';
import { readStarter, removeStarter, StarterFileFault, writeStarter } from '../adapters/starter-file.ts';
import { systemTime } from '../adapters/system.ts';
import type { Config } from '../config-types.ts';
import { cronFile } from '../model/cron-file.ts';
import { serviceUnit } from '../model/service-unit.ts';
import { ownershipOf, type Starter, StarterFault, starterName } from '../model/starter.ts';
import { defaultConfigFile } from './arguments.ts';
import type { InstallCommand } from './command.ts';
import { type ExitCode, exit } from './exit.ts';
import { reachOf } from './install-reach.ts';
import { warningsOf } from './install-warnings.ts';
import type { Output } from './output.ts';

const usualEveryMs = 15_000;

const systemFolders: Folders = { cron: '/etc/cron.d', systemd: '/etc/systemd/system' };

/** Prints, writes or removes what starts flocksync. `config` is null where it is not needed: to remove. */
export function install(
  config: Config | null,
  command: InstallCommand,
  place: Installation,
  output: Output,
  folders = systemFolders,
): ExitCode {
  const file = fileOf(command, place, folders);
  try {
    if (config === null) return remove(file, command, output);
    const uid = systemOwners(systemTime).userId(command.user ?? place.self);
    if (uid === undefined)
      return said(`there is no user "${command.user}" on this machine: create it, or correct --user`, exit.usage, output);
    const text = textOf(config, command, place);
    const code = command.write ? write(file, text, command, output) : print(text, output);
    if (code === exit.done) for (const each of warningsOf(config, command, place, uid, folders)) output.error(`flocksync: note: ${each}`);
    return code;
  } catch (error) {
    if (error instanceof StarterFault) return said(error.message, exit.usage, output);
    if (error instanceof StarterFileFault) return said(error.message, exit.problems, output);
    throw error;
  }
}

function said(message: string, code: ExitCode, output: Output): ExitCode {
  output.error(`flocksync: ${message}`);
  return code;
}

function fileOf({ what }: InstallCommand, place: Installation, folders: Folders): string {
  const name = starterName(configOf(place));
  return what === 'cron' ? `${folders.cron}/${name}` : `${folders.systemd}/${name}.service`;
}

/** Null for the one that the program takes by itself. */
function configOf({ config }: Installation): string | null {
  return config === defaultConfigFile ? null : config;
}

function textOf(config: Config, command: InstallCommand, place: Installation): string {
  const { node, program, variables } = place;
  const starter: Starter = { node, program, config: configOf(place), user: command.user ?? place.self, variables };
  if (command.what === 'systemd') return serviceUnit(starter, reachOf(config, starter, realpathOrNull));
  return cronFile(starter, { everyMs: command.everyMs ?? usualEveryMs, member: config.member });
}

function print(text: string, output: Output): ExitCode {
  output.line(text.trimEnd());
  return exit.done;
}

function write(file: string, text: string, command: InstallCommand, output: Output): ExitCode {
  const standing = readStarter(file);
  if (standing.kind === 'file' && standing.text === text) return tell(`${file} stands already; nothing to do`, command, output);
  const refusal = refusalOf(file, standing, command);
  if (refusal !== null) return said(refusal, exit.problems, output);
  writeStarter(file, text);
  return tell(`${file} ${standing.kind === 'absent' ? 'written' : 'replaced'}; ${nextStep(file, command)}`, command, output);
}

/** Null where the file may be replaced: it is not there, or it is as it was written. */
function refusalOf(file: string, standing: ReturnType<typeof readStarter>, { what }: InstallCommand): string | null {
  if (standing.kind === 'absent') return null;
  if (standing.kind === 'other') return `${file} is no plain file: move it away first`;
  const ownership = ownershipOf(what, standing.text);
  if (ownership === 'ours') return null;
  if (ownership === 'foreign') return `${file} was not written by flocksync install ${what}: move it away first`;
  return `${file} has been edited since it was written, and stays: save your edits, then flocksync install ${what} --remove and --write`;
}

function nextStep(file: string, { what }: InstallCommand): string {
  if (what === 'cron') return 'cron takes it up within a minute';
  const unit = unitOf(file);
  return `next: systemctl daemon-reload && systemctl enable ${unit} && systemctl restart ${unit}`;
}

function remove(file: string, command: InstallCommand, output: Output): ExitCode {
  const standing = readStarter(file);
  if (standing.kind === 'absent') return tell(`${file} is not there; nothing to do`, command, output);
  if (standing.kind === 'other' || ownershipOf(command.what, standing.text) === 'foreign')
    return said(`${file} was not written by flocksync install ${command.what}, and stays`, exit.problems, output);
  removeStarter(file);
  const next = command.what === 'cron' ? '' : `; next: systemctl disable --now ${unitOf(file)}; systemctl daemon-reload`;
  return tell(`${file} removed${next}`, command, output);
}

function unitOf(file: string): string {
  return file.split('/').at(-1) ?? '';
}

function tell(text: string, { quiet }: InstallCommand, output: Output): ExitCode {
  if (!quiet) output.line(text);
  return exit.done;
}
