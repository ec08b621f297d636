import type { BytePath } from './path.ts';

/** A path at which this disk differs from the log, and why that is meant. */
export interface Deviation {
  readonly path: BytePath;
  readonly why: string;
}
