import type { NewFile } from '../model/apply-order.ts';
import type { CloseView, Publication } from '../model/close.ts';
import { close, inTheWay } from '../model/close.ts';
import type { DirEntry, Entry, Kind, Sequence } from '../model/entry.ts';
import { sameContent, sameEntry } from '../model/entry.ts';
import type { Loss, MaxDelete, PastLosses } from '../model/guard.ts';
import type { BytePath } from '../model/path.ts';
import type { Decision, JoinFacts, Local, Policy } from '../model/reconcile.ts';
import { reconcile, reconcileJoin } from '../model/reconcile.ts';
import type { Expected } from '../ports/filesystem.ts';
import type { Agreed, DiskStamp, Journal, Want, WantReason } from '../ports/journal.ts';
import { holdIncoming, holdOwn } from './plan/hold.ts';
import { withholdHomeless } from './plan/homeless.ts';

/** What the disk differs in, path by path (see collate). */
export interface Difference {
  readonly path: BytePath;
  readonly agreed: Agreed | null;
  readonly local: Local;
  /** What was seen there, null where nothing stands. */
  readonly look: (DiskStamp & Expected) | null;
}

/** One path that has to be brought to what the log wants. */
export interface ApplyItem {
  readonly path: BytePath;
  /** null removes. */
  readonly entry: Entry | null;
  readonly version: Sequence;
  readonly atMs: number;
  /** What stands there and is replaced or removed; null where nothing is expected. */
  readonly expected: Expected | null;
  /** The same in the log's terms, for the trash index; null where nothing stands or its content was never read. */
  readonly standing: Entry | null;
  readonly why: 'replaced' | 'deleted' | 'conflict' | 'join' | 'drift';
  /** There is a want behind it; false for a local-only path that a join sends to the trash. */
  readonly wanted: boolean;
  readonly attempts: number;
}

/** A loser of a conflict that is published as a history version before it is displaced (rule R2). */
export interface Loser {
  readonly path: BytePath;
  readonly entry: Entry;
  readonly lostTo: Sequence;
}

export interface Plan {
  /** Loses what has been published, and so do the losers. */
  readonly publications: Map<BytePath, Publication>;
  readonly losers: Loser[];
  readonly applies: readonly ApplyItem[];
  /** Files to be applied where neither base nor disk has anything; they are no part of `applies`. */
  readonly newFiles: readonly NewFile[];
  /** Publisher's losses above maxDelete: not published; with the version each would delete. */
  readonly heldHere: readonly { readonly path: BytePath; readonly version: Sequence }[];
  /** Deletions of others above maxDelete: not applied. */
  readonly heldThere: readonly Want[];
  /** Deletions of others that are let through and count for those that follow. */
  readonly lossesThere: readonly Loss[];
  /** Local paths that the config or an unfinished join keeps out of the log, for `status`. */
  readonly deviations: readonly { readonly path: BytePath; readonly why: string }[];
}

export interface PlanInput {
  readonly policy: Policy;
  readonly keepDeletes: boolean;
  readonly maxDelete: MaxDelete;
  /** Losses this member published inside the rolling window. */
  readonly recentLosses: number;
  /** Losses that a hold holds and this look did not see: they count, or they would go through part by part. */
  readonly heldElsewhere: number;
  /** Losses made by others that were applied here, by the bucket time of their records. */
  readonly appliedLosses: readonly PastLosses[];
  /** Paths whose losses were approved, with the version. */
  readonly approved: ReadonlyMap<BytePath, Sequence>;
  /** Facts for a path without a trusted base, or null where the base is trusted. */
  readonly joinFacts: (path: BytePath, here: Entry | null) => JoinFacts | null;
  /** Content that an earlier version had, on a disk or journal that came back from a backup or a clone (rules J2, J4): no edit. */
  readonly stale: (path: BytePath, here: Entry) => boolean;
  readonly excluded: (path: BytePath, isDirectory: boolean) => boolean;
  /** True where nothing may be concluded about the disk. */
  readonly unknown: (path: BytePath) => boolean;
  /** A person on this member asked for what the log wants here: a publisher takes it over, too. */
  readonly asked: (path: BytePath) => boolean;
  /** A reject turned these held deletions of others down: the file is published again. */
  readonly rejected: ReadonlySet<BytePath>;
  /** False to have new files among `applies`, in full. */
  readonly newFilesApart: boolean;
}

const openReasons: readonly WantReason[] = [
  'pending',
  'held',
  'unfetchable',
  'full',
  'busy',
  'unsupported',
  'refused',
  'occupied',
  'role',
  'drift',
  'kept',
];

/**
 * Decides for every path at which disk, base and log are not one: what is published, what is applied, what is held. Writes only what
 * needs no effect: agreements, and the reasons of wants that stay.
 */
export function plan(journal: Journal, differences: ReadonlyMap<BytePath, Difference>, input: PlanInput): Plan {
  const draft = newDraft();
  journal.transaction(() => {
    for (const path of pathsInOrder(journal, differences, input, draft)) decidePath(journal, path, differences.get(path), input, draft);
    closeDraft(journal, differences, draft);
  });
  const heldHere = holdOwn(journal, input, draft);
  // What a held loss leaves standing may be below a directory that was about to give way.
  if (heldHere.length > 0) journal.transaction(() => closeDraft(journal, differences, draft));
  clearTheWay(journal, differences, draft);
  const { heldThere, losses } = holdIncoming(journal, input, draft);
  return {
    publications: draft.publications,
    losers: draft.losers,
    applies: [...draft.applies.values()],
    newFiles: draft.newFiles,
    heldHere,
    heldThere,
    lossesThere: losses,
    deviations: draft.deviations,
  };
}

interface Draft {
  publications: Map<BytePath, Publication>;
  losers: Loser[];
  applies: Map<BytePath, ApplyItem>;
  newFiles: NewFile[];
  deviations: { path: BytePath; why: string }[];
}

function newDraft(): Draft {
  return { publications: new Map(), losers: [], applies: new Map(), newFiles: [], deviations: [] };
}

/** Where neither disk nor base has anything there is nothing to decide: those go into the draft at once. */
function pathsInOrder(
  journal: Journal,
  differences: ReadonlyMap<BytePath, Difference>,
  { newFilesApart, policy, unknown, excluded }: PlanInput,
  draft: Draft,
): BytePath[] {
  const { newFiles, others } = journal.wantPaths(openReasons);
  const apart = newFilesApart && policy.role !== 'publisher';
  const paths = new Set([...differences.keys(), ...others]);
  for (const file of newFiles) {
    const { path } = file;
    if (apart && !differences.has(path) && !unknown(path) && !excluded(path, false)) draft.newFiles.push(file);
    else paths.add(path);
  }
  return [...paths].sort();
}

function decidePath(journal: Journal, path: BytePath, difference: Difference | undefined, input: PlanInput, draft: Draft): void {
  // The base of now, not that of the scan: an agreement or a merge of an earlier decision in this cycle has moved it.
  const agreed = journal.agreed(path);
  const want = journal.want(path);
  if (want !== null && input.excluded(path, want.entry?.kind === 'dir')) return setAside(journal, want, agreed);
  const local: Local = difference?.local ?? (input.unknown(path) ? { seen: 'unknown' } : { seen: 'same' });
  const here = local.seen === 'entry' ? local.entry : local.seen === 'same' ? (agreed?.entry ?? null) : null;
  const rejected = input.rejected.has(path) && agreed !== null && want?.entry === null && local.seen === 'same';
  if (
    local.seen === 'entry' &&
    input.stale(path, local.entry) &&
    !sameContent(local.entry, want === null ? (agreed?.entry ?? null) : want.entry)
  ) {
    draft.applies.set(path, staleItem(path, agreed, want, local.entry, difference));
    return;
  }
  const facts = agreed === null && local.seen !== 'unknown' ? input.joinFacts(path, here) : null;
  const policy: Policy = input.asked(path) ? { ...input.policy, role: 'both' } : input.policy;
  const decision: Decision = rejected
    ? { do: 'publish', entry: agreed.entry, base: 0, beats: 0, onDisk: true }
    : facts !== null
      ? reconcileJoin(here, want ?? undefined, facts, policy.role)
      : reconcile(agreed, local, want ?? undefined, policy);
  carryOut(journal, { path, agreed, want, here, difference, decision }, input, draft);
}

function staleItem(path: BytePath, agreed: Agreed | null, want: Want | null, here: Entry, difference: Difference | undefined): ApplyItem {
  const target = want ?? { entry: agreed?.entry ?? null, version: agreed?.version ?? 0, atMs: 0, attempts: 0 };
  const { entry, version, atMs, attempts } = target;
  return { path, entry, version, atMs, attempts, expected: difference?.look ?? null, standing: here, why: 'join', wanted: want !== null };
}

interface Decided {
  readonly path: BytePath;
  readonly agreed: Agreed | null;
  readonly want: Want | null;
  readonly here: Entry | null;
  readonly difference: Difference | undefined;
  readonly decision: Decision;
}

/** Rule J5: the base is dropped, the want is kept current, the disk is left alone. */
function setAside(journal: Journal, want: Want, agreed: Agreed | null): void {
  if (agreed !== null) journal.dropAgreed(want.path);
  if (want.entry === null) journal.dropWant(want.path);
  else if (want.reason !== 'excluded') journal.setWantReason(want.path, 'excluded', '', 0);
}

function carryOut(journal: Journal, decided: Decided, input: PlanInput, draft: Draft): void {
  const { path, want, here, decision } = decided;
  const removes = want?.entry === null && here !== null && (decision.do === 'apply' || decision.do === 'displace');
  if (removes && input.keepDeletes) keepDeleted(journal, path);
  else if (decision.do === 'agree') agree(journal, decided);
  else if (decision.do === 'publish') draft.publications.set(path, publicationOf(path, decision));
  else if (decision.do === 'yield') yieldTo(journal, decided, decision.loser, draft);
  else if (decision.do === 'displace') draft.applies.set(path, applyItem(decided, decision.why));
  else if (decision.do === 'apply' && want !== null)
    draft.applies.set(path, applyItem(decided, want.entry === null ? 'deleted' : 'replaced'));
  else if (decision.do === 'nothing') noteDeviation(journal, decided, want, here, input, draft);
}

function publicationOf(path: BytePath, { entry, base, beats, onDisk }: Decision & { do: 'publish' }): Publication {
  return { path, entry, base, beats, onDisk };
}

function agree(journal: Journal, { path, want, difference, agreed }: Decided): void {
  const stamp = difference?.look ? { ...difference.look, racy: true } : (agreed?.stamp ?? null);
  if (want !== null && want.entry !== null) journal.putAgreed({ path, entry: want.entry, version: want.version, stamp });
  else journal.dropAgreed(path);
  if (want !== null) journal.dropWant(path);
}

/** The kept version may already be in the log, when an earlier run was killed between publishing and displacing. */
function yieldTo(journal: Journal, decided: Decided, loser: Entry, draft: Draft): void {
  const lostTo = decided.want?.version ?? 0;
  if (!isKept(journal, decided.path, lostTo, loser) && loser.kind !== 'dir')
    draft.losers.push({ path: decided.path, entry: loser, lostTo });
  draft.applies.set(decided.path, applyItem(decided, 'conflict'));
}

/** The log holds this loser as a `kept` version already. */
export function isKept(journal: Journal, path: BytePath, lostTo: Sequence, loser: Entry): boolean {
  return journal
    .versions(path)
    .some((row) => row.op === 'kept' && row.against === lostTo && row.entry !== null && sameContent(row.entry, loser));
}

/**
 * Rule J6, `delete: keep`: the file stays, listed, whatever becomes of it here. Its base stays too: should this member publish one day,
 * what the federation has deleted must not look like a creation.
 */
function keepDeleted(journal: Journal, path: BytePath): void {
  if (journal.want(path)?.reason !== 'kept') journal.setWantReason(path, 'kept', 'deleted by the federation, kept here by the config', 0);
}

function noteDeviation(journal: Journal, decided: Decided, want: Want | null, here: Entry | null, input: PlanInput, draft: Draft): void {
  if (want !== null && input.policy.role === 'publisher' && want.reason !== 'role') {
    journal.setWantReason(want.path, 'role', 'a publisher does not take over changes of others', 0);
  }
  // A path that was read again, because its last look was too close to its change, need not differ.
  const differs =
    decided.difference !== undefined && decided.difference.local.seen !== 'same' && !sameEntry(here, decided.agreed?.entry ?? null);
  if (want === null && !differs && here === null) return;
  const why = input.policy.role === 'subscriber' ? 'changed here; a subscriber does not publish' : 'not taken over yet';
  if (want !== null || differs) draft.deviations.push({ path: decided.path, why });
}

function applyItem(decided: Decided, why: ApplyItem['why']): ApplyItem {
  const { path, want, difference, agreed, here } = decided;
  const standingStat = difference === undefined ? expectedOf(agreed) : difference.look;
  return {
    path,
    entry: want?.entry ?? null,
    version: want?.version ?? 0,
    atMs: want?.atMs ?? 0,
    expected: standingStat,
    standing: here,
    why,
    wanted: want !== null,
    attempts: want?.attempts ?? 0,
  };
}

function expectedOf(agreed: Agreed | null): Expected | null {
  return agreed?.stamp ? { kind: agreed.entry.kind, ...agreed.stamp } : null;
}

/** Rule R3 over everything that is about to be published. */
function closeDraft(journal: Journal, differences: ReadonlyMap<BytePath, Difference>, draft: Draft): void {
  const view: CloseView = {
    folded: (path) => journal.folded(path),
    foldedBelow: (directory) => journal.foldedBelow(directory).map((row) => row.path),
    localDirectory: (path) => localDirectory(journal, differences, path),
  };
  withholdHomeless(draft.publications, view);
  const closed = close(draft.publications, view);
  draft.publications = new Map(closed.publications);
  for (const publication of closed.publications.values()) draft.applies.delete(publication.path);
  if (draft.publications.size > 0) draft.newFiles = draft.newFiles.filter(({ path }) => !draft.publications.has(path));
  for (const path of closed.withdrawn.keys()) bringBack(journal, path, draft);
  for (const { path, entry } of closed.displaced) displaceFile(journal, differences, path, entry, draft);
}

function localDirectory(journal: Journal, differences: ReadonlyMap<BytePath, Difference>, path: BytePath): DirEntry | null {
  const local = differences.get(path)?.local;
  if (local?.seen === 'entry') return local.entry.kind === 'dir' ? local.entry : null;
  if (local?.seen === 'absent') return null;
  const agreed = journal.agreed(path);
  return agreed?.entry.kind === 'dir' ? agreed.entry : null;
}

/** A directory that was removed here while something below it lives on: it has to come back, once what is below is applied. */
function bringBack(journal: Journal, path: BytePath, draft: Draft): void {
  const folded = journal.folded(path);
  const isBelow = (item: { readonly path: BytePath }) => item.path.startsWith(`${path}/`);
  const incoming = draft.newFiles.some(isBelow) || [...draft.applies.values()].some((item) => item.entry !== null && isBelow(item));
  if (folded === null || !incoming) return;
  draft.applies.set(path, {
    ...{ path, entry: folded.entry, version: folded.version, atMs: 0, expected: null, standing: null, why: 'replaced' },
    ...{ wanted: false, attempts: 0 },
  });
}

function displaceFile(
  journal: Journal,
  differences: ReadonlyMap<BytePath, Difference>,
  path: BytePath,
  loser: Entry | null,
  draft: Draft,
): void {
  const folded = journal.folded(path);
  const difference = differences.get(path);
  if (folded === null || loser === null || difference === undefined) return;
  const want: Want = journal.want(path) ?? { ...folded, atMs: 0, approved: false, reason: 'pending', detail: '', attempts: 0 };
  yieldTo(journal, { path, agreed: difference.agreed, want, here: loser, difference, decision: { do: 'yield', loser } }, loser, draft);
}

/** Drift that has no want of its own gives way where something wanted needs its place; it takes the fold's state. */
function clearTheWay(journal: Journal, differences: ReadonlyMap<BytePath, Difference>, draft: Draft): void {
  if (draft.deviations.length === 0 || draft.applies.size + draft.newFiles.length === 0) return;
  const wants = new Map<BytePath, { readonly kind: Kind } | null>([...draft.applies.values()].map((item) => [item.path, item.entry]));
  for (const { path } of draft.newFiles) wants.set(path, { kind: 'file' });
  const blocking = inTheWay(wants, {
    kind: (path) => standingKind(journal, differences, path),
    below: (directory) => standingBelow(journal, differences, directory),
  });
  for (const path of blocking) {
    const folded = journal.folded(path);
    const difference = differences.get(path);
    const agreed = journal.agreed(path);
    const here = difference?.local.seen === 'entry' ? difference.local.entry : difference === undefined ? (agreed?.entry ?? null) : null;
    draft.applies.set(path, {
      ...{ path, entry: folded?.entry ?? null, version: folded?.version ?? 0, atMs: 0, attempts: 0, why: 'drift', wanted: false },
      ...{ expected: difference === undefined ? expectedOf(agreed) : difference.look, standing: here },
    });
  }
}

function standingKind(journal: Journal, differences: ReadonlyMap<BytePath, Difference>, path: BytePath): Entry['kind'] | null {
  const difference = differences.get(path);
  if (difference === undefined) return journal.agreed(path)?.entry.kind ?? null;
  const kind = difference.look?.kind ?? null;
  return kind === 'other' ? null : kind;
}

function standingBelow(journal: Journal, differences: ReadonlyMap<BytePath, Difference>, directory: BytePath): BytePath[] {
  const here = [...differences.values()].filter(({ path, look }) => look !== null && path.startsWith(`${directory}/`));
  const agreed = journal.agreedBelow(directory).filter(({ path }) => !differences.has(path));
  return [...here, ...agreed].map(({ path }) => path);
}
