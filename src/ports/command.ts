import type { BytePath } from '../model/path.ts';

/** A command that an administrator wrote into the config, for /bin/sh. */
export interface CommandCall {
  readonly run: string;
  /** Absolute. */
  readonly directory: string;
  /** Beside the environment of this program, which is handed on without credentials. */
  readonly variables: Readonly<Record<string, string>>;
  /** Standard input, each path ended by a NUL, and the file that FLOCKSYNC_PATHS_FILE names; null: an empty input and no file. */
  readonly paths: Iterable<BytePath> | null;
  readonly timeoutMs: number;
  /** Ends the command as the end of its time does. */
  readonly signal: AbortSignal;
  /**
   * A directory that stands in the place of another one for this command alone, where the system allows that; FLOCKSYNC_IN_PLACE tells.
   * Absolute paths. `needed`: without it the command is not run.
   */
  readonly stand?: { readonly from: string; readonly at: string; readonly needed: boolean };
}

/**
 * - done: exit code 0. - failed: another one, or a signal. - timeout: it was ended with everything in its process group.
 * - stopped: likewise, by the caller's signal. - unstartable: it never ran.
 */
export interface CommandEnd {
  readonly ended: 'done' | 'failed' | 'timeout' | 'stopped' | 'unstartable';
  /** `exit code 1`, `killed by SIGSEGV`, the system's error. */
  readonly how: string;
  /** The last of what it wrote to standard output and standard error, some kilobytes. */
  readonly output: string;
}

export interface Commands {
  /** Never throws for what the command does; throws JournalFault 'unusable' where the paths cannot be written. */
  call(call: CommandCall): Promise<CommandEnd>;
}
