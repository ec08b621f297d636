import { Gate } from '../adapters/bounded.ts';
import { systemRandom, systemTime } from '../adapters/system.ts';
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
import { type Crew, Follower } from './run-share.ts';
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

/** The daemon: every share is followed until the signal of the world; shares of patterns join as their directories appear. */
export async function run(world: World, output: Output): Promise<ExitCode> {
  const daemon = new Daemon(world, output);
  const stopped = new Promise<void>((resolve) => {
    if (world.signal.aborted) resolve();
    world.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const ended = daemon.run();
  await Promise.race([stopped, ended]);
  daemon.stop();
  const patience = new AbortController();
  const drained = await Promise.race([ended.then(() => true), systemTime.sleep(drainMs, patience.signal).then(() => false)]);
  if (!drained) process.exit(exit.done);
  patience.abort();
  return exit.done;
}

class Daemon {
  readonly #world: World;
  readonly #output: Output;
  readonly #followers = new Map<string, { readonly follower: Follower; readonly done: Promise<void> }>();
  readonly #rosterWaker = new Waker();
  readonly #bellWaker = new Waker();
  readonly #gate = new Gate(cyclesAtOnce);
  #watcher: Watcher | null = null;
  /** The bucket has told its shares at least once. */
  #listed = false;
  /** Said already, and still true. */
  #told = new Set<string>();

  constructor(world: World, output: Output) {
    this.#world = world;
    this.#output = output;
  }

  async run(): Promise<void> {
    await Promise.all([this.#keepRoster(), this.#listenToBell()]);
    await Promise.all([...this.#followers.values()].map(({ done }) => done));
    await this.#watcher?.close();
  }

  stop(): void {
    for (const { follower } of this.#followers.values()) follower.end();
    this.#rosterWaker.wake();
    this.#bellWaker.wake();
  }

  // ---- which shares ----------------------------------------------------------------------------------------------------------

  async #keepRoster(): Promise<void> {
    for (let round = 0; !this.#world.signal.aborted; round++) {
      await this.#updateRoster(round % rostersPerListing === 0 || !this.#listed);
      if (round === 0 && this.#output.terminal) this.#output.line(`following ${counted(this.#followers.size, 'share')}; Ctrl-C stops`);
      if (!this.#world.signal.aborted) await this.#rosterWaker.sleep(rosterPauseMs);
    }
  }

  /** A share that is followed stays followed: when its root goes away, that is a problem to be said, and no reason to forget it. */
  async #updateRoster(withBucket: boolean): Promise<void> {
    const told = new Set<string>();
    const expanded = await this.#expand(withBucket, told);
    for (const { share, message } of expanded.problems) this.#say(`flocksync: ${share}: ${message}`, told);
    this.#told = told;
    const crew = this.#crew();
    for (const share of expanded.shares) {
      if (this.#followers.has(share.name) || this.#world.signal.aborted) continue;
      const follower = new Follower(crew, share);
      this.#followers.set(share.name, { follower, done: follower.follow() });
    }
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

  #crew(): Crew {
    return {
      ...{ world: this.#world, output: this.#output },
      through: (work) => this.#gate.through(work),
      hasBell: () => this.#followers.size > 1,
      watcher: () => {
        this.#watcher ??= openWatcher();
        return this.#watcher;
      },
    };
  }

  // ---- the bell (rule L8) ----------------------------------------------------------------------------------------------------

  /** The token that is kept is the one that was read before the shares are polled: a ring in between is heard at the next look. */
  async #listenToBell(): Promise<void> {
    let heard: string | null = null;
    for (let failures = 0; !this.#world.signal.aborted; ) {
      const followers = [...this.#followers.values()].map(({ follower }) => follower);
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
