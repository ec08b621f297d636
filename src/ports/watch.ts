import type { BytePath } from '../model/path.ts';

/**
 * Why everything has to be looked at once.
 * - started: every watch stands for the first time; what was changed before was not seen. - overflow: more happened than the kernel or
 *   this program could keep. - limit: the kernel gives no more watches, so some directories are seen by looking only; comes again and
 *   again while it lasts. - died: the watcher ended by itself. - root: another directory stands where the root was, or it is back.
 */
export type WholeReason = 'started' | 'overflow' | 'limit' | 'died' | 'root';

/** Hints, never facts: a directory that is named here may be unchanged or gone by now. */
export interface Hints {
  /** Relative to the root, '' for the root itself: something may have happened among the names of each. Empty when `whole` is set. */
  readonly directories: ReadonlySet<BytePath>;
  readonly whole: WholeReason | null;
}

/** What a person should know until it is over. */
export interface WatchTrouble {
  readonly code: 'watch-limit' | 'watch-died';
  readonly text: string;
  readonly fix: string;
}

/**
 * The directories of one share, watched. A directory that comes into being, or moves in, is named after its watch stands; so a look
 * at what is named, begun after `take`, finds what was put there before.
 */
export interface Watch {
  /** What has gathered since the last call. It is told once: whoever takes it and cannot look has to keep it. */
  take(): Hints;
  /** True when `take` would bring something. */
  readonly pending: boolean;
  /** Directories watched now. */
  readonly standing: number;
  trouble(): WatchTrouble | null;
  close(): Promise<void>;
}

export interface WatchOptions {
  /** Absolute, as text; may be a link to a directory, and need not be there yet. */
  readonly root: string;
  /** The share's gitignore patterns: what they leave out is neither watched nor hinted at. */
  readonly exclude: readonly string[];
  /** At most once between two calls of `take`. Also called when trouble begins or ends. */
  readonly onHint: () => void;
}

/** What watches directories for all shares of a process. */
export interface Watcher {
  watch(options: WatchOptions): Watch;
  /** Ends every watch. */
  close(): Promise<void>;
}
