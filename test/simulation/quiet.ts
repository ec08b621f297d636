import type { Outcome } from '../../src/agent.ts';
import { chunksOf } from '../../src/model/entry.ts';
import { idBelow, packsPrefix } from '../../src/model/keys.ts';
import { keyOfEntry, keyOfNode, trashOf } from './contents.ts';
import type { FileNode } from './disk/nodes.ts';
import { assertLikeLog } from './life.ts';
import { type Machine, root } from './machine.ts';
import { Violation } from './violation.ts';
import { show } from './witness.ts';
import { share, type World } from './world.ts';

/** After so many rounds of cycles without any fault everybody must have come to rest. */
const roundsMax = 14;
const dayMs = 24 * 3600 * 1000;

/** The liveness phase: no faults, no work, and all members have to become equal and stay silent (promise 4). */
export class Quiet {
  readonly #world: World;
  readonly #welcomes: boolean;

  /** `welcomes`: a new server comes at the end of it. */
  constructor(world: World, welcomes = true) {
    this.#world = world;
    this.#welcomes = welcomes;
  }

  async reach(): Promise<void> {
    await this.#comeToRest();
    this.#assertEqual();
    this.#assertResolved();
    this.#assertExplained();
    await this.#welcome();
    if (!this.#world.draws.ages) return;
    await this.#age();
    this.#assertEqual();
    this.#assertResolved();
    await this.#welcome();
  }

  /** At rest is who has found nothing to do at the record that is the last one still when all others are at rest. */
  async #comeToRest(): Promise<void> {
    const restingAt = new Map<Machine, number>();
    for (let round = 1; ; round++) {
      const busy: string[] = [];
      for (const machine of this.#world.machines) {
        if (restingAt.get(machine) === this.#world.log.head) continue;
        const why = await this.#cycle(machine);
        if (why === null) restingAt.set(machine, this.#world.log.head);
        else busy.push(`${machine.name}: ${why}`);
        await this.#world.pass(1500);
      }
      if (this.#world.machines.every((machine) => restingAt.get(machine) === this.#world.log.head)) return;
      if (round >= roundsMax) throw new Violation(`no rest after ${round} rounds of cycles without a fault: ${busy.join('; ')}`);
    }
  }

  /** Null when it has found nothing to do, and nothing to say. */
  async #cycle(machine: Machine): Promise<string | null> {
    const decides = machine.lastHeld;
    const { outcome } = await this.#world.run(machine, decides ? 'approve' : 'sync');
    machine.lastHeld = outcome !== null && (outcome.held || outcome.halt !== null);
    if (machine.forgetsState) {
      machine.state.loseEverything();
      this.#world.chronicle.reset(machine.name);
    }
    machine.forgetsState = false;
    if (decides) return 'somebody has decided something';
    return outcome === null ? 'no outcome' : restless(outcome);
  }

  /** Days pass, and somebody looks after the bucket. */
  async #age(): Promise<void> {
    const { machines, draws, chance } = this.#world;
    for (let times = 0; times < 3; times++) {
      await this.#world.pass(Math.max(2 * dayMs, draws.format.historyMs + dayMs));
      const keeper = chance.pick(machines.filter(({ config }) => config.role === 'both'));
      await this.#world.run(keeper, 'sync');
      await this.#world.run(keeper, 'housekeep');
    }
    await this.#comeToRest();
    this.#assertBounded();
  }

  #assertEqual(): void {
    const { machines, log } = this.#world;
    for (const machine of machines) {
      assertLikeLog(machine, machine.witness.see(), log, lingeringOn(machine));
      assertMetadata(machine, this.#world);
      this.#assertJournal(machine);
    }
  }

  #assertJournal(machine: Machine): void {
    const { log } = this.#world;
    const journal = machine.readJournal();
    try {
      const [cursor, hash, digest] = [journal.meta('cursor'), journal.meta('cursorHash'), journal.meta('digest')];
      if (Number(cursor ?? '0') !== log.head || (log.head > 0 && hash !== log.headHash))
        throw new Violation(`${machine.name}: at record ${cursor}, and the log ends with ${log.head}`);
      const expected = log.records.get(log.head)?.digest;
      if (expected !== undefined && digest !== expected)
        throw new Violation(`${machine.name}: another digest than the log's at record ${cursor}`);
      const left = journal.wants().filter(({ reason }) => reason !== 'excluded');
      if (left.length > 0)
        throw new Violation(`${machine.name}: still wants ${left.map(({ path, reason }) => `${show(path)} (${reason})`).join(', ')}`);
      if (journal.outbox() !== null || journal.intents().length > 0)
        throw new Violation(`${machine.name}: a record or an apply was left half done`);
      if (machine.config.role === 'both' && journal.owedTrash().length > 0)
        throw new Violation(`${machine.name}: owes ${journal.owedTrash().length} versions to the log`);
      this.#assertConflictsKept(machine, journal);
    } finally {
      journal.close();
    }
  }

  /** The loser of a conflict is a version in the log, for a trash dies with its server (promise 1). */
  #assertConflictsKept(machine: Machine, journal: ReturnType<Machine['readJournal']>): void {
    const { log } = this.#world;
    if (log.relaxed || machine.config.role !== 'both') return;
    for (const { path, entry, why } of journal.trash())
      if (why === 'conflict' && entry.kind !== 'dir' && !log.knows(path, keyOfEntry(entry)))
        throw new Violation(`${machine.name}: ${show(path)} lost a conflict, and the log has never heard of it`);
  }

  /** Seen from outside, everything has been in some order. */
  #assertExplained(): void {
    const { machines, log, chronicle } = this.#world;
    const finals = new Map(machines.map((machine) => [machine.name, machine.witness.see().keys]));
    const versions = [...log.versions].flatMap(([path, history]) => history.map(({ key }) => [path, key] as const));
    const trashed = machines.flatMap((machine) => trashOf(machine.disk, root, machine.config.name).map(keyOfNode));
    const kept = [...versions, ...trashed.flatMap((key) => [...log.versions.keys()].map((path) => [path, key] as const))];
    chronicle.judge(finals, kept, (path) => machines.some((machine) => machine.isExcluded(path, false)));
  }

  #assertResolved(): void {
    const unresolved = this.#world.log.unresolved();
    if (unresolved.length > 0) throw new Violation(`contents that nobody can fetch any more: ${unresolved.join(', ')}`);
  }

  /** A new server comes, and has to become what the others are, with the history that is retained. */
  async #welcome(): Promise<void> {
    const { log } = this.#world;
    if (!this.#welcomes) return;
    const newcomer = this.#world.addMachine();
    for (let rounds = 0; rounds < 4; rounds++) {
      const { outcome } = await this.#world.run(newcomer, 'sync');
      if (outcome !== null && restless(outcome) === null) break;
      await this.#world.pass(1500);
    }
    if (log.head === 0) return;
    assertLikeLog(newcomer, newcomer.witness.see(), log, new Set());
    this.#assertHistory(newcomer);
  }

  #assertHistory(newcomer: Machine): void {
    const { log, bucket, draws } = this.#world;
    if (log.relaxed) return;
    const journal = newcomer.readJournal();
    try {
      for (const [path, versions] of log.versions)
        for (const { op, version, key, endedMs } of versions) {
          const retained = endedMs === null || bucket.nowMs() < endedMs + draws.format.historyMs - dayMs / 24;
          if (!retained) continue;
          const known = journal.versions(path).some((row) => row.version === version && row.op === op && keyOfEntry(row.entry) === key);
          if (!known)
            throw new Violation(
              `${newcomer.name}: a new member does not learn of ${op} ${show(path)} in record ${version}, which is retained`,
            );
        }
    } finally {
      journal.close();
    }
  }

  /** Long after everything has come to rest the bucket holds what is live, and little else. */
  #assertBounded(): void {
    const { log, bucket } = this.#world;
    if (log.relaxed) return;
    const contents = new Set(
      [...log.fold.values()].flatMap(({ entry }) => (entry.kind === 'file' ? chunksOf(entry).map(({ hash }) => hash) : [])),
    );
    const packs = [...bucket.objects.keys()].filter((key) => idBelow(packsPrefix(share), key) !== undefined);
    if (packs.length > contents.size * 2 + 5)
      throw new Violation(`${packs.length} packs for ${contents.size} contents, long after the last change`);
  }
}

function lingeringOn(machine: Machine): ReadonlySet<string> {
  const journal = machine.readJournal();
  try {
    return journal.lingering();
  } finally {
    journal.close();
  }
}

/** Why this is no rest yet; null where nothing was done and nothing is wrong. */
function restless({ halt, held, unfinished, counts, problems, events }: Outcome): string | null {
  if (halt !== null) return `halted: ${halt.text}`;
  const moved = counts.published + counts.deleted + counts.applied + counts.removed + counts.records;
  if (moved > 0 || unfinished || held) return `moves: ${JSON.stringify(counts)}${held ? ', held' : ''}${unfinished ? ', unfinished' : ''}`;
  if (problems.length > 0) return `problems: ${problems.map(({ code, path, text }) => `${code} ${path ?? ''} ${text}`).join(', ')}`;
  return events.length > 0 ? `events: ${events.join(', ')}` : null;
}

/** Rights, times and owners; of files as they are in the log, to the microsecond. */
function assertMetadata(machine: Machine, { log }: World): void {
  if (machine.config.metadata !== 'preserve') return;
  const { tree } = machine.witness.see();
  for (const [path, { entry }] of log.fold) {
    const node = tree.get(path);
    if (node === undefined || entry.kind === 'link') continue;
    const mode = entry.mode & 0o1777;
    if ((node.mode & 0o1777) !== mode)
      throw new Violation(`${machine.name}: ${show(path)} has mode ${node.mode.toString(8)} instead of ${entry.mode.toString(8)}`);
    if (entry.kind === 'file' && Math.floor((node as FileNode).mtimeUs) !== entry.mtimeUs)
      throw new Violation(`${machine.name}: ${show(path)} has another time (${Math.floor(node.mtimeUs)}, not ${entry.mtimeUs})`);
  }
}
