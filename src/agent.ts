import { type Approval, type Approved, appendApproval } from './agent/approve.ts';
import { adoptExcludes, adoptLastKnown, rememberExcludes } from './agent/base.ts';
import { bringHome, type Turn } from './agent/bring-home.ts';
import { answerNeeds } from './agent/content.ts';
import { Cycle, type CycleOptions, type Halt, type Memory, newMemory, type Ports } from './agent/context.ts';
import { type BaseState, baseState, decide, forgetSettledHolds, settleHolds } from './agent/decide.ts';
import type { Asked } from './agent/earlier.ts';
import { enforceMetadata } from './agent/enforce.ts';
import { followOn } from './agent/follow-on.ts';
import { beat, beatHalted, noticeClone } from './agent/heartbeat.ts';
import { adoptOnChange, withoutTelling } from './agent/hooks.ts';
import { type Housekept, housekeepNow, housekeepWhenDue } from './agent/housekeep.ts';
import { type Ingested, ingestAll } from './agent/ingest.ts';
import { rememberCycle } from './agent/last-cycle.ts';
import { openShare } from './agent/lineage.ts';
import { look, type Seen } from './agent/look.ts';
import { settleOutbox } from './agent/outbox.ts';
import { rememberPosition } from './agent/position.ts';
import { tellWhatGoesOn } from './agent/progress.ts';
import { mayPublish, publish } from './agent/publish.ts';
import { beginUnready, settleReadiness } from './agent/readiness.ts';
import { forgetProgress, isLookOld, rememberingProgress } from './agent/replay.ts';
import { type Restored, restore, type Unpublished } from './agent/restore.ts';
import { enterRoot } from './agent/root.ts';
import { standingProblems } from './agent/standing.ts';
import { pruneTrash } from './agent/trash.ts';
import { type Repaired, repair } from './agent/verify/repair.ts';
import type { VerifyOptions } from './agent/verify/survey.ts';
import { examine } from './agent/verify.ts';
import { wantProblems } from './agent/wants.ts';
import type { ShareConfig } from './config-types.ts';
import type { Problem } from './model/problem.ts';
import type { Examined } from './model/verify.ts';
import { DatastoreFault } from './ports/datastore.ts';
import type { RootLock } from './ports/filesystem.ts';
import type { Plan } from './steps/plan.ts';

/** Looks at the disk in one cycle at most; what still moves then is met by the next cycle. */
const looksMax = 5;
/** Plans carried out and races lost in a row, before the cycle takes a breath. */
const appendsMax = 1000;

/** What one cycle of one share came to. */
export interface Outcome {
  readonly share: string;
  readonly problems: readonly Problem[];
  readonly events: readonly string[];
  readonly halt: Halt | null;
  readonly held: boolean;
  readonly counts: Cycle['counts'];
  readonly cursor: number;
  /** Large files are still on their way to the bucket, or the tree moved: another cycle has something to do. */
  readonly unfinished: boolean;
  /** Files were left that are written to again and again; the first of them may go so many ms from now. */
  readonly restsInMs: number | null;
  /** The last look took in everything. */
  readonly sawEverything: boolean;
  /** What a dry run would do. */
  readonly planned: readonly Plan[];
}

/** One share on one member: every cycle is ingest, scan, collate, decide, publish, apply, in this order. */
export class ShareAgent {
  readonly ports: Ports;
  readonly config: ShareConfig;
  readonly memory: Memory = newMemory();
  /** Set by a daemon: it keeps the root between cycles, and looks after the bucket at a time of its own. */
  keepsRoot = false;
  keepsHouseLater = false;
  private keptLock: RootLock | null = null;

  constructor(ports: Ports, config: ShareConfig) {
    this.ports = ports;
    this.config = config;
  }

  /** One whole cycle. Throws DatastoreFault when the bucket cannot be used; whatever was reached before is kept. */
  async cycle(options: CycleOptions): Promise<Outcome> {
    const onProgress = options.dryRun ? this.ports.onProgress : rememberingProgress(this.ports, this.memory);
    const cycle = new Cycle({ ...this.ports, onProgress }, this.config, options, this.memory);
    cycle.keptLock = this.keptLock;
    // A cycle that comes to no look leaves it to the next one.
    if (options.scope?.kind === 'directories') this.memory.attention.add(options.scope.paths, options.scope.subtrees);
    try {
      return await this.run(cycle);
    } finally {
      this.leaveRoot(cycle);
      this.ports.tree.rest();
      tellWhatGoesOn(cycle);
    }
  }

  /** A daemon keeps the root between its cycles, so that another state directory is told so at any time (rule G4). */
  private leaveRoot({ rootLock }: Cycle): void {
    if (rootLock !== null && rootLock === this.keptLock) return;
    if (rootLock === null || !this.keepsRoot || !rootLock.own) return rootLock?.release();
    this.keptLock?.release();
    this.keptLock = rootLock;
  }

  close(): void {
    this.keptLock?.release();
    this.keptLock = null;
  }

  /** Says a person's approval to every member (rules G3, B2). The caller holds the share's lock. Throws DatastoreFault. */
  async approve(approval: Approval, signal: AbortSignal): Promise<Approved> {
    const cycle = new Cycle(this.ports, this.config, { dryRun: false, only: null, signal }, this.memory);
    try {
      return await appendApproval(cycle, approval, async () => (await catchUp(cycle)) === 'caught-up');
    } finally {
      cycle.rootLock?.release();
    }
  }

  /**
   * Appends what brings an earlier state back; the next cycle applies it here. The caller holds the share's lock, unless it is a dry run,
   * and has run a cycle. Throws DatastoreFault.
   */
  async restore(asked: Asked, unpublished: Unpublished, options: Omit<CycleOptions, 'only'>): Promise<Restored> {
    const cycle = new Cycle(this.ports, this.config, { ...options, only: null }, this.memory);
    try {
      return await restore(cycle, asked, unpublished, async () => (await catchUp(cycle)) === 'caught-up');
    } finally {
      cycle.rootLock?.release();
    }
  }

  /** Looks after journal, trash and bucket, without thresholds; null when it could not begin. The caller holds the lock. Throws DatastoreFault. */
  async housekeep(options: Omit<CycleOptions, 'only'>): Promise<{ readonly kept: Housekept | null; readonly cycle: Cycle }> {
    // It creates no share and answers nobody.
    const cycle = new Cycle(this.ports, this.config, { ...options, only: 'pull' }, this.memory);
    try {
      return { kept: await housekeepNow(cycle, async () => (await catchUp(cycle)) === 'caught-up'), cycle };
    } finally {
      cycle.rootLock?.release();
    }
  }

  /** Holds bucket, journal and disk against each other; a dry one writes to the journal alone. The caller holds the lock. Throws DatastoreFault. */
  async verify(options: VerifyOptions, cycleOptions: CycleOptions): Promise<Examined> {
    const cycle = new Cycle(this.ports, this.config, cycleOptions, this.memory);
    try {
      return await examine(cycle, options, async () => await catchUp(cycle));
    } finally {
      cycle.rootLock?.release();
    }
  }

  /** Mends what `verify` has found. The caller holds the share's lock. Throws DatastoreFault. */
  async repair(examined: Examined, cycleOptions: CycleOptions): Promise<Repaired> {
    const cycle = new Cycle(this.ports, this.config, cycleOptions, this.memory);
    try {
      return await repair(cycle, examined, async () => await catchUp(cycle));
    } finally {
      cycle.rootLock?.release();
    }
  }

  private async run(cycle: Cycle): Promise<Outcome> {
    const { options } = cycle;
    const planned: Plan[] = [];
    let unfinished = false;
    beginUnready(cycle);
    if (!options.dryRun) adoptOnChange(cycle.ports.journal, cycle.config);
    if ((await enterRoot(cycle)) === 'usable' && (await openShare(cycle)) && (await catchUp(cycle, options.log)) !== 'halted') {
      const reincluded = adoptExcludes(cycle);
      settleHolds(cycle);
      for (let look = 1; look <= looksMax && !options.signal.aborted; ) {
        const turn = await this.turn(cycle, reincluded, planned);
        unfinished = turn !== 'done';
        if (turn === 'done' || options.dryRun) break;
        if (turn === 'again') look++;
        else if ((await catchUp(cycle, options.log)) === 'halted') break;
      }
      if (cycle.halt === null && !options.signal.aborted) await withoutTelling(cycle.ports.journal, () => enforceMetadata(cycle, planned));
      if (cycle.halt === null && !options.dryRun) finishCycle(cycle, unfinished);
    }
    if (!options.dryRun) {
      if (saysAll(cycle)) rememberCycle(cycle);
      settleReadiness(cycle);
      forgetProgress(cycle.ports.journal);
    }
    tellWhatGoesOn(cycle);
    if (!options.dryRun && cycle.format !== null) await closeCycle(cycle);
    else if (!options.dryRun) await beatHalted(cycle);
    if (cycle.refusal !== null) throw cycle.refusal;
    if (!options.dryRun && isComplete(cycle, unfinished) && saysAll(cycle) && this.ports.journal.meta('joined') === '1')
      unfinished = await housekeepWhenDue(cycle, this.keepsHouseLater, async () => (await catchUp(cycle)) === 'caught-up');
    const { problems, halt, held, counts } = cycle;
    const events = cycle.events.splice(0);
    const { share, cursor, sawEverything } = cycle;
    return {
      share,
      problems,
      events,
      halt,
      held: held || cycle.refused,
      counts,
      cursor,
      planned,
      sawEverything,
      restsInMs: cycle.restsInMs,
      unfinished: unfinished || cycle.postponed || (saysAll(cycle) && this.memory.uploads.size > 0),
    };
  }

  /** One look at the disk and everything that follows from it. */
  private async turn(cycle: Cycle, reincluded: BaseState['reincluded'], planned: Plan[]): Promise<Turn> {
    const startedMs = cycle.ports.time.monotonicMs();
    const seen = await look(cycle, reincluded, async (part) => await this.publishPart(cycle, part, reincluded));
    if (seen === null) return cycle.options.signal.aborted ? 'again' : 'done';
    cycle.lookMs = cycle.ports.time.monotonicMs() - startedMs;
    try {
      return await this.follow(cycle, seen, reincluded, planned);
    } finally {
      // Whoever is told to stop does not wait for what is on its way; it is noted when it arrives.
      if (!cycle.options.signal.aborted) await seen.gathered?.end();
    }
  }

  /** False where the log has moved on, or may not be written to: then the rest of the look waits for one plan over everything. */
  private async publishPart(cycle: Cycle, { differences, unknown, gathered }: Seen, reincluded: BaseState['reincluded']): Promise<boolean> {
    const decided = decide(cycle, differences, unknown, baseState(cycle, reincluded));
    const published = await unlessRefused(cycle, () => publish(cycle, decided, differences, gathered, true));
    return published === 'appended' || published === 'nothing';
  }

  private async follow(cycle: Cycle, seen: Seen, reincluded: BaseState['reincluded'], planned: Plan[]): Promise<Turn> {
    const { differences, unknown, gathered } = seen;
    const seenMs = cycle.ports.time.monotonicMs();
    for (let appends = 0; ; appends++) {
      const decided = decide(cycle, differences, unknown, baseState(cycle, reincluded));
      if (cycle.options.dryRun) {
        planned.push(decided);
        return 'done';
      }
      if (cycle.sawEverything) forgetSettledHolds(cycle, decided);
      noteDeviations(cycle, decided);
      const append = () => publish(cycle, decided, differences, gathered, leavesOpen(cycle));
      const published = (mayPublish(cycle) && appends < appendsMax ? await unlessRefused(cycle, append) : null) ?? 'nothing';
      if (published === 'lost' && (await catchUp(cycle, cycle.options.log)) === 'halted') return 'done';
      if (published !== 'nothing') continue;
      // Links wait for the end of their changeset.
      cycle.postponed ||= leavesOpen(cycle) && decided.publications.size > 0;
      if (cycle.options.signal.aborted) return 'again';
      const turn = await bringHome(cycle, decided, () => catchUp(cycle));
      // Where nothing here differed from the log not long ago, what is new in it needs no other look at the disk.
      if (turn !== 'news' || differences.size > 0 || isLookOld(cycle, seenMs)) return turn === 'news' ? 'more' : turn;
      if ((await catchUp(cycle, cycle.options.log)) === 'halted') return 'done';
    }
  }
}

/** Settles what an earlier run left, then takes in everything that is in the log. Behind a record that cannot be used nothing is published. */
async function catchUp(cycle: Cycle, how: CycleOptions['log'] = 'list'): Promise<Ingested['ended']> {
  adoptLastKnown(cycle);
  if (!cycle.options.dryRun) await unlessRefused(cycle, () => settleOutbox(cycle));
  const ingested = (await followOn(cycle, how)) ?? (await ingestAll(cycle, () => noticeClone(cycle)));
  cycle.ports.log.debug({ step: 'pull', share: cycle.share, cursor: cycle.cursor, head: ingested.head }, `log read: ${ingested.ended}`);
  cycle.caughtUp = ingested.ended === 'caught-up';
  return ingested.ended;
}

/** Null: the store refused it. Whoever may not write must not stay behind what others write for that; the cycle fails at its end. */
async function unlessRefused<T>(cycle: Cycle, write: () => Promise<T>): Promise<T | null> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof DatastoreFault) || error.code !== 'refused') throw error;
    // A record that stands after all is met in the log.
    if (cycle.config.role === 'subscriber') cycle.ports.journal.dropOutbox();
    else cycle.refusal = error;
    return null;
  }
}

/** What a look at a part of the tree did not see goes on as it was said. */
function noteDeviations(cycle: Cycle, { deviations }: Plan): void {
  const { attention } = cycle.memory;
  const now = new Set(deviations.map(({ path }) => path));
  const elsewhere = attention.deviations.filter(({ path }) => !cycle.covers(path) && !now.has(path));
  cycle.deviations = attention.deviations = [...elsewhere, ...deviations];
}

/** A look below some paths says nothing of the rest of a changeset that was begun (rule P4), or with which the share is seeded (rule J1). */
function leavesOpen({ options, sawEverything, ports: { journal } }: Cycle): boolean {
  const isBegun = journal.meta('openChangeset') !== undefined || journal.meta('joined') !== '1';
  return options.scope?.kind === 'below' && !sawEverything && isBegun;
}

/**
 * Whether a complete cycle has carried out what lacks a trusted base (rules J1 to J5). Publishing alone brings nothing home; a publisher
 * takes nothing home anyway.
 */
function bringsHome({ config, options, canApply }: Cycle): boolean {
  return config.role === 'publisher' || (options.only !== 'publish' && canApply);
}

/** Who has seeded need not pull for it; pulling from a log without changes is no join, since whoever publishes first seeds it (rule J1). */
function hasJoined(cycle: Cycle): boolean {
  const { only } = cycle.options;
  const { seeding, incomplete } = baseState(cycle, () => false);
  if (seeding && only !== null) return only === 'publish' && cycle.ports.journal.meta('joinBase') === 'seed';
  return !incomplete && bringsHome(cycle);
}

/**
 * False for a cycle that was told to stop, and for one that was asked for some paths: others follow at once, and what they tell of the share
 * is said by those.
 */
function saysAll({ options: { scope, signal } }: Cycle): boolean {
  return scope?.kind !== 'below' && !signal.aborted;
}

/** Everything in the log is here, and everything that was here is in the log. */
function isComplete({ caughtUp, halt, options }: Cycle, unfinished: boolean): boolean {
  return caughtUp && halt === null && !unfinished && !options.signal.aborted;
}

function finishCycle(cycle: Cycle, unfinished: boolean): void {
  const { journal } = cycle.ports;
  const complete = isComplete(cycle, unfinished) && cycle.sawEverything;
  if (complete && journal.meta('joined') !== '1' && hasJoined(cycle)) {
    journal.setMeta('joined', '1');
    journal.setMeta('joinBase', null);
  }
  if (complete && bringsHome(cycle)) {
    rememberExcludes(cycle);
    if (journal.meta('suspectBase') !== undefined) journal.setMeta('suspectBase', null);
  }
  cycle.noteAll(wantProblems(journal, cycle.config.role));
  cycle.noteAll(standingProblems(journal));
}

/** The end of every cycle that reached the bucket: flushed journal, then what others may see of it (rule J4). */
async function closeCycle(cycle: Cycle): Promise<void> {
  const { journal } = cycle.ports;
  if (cycle.halt === null && cycle.caughtUp && cycle.refusal === null && saysAll(cycle)) await answerNeeds(cycle);
  journal.flush();
  cycle.ports.log.debug({ step: 'journal', share: cycle.share, cursor: cycle.cursor }, 'journal flushed');
  rememberPosition(cycle);
  cycle.ports.log.debug({ step: 'position', share: cycle.share, cursor: cycle.cursor }, 'position remembered');
  if (!saysAll(cycle)) return;
  if (cycle.halt === null) await beat(cycle, 'idle');
  // Its hold can be approved from any member that sees it.
  else if (cycle.halt.code === 'root-emptied') await beat(cycle, 'halted');
  await pruneTrash(cycle);
}
