import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { birthFormat } from '../../../src/model/format.ts';
import { birthLimits } from '../../../src/model/limits.ts';
import { keyOfEntry } from '../contents.ts';
import type { MemoryUser } from '../disk/user.ts';
import type { Draws } from '../draws.ts';
import { type Machine, root } from '../machine.ts';
import type { Activity } from '../process.ts';
import { Quiet } from '../quiet.ts';
import { type Death, World } from '../world.ts';

export const hourMs = 3600 * 1000;
export const historyMs = 6 * hourMs;
const noFaults = { failed: 0, answerLost: 0, late: 0, cut: 0, throttled: 0, date: 0 };

/** Dies at the effect of that number, counted from when it was armed. */
interface Doom {
  readonly machine: Machine;
  readonly at: number;
  readonly death: Exclude<Death, null>;
}

/** Calls that change nothing outside of their process. */
const looks = /^at (lstat|readdir|open|readlink|read) |^before \S+ (get|list|listFolders|unfinishedUploads) |^after /;

const inJournal = /^alone |^before (transaction|flush)$/;

/** Two members and their bucket without any trouble but the one death that is asked for. */
export class Federation {
  readonly world: World;
  readonly a: Machine;
  readonly b: Machine;
  #doom: Doom | null = null;
  #effects = 0;
  /** Effects outside of the journal. */
  #moves = 0;
  /** What a death at the last point would have left. */
  #left = '';
  /** What the dead process was at. */
  died: string | null = null;

  constructor(seed: number) {
    this.world = new World({
      seed,
      members: 2,
      operations: 0,
      shape: calm,
      configure: (config) => ({
        ...config,
        role: 'both',
        mode: 'heavyweight',
        conflict: 'newest',
        join: 'trash',
        metadata: 'preserve',
        settleMs: 0,
      }),
      mortality: (machine, _, what) => this.#mortality(machine, what),
    });
    this.world.calm = true;
    [this.a, this.b] = this.world.machines as [Machine, Machine];
  }

  /** Somebody works on that server; paths are below the root. */
  work(machine: Machine, deed: (user: MemoryUser, at: (path: string) => string) => void): void {
    machine.happen(true, () => deed(machine.user, (path) => `${root}/${path}`));
  }

  async run(machine: Machine, activity: Activity = 'sync'): Promise<void> {
    await this.world.run(machine, activity);
  }

  /** Both, until both have what both had. */
  async sync(): Promise<void> {
    for (const machine of [this.a, this.b, this.a]) await this.run(machine);
  }

  /** From now on the effects of this machine are counted; at one of them it dies. */
  doom(machine: Machine, at: number, death: Exclude<Death, null>): void {
    this.#doom = { machine, at, death };
    this.#effects = 0;
    this.#left = '';
    this.died = null;
  }

  /** True where it has died. */
  spare(): boolean {
    this.#doom = null;
    return this.died !== null;
  }

  /** Everybody comes to rest, with all promises kept, a new member too if it is asked for; what stands in the end, by path. */
  async rest(welcomes: boolean): Promise<ReadonlyMap<string, string>> {
    await new Quiet(this.world, welcomes).reach();
    return new Map([...this.world.log.fold].map(([path, { entry }]) => [path, keyOfEntry(entry)]));
  }

  close(): void {
    this.world.fail(new Error('the run is over'));
    rmSync(this.world.home, { recursive: true, force: true });
  }

  #mortality(machine: Machine, what: string): Death {
    const doom = this.#doom;
    if (doom === null || machine !== doom.machine || this.died !== null || looks.test(what) || isVain(machine, what)) return null;
    const left = `${this.#moves} ${digestOf(`${machine.state.journalFile}-wal`)}`;
    if (!inJournal.test(what)) this.#moves++;
    // Since the last point nothing has changed: a death here would leave what a death there has left.
    if (left === this.#left) return null;
    this.#left = left;
    if (++this.#effects < doom.at) return null;
    this.died = what;
    return doom.death;
  }
}

function digestOf(file: string): string {
  return existsSync(file) ? createHash('sha1').update(readFileSync(file)).digest('hex') : '';
}

/** What is tried in every cycle and has no effect: the directories of the staging area stand, and there is nothing to prove any more. */
function isVain({ user }: Machine, what: string): boolean {
  const directory = /^at mkdir (.*)$/.exec(what)?.[1];
  if (directory !== undefined) return user.stat(directory) !== null;
  return /^at rename \/srv\/html\/(\.flocksync|[0-9a-f]{32})$/.test(what) && user.stat('/srv/.flocksync-webroot/proved') !== null;
}

/** Small limits, so that short scenarios meet packs, bodies, and files in several chunks. */
function calm(draws: Draws): Draws {
  const drawn = birthFormat('5'.repeat(32), historyMs, { atMs: 0, by: 'nobody' });
  const limits = { ...birthLimits, packBytesMax: 2048, recordBytesMax: 3000, inlineBytesMax: 400 };
  return {
    ...draws,
    format: { ...drawn, limits, chunking: { kind: 'fixed', bytes: 1000 } },
    ...{ largeBytes: 2049, network: noFaults, machine: { kill: 0, powerCut: 0, io: 0, race: 0 }, trashMs: hourMs },
    ...{ pageKeys: 1000, trouble: 0, ages: false },
  };
}
