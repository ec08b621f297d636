import type { Answer, Datastore, Key } from '../ports/datastore.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import type { Random } from '../ports/random.ts';
import type { Time } from '../ports/time.ts';

export interface Retry {
  readonly operation: keyof Datastore;
  /** Key or prefix. */
  readonly key: string;
  /** The attempt that failed, from 1. */
  readonly attempt: number;
  readonly waitMs: number;
  readonly fault: DatastoreFault;
}

export interface RetryOptions {
  readonly time: Time;
  readonly random: Random;
  /** How long trouble may last in all, over all calls: time in which at least one call is failing or waiting. */
  readonly budgetMs: number;
  /** Of one call. */
  readonly attemptsMax: number;
  readonly log?: (retry: Retry) => void;
  /** Ends every wait at once. */
  readonly signal?: AbortSignal;
}

export interface RetryingDatastore extends Datastore {
  /** Trouble of the past is forgotten: for the next cycle of a daemon. */
  renewBudget(): void;
}

const waitMsMin = 100;
const waitMsMax = 5000;

/**
 * Repeats what failed in a transient way, with full-jitter exponential backoff, within a budget. An 'unknown' outcome and a permanent
 * fault go to the caller at once. A failing attempt that is under way when the budget ends is not cut short; after that every call
 * fails at once until one that was under way succeeds, or the budget is renewed.
 */
export function retrying(store: Datastore, options: RetryOptions): RetryingDatastore {
  const trouble = new TroubleClock(options.time);
  const call = <T>(operation: keyof Datastore, key: string, run: () => Promise<T>) => repeat(options, trouble, operation, key, run);
  return {
    get: (key, range) => call('get', key, () => store.get(key, range)),
    put: (key, bytes) => call('put', key, () => store.put(key, bytes)),
    // Its transient faults are those where the request was surely never sent.
    putIfAbsent: (key: Key, bytes: Buffer): Promise<Answer<'created' | 'exists'>> =>
      call('putIfAbsent', key, () => store.putIfAbsent(key, bytes)),
    putStream: (key, size, open) => call('putStream', key, () => store.putStream(key, size, open)),
    list: (prefix, page) => call('list', prefix, () => store.list(prefix, page)),
    listFolders: (prefix) => call('listFolders', prefix, () => store.listFolders(prefix)),
    remove: (key) => call('remove', key, () => store.remove(key)),
    unfinishedUploads: (prefix) => call('unfinishedUploads', prefix, () => store.unfinishedUploads(prefix)),
    abortUpload: (upload) => call('abortUpload', upload.key, () => store.abortUpload(upload)),
    close: () => store.close(),
    renewBudget: () => trouble.reset(),
  };
}

async function repeat<T>(
  options: RetryOptions,
  trouble: TroubleClock,
  operation: keyof Datastore,
  key: string,
  run: () => Promise<T>,
): Promise<T> {
  const { time, random, budgetMs, attemptsMax, log, signal } = options;
  let leave: (() => void) | undefined;
  try {
    for (let attempt = 1; ; attempt++) {
      const startedMs = time.monotonicMs();
      // Nobody waits another timeout for a store that has used up the budget and not answered since.
      if (attempt === 1 && trouble.away !== null && trouble.spentMs() >= budgetMs) throw trouble.away;
      try {
        const answer = await run();
        trouble.away = null;
        return answer;
      } catch (fault) {
        leave ??= trouble.enter(startedMs);
        if (!(fault instanceof DatastoreFault) || fault.kind !== 'transient') throw fault;
        const waitMs = random.fraction() * Math.min(waitMsMax, waitMsMin * 2 ** (attempt - 1));
        trouble.away = fault;
        if (attempt >= attemptsMax || trouble.spentMs() + waitMs >= budgetMs || signal?.aborted) throw fault;
        log?.({ operation, key, attempt, waitMs, fault });
        await time.sleep(waitMs, signal);
      }
    }
  } finally {
    leave?.();
  }
}

/** Measures the time in which at least one call is in trouble; sixteen calls that fail side by side spend it once. */
class TroubleClock {
  readonly #time: Time;
  #pastMs = 0;
  #calls = 0;
  #sinceMs = 0;
  /** The last transient fault, while no call has succeeded since. */
  away: DatastoreFault | null = null;

  constructor(time: Time) {
    this.#time = time;
    this.#sinceMs = time.monotonicMs();
  }

  /** Counts from `startedMs`, when the failing attempt began; returns what ends the call's part in it. */
  enter(startedMs: number): () => void {
    // What lies before the end of earlier trouble has been counted.
    if (this.#calls++ === 0) this.#sinceMs = Math.max(startedMs, this.#sinceMs);
    return () => {
      if (--this.#calls > 0) return;
      this.#pastMs = this.spentMs(1);
      this.#sinceMs = this.#time.monotonicMs();
    };
  }

  spentMs(calls = this.#calls): number {
    return this.#pastMs + (calls > 0 ? this.#time.monotonicMs() - this.#sinceMs : 0);
  }

  reset(): void {
    this.away = null;
    this.#pastMs = 0;
    this.#sinceMs = this.#time.monotonicMs();
  }
}
