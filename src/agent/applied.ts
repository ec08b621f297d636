import type { Journal, WantReason } from '../ports/journal.ts';

/** Reasons for which a want counts as not applied yet; the others are deviations that the config asks for. */
export const waiting: readonly WantReason[] = ['pending', 'held', 'unfetchable', 'full', 'busy', 'unsupported', 'refused', 'occupied'];

/** The highest record up to which this disk holds every change; the cursor when nothing waits. */
export function appliedTo(journal: Journal): number {
  const cursor = Number(journal.meta('cursor') ?? '0');
  const unseen = journal.oldestUnseen(waiting);
  return unseen === null ? cursor : Math.min(cursor, unseen - 1);
}
