import { type DirEntry, type Entry, type Sequence, sameEntry, type Versioned } from './entry.ts';
import { ancestorsOf, type BytePath, comparePaths } from './path.ts';

/** What the way back to an earlier state may ask about the present one. */
export interface PresentView {
  /** The log's live entry, null where it has none. */
  present(path: BytePath): Versioned | null;
  /** Live paths right below a directory. */
  children(directory: BytePath): readonly BytePath[];
  /** The newest directory that is known to have stood there; null where none is. */
  lastDirectory(path: BytePath): DirEntry | null;
}

/** One change on the way back. `entry` null deletes; `before` is what stands there now, in version `base` (0: nothing does). */
export interface Step {
  readonly path: BytePath;
  readonly entry: Entry | null;
  readonly before: Entry | null;
  readonly base: Sequence;
}

/**
 * Why a path has to stay as it is. - under: `at` above it is a file or a link now. - filled: `at`, which is to stay, lies in the directory
 * that was to give way.
 */
export interface Obstacle {
  readonly path: BytePath;
  readonly why: 'under' | 'filled';
  readonly at: BytePath;
}

export interface Return {
  /** Deletions with children first, entries with parents first, links last (rule P4): a record may end after any of them (rule L2). */
  readonly steps: readonly Step[];
  readonly obstacles: readonly Obstacle[];
}

const unknownDirectory: DirEntry = { kind: 'dir', mode: 0o755, owner: null, group: null };

interface Returning {
  /** Only what differs from the present. */
  readonly wishes: Map<BytePath, Entry | null>;
  readonly obstacles: Obstacle[];
  readonly view: PresentView;
}

/**
 * The changes that make each path what is wished for, null being its absence. Directories that have to stand around an entry come back
 * with it; what cannot be done without touching anything else is an obstacle and left out.
 */
export function wayBack(wished: ReadonlyMap<BytePath, Entry | null>, view: PresentView): Return {
  const differing = [...wished].filter(([path, entry]) => !sameEntry(view.present(path)?.entry ?? null, entry));
  const returning: Returning = { wishes: new Map(differing), obstacles: [], view };
  keepFilled(returning);
  standOnDirectories(returning);
  return { steps: inOrder(returning), obstacles: returning.obstacles.sort((a, b) => comparePaths(a.path, b.path)) };
}

/** Deepest first: what stays keeps the directory that it lies in, and so those around it. */
function keepFilled({ wishes, obstacles, view }: Returning): void {
  for (const [path, entry] of [...wishes].sort(([a], [b]) => comparePaths(b, a))) {
    if (entry?.kind === 'dir' || view.present(path)?.entry.kind !== 'dir') continue;
    const at = view.children(path).find((child) => wishes.get(child) !== null);
    if (at === undefined) continue;
    wishes.delete(path);
    obstacles.push({ path, why: 'filled', at });
  }
}

function standOnDirectories(returning: Returning): void {
  const { wishes, obstacles } = returning;
  const standing = new Set<BytePath>();
  for (const [path, entry] of [...wishes].sort(([a], [b]) => comparePaths(a, b))) {
    if (entry === null) continue;
    const blocked = ancestorsOf(path)
      .reverse()
      .find((ancestor) => !standing.has(ancestor) && !makeStand(ancestor, standing, returning));
    if (blocked === undefined) continue;
    wishes.delete(path);
    obstacles.push({ path, why: 'under', at: blocked });
  }
}

/** False where something else than a directory stands and is to stay. */
function makeStand(directory: BytePath, standing: Set<BytePath>, { wishes, view }: Returning): boolean {
  const wish = wishes.get(directory);
  const present = view.present(directory)?.entry;
  if (wish === undefined && present === undefined) wishes.set(directory, view.lastDirectory(directory) ?? unknownDirectory);
  else if (wish === null && present?.kind === 'dir') wishes.delete(directory);
  else if ((wish ?? present)?.kind !== 'dir') return false;
  standing.add(directory);
  return true;
}

function inOrder({ wishes, view }: Returning): Step[] {
  const steps = [...wishes].map(([path, entry]): Step => {
    const present = view.present(path);
    return { path, entry, before: present?.entry ?? null, base: present?.version ?? 0 };
  });
  const rank = ({ entry }: Step) => (entry === null ? 0 : entry.kind === 'link' ? 2 : 1);
  return steps.sort((a, b) => rank(a) - rank(b) || (a.entry === null ? comparePaths(b.path, a.path) : comparePaths(a.path, b.path)));
}

/** One change in the history of a path; `entry` null is a deletion. */
export interface PastChange {
  readonly version: Sequence;
  readonly entry: Entry | null;
}

/** What a path was before a changeset, and the later record that has changed it since (0: none has). */
export interface Undone {
  readonly entry: Entry | null;
  readonly changedBy: Sequence;
}

/**
 * `changes` is the whole history of one path, oldest first; at least one of them belongs to the changeset. Where records of others came
 * in between, only what came behind the last of them is undone.
 */
export function undone(changes: readonly PastChange[], changeset: ReadonlySet<Sequence>): Undone {
  const last = changes.findLastIndex(({ version }) => changeset.has(version));
  const later = changes[last + 1];
  const before = changes.slice(0, last).findLast(({ version }) => !changeset.has(version));
  return { entry: before?.entry ?? null, changedBy: later?.version ?? 0 };
}

/** How a path differs between two states; null where it does not. */
export type Change = 'added' | 'deleted' | 'changed' | 'replaced';

/** `replaced`: by something of another kind. */
export function changeBetween(before: Entry | null, after: Entry | null): Change | null {
  if (before === null || after === null) return before === after ? null : before === null ? 'added' : 'deleted';
  if (before.kind !== after.kind) return 'replaced';
  return sameEntry(before, after) ? null : 'changed';
}
