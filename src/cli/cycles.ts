import { systemTime } from '../adapters/system.ts';
import type { CycleOptions } from '../agent/context.ts';
import { stillAlive } from '../agent/glance.ts';
import type { Outcome, ShareAgent } from '../agent.ts';
import { DatastoreFault } from '../ports/datastore.ts';

/** Between two looks while a large file is on its way to the bucket. */
const overtakeMs = 1000;
const unfinishedLooksMax = 10;

/** What cannot wait until everything is done. */
export interface Interruptions {
  /** Aborts when the cycle under way is to make room; another one each time after `serve`. */
  readonly signal: AbortSignal;
  /** Called between two cycles. */
  serve(agent: ShareAgent): Promise<void>;
}

const noInterruptions: Interruptions = { signal: new AbortController().signal, serve: () => Promise.resolve() };

/**
 * Cycles of one share until nothing is on its way any more; small changes overtake a large upload, and an interrupted cycle is begun anew.
 * Throws the fault of a failed upload. The caller holds the share's lock.
 */
export async function runCycles(
  agent: ShareAgent,
  options: CycleOptions,
  interruptions = noInterruptions,
  cycle = (each: CycleOptions) => agent.cycle(each),
): Promise<[Outcome, ...Outcome[]]> {
  const end = new AbortController();
  const heard = options.dryRun ? null : keepHeard(agent, end.signal);
  try {
    return await cyclesUntilDone(agent, options, interruptions, cycle);
  } finally {
    end.abort();
    await heard;
  }
}

/** Other members take one that was silent for three minutes for dead, and a cycle may take hours. */
const heardMs = 60_000;

/** Once a minute, with how far the cycle is, until the signal. */
async function keepHeard(agent: ShareAgent, end: AbortSignal): Promise<void> {
  for (;;) {
    await systemTime.sleep(heardMs, end);
    if (end.aborted) return;
    try {
      await stillAlive(agent, end);
    } catch (error) {
      // The cycle meets the trouble itself, and tells it.
      if (!(error instanceof DatastoreFault)) throw error;
    }
  }
}

async function cyclesUntilDone(
  agent: ShareAgent,
  options: CycleOptions,
  interruptions: Interruptions,
  cycle: (each: CycleOptions) => Promise<Outcome>,
): Promise<[Outcome, ...Outcome[]]> {
  const outcomes: Outcome[] = [];
  for (let looks = 0; ; ) {
    const { signal, release } = either(options.signal, interruptions.signal);
    try {
      const outcome = await cycle({ ...options, signal, lasting: options.signal });
      outcomes.push(outcome);
      throwFailedUpload(agent);
      const { uploads } = agent.memory;
      const isOver =
        !outcome.unfinished || options.dryRun || outcome.halt !== null || (uploads.size === 0 && ++looks >= unfinishedLooksMax);
      if (options.signal.aborted || (isOver && !signal.aborted)) return outcomes as [Outcome, ...Outcome[]];
      if (uploads.size > 0) await Promise.race([...[...uploads.values()].map(({ done }) => done), systemTime.sleep(overtakeMs, signal)]);
    } finally {
      release();
    }
    if (interruptions.signal.aborted) await interruptions.serve(agent);
  }
}

/** Aborts with the first of two. `AbortSignal.any` would be remembered by the longer-lived one for as long as that lives. */
export function either(first: AbortSignal, second: AbortSignal): { readonly signal: AbortSignal; readonly release: () => void } {
  const both = new AbortController();
  const abort = () => both.abort();
  for (const signal of [first, second]) signal.addEventListener('abort', abort, { once: true });
  if (first.aborted || second.aborted) abort();
  return {
    signal: both.signal,
    release: () => {
      for (const signal of [first, second]) signal.removeEventListener('abort', abort);
    },
  };
}

/** A failed upload is forgotten, so that the next cycle of a daemon begins it anew. */
function throwFailedUpload({ memory }: ShareAgent): void {
  for (const [path, upload] of memory.uploads) {
    if (upload.failed === undefined) continue;
    memory.uploads.delete(path);
    throw upload.failed;
  }
}
