import { realpathOrNull } from '../adapters/config-file.ts';
import type { Folders, Installation } from '../adapters/installation.ts';
import { readStarter } from '../adapters/starter-file.ts';
import type { Config } from '../config-types.ts';
import { isMadeBySystemd } from '../model/service-unit.ts';
import { ownershipOf, starterName } from '../model/starter.ts';
import { defaultConfigFile } from './arguments.ts';
import type { InstallCommand } from './command.ts';
import { reachOf } from './install-reach.ts';

/** What a person should know before relying on the file, one sentence each. */
export function warningsOf(config: Config, command: InstallCommand, place: Installation, uid: number, folders: Folders): string[] {
  return [
    ...keyInShell(config, place),
    ...unreadable(command, place, uid),
    ...(command.what === 'systemd' && !place.isUnderSystemd ? ['this machine was not started by systemd: use flocksync install cron'] : []),
    ...(command.what === 'systemd' ? unmade(config, place) : []),
    ...(command.what === 'cron' ? unheard(config) : []),
    ...(command.write ? twice(command, place, folders) : []),
  ];
}

/** A run by hand works, and every one from cron fails: the hardest kind to find. */
function keyInShell({ datastore }: Config, { hasKeyInShell, variables }: Installation): string[] {
  const file = variables.FLOCKSYNC_ENV_FILE ?? '/etc/flocksync.env';
  if (datastore.kind !== 's3' || datastore.profile !== null || !hasKeyInShell) return [];
  return [`AWS_ACCESS_KEY_ID stands in this shell's environment, which cron and systemd do not have: make sure that ${file} holds it`];
}

function unreadable({ user }: InstallCommand, { ownerOf, variables }: Installation, uid: number): string[] {
  const file = variables.FLOCKSYNC_ENV_FILE ?? '/etc/flocksync.env';
  const owner = file === '' ? null : ownerOf(file);
  if (user === null || owner === null || owner === uid || uid === 0) return [];
  return [`${file} does not belong to ${user}, who has to read it: chown ${user} ${file}`];
}

/** What is not there when the service starts is read-only for it, and it cannot make it then. */
function unmade(config: Config, { ownerOf, node, program, variables }: Installation): string[] {
  const { state, writable } = reachOf(config, { node, program, config: null, user: '', variables }, realpathOrNull);
  const missing = [...new Set([...(isMadeBySystemd(state) ? [] : [state]), ...writable])].filter((path) => ownerOf(path) === null);
  return missing.map((path) => `${path} does not exist, so the service will not be able to write there: make it before the service starts`);
}

/** Cron scans; only the daemon hears file events. */
function unheard({ shares }: Config): string[] {
  const names = shares.filter((share) => (share.mode as string) === 'lightweight').map(({ name }) => name);
  if (names.length === 0) return [];
  return [
    `mode: lightweight of ${names.join(', ')} needs the daemon (flocksync install systemd); from cron it is scanned like any other share`,
  ];
}

function twice({ what }: InstallCommand, place: Installation, folders: Folders): string[] {
  const other = what === 'cron' ? 'systemd' : 'cron';
  const name = starterName(place.config === defaultConfigFile ? null : place.config);
  const file = other === 'cron' ? `${folders.cron}/${name}` : `${folders.systemd}/${name}.service`;
  const standing = readStarter(file);
  if (standing.kind !== 'file' || ownershipOf(other, standing.text) === 'foreign') return [];
  const config = place.config === defaultConfigFile ? '' : ` --config ${place.config}`;
  return [`${file} starts it too, which is harmless and needless: flocksync install ${other} --remove${config}`];
}
