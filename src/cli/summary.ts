import type { Outcome } from '../agent.ts';
import { counted, formatBytes, formatElapsed } from './format.ts';

export type Counts = Outcome['counts'];

const nothing: Counts = { published: 0, deleted: 0, applied: 0, removed: 0, conflicts: 0, records: 0, bytesUp: 0, bytesDown: 0 };

/** What several cycles did together. */
export function countsOf(outcomes: readonly Outcome[]): Counts {
  const sum = { ...nothing };
  for (const { counts } of outcomes) for (const key of Object.keys(sum) as (keyof Counts)[]) sum[key] += counts[key];
  return sum;
}

/** One line for a person who has watched. */
export function summary(share: string, counts: Counts, cursor: number, elapsedMs: number): string {
  const parts: string[] = [];
  const add = (count: number, what: string, doing: string) => count > 0 && parts.push(`${counted(count, what)} ${doing}`);
  add(counts.published, 'change', `published (${formatBytes(counts.bytesUp)})`);
  add(counts.deleted, 'deletion', 'published');
  add(counts.applied, 'change', `applied (${formatBytes(counts.bytesDown)})`);
  add(counts.removed, 'deletion', 'applied');
  add(counts.conflicts, 'conflict', 'resolved');
  const what = parts.length === 0 ? 'nothing to do' : parts.join(', ');
  return `${share}: ${what}; at record ${cursor}, ${formatElapsed(elapsedMs)}`;
}
