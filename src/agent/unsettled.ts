import type { BytePath } from '../model/path.ts';
import type { Cycle } from './context.ts';

const patienceMs = 5 * 60 * 1000;
const rememberedMax = 200;

/**
 * Rule D2: a path that does not hold still leaves the changeset; after five minutes without a quiet moment it is listed. What the last
 * look did not see goes on as it was.
 */
export function noteUnsettled(cycle: Cycle, paths: readonly BytePath[]): void {
  const { journal } = cycle.ports;
  const before = JSON.parse(journal.meta('unsettled') ?? '{}') as Record<BytePath, number>;
  if (paths.length === 0 && Object.keys(before).length === 0) return;
  const nowMs = cycle.bucketNowMs();
  const since: Record<BytePath, number> = {};
  const restless = new Set([...paths, ...Object.keys(before).filter((path) => !cycle.covers(path))]);
  for (const path of [...restless].slice(0, rememberedMax)) {
    since[path] = before[path] ?? nowMs;
    if (nowMs - (since[path] as number) < patienceMs) continue;
    cycle.note(
      'unsettled',
      path,
      'has been changing for more than five minutes without a quiet moment; it is not synchronised',
      'Stop what writes to it, exclude it, or make settle shorter: that is how long it must hold still.',
    );
  }
  journal.setMeta('unsettled', restless.size === 0 ? null : JSON.stringify(since));
}
