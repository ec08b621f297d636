import type { Dice } from '../e2e/support/random.ts';

/** A reader of something from outside, and how inputs for it are made. */
export interface Target {
  readonly name: string;
  /** Inputs in CI. */
  readonly inputs: number;
  /** Makes one input and has it read; throws where the reader does what it must not. */
  readonly attempt: (dice: Dice) => void | Promise<void>;
}

export class Violation extends Error {
  override readonly name = 'Violation';
}

export function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Violation(otherwise);
}
