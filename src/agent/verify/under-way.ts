import type { Hash } from '../../model/entry.ts';
import type { Payload } from '../../model/record.ts';
import type { Examined, Flaw, FlawCode } from '../../model/verify.ts';
import type { Cycle } from '../context.ts';
import type { Ingested } from '../ingest.ts';

/** One repair under way. */
export interface Repair {
  readonly cycle: Cycle;
  readonly examined: Examined;
  /** Sentences without their full stop, in the order of what was done. */
  readonly done: string[];
  /** Contents that are worth another look afterwards. */
  readonly touched: Set<Hash>;
  catchUp(): Promise<Ingested['ended']>;
  /** Appends at the end of the log, whoever else appends; `payload` is asked for anew after each lost race. Null: nothing was to be said. */
  append(payload: () => Payload | null): Promise<number | null>;
}

/** Flaws of these kinds that name one thing each. */
export function flawsOf({ flaws }: Examined, ...codes: readonly FlawCode[]): Flaw[] {
  return flaws.filter(({ code, subject }) => codes.includes(code) && subject !== 'more');
}
