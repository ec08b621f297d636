import type { BytePath } from '../model/path.ts';
import type { Found } from '../steps/scan.ts';
import type { Cycle } from './context.ts';

/** How often a file may be published within a minute of itself before it has to hold still for longer. */
const freely = 5;
/** What was not published for so long begins anew, however it moves. */
const forgottenMs = 60_000;
const rememberedMax = 10_000;

export function notePublished({ memory, ports }: Cycle, paths: Iterable<BytePath>): void {
  const { publishings } = memory;
  const nowMs = ports.time.monotonicMs();
  for (const path of paths) {
    const before = publishings.get(path);
    const times = before !== undefined && nowMs - before.lastMs < forgottenMs ? before.times + 1 : 1;
    publishings.delete(path);
    publishings.set(path, { times, lastMs: nowMs });
  }
  for (const [path, { lastMs }] of publishings) {
    if (publishings.size <= rememberedMax && nowMs - lastMs < forgottenMs) break;
    publishings.delete(path);
  }
}

/**
 * Takes files out of `found` that are written to again and again, such as a log, with pauses longer than the short `settle` of lightweight
 * mode: each time they are published they have to hold still for twice as long, up to `settleMax`, and once a minute they go as they are.
 * The cycle tells when the first of them may go.
 */
export function holdRestless(cycle: Cycle, found: Found[]): BytePath[] {
  const { memory, ports, config } = cycle;
  if (config.mode !== 'lightweight' || memory.publishings.size === 0) return [];
  const nowMs = ports.time.monotonicMs();
  const nowUs = ports.time.wallMs() * 1000;
  const isRestless = ({ path, stat, agreed }: Found) => {
    // What is below a directory, or below what was one, cannot do without it.
    if (stat.kind !== 'file' || agreed?.entry.kind === 'dir') return false;
    const { times, lastMs } = memory.publishings.get(path) ?? { times: 0, lastMs: 0 };
    if (times <= freely || nowMs - lastMs >= forgottenMs) return false;
    const holdMs = Math.min(config.settleMaxMs, Math.max(config.settleMs, 10) * 2 ** (times - freely));
    const leftMs = holdMs - (nowUs - stat.ctimeKey) / 1000;
    if (leftMs <= 0) return false;
    cycle.restsInMs = Math.min(cycle.restsInMs ?? Number.POSITIVE_INFINITY, leftMs);
    return true;
  };
  const held: BytePath[] = [];
  let kept = 0;
  for (const each of found) {
    if (isRestless(each)) held.push(each.path);
    else found[kept++] = each;
  }
  found.length = kept;
  return held;
}
