/**
 * A whole federation in one thread: real agents over real journals; bucket, disks, clocks and chance are simulated, and one seed decides everything.
 *
 * `simulate({ seed })` runs one seed and never throws for a broken promise: `result.violation` says it, with the number of the event, the
 * last lines of the trace, and the line that repeats it. The product is imported by relative paths only, so that a copy of `src` and
 * `test` in another directory runs alike. For other experiments: `new World(options)`, then `world.machines`, `world.life.start(machine,
 * 'sync')`, `world.pass(ms)` and `world.settle()`; `options.mortality` is asked before and after each effect and decides who dies.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ShareConfig } from '../../src/config-types.ts';
import { encodeFormat } from '../../src/model/format.ts';
import { formatKey } from '../../src/model/keys.ts';
import { Bucket } from './bucket.ts';
import { Chance } from './chance.ts';
import { Chronicle } from './chronicle.ts';
import { treeBelow } from './contents.ts';
import { Coverage, oftenAt, type Step } from './coverage.ts';
import { Deeds } from './deeds.ts';
import type { MemoryDisk } from './disk/memory-disk.ts';
import { type Draws, draw, drawConfig, type Emphasis, emphasised } from './draws.ts';
import { judgeBy } from './judge.ts';
import { type Counts, Life, type Lived } from './life.ts';
import { Machine, root } from './machine.ts';
import { Network } from './network.ts';
import { ObservedLog } from './observed-log.ts';
import { Killed, type Process } from './process.ts';
import { Quiet } from './quiet.ts';
import { Scheduler } from './scheduler.ts';
import type { StateDirectory } from './state-directory.ts';
import * as troubles from './troubles.ts';
import { Violation } from './violation.ts';
import { Workload } from './workload.ts';

export const share = 'webroot';

export type Death = 'killed' | 'power-cut' | null;

export interface SimulationOptions {
  readonly seed: number;
  /** Drawn where it is left out. */
  readonly members?: number;
  /** Things that people do; drawn where it is left out. */
  readonly operations?: number;
  readonly emphasis?: Emphasis;
  /** Takes every line of the trace. */
  readonly print?: (line: string) => void;
  /** Changes what was drawn, before anything begins. */
  readonly shape?: (draws: Draws) => Draws;
  readonly configure?: (config: ShareConfig) => ShareConfig;
  /** Decides instead of chance who dies where; asked at every effect. */
  readonly mortality?: (machine: Machine, process: Process, what: string, step: Step) => Death;
}

export interface SimulationResult {
  readonly seed: number;
  readonly members: number;
  /** Calls of ports. */
  readonly events: number;
  readonly operations: number;
  readonly records: number;
  readonly traceHash: string;
  readonly counts: Counts;
  readonly coverage: Coverage;
  readonly troubles: Readonly<Record<string, number>>;
  /** Null when every promise was kept. */
  readonly violation: { readonly text: string; readonly stack: string; readonly event: number; readonly last: readonly string[] } | null;
}

/** More than any run needs: beyond it something goes round in circles. */
const eventsMax = 60_000;
const slackMs = 10 * 60_000;

export class World {
  readonly options: SimulationOptions;
  readonly chance: Chance;
  readonly draws: Draws;
  readonly scheduler: Scheduler;
  readonly coverage = new Coverage();
  readonly deeds = new Deeds();
  readonly chronicle = new Chronicle();
  readonly bucket: Bucket;
  readonly network: Network;
  readonly life: Life;
  readonly workload: Workload;
  readonly machines: Machine[] = [];
  readonly counts: Counts = { processes: 0, cycles: 0, clean: 0, approvals: 0 };
  readonly troubles: Record<string, number> = {};
  readonly home: string;
  log: ObservedLog;
  operations = 0;
  /** No fault any more from now on. */
  healed = false;
  /** Nothing of the faults is under way any more. */
  calm = false;
  #failure: unknown = null;
  #awayUntilMs = 0;
  #doubled = false;
  #offUntilMs = 0;
  readonly #refusedUntilMs = new Map<string, number>();
  #images: { readonly disk: MemoryDisk; readonly state: StateDirectory }[] = [];
  #backups: { readonly objects: ReturnType<Bucket['backUp']>; readonly log: ObservedLog }[] = [];
  #named = 0;

  constructor(options: SimulationOptions) {
    this.options = options;
    this.chance = new Chance(`seed ${options.seed}`);
    const drawn = emphasised(draw(this.chance.fork('draws'), options.members ?? null, options.operations ?? null), options.emphasis ?? {});
    this.draws = options.shape?.(drawn) ?? drawn;
    this.scheduler = new Scheduler(this.chance.fork('scheduler'), options.print ?? null);
    const { format } = this.draws;
    this.log = new ObservedLog(share, format.limits, format.historyMs, judgeBy(this.deeds));
    const observer = {
      put: (...put: Parameters<ObservedLog['put']>) => this.#guard(() => this.log.put(...put)),
      removed: (key: string) => this.#guard(() => this.log.removed(key)),
    };
    this.bucket = new Bucket(() => this.scheduler.nowMs, observer);
    this.log.watch(this.bucket);
    this.bucket.put(formatKey(share), encodeFormat(format));
    this.home = join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), `flocksync-simulation-${process.pid}`, `seed-${options.seed}`);
    rmSync(this.home, { recursive: true, force: true });
    mkdirSync(this.home, { recursive: true });
    this.network = this.#openNetwork();
    this.workload = new Workload(this.chance.fork('workload'), options.emphasis?.work);
    this.life = new Life({
      ...{
        scheduler: this.scheduler,
        chance: this.chance.fork('life'),
        deeds: this.deeds,
        counts: this.counts,
        chronicle: this.chronicle,
        doubled: () => this.#doubled,
      },
      ...{ log: () => this.log, fail: (error: unknown) => this.fail(error), troubled: () => !this.calm },
    });
    for (let made = 0; made < this.draws.members; made++) this.addMachine();
  }

  // ---- what others build on ---------------------------------------------------------------------------------------------------

  addMachine(): Machine {
    const name = `m${++this.#named}`;
    const chance = this.chance.fork(name);
    const drawn = drawConfig(chance, this.machines.length === 0, this.draws);
    const config = this.options.configure?.(drawn) ?? drawn;
    const machine = new Machine(
      name,
      config,
      {
        ...{ scheduler: this.scheduler, network: this.network, chance, home: this.home },
        die: (each, process, what, step) => this.#die(each, process, what, step),
        diskTrouble: (each, step, path) => this.#diskTrouble(each, step, path),
        race: (each, step) => this.#race(each, step),
        met: (code, call) => {
          if (code === 'full' || code === 'denied') this.coverage.hit(code, stepOfCall(call));
        },
      },
      {
        share,
        deeds: this.deeds,
        chronicle: this.chronicle,
        log: () => this.log,
        nowMs: () => this.bucket.nowMs(),
        trashMs: config.trashMs,
      },
    );
    machine.user.makeDirectory(root);
    this.machines.push(machine);
    return machine;
  }

  /** From now on nothing goes wrong by chance. */
  quieten(): void {
    this.healed = true;
    this.#awayUntilMs = 0;
    this.#refusedUntilMs.clear();
    Object.assign(this.draws.network, { failed: 0, answerLost: 0, late: 0, cut: 0, throttled: 0, date: 0, flipped: 0 });
    Object.assign(this.draws.machine, { kill: 0, powerCut: 0, io: 0, race: 0 });
  }

  /** Ends the run with this. */
  fail(error: unknown): void {
    this.#failure ??= error;
  }

  get failed(): boolean {
    return this.#failure !== null;
  }

  /** Runs what is due within this time, and whatever it takes to come to the end of it. */
  async pass(ms: number): Promise<void> {
    let over = false;
    this.scheduler.at(ms, 'time has passed', () => {
      over = true;
    });
    await this.#runUntil(() => over);
  }

  /** Runs until the promise is settled. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let over = false;
    promise.finally(() => {
      over = true;
    });
    await this.#runUntil(() => over);
    if (!over) throw new Violation('nothing is left to happen, and somebody still waits');
    return await promise;
  }

  async run(machine: Machine, activity: Parameters<Life['start']>[1]): Promise<Lived> {
    return await this.until(this.life.start(machine, activity));
  }

  // ---- the run ----------------------------------------------------------------------------------------------------------------

  /** Work under faults, then healing, then quiet; throws what is wrong. */
  async runAll(): Promise<void> {
    await this.#work();
    await this.settle();
  }

  /** Heals everything and requires that all members come to rest, equal. */
  async settle(): Promise<void> {
    await this.#heal();
    await new Quiet(this).reach();
    this.#assertOutside();
  }

  async #work(): Promise<void> {
    const { operations, workPauseMs } = this.draws;
    for (const machine of this.machines) {
      if (isUsed(machine) && (this.chance.maybe(0.5) || machine === this.machines[0]))
        for (let count = this.chance.between(0, 6); count > 0; count--) this.#act(machine);
      this.#live(machine);
      if (this.chance.maybe(0.2)) this.#live(machine);
    }
    const working = this.chance.fork('working');
    const workOn = () => {
      if (this.healed) return;
      this.#guard(() => this.#workOnce(working));
      if (this.operations < operations) this.scheduler.at(working.fraction() * 2 * workPauseMs, 'work', workOn);
    };
    workOn();
    await this.#runUntil(() => this.operations >= operations);
    await this.pass(this.draws.cyclePauseMs * 2);
  }

  #workOnce(chance: Chance): void {
    this.operations++;
    if (this.operations % 4 === 0) this.#guard(() => this.#assertOutside());
    if (chance.maybe(this.draws.trouble)) this.#befall(chance);
    else if (this.machines.some(isUsed)) this.#act(chance.pick(this.machines.filter(isUsed)));
  }

  #act(machine: Machine): void {
    machine.happen(true, () => {
      const done = this.workload.act(machine, this.draws.largeBytes);
      this.scheduler.trace(`user on ${machine.name}: ${done}`);
    });
  }

  /** Process after process, as cron and init start them, until the world is healed. */
  #live(machine: Machine): void {
    const chance = this.chance.fork(`life of ${machine.name}`);
    const next = (pauseMs: number) =>
      this.scheduler.at(pauseMs, `${machine.name} is started`, () => {
        if (this.healed) return;
        if (this.scheduler.nowMs < this.#offUntilMs) return void next(slackMs);
        const activity = chance.weighted({ sync: 12, daemon: 8, approve: 1.5, housekeep: 1.5, restore: 1, verify: 0.3 });
        this.life.start(machine, activity).then(() => {
          next(chance.fraction() * 2 * this.draws.cyclePauseMs);
        });
      });
    next(chance.fraction() * this.draws.cyclePauseMs);
  }

  async #heal(): Promise<void> {
    this.quieten();
    for (const machine of this.machines) troubles.heal(machine);
    for (const machine of this.machines) for (const process of machine.processes) process.term.abort();
    await this.pass(slackMs);
    this.calm = true;
    for (const machine of this.machines) {
      if (machine.processes.size > 0) throw new Violation(`a process of ${machine.name} has not come to its end after SIGTERM`);
      machine.happen(true, () => this.#removeFifos(machine));
    }
  }

  #removeFifos(machine: Machine): void {
    for (const [path, node] of treeBelow(machine.disk, root)) if (node.kind === 'other') machine.user.remove(`${root}/${path}`);
  }

  async #runUntil(over: () => boolean): Promise<void> {
    await this.scheduler.run(() => this.failed || over() || this.scheduler.eventsRun > eventsMax);
    if (this.#failure !== null) throw this.#failure;
    if (this.scheduler.eventsRun > eventsMax) throw new Violation(`no end after ${eventsMax} events`);
  }

  /** A violation inside of what a port does must not look like an error of that port. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fail(error);
    }
  }

  #assertOutside(): void {
    for (const machine of this.machines) machine.assertOutside();
  }

  // ---- faults -----------------------------------------------------------------------------------------------------------------

  #openNetwork(): Network {
    return new Network({
      ...{ scheduler: this.scheduler, bucket: this.bucket, chance: this.chance.fork('network'), coverage: this.coverage },
      ...{ rates: this.draws.network, pageKeys: this.draws.pageKeys },
      trouble: (process, operation) => {
        if (this.scheduler.nowMs < this.#awayUntilMs) return 'away';
        const until = this.#refusedUntilMs.get(process.name.split('.')[0] ?? '') ?? 0;
        // Credentials may be refused everything, or only to write.
        const reads = operation === 'get' || operation === 'list';
        return this.scheduler.nowMs < until && !(reads && until % 2 < 1) ? 'refused' : null;
      },
      mortal: (process, what, step) => {
        const machine = this.machines.find(({ processes }) => processes.has(process));
        if (machine === undefined) return false;
        try {
          this.#die(machine, process, what, step);
          return false;
        } catch (error) {
          if (error instanceof Killed) return true;
          throw error;
        }
      },
    });
  }

  #die(machine: Machine, process: Process, what: string, step: Step): void {
    // Single statements are so many that by chance nobody would die anywhere else.
    if (this.options.mortality === undefined && what.startsWith('alone ')) return;
    const { kill, powerCut } = this.draws.machine;
    const drawn = this.options.mortality === undefined ? this.chance.fraction() / oftenAt(step) : 1;
    const death =
      this.options.mortality?.(machine, process, what, step) ?? (drawn < kill ? 'killed' : drawn < kill + powerCut ? 'power-cut' : null);
    if (death === null) return;
    this.coverage.hit(death, step);
    this.scheduler.trace(`${process.name} dies ${what}: ${death}`);
    this.#guard(() => {
      if (death === 'killed') machine.kill(process);
      else machine.powerCut(this.chance);
    });
    throw new Killed(`${process.name} dies`);
  }

  #diskTrouble(machine: Machine, step: Step, path: string): string | null {
    if (!this.chance.maybe(this.draws.machine.io) || !path.startsWith('/srv/')) return null;
    this.coverage.hit('io', step);
    this.scheduler.trace(`${machine.name}: EIO at ${path}`);
    return 'EIO';
  }

  #race(machine: Machine, step: Step): void {
    if (!this.chance.maybe(this.draws.machine.race) || !isUsed(machine)) return;
    this.coverage.hit('raced', step);
    this.#guard(() => machine.happen(true, () => this.#interfere(machine)));
  }

  #interfere(machine: Machine): void {
    const files = [...treeBelow(machine.disk, root)].filter(([, { kind }]) => kind === 'file').map(([path]) => path);
    if (files.length === 0) return;
    const done = this.workload.interfere(machine, this.chance.pick(files));
    this.scheduler.trace(`user on ${machine.name}, meanwhile: ${done}`);
  }

  #befall(chance: Chance): void {
    const kind = chance.weighted({ ...(this.options.emphasis?.troubles ?? troubles.troubleWeights) } as Record<troubles.Trouble, number>);
    const machine = chance.pick(this.machines);
    this.troubles[kind] = (this.troubles[kind] ?? 0) + 1;
    this.scheduler.trace(`trouble: ${kind} at ${machine.name}`);
    const laterMs = chance.between(500, 60_000);
    const undo = (work: () => void) => void this.scheduler.at(laterMs, `${kind} is over`, () => this.healed || this.#guard(work));
    if (kind === 'outage') this.#awayUntilMs = this.scheduler.nowMs + laterMs;
    else if (kind === 'refused') this.#refusedUntilMs.set(machine.name, this.scheduler.nowMs + laterMs + this.draws.cyclePauseMs * 3);
    else if (kind === 'time') this.#switchOff(chance.pick([3600, 26 * 3600, 9 * 24 * 3600]) * 1e6);
    else if (kind === 'newMember') this.#addMember();
    else if (kind === 'takeImage' && isFree(machine)) this.#keepImage(machine, chance);
    else if (kind === 'restoreBucket') this.#restoreBucket(chance);
    else if (kind === 'stop') for (const process of machine.processes) process.term.abort();
    else if (kind === 'reboot') this.#guard(() => machine.powerCut(chance));
    else if (kind === 'clock') troubles.turnClock(machine, chance);
    else if (kind === 'full')
      this.#lasting(
        () => troubles.fillUp(machine, chance),
        () => machine.disk.fullAt(Number.POSITIVE_INFINITY),
        undo,
      );
    else if (kind === 'badSector' || kind === 'denied')
      this.#lasting(
        () => troubles.spoil(machine, chance, kind === 'denied' ? 'EACCES' : 'EIO'),
        () => machine.disk.refused.clear(),
        undo,
      );
    else if (isFree(machine)) this.#befallDisk(kind, machine, chance, undo);
  }

  #befallDisk(kind: troubles.Trouble, machine: Machine, chance: Chance, undo: (work: () => void) => void): void {
    const hidesRoot = kind === 'emptied' || kind === 'covered' || kind === 'rootAway';
    if (hidesRoot && !machine.rooted) return;
    if (kind === 'emptied')
      this.#lasting(
        () => troubles.cover(machine, root),
        () => troubles.uncover(machine),
        undo,
      );
    else if (kind === 'covered') {
      const directories = [...treeBelow(machine.disk, root)].filter(([, node]) => node.kind === 'dir').map(([path]) => path);
      if (directories.length > 0)
        this.#lasting(
          () => troubles.cover(machine, `${root}/${chance.pick(directories)}`),
          () => troubles.uncover(machine),
          undo,
        );
    } else if (kind === 'rootAway')
      this.#lasting(
        () => troubles.moveRootAway(machine),
        () => troubles.moveRootBack(machine),
        undo,
      );
    else if (kind === 'loseJournal' || kind === 'loseState' || kind === 'damageJournal') {
      for (const process of [...machine.processes]) process.end();
      this.chronicle.reset(machine.name);
      if (kind === 'loseJournal') machine.state.loseJournal();
      else if (kind === 'loseState') machine.state.loseEverything();
      else machine.state.damage(chance);
    } else if (this.#images.length > 0) {
      this.#doubled = true;
      const image = chance.pick(this.#images);
      const target = kind === 'clone' ? this.addMachine() : machine;
      target.become(kind === 'restoreDisk' ? { disk: image.disk, state: null } : image);
      if (kind === 'clone') this.#live(target);
    }
  }

  /** All servers are off for a while; what was still on its way to the bucket has arrived or is lost by then. */
  #switchOff(us: number): void {
    for (const machine of this.machines) for (const process of [...machine.processes]) machine.kill(process);
    this.#offUntilMs = this.scheduler.nowMs + slackMs;
    this.scheduler.at(slackMs - 1, 'all servers are off', () => {
      if (this.healed) return;
      this.scheduler.spendUs(us);
      this.#offUntilMs = 0;
    });
  }

  #lasting(begin: () => void, end: () => void, undo: (work: () => void) => void): void {
    this.#guard(begin);
    undo(end);
  }

  #keepImage(machine: Machine, chance: Chance): void {
    if (this.#images.length >= 3) this.#images.splice(chance.below(3), 1);
    this.#images.push(machine.image());
    if (this.#backups.length < 2) this.#backups.push({ objects: this.bucket.backUp(), log: this.log.copy() });
  }

  #addMember(): void {
    if (this.machines.length < 8) this.#live(this.addMachine());
  }

  /** Somebody sets the bucket back; from then on less is certain. */
  #restoreBucket(chance: Chance): void {
    if (this.#backups.length === 0) return;
    const { objects, log } = chance.pick(this.#backups);
    this.chronicle.void = true;
    this.bucket.restore(objects);
    this.log = log.copy();
    this.log.relaxed = true;
    this.log.watch(this.bucket);
  }
}

function isFree(machine: Machine): boolean {
  return machine.mounts.length === 0 && machine.user.stat(root) !== null;
}

/** What the agent was at when the disk refused one of its calls. */
function stepOfCall(call: string): Step {
  if (/^(stage|stageContents|stageTree|flush)$/.test(call)) return 'fetch';
  return /^(look|readDirectory|readLink|open|readFiles|lookInTrash|openInTrash|listTrash)$/.test(call) ? 'scan' : 'apply';
}

/** Subscribers keep what is done there to themselves. */
function isUsed(machine: Machine): boolean {
  return isFree(machine) && machine.config.role === 'both';
}

/** Runs one seed. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const world = new World(options);
  let violation: SimulationResult['violation'] = null;
  try {
    await world.runAll();
  } catch (error) {
    const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
    violation = { text: message, stack, event: world.scheduler.eventsRun, last: world.scheduler.lastLines() };
  } finally {
    world.fail(new Error('the run is over'));
    rmSync(world.home, { recursive: true, force: true });
  }
  const { scheduler, counts, coverage, troubles: befell, operations, machines, log } = world;
  return {
    ...{ seed: options.seed, members: machines.length, events: scheduler.portCalls, operations, records: log.head },
    ...{ traceHash: scheduler.traceHash(), counts, coverage, troubles: befell, violation },
  };
}
