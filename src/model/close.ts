import type { DirEntry, Entry, Kind, Sequence } from './entry.ts';
import type { BytePath } from './path.ts';
import { ancestorsOf } from './path.ts';

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
  /** Files or links that wanted to stand where a directory has to be: losers of a kind conflict. */
  readonly displaced: readonly Publication[];
}

const defaultDirectory: DirEntry = { kind: 'dir', mode: 0o755, owner: null, group: null };

interface Closing {
  readonly publications: Map<BytePath, Publication>;
  readonly withdrawn: Map<BytePath, BytePath>;
  readonly displaced: Publication[];
}

/**
 * Rule R3: after these publications every live entry of the log stands in directories only. A surviving entry forces its ancestors
 * to be directories; a directory with live descendants is neither deleted nor replaced.
 */
export function close(planned: ReadonlyMap<BytePath, Publication>, view: CloseView): Closed {
  const closing: Closing = { publications: new Map(planned), withdrawn: new Map(), displaced: [] };
  forceAncestors(closing, view);
  keepParents(closing, view);
  return closing;
}

function forceAncestors(closing: Closing, view: CloseView): void {
  const checked = new Set<BytePath>();
  for (const { path, entry } of [...closing.publications.values()]) {
    if (entry === null) continue;
    for (const ancestor of ancestorsOf(path)) {
      if (checked.has(ancestor)) break;
      checked.add(ancestor);
      forceDirectory(ancestor, path, closing, view);
    }
  }
}

function forceDirectory(path: BytePath, survivor: BytePath, closing: Closing, view: CloseView): void {
  const planned = closing.publications.get(path);
  const folded = view.folded(path);
  const after = planned === undefined ? folded?.entry : planned.entry;
  if (after?.kind === 'dir') return;
  if (planned !== undefined) takeBack(planned, survivor, closing);
  if (folded?.entry.kind === 'dir') return;
  const here = view.localDirectory(path);
  closing.publications.set(path, {
    path,
    entry: here ?? defaultDirectory,
    base: folded?.version ?? 0,
    // What this member deleted or replaced itself lost no conflict.
    beats: planned === undefined ? (folded?.version ?? 0) : planned.beats,
    onDisk: here !== null,
  });
}

/** Deepest first, so that a directory kept alive keeps its own parents alive in turn. */
function keepParents(closing: Closing, view: CloseView): void {
  for (const publication of [...closing.publications.values()].sort((a, b) => (a.path < b.path ? 1 : -1))) {
    const { path, entry } = publication;
    if (entry?.kind === 'dir' || view.folded(path)?.entry.kind !== 'dir') continue;
    const survivor = survivorBelow(path, closing.publications, view);
    if (survivor !== undefined) takeBack(publication, survivor, closing);
  }
}

function takeBack(publication: Publication, survivor: BytePath, { publications, withdrawn, displaced }: Closing): void {
  publications.delete(publication.path);
  if (publication.entry === null) withdrawn.set(publication.path, survivor);
  else displaced.push(publication);
}

function survivorBelow(path: BytePath, publications: ReadonlyMap<BytePath, Publication>, view: CloseView): BytePath | undefined {
  for (const below of view.foldedBelow(path)) {
    const planned = publications.get(below);
    if (planned === undefined || planned.entry !== null) return below;
  }
  return undefined;
}

/** What stands on this disk, as far as it belongs to the share's entry set (what is excluded does not). */
export interface StandingView {
  kind(path: BytePath): Kind | null;
  /** Strictly below, any depth. */
  below(directory: BytePath): Iterable<BytePath>;
}

/**
 * Deviations that block `wants` about to be applied: an ancestor that is no directory here, and everything below what becomes a file
 * or link. A subscriber's drift, or what stays in place during a split changeset, has no want of its own there; it has to give way to
 * the fold (into the trash) as if its path had changed. A deleted directory with such children is left instead: nothing needs its place.
 */
export function inTheWay(wants: ReadonlyMap<BytePath, { readonly kind: Kind } | null>, standing: StandingView): ReadonlySet<BytePath> {
  const found = new Set<BytePath>();
  for (const [path, entry] of wants) {
    if (entry === null) continue;
    for (const ancestor of ancestorsOf(path)) if (standing.kind(ancestor) !== 'dir' && !wants.has(ancestor)) found.add(ancestor);
    if (entry.kind === 'dir' || standing.kind(path) !== 'dir') continue;
    for (const below of standing.below(path)) if (!wants.has(below)) found.add(below);
  }
  return found;
}
