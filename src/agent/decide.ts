import { contentHash } from '../model/digest.ts';
import { type Entry, sameContent } from '../model/entry.ts';
import { type BytePath, comparePaths } from '../model/path.ts';
import type { JoinFacts } from '../model/reconcile.ts';
import type { Hold, HoldPath, Journal } from '../ports/journal.ts';
import type { Difference, Plan, PlanInput } from '../steps/plan.ts';
import { plan } from '../steps/plan.ts';
import { isUnknown } from '../steps/scan.ts';
import type { Cycle } from './context.ts';
import { appliedLosses } from './losses.ts';
import { isBlindTo } from './suspect.ts';

const openChangesetMaxMs = 24 * 3600 * 1000;
const recordsLookedAt = 2000;

/** What the base is worth in this cycle (rules J1 to J5). */
export interface BaseState {
  readonly joined: boolean;
  /** The share's log was empty when this member looked: it seeds. */
  readonly seeding: boolean;
  readonly incomplete: boolean;
  /** Excluded under the config of the last cycle, not any more. */
  readonly reincluded: (path: BytePath, isDirectory: boolean) => boolean;
}

export function baseState(cycle: Cycle, reincluded: BaseState['reincluded']): BaseState {
  const { journal } = cycle.ports;
  const joined = journal.meta('joined') === '1';
  const others = openChangesets(cycle).filter((author) => author !== cycle.ports.member.id);
  return {
    joined,
    seeding: !joined && cycle.caughtUp && (journal.meta('joinBase') === 'seed' || !hasChanges(cycle)),
    incomplete: !joined && (!cycle.caughtUp || others.length > 0),
    reincluded,
  };
}

/**
 * Whoever appends the first changes seeds the share, and goes on seeding when they need several records or the run is killed: what is
 * left must not be taken for files that the federation does not have (rule J1). Called before the record is folded.
 */
export function noteSeeding(cycle: Cycle): void {
  const { journal } = cycle.ports;
  if (journal.meta('joined') === '1' || journal.meta('joinBase') !== undefined || hasChanges(cycle)) return;
  journal.setMeta('joinBase', 'seed');
}

function hasChanges(cycle: Cycle): boolean {
  const { journal } = cycle.ports;
  // What a snapshot brings may have been deleted to the last file, and its records forgotten.
  if (journal.meta('loadedSnapshot') !== undefined) return true;
  return journal.foldedCount() > 0 || journal.records(recordsLookedAt).some((row) => row.kind === 'changes');
}

/** Authors whose split changeset still misses its last record (rule J1). */
export function openChangesets(cycle: Cycle): string[] {
  const latest = new Map<string, boolean>();
  const oldestMs = cycle.bucketNowMs() - openChangesetMaxMs;
  for (const row of cycle.ports.journal.records(recordsLookedAt)) {
    if (row.kind !== 'changes' || latest.has(row.authorId)) continue;
    latest.set(row.authorId, row.more && row.atMs > oldestMs);
  }
  return [...latest].filter(([, open]) => open).map(([author]) => author);
}

/** One plan over what is known now; settles holds on the way (rules G2, G3). */
export function decide(
  cycle: Cycle,
  differences: ReadonlyMap<BytePath, Difference>,
  unknown: ReadonlySet<BytePath>,
  base: BaseState,
): Plan {
  const holds = currentHolds(cycle);
  const planned = plan(cycle.ports.journal, differences, planInput(cycle, unknown, base, holds));
  noteHolds(cycle, planned);
  return planned;
}

interface Holds {
  readonly approved: Map<BytePath, number>;
  readonly rejected: Set<BytePath>;
}

export function currentHolds(cycle: Cycle): Holds {
  const { journal } = cycle.ports;
  const approved = new Map<BytePath, number>();
  const rejected = new Set<BytePath>();
  for (const hold of journal.holds()) {
    if (hold.state === 'open' || hold.kind === 'check') continue;
    for (const { path, version } of journal.holdPaths(hold.id)) {
      if (hold.state === 'rejected') rejected.add(path);
      else if (hold.kind === 'publisher') approved.set(path, version);
    }
  }
  return { approved, rejected };
}

function planInput(cycle: Cycle, unknown: ReadonlySet<BytePath>, base: BaseState, holds: Holds): PlanInput {
  const { config, ports } = cycle;
  const suspect = ports.journal.meta('suspectBase');
  return {
    policy: { role: config.role, conflict: config.conflict, nowUs: cycle.bucketNowMs() * 1000 },
    asked: (path) => cycle.memory.asked.has(path),
    keepDeletes: config.delete === 'keep',
    maxDelete: config.maxDelete,
    appliedLosses: appliedLosses(cycle),
    recentLosses: ports.journal.deletionsSince(cycle.bucketNowMs() - config.maxDelete.windowMs),
    heldElsewhere: heldOutOfSight(cycle).length,
    approved: holds.approved,
    rejected: holds.rejected,
    joinFacts: (path, here) => joinFacts(cycle, base, path, here),
    stale: (path, here) => suspect !== undefined && (isBlindTo(suspect, here) || wasHere(ports.journal, path, here)),
    excluded: ports.excluded,
    unknown: (path) => isUnknown(path, unknown),
    newFilesApart: !cycle.options.dryRun,
  };
}

function joinFacts(cycle: Cycle, base: BaseState, path: BytePath, here: Entry | null): JoinFacts | null {
  const { journal } = cycle.ports;
  const reincluded = base.joined && base.reincluded(path, here?.kind === 'dir');
  if (base.joined && !reincluded) return null;
  const since = journal.meta('joinBase');
  const union = since === 'union';
  const asked = since === 'trash' || since === 'merge' ? since : cycle.config.join;
  return {
    seeding: base.seeding,
    join: union ? 'merge' : asked,
    stale: !union && !base.seeding && here !== null && wasHere(journal, path, here),
    sinceKnown: /^\d+$/.test(since ?? '') && !journal.deletedSince(path, Number(since)),
    incomplete: base.incomplete,
    reincludedNew: reincluded && journal.folded(path) === null && journal.versions(path).length === 0,
  };
}

/** Rule J2: some version of the path was this. */
function wasHere(journal: Journal, path: BytePath, here: Entry): boolean {
  if (here.kind === 'file') return journal.hadContent(path, here.hash, here.size);
  return journal.versions(path).some((row) => sameContent(row.entry, here));
}

/** The hold's id follows from what is held, so the same set keeps its id and a larger one asks again. */
export function holdId(paths: readonly HoldPath[]): string {
  return contentHash(paths.map(({ path, version }) => `${version} ${path}\0`).join('')).slice(0, 8);
}

function noteHolds(cycle: Cycle, planned: Plan): void {
  const there = planned.heldThere.map(({ path, version }) => ({ path, version }));
  const here = [...planned.heldHere, ...heldElsewhere(cycle, planned)].sort((a, b) => comparePaths(a.path, b.path));
  const heldHere = here.length > 0 ? replaceHold(cycle, 'publisher', here) : dropHolds(cycle, 'publisher', '');
  const heldThere = there.length > 0 ? replaceHold(cycle, 'receiver', there) : dropHolds(cycle, 'receiver', '');
  // Every decision of a cycle judges anew; one problem speaks of both kinds, so that it stays one standing problem.
  cycle.held = heldHere !== undefined || heldThere !== undefined;
  cycle.withdraw(({ code }) => code === 'held');
  const told: string[] = [];
  if (heldHere !== undefined) told.push(`${counted(here.length)} made here held (hold ${heldHere})`);
  if (heldThere !== undefined) told.push(`${counted(there.length)} of others held (hold ${heldThere})`);
  if (!cycle.held) return;
  const flag = `--share ${cycle.share}`;
  const fix = `If they are meant: flocksync approve HOLD ${flag}. To bring the files back: flocksync reject HOLD ${flag}.`;
  cycle.note(
    'held',
    null,
    `more deletions at once than maxDelete allows: ${told.join(', ')}`,
    fix.replaceAll('HOLD', heldHere ?? heldThere ?? ''),
  );
}

/** What an open hold holds where the last look has not looked is still gone, for all that is known. */
function heldElsewhere(cycle: Cycle, { heldHere }: Plan): HoldPath[] {
  const now = new Set(heldHere.map(({ path }) => path));
  return heldOutOfSight(cycle).filter(({ path }) => !now.has(path));
}

function heldOutOfSight(cycle: Cycle): HoldPath[] {
  if (cycle.sawEverything) return [];
  const { journal } = cycle.ports;
  const open = journal.holds().filter((hold) => hold.kind === 'publisher' && hold.state === 'open');
  const isHeld = ({ path, version }: HoldPath) => !cycle.covers(path) && journal.agreed(path)?.version === version;
  return open.flatMap((hold) => journal.holdPaths(hold.id)).filter(isHeld);
}

function counted(deletions: number): string {
  return `${deletions} deletion${deletions === 1 ? '' : 's'}`;
}

/** Opens the hold for exactly these paths; an open hold over another set of the same kind is superseded. */
export function replaceHold(cycle: Cycle, kind: Hold['kind'], paths: readonly HoldPath[]): string {
  const { journal } = cycle.ports;
  const id = holdId(paths);
  dropHolds(cycle, kind, id);
  if (!journal.holds().some((hold) => hold.id === id)) {
    journal.putHold({ id, kind, sinceMs: cycle.bucketNowMs(), state: 'open', detail: `${paths.length} paths` }, paths);
  }
  return id;
}

function dropHolds(cycle: Cycle, kind: Hold['kind'], except: string): undefined {
  const { journal } = cycle.ports;
  for (const hold of journal.holds()) if (hold.kind === kind && hold.state === 'open' && hold.id !== except) journal.dropHold(hold.id);
}

/** After a cycle: approved and rejected holds whose paths are settled are forgotten; a rejected publisher's hold becomes wants. */
export function settleHolds(cycle: Cycle): void {
  const { journal } = cycle.ports;
  journal.transaction(() => {
    for (const hold of journal.holds()) {
      if (hold.state === 'rejected' && hold.kind === 'publisher') {
        for (const { path, version } of journal.holdPaths(hold.id)) restoreWant(cycle, path, version);
        journal.dropHold(hold.id);
      }
    }
  });
}

function restoreWant(cycle: Cycle, path: BytePath, version: number): void {
  const { journal } = cycle.ports;
  const agreed = journal.agreed(path);
  if (agreed === null || agreed.version !== version || journal.want(path) !== null) return;
  journal.dropAgreed(path);
  journal.putWant({
    path,
    entry: agreed.entry,
    version,
    atMs: cycle.bucketNowMs(),
    approved: false,
    reason: 'pending',
    detail: '',
    attempts: 0,
  });
}

/** Decided holds whose losses have gone through or come back. */
export function forgetSettledHolds(cycle: Cycle, planned: Plan): void {
  const { journal } = cycle.ports;
  for (const hold of journal.holds()) {
    if (hold.state === 'open' || hold.kind === 'check') continue;
    const open = journal.holdPaths(hold.id).some(({ path }) => planned.publications.has(path) || journal.want(path)?.entry === null);
    if (!open) journal.dropHold(hold.id);
  }
}
