import { join } from 'node:path';
import { bounded } from '../../src/adapters/bounded.ts';
import { compileExcludes } from '../../src/adapters/excludes.ts';
import { retrying } from '../../src/adapters/retrying.ts';
import { scratchBelow } from '../../src/adapters/scratch.ts';
import type { Ports } from '../../src/agent/context.ts';
import { ShareAgent } from '../../src/agent.ts';
import type { ShareConfig } from '../../src/config-types.ts';
import { decodeBlob, encodeBlob } from '../../src/model/pack.ts';
import { type BytePath, parentOf } from '../../src/model/path.ts';
import type { ContentCodec } from '../../src/ports/codec.ts';
import type { DiskFaultCode, Owners } from '../../src/ports/filesystem.ts';
import type { Journal } from '../../src/ports/journal.ts';
import type { Time } from '../../src/ports/time.ts';
import type { Chance } from './chance.ts';
import { keyOfNode, treeBelow } from './contents.ts';
import type { Step } from './coverage.ts';
import { MemoryDisk } from './disk/memory-disk.ts';
import { openMemoryTree } from './disk/memory-tree.ts';
import { Errno } from './disk/nodes.ts';
import { MemoryUser } from './disk/user.ts';
import { meeting } from './meeting.ts';
import type { Network } from './network.ts';
import { Killed, type Process } from './process.ts';
import type { Scheduler } from './scheduler.ts';
import { StateDirectory } from './state-directory.ts';
import { Violation } from './violation.ts';
import { Witness, type WitnessParts } from './witness.ts';

export const root = '/srv/html';
/** Beside the root, and where links out of it lead; no agent may ever change any of it. */
export const outside = '/srv/other';

/** How often things go wrong on a server, per call; all zero once the world is healed. */
export interface MachineRates {
  kill: number;
  powerCut: number;
  io: number;
  race: number;
}

export interface MachineParts {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly chance: Chance;
  /** Decides whether this is the moment to die; it does the dying. Throws Killed then. */
  readonly die: (machine: Machine, process: Process, what: string, step: Step) => void;
  /** What a disk answers instead of doing it; an errno. */
  readonly diskTrouble: (machine: Machine, step: Step, path: string) => string | null;
  /** Lets a user do something in the midst of an agent's call. */
  readonly race: (machine: Machine, step: Step) => void;
  /** A call of the disk has ended with a fault. */
  readonly met: (code: DiskFaultCode, call: string) => void;
  /** Directory for the state directories. */
  readonly home: string;
}

/** A process with its share open. */
export interface Opened {
  readonly agent: ShareAgent;
  readonly journal: Journal;
  readonly events: readonly string[];
}

/** One server: a disk, a state directory, a clock, and processes that come and go. */
export class Machine {
  readonly name: string;
  readonly config: ShareConfig;
  readonly witness: Witness;
  disk: MemoryDisk;
  state: StateDirectory;
  /** The wall clock against virtual time. */
  clockOffsetUs = 0;
  /** The one that holds the share's lock. */
  lockedBy: Process | null = null;
  readonly processes = new Set<Process>();
  /** Mounted over the root, or over a directory in it, at the moment. */
  readonly mounts: string[] = [];
  /** It has joined on the disk that is its own; another one is foreign from then on (rule G1). */
  rooted = false;
  /** Directories of which file events tell, as far as nobody has asked. */
  readonly hints = new Set<BytePath>();
  /** How often somebody or something else than an agent has changed the disk. */
  deeds = 0;
  /** Somebody has decided that this member begins anew, once its process has ended. */
  forgetsState = false;
  readonly #touches = new Map<BytePath, number>();
  #upheaval = 0;
  /** Its last cycle left something for a person to decide. */
  lastHeld = false;
  readonly #parts: MachineParts;
  readonly #excluded: ReturnType<typeof compileExcludes>;
  #copies = 0;
  /** What is beside the root by what users have done, who may write there through a link in it. */
  #outside: string;

  constructor(name: string, config: ShareConfig, parts: MachineParts, watched: Omit<WitnessParts, 'name' | 'disk' | 'root'>) {
    this.name = name;
    this.config = config;
    this.#parts = parts;
    this.disk = new MemoryDisk({ nowUs: () => this.wallUs(), tickUs: 4000 });
    this.state = new StateDirectory(join(parts.home, name));
    this.witness = new Witness({ ...watched, name, disk: () => this.disk, root });
    this.#excluded = compileExcludes(config.exclude);
    const user = new MemoryUser(this.disk);
    user.makeDirectory(outside);
    user.write(`${outside}/passwd`, 'nobody');
    user.makeDirectory(`${outside}/d`);
    user.write(`${outside}/d/f`, 'not yours');
    this.#outside = this.#lookOutside();
  }

  get user(): MemoryUser {
    return new MemoryUser(this.disk);
  }

  /** Something happens on this server that no agent does; see Witness. */
  happen(deliberate: boolean, work: () => void): void {
    this.deeds++;
    this.assertOutside();
    const touched = this.witness.user(deliberate, this.#parts.scheduler.nowUs, work);
    this.#outside = this.#lookOutside();
    for (const path of touched) {
      this.#touches.set(path, this.deeds);
      this.hints.add(parentOf(path));
    }
  }

  /** Whether anybody has touched the path after so many deeds. */
  touchedSince(path: BytePath, deeds: number): boolean {
    return Math.max(this.#upheaval, this.#touches.get(path) ?? 0) > deeds;
  }

  /** No agent has changed anything outside of the root (promise 2). */
  assertOutside(): void {
    if (this.#lookOutside() !== this.#outside) throw new Violation(`${this.name}: something outside of the root was changed`);
  }

  #lookOutside(): string {
    return JSON.stringify([...treeBelow(this.disk, outside)].map(([path, node]) => [path, keyOfNode(node)]).sort());
  }

  wallUs(): number {
    return this.#parts.scheduler.nowUs + this.clockOffsetUs;
  }

  isExcluded(path: string, isDirectory: boolean): boolean {
    return this.#excluded(path, isDirectory);
  }

  // ---- its processes ----------------------------------------------------------------------------------------------------------

  /** Opens the share for a process, with all ports simulated but the journal, which is a real one. */
  open(process: Process): Opened {
    const { scheduler, network, die, home, met } = this.#parts;
    const chance = this.#parts.chance.fork(process.name);
    const time = this.#timeOf(process);
    const events: string[] = [];
    const mortal = (what: string) => die(this, process, what, 'journal');
    const onFlush = () => scheduler.note(`${process.name} flush`);
    const journal = this.state.open(process, chance, events, onFlush, mortal);
    const tree = openMemoryTree({
      disk: this.disk,
      root,
      shareName: this.config.name,
      random: chance,
      ...this.#hooksOf(process),
      wait: (call) => this.#pause(process, call),
    });
    process.onEnd(() => tree.die(new Killed(`${process.name} is dead`)));
    const retries = { time, random: chance, budgetMs: 60_000, attemptsMax: 10, signal: process.term.signal };
    const member = this.state.memberFile(this.name, chance, process);
    const ports: Ports = {
      ...{
        datastore: retrying(bounded(network.linkOf(process)), retries),
        journal,
        tree: meeting(this.witness.watched(tree), (fault, call) => met(fault.code, call)),
        owners,
        time,
      },
      ...{ random: chance, codec, log: silent, commands: noCommands, member, readiness: { set: () => {}, clear: () => {} } },
      ...{ excluded: this.#excluded, compileExcludes, onProgress: () => {}, stateId: `state of ${this.name}`, version: '0' },
      scratch: scratchBelow(join(home, `${this.name}.scratch`)),
    };
    return { agent: new ShareAgent(ports, this.config), journal, events };
  }

  #timeOf(process: Process): Time {
    const { scheduler } = this.#parts;
    return {
      wallMs: () => Math.floor(this.wallUs() / 1000),
      monotonicMs: () => scheduler.nowMs,
      sleep: (ms, signal) => this.#sleep(process, ms, signal),
    };
  }

  #sleep(process: Process, ms: number, signal?: AbortSignal): Promise<void> {
    const { scheduler } = this.#parts;
    process.assertAlive();
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        signal?.removeEventListener('abort', stop);
        if (process.alive) resolve();
      };
      const planned = scheduler.at(ms, `${process.name} wakes`, wake);
      const stop = () => {
        planned.cancel();
        wake();
      };
      signal?.addEventListener('abort', stop, { once: true });
    });
  }

  #pause(process: Process, call: string): Promise<void> {
    const { scheduler, chance } = this.#parts;
    process.assertAlive();
    scheduler.note(`${process.name} ${call}`);
    return this.#sleep(process, chance.between(0, 8));
  }

  #hooksOf(process: Process) {
    const { scheduler, chance, die, diskTrouble, race } = this.#parts;
    const called = (call: string, path: string, step: Step) => {
      process.assertAlive();
      scheduler.note(`${process.name} ${call} ${path}`);
      scheduler.spendUs(chance.between(2, 40));
      die(this, process, `at ${call} ${path}`, step);
      race(this, step);
      const errno = diskTrouble(this, step, path);
      if (errno !== null) throw new Errno(errno, path);
    };
    return {
      onEffect: (call: string, path: string) =>
        called(call, path, isStaged(path) && call !== 'rename' && call !== 'link' ? 'fetch' : 'apply'),
      onLook: (call: string, path: string) => called(call, path, 'scan'),
    };
  }

  /** To look at, while no process works on it. The caller closes it. */
  readJournal(): Journal {
    return this.state.read();
  }

  // ---- what befalls it --------------------------------------------------------------------------------------------------------

  /** kill -9 of one process; the others go on. */
  kill(process: Process): void {
    process.end();
    if (this.processes.size === 0) this.state.leave();
  }

  powerCut(chance: Chance): void {
    for (const process of [...this.processes]) process.end();
    const before = this.witness.see();
    this.assertOutside();
    this.state.powerCut(chance);
    this.disk.crash(() => chance.fraction());
    this.#outside = this.#lookOutside();
    this.#upheaval = ++this.deeds;
    this.witness.forget(before);
    this.witness.assertWhole();
  }

  /** An image of the whole machine, taken without stopping it. */
  image(): { readonly disk: MemoryDisk; readonly state: StateDirectory } {
    const home = join(this.#parts.home, `${this.name}-image-${++this.#copies}`);
    return { disk: this.disk.copy({ nowUs: () => 0 }), state: this.state.copyTo(home) };
  }

  /** From now on the machine is what the image says; its processes are gone. */
  become({ disk, state }: { readonly disk: MemoryDisk; readonly state: StateDirectory | null }): void {
    for (const process of [...this.processes]) process.end();
    const before = this.witness.see();
    this.assertOutside();
    this.disk = disk.copy({ nowUs: () => this.wallUs(), tickUs: 4000 });
    this.#outside = this.#lookOutside();
    if (state !== null) this.state = state.copyTo(join(this.#parts.home, `${this.name}-${++this.#copies}`));
    this.mounts.length = 0;
    this.#upheaval = ++this.deeds;
    this.witness.forget(before);
  }
}

function isStaged(path: string): boolean {
  return path.includes('/.flocksync');
}

const codec: ContentCodec = {
  encode: async (contents) => contents.map(encodeBlob),
  decode: async (contents) =>
    contents.map(({ stored, codec: how, hash, size }) => {
      const decoded = decodeBlob(stored, how, hash, size);
      return decoded.ok ? decoded.bytes : null;
    }),
  close: async () => undefined,
};

const owners: Owners = {
  privileged: true,
  userName: (uid) => (uid === 0 ? 'root' : String(uid)),
  groupName: (gid) => (gid === 0 ? 'root' : String(gid)),
  userId: (name) => (name === 'root' ? 0 : /^\d+$/.test(name) ? Number(name) : undefined),
  groupId: (name) => (name === 'root' ? 0 : /^\d+$/.test(name) ? Number(name) : undefined),
};

const nothing = () => {};
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const noCommands = {
  call: async () => {
    throw new Error('no command is configured');
  },
};
