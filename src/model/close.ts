import type { DirEntry, Entry, Sequence } from './entry.ts';
import type { BytePath } from './path.ts';
import { ancestorsOf, isWithin } from './path.ts';

/** One change that this member is about to append. `entry` null deletes. */
export interface Publication {
  readonly path: BytePath;
  readonly entry: Entry | null;
  readonly base: Sequence;
  readonly beats: Sequence;
  readonly onDisk: boolean;
}

/** What the closing pass may ask about the log's fold and this disk. */
export interface CloseView {
  /** The log's live entry, null where it has none. */
  folded(path: BytePath): { readonly entry: Entry; readonly version: Sequence } | null;
  /** Live paths of the log strictly below, any depth. */
  foldedBelow(directory: BytePath): Iterable<BytePath>;
  /** The directory that this disk has at the path, in the log's terms. */
  localDirectory(path: BytePath): DirEntry | null;
}

export interface Closed {
  readonly publications: ReadonlyMap<BytePath, Publication>;
  /** Deletions of directories taken back because something below survives, with one survivor each. */
  readonly withdrawn: ReadonlyMap<BytePath, BytePath>;
  /** Local files or links that wanted to replace a directory which survives: losers of a kind conflict. */
  readonly displaced: readonly Publication[];
}

const defaultDirectory: DirEntry = { kind: 'dir', mode: 0o755, owner: null, group: null };

/**
 * Rule R3: after these publications every live entry of the log stands in directories only. A surviving entry forces its ancestors
 * to be directories; a directory with live descendants is neither deleted nor replaced.
 */
export function close(planned: ReadonlyMap<BytePath, Publication>, view: CloseView): Closed {
  const publications = new Map(planned);
  forceAncestors(publications, view);
  const { withdrawn, displaced } = keepParents(publications, view);
  return { publications, withdrawn, displaced };
}

function forceAncestors(publications: Map<BytePath, Publication>, view: CloseView): void {
  const checked = new Set<BytePath>();
  for (const { path, entry } of [...publications.values()]) {
    if (entry === null) continue;
    for (const ancestor of ancestorsOf(path)) {
      if (checked.has(ancestor)) break;
      checked.add(ancestor);
      forceDirectory(ancestor, publications, view);
    }
  }
}

function forceDirectory(path: BytePath, publications: Map<BytePath, Publication>, view: CloseView): void {
  const planned = publications.get(path);
  const folded = view.folded(path);
  const after = planned === undefined ? (folded?.entry ?? null) : planned.entry;
  if (after?.kind === 'dir') return;
  const here = view.localDirectory(path);
  const displacesFile = folded !== null && folded.entry.kind !== 'dir';
  publications.set(path, {
    path,
    entry: here ?? defaultDirectory,
    base: folded?.version ?? 0,
    beats: displacesFile ? folded.version : 0,
    onDisk: here !== null,
  });
}

/** Deepest first, so that a directory kept alive keeps its own parents alive in turn. */
function keepParents(publications: Map<BytePath, Publication>, view: CloseView): Pick<Closed, 'withdrawn' | 'displaced'> {
  const withdrawn = new Map<BytePath, BytePath>();
  const displaced: Publication[] = [];
  const survivors: BytePath[] = [];
  for (const publication of [...publications.values()].sort((a, b) => (a.path < b.path ? 1 : -1))) {
    const { path, entry } = publication;
    if (entry?.kind === 'dir' || view.folded(path)?.entry.kind !== 'dir') continue;
    const survivor = survivorBelow(path, publications, view, survivors);
    if (survivor === undefined) continue;
    survivors.push(path);
    publications.delete(path);
    if (entry === null) withdrawn.set(path, survivor);
    else displaced.push(publication);
  }
  return { withdrawn, displaced };
}

function survivorBelow(path: BytePath, publications: Map<BytePath, Publication>, view: CloseView, known: BytePath[]): BytePath | undefined {
  const already = known.find((survivor) => survivor !== path && isWithin(survivor, path));
  if (already !== undefined) return already;
  for (const below of view.foldedBelow(path)) {
    const planned = publications.get(below);
    if (planned === undefined || planned.entry !== null) return below;
  }
  return undefined;
}
