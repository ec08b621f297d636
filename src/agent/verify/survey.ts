import type { Hash } from '../../model/entry.ts';
import { type Counts, type Flaw, noCounts } from '../../model/verify.ts';
import type { Cycle } from '../context.ts';

export interface VerifyOptions {
  /** Part of the contents and files that is read, above 0 and at most 1. */
  readonly fraction: number;
  /** Only these contents and the files that hold them; null for everything. */
  readonly among: readonly Hash[] | null;
}

/** One examination under way: what was seen so far. */
export interface Survey {
  readonly cycle: Cycle;
  readonly options: VerifyOptions;
  readonly flaws: Flaw[];
  readonly counts: Counts;
}

export function newSurvey(cycle: Cycle, options: VerifyOptions): Survey {
  return { cycle, options, flaws: [], counts: noCounts() };
}

/** Whether this one is in the sample. */
export function isChosen({ cycle, options }: Survey): boolean {
  return options.fraction >= 1 || cycle.ports.random.fraction() < options.fraction;
}

/** A subscriber writes nothing to the bucket. */
export const subscriberRemedy = 'A subscriber writes nothing to the bucket: run flocksync verify --repair on another member.';

/** Works through `items` with so many under way at once; a fault or the signal ends it, once those under way have ended. */
export async function inParallel<T>(
  { cycle }: Survey,
  items: Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items[Symbol.iterator]();
  let failed = false;
  const worker = async () => {
    for (let next = left.next(); !next.done && !failed && !cycle.options.signal.aborted; next = left.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: atOnce }, worker));
  for (const each of ended) if (each.status === 'rejected') throw each.reason;
}
