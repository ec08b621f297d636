import type { BytePath } from './path.ts';

/** Trouble as data: it is collected, listed and printed, and never stops a cycle by itself. */
export interface Problem {
  /** Stable word for scripts and docs. */
  readonly code: string;
  /** null when the share as a whole is meant. */
  readonly path: BytePath | null;
  /** What is wrong, one sentence without the path. */
  readonly text: string;
  /** What a person should do. */
  readonly fix: string;
}

export function problem(code: string, path: BytePath | null, text: string, fix: string): Problem {
  return { code, path, text, fix };
}
