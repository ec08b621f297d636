import { readEnvironment } from '../../adapters/environment.ts';
import { placeFile, standingAt } from '../../adapters/place-file.ts';
import type { Prompt } from '../../adapters/prompt.ts';

export type Variables = Readonly<Record<string, string | undefined>>;

/** Where a run from cron or systemd looks for keys; '' for nowhere. */
export function envFileOf(variables: Variables): string {
  return variables.FLOCKSYNC_ENV_FILE ?? '/etc/flocksync.env';
}

/** An env file that is named, and not there yet. */
export function isUnwritten(file: string | undefined): boolean {
  return file !== undefined && file !== '' && standingAt(file).kind === 'absent';
}

/** What the keys come from: `shell` is what cron and systemd will not have. */
export type KeySource = 'file' | 'shell' | 'none';

export function keySource(variables: Variables): KeySource {
  const { FLOCKSYNC_ENV_FILE } = variables;
  const file = readEnvironment(FLOCKSYNC_ENV_FILE === undefined ? {} : { FLOCKSYNC_ENV_FILE });
  if (file.ok && file.variables.AWS_ACCESS_KEY_ID !== undefined) return 'file';
  return variables.AWS_ACCESS_KEY_ID !== undefined && variables.AWS_SECRET_ACCESS_KEY !== undefined ? 'shell' : 'none';
}

/** Null when nothing was typed, or the input ended: then a role or profile of the machine is meant. */
export async function askForKeys(prompt: Prompt): Promise<Variables | null> {
  const id = await prompt.ask('Access key id (empty: this machine has a role, or keys elsewhere): ');
  if (id === null || id === '') return null;
  const secret = await prompt.askSecret('Secret access key (not shown): ');
  return secret === null || secret === '' ? null : { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret };
}

/** Writes a new env file with the keys, 0600. What was done, or the sentence why not: an existing file is never touched. */
export function saveKeys(file: string, variables: Variables): { readonly ok: boolean; readonly text: string } {
  const names = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const;
  if (file === '') return { ok: false, text: 'FLOCKSYNC_ENV_FILE is empty: there is no file for the keys' };
  if (variables.AWS_SESSION_TOKEN !== undefined)
    return {
      ok: false,
      text: `the keys of this shell are temporary (AWS_SESSION_TOKEN) and are not written to ${file}: they would soon expire`,
    };
  if (standingAt(file).kind !== 'absent')
    return { ok: false, text: `${file} is there already, and stays: put ${names.join(' and ')} into it by hand` };
  const lines = names.map((name) => `${name}=${shellQuoted(variables[name] ?? '')}`);
  const placed = placeFile(file, `# Keys of flocksync's bucket.\n${lines.join('\n')}\n`, { mode: 0o600, replace: false });
  return placed.ok ? { ok: true, text: `${file} written, for its owner alone (0600)` } : { ok: false, text: placed.message };
}

/** In the form that `readEnvironment` and systemd take alike. */
function shellQuoted(value: string): string {
  return /^[A-Za-z0-9/+=_.~-]+$/.test(value) ? value : `"${value.replace(/["\\$`]/g, '\\$&')}"`;
}
