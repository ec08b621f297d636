import type { Loss, PastLosses } from '../model/guard.ts';
import type { Cycle } from './context.ts';

/** Losses made by others that this member has applied, as far back as one window of `maxDelete` reaches (rule G2). */
export function appliedLosses(cycle: Cycle): readonly PastLosses[] {
  const text = cycle.ports.journal.meta('appliedLosses');
  return text === undefined ? [] : (JSON.parse(text) as [number, number][]).map(([atMs, count]) => ({ atMs, count }));
}

/** Called after an apply with what it was to bring: whatever is wanted no more has happened. */
export function noteAppliedLosses(cycle: Cycle, losses: readonly Loss[]): void {
  const { journal } = cycle.ports;
  const happened = losses.filter((loss) => journal.want(loss.path) === null);
  if (happened.length === 0) return;
  const counts = new Map(appliedLosses(cycle).map(({ atMs, count }) => [atMs, count]));
  for (const { atMs } of happened) counts.set(atMs, (counts.get(atMs) ?? 0) + 1);
  const newest = Math.max(...counts.keys());
  const kept = [...counts].filter(([atMs]) => atMs >= newest - cycle.config.maxDelete.windowMs);
  journal.setMeta('appliedLosses', JSON.stringify(kept));
}
