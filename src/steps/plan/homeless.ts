import type { CloseView, Publication } from '../../model/close.ts';
import type { BytePath } from '../../model/path.ts';
import { comparePaths, parentOf } from '../../model/path.ts';

/**
 * Takes out what stands in a directory of which neither this look nor the log knows anything: it was away for the moment of the look, and
 * is met by the next one. Else the closing pass would make up its rights, and they would be those of all members.
 */
export function withholdHomeless(publications: Map<BytePath, Publication>, view: Pick<CloseView, 'folded' | 'localDirectory'>): void {
  const homes = new Map<BytePath, boolean>([['', true]]);
  const isHome = (path: BytePath) => publications.has(path) || view.folded(path) !== null || view.localDirectory(path) !== null;
  for (const { path, entry } of [...publications.values()].sort((a, b) => comparePaths(a.path, b.path))) {
    if (entry === null) continue;
    const parent = parentOf(path);
    const isKnown = homes.get(parent) ?? isHome(parent);
    homes.set(parent, isKnown);
    if (isKnown) continue;
    publications.delete(path);
    homes.set(path, false);
  }
}
