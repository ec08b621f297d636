import { systemTime } from '../adapters/system.ts';
import type { CycleOptions } from '../agent/context.ts';
import type { Outcome, ShareAgent } from '../agent.ts';

/** Between two looks while a large file is on its way to the bucket. */
const overtakeMs = 1000;
const unfinishedLooksMax = 10;

/**
 * Cycles of one share until nothing is on its way any more; small changes overtake a large upload. Throws the fault of a failed
 * upload. The caller holds the share's lock.
 */
export async function runCycles(
  agent: ShareAgent,
  options: CycleOptions,
  cycle = () => agent.cycle(options),
): Promise<[Outcome, ...Outcome[]]> {
  const outcomes: [Outcome, ...Outcome[]] = [await cycle()];
  for (let looks = 0; ; ) {
    throwFailedUpload(agent);
    const outcome = outcomes.at(-1) as Outcome;
    if (!outcome.unfinished || options.dryRun || outcome.halt !== null || options.signal.aborted) return outcomes;
    const { uploads } = agent.memory;
    if (uploads.size > 0) {
      await Promise.race([...[...uploads.values()].map((upload) => upload.done), systemTime.sleep(overtakeMs, options.signal)]);
    } else if (++looks >= unfinishedLooksMax) return outcomes;
    outcomes.push(await cycle());
  }
}

/** A failed upload is forgotten, so that the next cycle of a daemon begins it anew. */
function throwFailedUpload({ memory }: ShareAgent): void {
  for (const [path, upload] of memory.uploads) {
    if (upload.failed === undefined) continue;
    memory.uploads.delete(path);
    throw upload.failed;
  }
}
