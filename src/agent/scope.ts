import type { BytePath } from '../model/path.ts';
import { type Scope, wholeScope } from '../model/scope.ts';
import { type Scan, Scanning } from '../steps/scan.ts';
import type { Taken } from './attention.ts';
import { breathing } from './breath.ts';
import type { Cycle } from './context.ts';
import { baseState } from './decide.ts';

/** A burst of more than this is no changeset that anybody waits for in one piece: it is published as it comes. */
const burstPathsMax = 5000;
/** Where a look takes long, at most a tenth of the time goes into looking again. */
const pauseFactor = 10;

/**
 * What a look may go by. A part is enough where everything outside of it is as the journal has it, or known to differ; without a base that
 * is trusted for all paths, and where a person has decided on holds, everything is looked at.
 */
export function scopeOf(cycle: Cycle): Scope {
  const { options } = cycle;
  const { scope = wholeScope } = options;
  if (scope.kind === 'whole' || options.dryRun) return scope;
  const { journal } = cycle.ports;
  const { joined, seeding } = baseState(cycle, () => false);
  if (scope.kind === 'below') return joined || seeding ? scope : wholeScope;
  const isTrusted = joined && journal.meta('suspectBase') === undefined && journal.meta('exclude') === JSON.stringify(cycle.config.exclude);
  return isTrusted && journal.holds().every((hold) => hold.state === 'open') ? scope : wholeScope;
}

/** A dry run leaves no traces. */
export function untaken(scope: Scope): Taken {
  return { scope, include: () => {}, putBack: () => {} };
}

/**
 * Null when the cycle was told to stop; else the scan, and its time of the monotonic clock, ms. Where hints tell of more, what moves is looked at again until it has been quiet for
 * `settle`, so that a burst becomes one changeset; after `settleMax`, and for a large burst, that is left to what follows.
 */
export async function scanQuietly(cycle: Cycle, taken: Taken): Promise<{ scanned: Scan; endedMs: number } | null> {
  const { ports, options, config } = cycle;
  const { time } = ports;
  const startedMs = time.monotonicMs();
  const scanning = new Scanning({ ...ports, nowUs: time.wallMs() * 1000 }, ports.excluded, taken.scope);
  const goOn = breathing(time, options.signal);
  while (scanning.walkOn()) if (!(await goOn())) return null;
  let endedMs = time.monotonicMs();
  let lookMs = endedMs - startedMs;
  if (taken.scope.kind === 'whole') cycle.memory.wholeLookMs = lookMs;
  const mayWait = () => taken.scope.kind === 'directories' && scanning.size > 0 && scanning.size < burstPathsMax && !options.signal.aborted;
  while (options.hints !== undefined && mayWait() && endedMs < startedMs + config.settleMaxMs) {
    await time.sleep(endedMs + Math.max(config.settleMs, pauseFactor * lookMs) - time.monotonicMs(), options.signal);
    const more: ReadonlySet<BytePath> = options.hints();
    if (more.size === 0) break;
    taken.include(more);
    const againMs = time.monotonicMs();
    scanning.lookAgain(more, time.wallMs() * 1000);
    endedMs = time.monotonicMs();
    lookMs = endedMs - againMs;
  }
  return { scanned: scanning.ended(), endedMs };
}
