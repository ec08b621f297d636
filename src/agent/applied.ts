import type { Journal, Want, WantReason } from '../ports/journal.ts';

/** Reasons for which a want counts as not applied yet; the others are deviations that the config asks for. */
const waiting: readonly WantReason[] = ['pending', 'held', 'unfetchable', 'full', 'busy', 'unsupported', 'refused', 'occupied'];

/** The highest record up to which this disk holds every change; the cursor when nothing waits. */
export function appliedTo(journal: Journal): number {
  const cursor = Number(journal.meta('cursor') ?? '0');
  return waitingWants(journal).reduce((lowest, want) => Math.min(lowest, lowestOpen(journal, want, lowest + 1) - 1), cursor);
}

export function waitingWants(journal: Journal): Want[] {
  return journal.wants(waiting);
}

/** The first record whose change of the path this disk has not seen: later ones at the same path may have hidden it since. */
function lowestOpen(journal: Journal, want: Want, below: number): number {
  const base = journal.agreed(want.path)?.version ?? null;
  if (base !== null && base + 1 >= below) return below;
  let lowest = want.version;
  for (const row of journal.versions(want.path).reverse()) {
    if (row.k > 0 || row.version >= want.version) continue;
    // Without a base the disk shows the absence that the last deletion left.
    if (base === null ? row.op === 'delete' : row.version <= base) break;
    lowest = row.version;
  }
  return Math.min(lowest, below);
}
