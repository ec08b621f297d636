import { Gate } from '../adapters/bounded.ts';
import type { Supervisor } from '../adapters/supervisor.ts';
import { letManyWait, systemRandom, systemTime } from '../adapters/system.ts';
import { openWatcher } from '../adapters/watch.ts';
import type { World } from '../compose.ts';
import { bellKey } from '../model/keys.ts';
import { troublePauseMs } from '../model/pace.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import type { Watcher } from '../ports/watch.ts';
import { type ExitCode, exit } from './exit.ts';
import { faultText } from './faults.ts';
import { counted } from './format.ts';
import type { Output } from './output.ts';
import type { Page } from './page/page.ts';
import { needsRestart, type Reread, type Variables } from './reload.ts';
import { Roster } from './roster.ts';
import { Waker } from './wake.ts';

const cyclesAtOnce = 8;
const rosterPauseMs = 10_000;
/** Names in the bucket are asked for less often than directories here: each time costs a LIST. */
const rostersPerListing = 30;
const tokenBytesMax = 1024;
/** Between two looks for a second share: one share is polled by itself. */
const aloneMs = 1000;
/** A service manager is told five seconds; what hangs longer is as good as killed, which every step survives. */
const drainMs = 4000;
/** systemd is told this many times within the time after which it gives the daemon up. */
const watchdogShare = 3;

/** What the process around a daemon gives it. */
export interface Service {
  readonly supervisor: Supervisor;
  /** Reads the config file again, and the variables that go into it. */
  reread(): Reread;
  /** The variables that the config in force was read with. */
  readonly variables: Variables;
  /** Calls `listener` at every request to read the config again (SIGHUP). */
  onReload(listener: () => void): void;
}

/** The daemon: every share is followed until the signal of the world; shares of patterns join as their directories appear. */
export async function run(world: World, output: Output, service: Service): Promise<ExitCode> {
  letManyWait(world.signal);
  const daemon = new Daemon(world, output, service);
  const stopped = new Promise<void>((resolve) => {
    if (world.signal.aborted) resolve();
    world.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const ended = daemon.run();
  await Promise.race([stopped, ended]);
  daemon.stop();
  const patience = new AbortController();
  const over = Promise.all([ended, service.supervisor.settled()]);
  const drained = await Promise.race([over.then(() => true), systemTime.sleep(drainMs, patience.signal).then(() => false)]);
  if (!drained) process.exit(exit.done);
  patience.abort();
  return exit.done;
}

class Daemon {
  readonly #world: World;
  readonly #output: Output;
  readonly #service: Service;
  readonly #roster: Roster;
  readonly #rosterWaker = new Waker();
  readonly #bellWaker = new Waker();
  readonly #watchdogWaker = new Waker();
  #variables: Variables;
  #watcher: Watcher | null = null;
  #page: Page | null = null;
  /** The bucket has told its shares at least once. */
  #listed = false;
  #isReloadAsked = false;
  /** Said already, and still true. */
  #told = new Set<string>();

  constructor(world: World, output: Output, service: Service) {
    [this.#world, this.#output, this.#service, this.#variables] = [world, output, service, service.variables];
    const [gate, examinations] = [new Gate(cyclesAtOnce), new Gate(1)];
    this.#roster = new Roster({
      ...{ world, output, through: (work) => gate.through(work), hasBell: () => this.#roster.size > 1 },
      examining: (work) => examinations.through(work),
      watcher: () => {
        this.#watcher ??= openWatcher();
        return this.#watcher;
      },
    });
    service.onReload(() => {
      this.#isReloadAsked = true;
      this.#rosterWaker.wake();
    });
  }

  async run(): Promise<void> {
    await Promise.all([this.#keepRoster(), this.#listenToBell(), this.#showLife()]);
    await Promise.all([this.#roster.left(), this.#page?.close()]);
    await this.#watcher?.close();
  }

  stop(): void {
    this.#service.supervisor.stopping();
    this.#roster.close();
    for (const waker of [this.#rosterWaker, this.#bellWaker, this.#watchdogWaker]) waker.wake();
  }

  /** From the loop that all work shares: a process that hangs says nothing. */
  async #showLife(): Promise<void> {
    const { alive, watchdogMs } = this.#service.supervisor;
    while (watchdogMs !== null && !this.#world.signal.aborted) {
      alive();
      await this.#watchdogWaker.sleep(watchdogMs / watchdogShare);
    }
  }

  // ---- which shares ----------------------------------------------------------------------------------------------------------

  async #keepRoster(): Promise<void> {
    for (let round = 0; !this.#world.signal.aborted; round++) {
      const isReload = this.#isReloadAsked;
      this.#isReloadAsked = false;
      const isNew = isReload && this.#reload();
      await this.#updateRoster(round % rostersPerListing === 0 || !this.#listed || isNew, isNew).catch((error: unknown) =>
        this.#broken(error),
      );
      await this.#keepPage(isReload).catch((error: unknown) => this.#broken(error));
      if (round === 0 && this.#output.terminal) this.#output.line(`following ${counted(this.#roster.size, 'share')}; Ctrl-C stops`);
      if (round === 0 || isReload) this.#service.supervisor.ready(`following ${counted(this.#roster.size, 'share')}`);
      if (!this.#world.signal.aborted && !this.#isReloadAsked) await this.#rosterWaker.sleep(rosterPauseMs);
    }
  }

  /** Loaded only where the config asks for it. */
  async #keepPage(isReload: boolean): Promise<void> {
    const { config, signal } = this.#world;
    if (signal.aborted || (this.#page === null && config.page === null)) return;
    this.#page ??= new (await import('./page/page.ts')).Page(this.#world, this.#output, () => this.#roster.followers());
    await this.#page.keep(isReload);
  }

  /** Whatever is wrong with finding shares, those that are followed go on. */
  #broken(error: unknown): void {
    const text = `flocksync: internal error, please report it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
    if (!this.#told.has(text)) this.#output.error(text);
    this.#told.add(text);
  }

  async #updateRoster(withBucket: boolean, replaces: boolean): Promise<void> {
    const told = new Set<string>();
    const expanded = await this.#expand(withBucket, told);
    for (const { share, message } of expanded.problems) this.#say(`flocksync: ${share}: ${message}`, told);
    this.#told = told;
    if (this.#world.signal.aborted) return;
    if (replaces) this.#roster.replace(this.#world.config.shares, expanded.shares);
    else this.#roster.add(expanded.shares);
  }

  /** While the store does not answer, the shares that are known here can at least be watched. */
  async #expand(withBucket: boolean, told: Set<string>) {
    try {
      const expanded = await this.#world.shares(withBucket);
      this.#listed ||= withBucket;
      return expanded;
    } catch (error) {
      if (!(error instanceof DatastoreFault)) throw error;
      this.#say(`flocksync: ${faultText(error)}`, told);
      return await this.#world.shares(false);
    }
  }

  #say(line: string, told: Set<string>): void {
    if (!this.#told.has(line) && !told.has(line)) this.#output.error(line);
    told.add(line);
  }

  // ---- a config that is read again -------------------------------------------------------------------------------------------

  /** True: another config is in force. A faulty one, or one that this process cannot change to, is told, and the old one stays. */
  #reload(): boolean {
    const { log } = this.#world;
    this.#service.supervisor.reloading();
    const reread = this.#service.reread();
    if (!reread.ok) {
      for (const line of reread.lines) this.#output.error(line);
      this.#output.error('flocksync: the config was not read again: it has faults, and the one from before stays in force');
      return false;
    }
    const keys = needsRestart({ config: this.#world.config, variables: this.#variables }, reread);
    if (keys.length > 0) {
      const text = `${keys.join(', ')} changed, which needs a restart of the daemon; until then the config from before stays in force`;
      this.#output.error(`flocksync: ${text}`);
      return false;
    }
    this.#variables = reread.variables;
    this.#world.reconfigure(reread.config);
    log.info({ shares: reread.config.shares.length }, 'the config was read again');
    return true;
  }

  // ---- the bell (rule L8) ----------------------------------------------------------------------------------------------------

  /** The token that is kept is the one that was read before the shares are polled: a ring in between is heard at the next look. */
  async #listenToBell(): Promise<void> {
    let heard: string | null = null;
    for (let failures = 0; !this.#world.signal.aborted; ) {
      const followers = this.#roster.followers();
      if (followers.length > 1) {
        const bell = await this.#readBell();
        failures = bell === 'unreadable' ? failures + 1 : 0;
        const token = typeof bell === 'string' ? null : bell.token;
        if (token === null || token !== heard) for (const follower of followers) follower.ring();
        heard = token;
      }
      const pauseMs = followers.length > 1 ? Math.min(...followers.map((follower) => follower.pollPauseMs())) : aloneMs;
      const troubleMs = failures > 0 ? troublePauseMs(failures, systemRandom.fraction()) : 0;
      if (!this.#world.signal.aborted) await this.#bellWaker.sleep(Math.max(pauseMs, troubleMs));
    }
  }

  /** A token of null is a bell that nobody has rung yet. */
  async #readBell(): Promise<{ readonly token: string | null } | 'unreadable'> {
    try {
      const { value } = await (await this.#world.datastore()).get(bellKey(), { bytesMax: tokenBytesMax });
      return { token: value === null ? null : value.bytes.toString('latin1') };
    } catch (error) {
      if (!(error instanceof DatastoreFault)) throw error;
      return 'unreadable';
    }
  }
}
