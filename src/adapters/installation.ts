import { existsSync, realpathSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { resolve } from 'node:path';

/** What the program knows of itself and of its surroundings when it writes down how to start it. */
export interface Installation {
  /** Absolute, links resolved. */
  readonly node: string;
  readonly program: string;
  /** Absolute. */
  readonly config: string;
  /** The name of whoever runs the command. */
  readonly self: string;
  /** Variables that are no secrets and change what the program reads. */
  readonly variables: Readonly<Record<string, string>>;
  /** Credentials that this shell has and cron or systemd will not have. */
  readonly hasKeyInShell: boolean;
  /** The machine was started by systemd. */
  readonly isUnderSystemd: boolean;
  /** Owner of a file as a number, null where it is not there or may not be looked at. */
  ownerOf(path: string): number | null;
}

/** Where the files of each kind lie. */
export interface Folders {
  readonly cron: string;
  readonly systemd: string;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** `program` and `config` as they were typed. */
export function lookAround(program: string, config: string, variables: Variables): Installation {
  const named = variables.FLOCKSYNC_ENV_FILE;
  return {
    node: realpathSync(process.execPath),
    program: realpathSync(program),
    config: resolve(config),
    self: userInfo().username,
    variables: named === undefined ? {} : { FLOCKSYNC_ENV_FILE: named === '' ? '' : resolve(named) },
    hasKeyInShell: variables.AWS_ACCESS_KEY_ID !== undefined,
    isUnderSystemd: existsSync('/run/systemd/system'),
    ownerOf,
  };
}

function ownerOf(path: string): number | null {
  try {
    return statSync(path).uid;
  } catch {
    return null;
  }
}
