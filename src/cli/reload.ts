import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config-types.ts';

export type Variables = Readonly<Record<string, string | undefined>>;

/** A config as read from its file, or the faults in it as lines for people. */
export type Reread =
  | { readonly ok: true; readonly config: Config; readonly variables: Variables }
  | { readonly ok: false; readonly lines: readonly string[] };

/** What a running daemon works with: other values of these need another process. */
const fixedKeys = ['federation', 'datastore', 'member', 'state', 'log'] as const;

/** What has changed that only a restart takes up; empty where the new config can come into force. */
export function needsRestart(before: { readonly config: Config; readonly variables: Variables }, after: typeof before): string[] {
  const keys = fixedKeys.filter((key) => !isDeepStrictEqual(before.config[key], after.config[key])).map((key) => `\`${key}\``);
  return [...keys, ...(isDeepStrictEqual(credentialsOf(before.variables), credentialsOf(after.variables)) ? [] : ['the credentials'])];
}

function credentialsOf(variables: Variables): object {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => name.startsWith('AWS_')));
}
