import type { CycleOptions } from '../../src/agent/context.ts';
import { forgetLineage, isLineageHalt } from '../../src/agent/lineage.ts';
import type { Outcome, ShareAgent } from '../../src/agent.ts';
import type { BytePath } from '../../src/model/path.ts';
import { DatastoreFault } from '../../src/ports/datastore.ts';
import { JournalFault } from '../../src/ports/journal.ts';
import { approveHold } from '../../src/steps/fold.ts';
import type { Chance } from './chance.ts';
import type { Chronicle } from './chronicle.ts';
import { type ContentKey, keyOfNode, trashOf } from './contents.ts';
import type { Deeds } from './deeds.ts';
import type { Node } from './disk/nodes.ts';
import { type Machine, type Opened, root } from './machine.ts';
import type { ObservedLog } from './observed-log.ts';
import { type Activity, Killed, Process } from './process.ts';
import type { Scheduler } from './scheduler.ts';
import { Violation } from './violation.ts';
import { show } from './witness.ts';

export interface LifeParts {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly log: () => ObservedLog;
  readonly deeds: Deeds;
  /** Ends the run: something is wrong. */
  readonly fail: (error: unknown) => void;
  /** Trouble that is to be expected now. */
  readonly troubled: () => boolean;
  readonly counts: Counts;
  readonly chronicle: Chronicle;
  /** Some server was cloned, or set back to an image. */
  readonly doubled: () => boolean;
}

export interface Counts {
  processes: number;
  cycles: number;
  /** Cycles that came to their end without a problem. */
  clean: number;
  approvals: number;
}

/** A disk before a cycle, and how often users had touched it. */
interface Look {
  readonly tree: ReadonlyMap<BytePath, Node>;
  readonly keys: ReadonlyMap<BytePath, ContentKey>;
  readonly deeds: number;
  /** By the chronicle. */
  readonly at: number;
}

/** What a process came to: its last cycle, or null where it died or failed. */
export type Lived = { readonly outcome: Outcome | null; readonly fault: unknown };

const lockPauseMs = 200;
const cyclesMax = 10;

/** Processes of flocksync on the machines: what cron, the daemon and administrators start. */
export class Life {
  readonly #parts: LifeParts;
  #started = 0;

  constructor(parts: LifeParts) {
    this.#parts = parts;
  }

  /** Resolves when the process has ended, however it ended. */
  start(machine: Machine, activity: Activity): Promise<Lived> {
    const { scheduler, counts } = this.#parts;
    const process = new Process(`${machine.name}.${++this.#started}`, activity);
    counts.processes++;
    machine.processes.add(process);
    return new Promise((resolve) => {
      process.onEnd(() => {
        machine.processes.delete(process);
        if (machine.lockedBy === process) machine.lockedBy = null;
        resolve({ outcome: null, fault: null });
      });
      scheduler.trace(`${process.name} starts: ${activity}`);
      this.#run(machine, process).then(
        (outcome) => {
          resolve({ outcome, fault: null });
          process.end();
        },
        (error: unknown) => {
          const fault = this.#judgeFault(machine, process, error);
          resolve({ outcome: null, fault });
          process.end();
        },
      );
    });
  }

  #judgeFault(machine: Machine, process: Process, error: unknown): unknown {
    if (error instanceof Killed || !process.alive) return null;
    this.#parts.scheduler.trace(`${process.name} fails: ${error instanceof Error ? error.message : error}`);
    const expected = error instanceof DatastoreFault || (error instanceof JournalFault && error.code === 'damaged');
    if (error instanceof JournalFault && error.code === 'damaged') machine.state.noteDamage(error.message);
    if (!expected || !this.#parts.troubled()) this.#parts.fail(error);
    return error;
  }

  async #run(machine: Machine, process: Process): Promise<Outcome | null> {
    await this.#lock(machine, process);
    const opened = machine.open(process);
    switch (process.activity) {
      case 'sync':
        return await this.#cycles(machine, process, opened, {
          only: this.#parts.troubled() && this.#parts.chance.maybe(0.1) ? 'publish' : null,
        });
      case 'daemon':
        return await this.#daemon(machine, process, opened);
      case 'housekeep':
        await opened.agent.housekeep({ dryRun: false, signal: process.term.signal });
        return null;
      case 'restore':
        return await this.#restore(machine, process, opened);
      case 'approve':
        return await this.#approve(machine, process, opened);
      case 'verify':
        await opened.agent.verify({ among: null, fraction: 1 }, { dryRun: false, only: null, signal: process.term.signal });
        return null;
    }
  }

  async #lock(machine: Machine, process: Process): Promise<void> {
    while (machine.lockedBy !== null) await this.#sleep(process, lockPauseMs);
    machine.lockedBy = process;
  }

  #sleep(process: Process, ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.scheduler.at(ms, `${process.name} waits`, () => {
        if (process.alive) resolve();
      });
    });
  }

  // ---- cycles -----------------------------------------------------------------------------------------------------------------

  /** As `sync` does it: until nothing is on its way any more. */
  async #cycles(machine: Machine, process: Process, { agent }: Opened, options: Partial<CycleOptions>): Promise<Outcome> {
    const { counts } = this.#parts;
    for (let cycles = 1; ; cycles++) {
      const before = this.#look(machine);
      const outcome = await agent.cycle({ dryRun: false, only: null, signal: process.term.signal, ...options });
      counts.cycles++;
      this.#parts.scheduler.trace(`${process.name} at record ${outcome.cursor}: ${told(outcome)}`);
      if (!process.term.signal.aborted) this.#judgeOutcome(machine, agent, before, outcome, options);
      const { uploads } = agent.memory;
      for (const [path, upload] of uploads)
        if (upload.failed !== undefined) {
          uploads.delete(path);
          throw upload.failed;
        }
      if (!outcome.unfinished || outcome.halt !== null || process.term.signal.aborted || cycles >= cyclesMax) return outcome;
      await this.#sleep(process, 500);
    }
  }

  async #daemon(machine: Machine, process: Process, opened: Opened): Promise<Outcome | null> {
    const { chance } = this.#parts;
    let last: Outcome | null = null;
    for (let left = chance.between(1, 4); left > 0 && !process.term.signal.aborted; left--) {
      if (machine.lockedBy !== process) await this.#lock(machine, process);
      last = await this.#cycles(machine, process, opened, this.#manner(machine, opened));
      machine.lockedBy = null;
      await this.#sleep(process, chance.between(100, 8000));
    }
    return last;
  }

  /** A lightweight daemon looks where file events tell of something, and some of them are lost. */
  #manner(machine: Machine, { agent }: Opened): Partial<CycleOptions> {
    const { chance } = this.#parts;
    const log = chance.pick(['list', 'next', 'known'] as const);
    if (machine.config.mode !== 'lightweight' || chance.maybe(0.3)) return { log };
    agent.memory.attention.add([...machine.hints].filter(() => chance.maybe(0.8)));
    machine.hints.clear();
    return { log, scope: { kind: 'directories', paths: new Set(), subtrees: new Set() } };
  }

  // ---- people -----------------------------------------------------------------------------------------------------------------

  /** Somebody undoes a record, or brings an old version of a path back. */
  async #restore(machine: Machine, process: Process, opened: Opened): Promise<Outcome | null> {
    const { chance, deeds, scheduler, log } = this.#parts;
    const outcome = await this.#cycles(machine, process, opened, {});
    const { head, versions } = log();
    if (head === 0 || outcome.halt !== null) return outcome;
    const path = chance.pick([...versions.keys(), '']);
    const version = chance.pick([
      ...log()
        .history(path)
        .filter(({ op }) => op === 'put'),
      null,
    ]);
    const asked =
      version === null
        ? { ask: 'undo' as const, sequence: chance.between(1, head) }
        : { ask: 'version' as const, path, version: version.version, k: 0, exact: chance.maybe(0.5) };
    scheduler.trace(`${process.name} restores ${JSON.stringify(asked)}`);
    this.#parts.chronicle.void = true;
    // Whatever was ever at these paths may come back, and what is there may go.
    for (const [each, history] of versions) {
      deeds.deleted(each, scheduler.nowUs);
      for (const { key } of history) deeds.wrote(each, key, scheduler.nowUs);
    }
    await opened.agent.restore(asked, new Map(), { dryRun: false, signal: process.term.signal });
    return await this.#cycles(machine, process, opened, {});
  }

  /** Somebody looks at what is held or halted here, and decides. */
  async #approve(machine: Machine, process: Process, opened: Opened): Promise<Outcome | null> {
    const { chance, scheduler, counts } = this.#parts;
    const { journal, agent } = opened;
    const outcome = await this.#cycles(machine, process, opened, {});
    // The disk that this member knew is gone for good: nothing but its state tells of it.
    if (outcome.halt?.code === 'root-foreign' && !this.#parts.troubled()) machine.forgetsState = true;
    if (outcome.halt !== null && isLineageHalt(outcome.halt.code)) {
      scheduler.trace(`${process.name} approves the lineage`);
      this.#parts.chronicle.void = true;
      forgetLineage(journal);
      journal.flush();
      counts.approvals++;
    }
    for (const hold of journal.holds().filter(({ state, kind }) => state === 'open' && kind !== 'check')) {
      const paths = journal.holdPaths(hold.id);
      const approved = !this.#parts.troubled() || chance.maybe(0.6) || (hold.kind === 'receiver' && agent.config.role === 'subscriber');
      scheduler.trace(`${process.name} ${approved ? 'approves' : 'rejects'} ${hold.kind} ${hold.id}`);
      counts.approvals++;
      this.#noteDecision(
        paths.map(({ path }) => path),
        approved,
      );
      if (!approved) journal.setHoldState(hold.id, 'rejected');
      else if (hold.kind === 'publisher') journal.transaction(() => approveHold(journal, hold.id));
      else {
        for (const record of new Set(paths.map(({ version }) => version)))
          if (agent.config.role !== 'subscriber') await agent.approve({ record }, process.term.signal);
        journal.transaction(() => approveHold(journal, hold.id));
      }
      journal.flush();
    }
    return await this.#cycles(machine, process, opened, {});
  }

  /** A decision is somebody's will, too: what was held goes, or all that was ever there may come back. */
  #noteDecision(paths: readonly BytePath[], approved: boolean): void {
    const { deeds, scheduler, log } = this.#parts;
    for (const path of paths) {
      if (approved) deeds.deleted(path, scheduler.nowUs);
      else this.#parts.chronicle.doubt([path]);
      if (!approved) for (const { key } of log().history(path)) deeds.wrote(path, key, scheduler.nowUs);
    }
  }

  // ---- what a cycle says ------------------------------------------------------------------------------------------------------

  #look(machine: Machine): Look {
    return { ...machine.witness.see(), deeds: machine.deeds, at: this.#parts.chronicle.now };
  }

  /** A cycle without trouble promises that everything that was here is in the log, and everything in the log is here. */
  #judgeOutcome(machine: Machine, { config, ports }: ShareAgent, before: Look, outcome: Outcome, options: Partial<CycleOptions>): void {
    const { log, counts } = this.#parts;
    const { halt, problems, events, held, unfinished } = outcome;
    if (halt !== null && isLineageHalt(halt.code) && !log().relaxed)
      throw new Violation(`${machine.name}: halted without a reason: ${halt.text}`);
    if (!this.#parts.doubled() && events.some((event) => event.includes('own heartbeat was ahead')))
      throw new Violation(`${machine.name}: takes itself for a clone, and nobody was ever cloned or set back`);
    const isClean = problems.length + events.length === 0 && halt === null && !held && !unfinished;
    if (!isClean || (options.only ?? null) !== null || options.scope !== undefined || config.role === 'subscriber') return;
    // While a changeset of somebody else is incomplete, what is only here waits (rule J1).
    if (ports.journal.meta('joined') !== '1') return;
    counts.clean++;
    machine.rooted ||= machine.mounts.length === 0;
    const after = machine.witness.see();
    // What a daemon knows of the log may be a moment old.
    if (options.log !== 'known') this.#parts.chronicle.synced(machine.name, before.at, after.keys);
    let trash: ReadonlySet<ContentKey> | null = null;
    for (const [path, node] of before.tree) {
      const key = before.keys.get(path) ?? '';
      if (node.kind !== 'file' || machine.isExcluded(path, false) || machine.touchedSince(path, before.deeds) || log().knows(path, key))
        continue;
      trash ??= new Set(trashOf(machine.disk, root, machine.config.name).map(keyOfNode));
      if (!trash.has(key))
        throw new Violation(
          `${machine.name}: a cycle has ended well, and the log does not know what ${show(path)} was (${key.slice(0, 20)})`,
        );
    }
    if (machine.deeds === before.deeds && outcome.cursor === log().head) assertLikeLog(machine, after, log(), ports.journal.lingering());
  }
}

/** In short, for the trace. */
function told({ halt, held, unfinished, counts, problems, events }: Outcome): string {
  const moved = Object.entries(counts).filter(([, count]) => count > 0);
  const words = [
    ...moved.map(([name, count]) => `${count} ${name}`),
    ...[halt === null ? '' : `halted: ${halt.code}`, held ? 'held' : '', unfinished ? 'unfinished' : ''],
    ...problems.map(({ code, path }) => `${code} ${path ?? ''}`),
    ...events,
  ].filter((word) => word !== '');
  return words.join(', ') || 'nothing';
}

/** Content and kind of every path, as the log has them. */
export function assertLikeLog(
  machine: Machine,
  { tree, keys }: { readonly tree: ReadonlyMap<BytePath, Node>; readonly keys: ReadonlyMap<BytePath, ContentKey> },
  log: ObservedLog,
  lingering: ReadonlySet<BytePath>,
): void {
  for (const [path, { entry }] of log.fold) {
    if (machine.isExcluded(path, entry.kind === 'dir')) continue;
    const key = entry.kind === 'file' ? `file ${entry.hash}` : entry.kind === 'link' ? `link ${entry.target}` : 'dir';
    if (keys.get(path) !== key)
      throw new Violation(
        `${machine.name}: in step with the log, and ${show(path)} is ${keys.get(path)?.slice(0, 20) ?? 'absent'} instead of ${key.slice(0, 20)}`,
      );
  }
  for (const [path, node] of tree)
    if (
      node.kind !== 'other' &&
      !log.fold.has(path) &&
      !machine.isExcluded(path, node.kind === 'dir') &&
      !lingering.has(path) &&
      !lingers(machine, tree, path)
    )
      throw new Violation(`${machine.name}: in step with the log, which has no ${show(path)} (${keys.get(path)?.slice(0, 20)})`);
}

/** Rule R4: a directory that survives because of what the log does not have. */
function lingers(machine: Machine, tree: ReadonlyMap<BytePath, Node>, path: BytePath): boolean {
  if (tree.get(path)?.kind !== 'dir') return false;
  return [...tree].some(
    ([below, node]) => below.startsWith(`${path}/`) && (node.kind === 'other' || machine.isExcluded(below, node.kind === 'dir')),
  );
}
