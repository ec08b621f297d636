import type { Publication } from '../model/close.ts';
import { type DirEntry, type Entry, type Sequence, sameEntry, type Versioned } from '../model/entry.ts';
import { type BytePath, isWithin, parentOf } from '../model/path.ts';
import { type Obstacle, type PastChange, type PresentView, type Step, undone, wayBack } from '../model/travel.ts';
import type { Journal, RecordRow } from '../ports/journal.ts';

/** The earlier state that a person asks for. `path` '' is the root; `exact`: what was not there then goes, too. */
export type Asked =
  | { readonly ask: 'version'; readonly path: BytePath; readonly version: Sequence; readonly k: number; readonly exact: boolean }
  | { readonly ask: 'time'; readonly path: BytePath; readonly when: When; readonly exact: boolean }
  | { readonly ask: 'undo'; readonly sequence: Sequence };

/** A moment by the bucket's clock, ms, or so long ago. */
export type When = { readonly atMs: number } | { readonly agoMs: number };

/** A path that an undo leaves as it is: something stands in the way, or record `changedBy` has changed it since. */
export type Conflict = Obstacle | { readonly path: BytePath; readonly why: 'changed'; readonly changedBy: Sequence };

/** Why nothing can be done, with what a sentence about it needs. */
export type Refusal =
  | { readonly no: 'version'; readonly path: BytePath; readonly version: Sequence; readonly k: number }
  | { readonly no: 'deletion'; readonly path: BytePath; readonly version: Sequence; readonly use: Sequence }
  | { readonly no: 'absent'; readonly path: BytePath }
  | { readonly no: 'history' | 'future'; readonly known: KnownStates }
  | { readonly no: 'record'; readonly sequence: Sequence; readonly known: KnownStates }
  | { readonly no: 'changes'; readonly record: RecordRow }
  | { readonly no: 'room'; readonly obstacles: readonly Obstacle[] };

/** `wished`: every path that was judged, also where nothing has to be done. */
export type Earlier =
  | { readonly ok: true; readonly steps: readonly Step[]; readonly conflicts: readonly Conflict[]; readonly wished: readonly BytePath[] }
  | { readonly ok: false; readonly refusal: Refusal };

/** States that the journal can tell: as of record `oldest` to `newest`, and since bucket time `sinceMs` (null: no record is known). */
export interface KnownStates {
  readonly oldest: Sequence;
  readonly newest: Sequence;
  readonly sinceMs: number | null;
}

export function knownStates(journal: Journal): KnownStates {
  const first = journal.oldestRecord();
  const newest = Number(journal.meta('cursor') ?? '0');
  const fromMs = journal.meta('historyFromMs');
  const beforeFirst = first === null ? newest : first.sequence - 1;
  if (fromMs === undefined) return { oldest: beforeFirst, newest, sinceMs: first?.atMs ?? null };
  const superseded = journal.recordUpTo(Number(fromMs) - 1)?.sequence ?? 0;
  return { oldest: Math.max(beforeFirst, superseded), newest, sinceMs: Number(fromMs) };
}

/** The present: the fold, and over it what a dry run has found on this disk and would publish first. */
interface Present extends PresentView {
  readonly journal: Journal;
  readonly known: KnownStates;
  readonly unpublished: ReadonlyMap<BytePath, Publication>;
}

/**
 * What has to be appended to bring an earlier state back, judged by the fold alone. An undo lists what it leaves alone; everything else is
 * done as a whole or refused.
 */
export function earlier(journal: Journal, asked: Asked, nowMs: number, unpublished: ReadonlyMap<BytePath, Publication>): Earlier {
  const present = presentOf(journal, unpublished);
  if (asked.ask === 'undo') return undo(present, asked.sequence);
  const target = asked.ask === 'version' ? stateOf(present, asked) : stateAt(present, asked.path, asked.when, nowMs);
  if ('no' in target) return { ok: false, refusal: target };
  const { path, exact } = asked;
  const wishes = target.asOf === null ? oneWish(present, path, target.entry, exact) : wishesAsOf(present, path, target.asOf, exact);
  const { steps, obstacles } = wayBack(wishes, present);
  return obstacles.length > 0
    ? { ok: false, refusal: { no: 'room', obstacles } }
    : { ok: true, steps, conflicts: [], wished: [...wishes.keys()] };
}

function presentOf(journal: Journal, unpublished: Present['unpublished']): Present {
  const known = knownStates(journal);
  const present = (path: BytePath): Versioned | null => {
    const publication = unpublished.get(path);
    if (publication === undefined) return journal.folded(path);
    return publication.entry === null ? null : { entry: publication.entry, version: known.newest + 1 };
  };
  const children = (directory: BytePath) => {
    const added = [...unpublished.keys()].filter((path) => parentOf(path) === directory);
    return [...new Set([...journal.foldedChildren(directory), ...added])].filter((path) => present(path) !== null);
  };
  const lastDirectory = (path: BytePath) => (journal.lastDirectory(path)?.entry ?? null) as DirEntry | null;
  return { journal, known, unpublished, present, children, lastDirectory };
}

// ---- which state is meant ----------------------------------------------------------------------------------------------------

/** `asOf`: everything below a directory as of that record; null: this one entry. */
type Target = { readonly asOf: null; readonly entry: Entry } | { readonly asOf: Sequence };

function stateOf(present: Present, { path, version, k }: Asked & { ask: 'version' }): Target | Refusal {
  const { journal, known } = present;
  const rows = journal.versions(path);
  const row = rows.find((one) => one.version === version && one.k === k);
  if (row !== undefined && row.entry !== null && (row.entry.kind !== 'dir' || k > 0)) return { asOf: null, entry: row.entry };
  if (row?.op === 'delete') {
    const before = rows.findLast((one) => one.op === 'put' && one.version < version);
    return { no: 'deletion', path, version, use: before?.entry?.kind === 'dir' ? version - 1 : (before?.version ?? 0) };
  }
  if (k > 0 || version > known.newest) return { no: 'version', path, version, k };
  // A directory changes with what is in it, so that any record is a version of it.
  if (path !== '' && journal.versionAt(path, version)?.entry?.kind !== 'dir') return { no: 'version', path, version, k };
  return version < known.oldest ? { no: 'history', known } : { asOf: version };
}

/** Stores tell time to the second, so that the present one may be named to its end. */
const clockTickMs = 1000;

function stateAt({ journal, known }: Present, path: BytePath, when: When, nowMs: number): Target | Refusal {
  const atMs = 'atMs' in when ? when.atMs : nowMs - when.agoMs;
  if (atMs > nowMs + clockTickMs) return { no: 'future', known };
  if (known.sinceMs === null || atMs < known.sinceMs) return { no: 'history', known };
  const asOf = Math.max(known.oldest, journal.recordUpTo(atMs)?.sequence ?? 0);
  if (path === '') return { asOf };
  const entry = journal.versionAt(path, asOf)?.entry ?? null;
  if (entry === null) return { no: 'absent', path };
  return entry.kind === 'dir' ? { asOf } : { asOf: null, entry };
}

// ---- what is wished for ------------------------------------------------------------------------------------------------------

type Wishes = Map<BytePath, Entry | null>;

function oneWish({ journal, unpublished }: Present, path: BytePath, entry: Entry, exact: boolean): Wishes {
  const wishes: Wishes = new Map([[path, entry]]);
  if (!exact || entry.kind === 'dir') return wishes;
  for (const below of [...journal.foldedBelow(path).map((row) => row.path), ...unpublished.keys()])
    if (below !== path && isWithin(below, path)) wishes.set(below, null);
  return wishes;
}

/** Whatever has not changed since is as it was. */
function wishesAsOf({ journal, known, unpublished }: Present, directory: BytePath, asOf: Sequence, exact: boolean): Wishes {
  const wishes: Wishes = new Map();
  const unpublishedBelow = [...unpublished.keys()].filter((path) => isWithin(path, directory));
  for (const path of new Set([...journal.pathsChanged(directory, asOf, known.newest), ...unpublishedBelow])) {
    const entry = journal.versionAt(path, asOf)?.entry ?? null;
    if (entry !== null || exact) wishes.set(path, entry);
  }
  return wishes;
}

// ---- undo --------------------------------------------------------------------------------------------------------------------

function undo(present: Present, sequence: Sequence): Earlier {
  const { journal, known } = present;
  const record = journal.record(sequence);
  if (record === null) return { ok: false, refusal: { no: 'record', sequence, known } };
  if (record.kind !== 'changes' || record.verdict !== 'ok') return { ok: false, refusal: { no: 'changes', record } };
  const changeset = new Set([sequence, ...journal.recordsOfChangeset(record.changeset)]);
  if (Math.min(...changeset) - 1 < known.oldest) return { ok: false, refusal: { no: 'history', known } };
  const wishes: Wishes = new Map();
  const conflicts: Conflict[] = [];
  for (const path of pathsOf(journal, changeset)) {
    const { entry, changedBy } = undone(changesOf(present, path), changeset);
    if (changedBy === 0) wishes.set(path, entry);
    else if (!sameEntry(present.present(path)?.entry ?? null, entry)) conflicts.push({ path, why: 'changed', changedBy });
  }
  const { steps, obstacles } = wayBack(wishes, present);
  const left = [...conflicts, ...obstacles].sort((a, b) => (a.path < b.path ? -1 : 1));
  return { ok: true, steps, conflicts: left, wished: [...wishes.keys()] };
}

function pathsOf(journal: Journal, changeset: ReadonlySet<Sequence>): Set<BytePath> {
  const rows = [...changeset].flatMap((sequence) => journal.versionsOf(sequence).filter((row) => row.k === 0));
  return new Set(rows.map((row) => row.path));
}

function changesOf({ journal, known, unpublished }: Present, path: BytePath): PastChange[] {
  const changes = journal.versions(path).filter((row) => row.k === 0);
  const here = unpublished.get(path);
  return here === undefined ? changes : [...changes, { version: known.newest + 1, entry: here.entry }];
}
