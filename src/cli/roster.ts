import { isDeepStrictEqual } from 'node:util';
import { rootForShare } from '../adapters/share-roots.ts';
import { systemTime } from '../adapters/system.ts';
import type { ShareConfig } from '../config-types.ts';
import { askForStatus } from './ask.ts';
import type { Crew } from './crew.ts';
import { Follower } from './run-share.ts';

/** After an error that no share should be able to make, the share is begun anew. */
const brokenPauseMs = 60_000;

interface Followed {
  readonly follower: Follower;
  readonly done: Promise<void>;
}

/** The shares that a daemon follows. */
export class Roster {
  readonly #crew: Crew;
  readonly #followed = new Map<string, Followed>();
  /** Those that were sent away and have not finished their cycle. */
  readonly #leaving = new Set<Promise<void>>();
  /** The last error of a share that could not be followed. */
  readonly #told = new Map<string, string>();
  #isClosed = false;

  constructor(crew: Crew) {
    this.#crew = crew;
  }

  get size(): number {
    return this.#followed.size;
  }

  followers(): Follower[] {
    return [...this.#followed.values()].map(({ follower }) => follower);
  }

  /** A share that is followed stays followed: when its root goes away, that is a problem to be said, and no reason to forget it. */
  add(shares: readonly ShareConfig[]): void {
    for (const share of shares) {
      if (this.#followed.has(share.name) || this.#isClosed) continue;
      try {
        this.#begin(share);
      } catch (error) {
        this.#broken(share.name, error);
      }
    }
  }

  /**
   * Follows the config's shares and no others. `expanded` are those that are known now; one of a pattern that is not among them stays as
   * long as the pattern still means it.
   */
  replace(config: readonly ShareConfig[], expanded: readonly ShareConfig[]): void {
    const wanted = new Map(expanded.map((share) => [share.name, share]));
    for (const [name, { follower }] of this.#followed) {
      const share = wanted.get(name) ?? fromPattern(config, name, follower.share);
      if (share === null || !isDeepStrictEqual(share, follower.share)) this.#end(name);
    }
    this.add(expanded);
  }

  /** No new cycles. */
  close(): void {
    this.#isClosed = true;
    for (const name of [...this.#followed.keys()]) this.#end(name);
  }

  /** Resolves when those that were sent away have finished. */
  async left(): Promise<void> {
    while (this.#leaving.size > 0) await Promise.all(this.#leaving);
  }

  /** After all that were sent away: two shares must never work in one root, whatever they are called. */
  #begin(share: ShareConfig): void {
    const follower = new Follower(this.#crew, share);
    const done = this.left().then(() => this.#keepFollowing(follower));
    this.#followed.set(share.name, { follower, done });
  }

  #end(name: string): void {
    const followed = this.#followed.get(name);
    if (followed === undefined) return;
    this.#followed.delete(name);
    followed.follower.end();
    const done = followed.done.finally(() => this.#leaving.delete(done));
    this.#leaving.add(done);
  }

  /** A follower never throws; if one does, that is its own trouble and no other share's: it is begun anew. */
  async #keepFollowing(follower: Follower): Promise<void> {
    const { share } = follower;
    try {
      await this.#tellOfAnother(share);
      await follower.follow();
    } catch (error) {
      this.#broken(share.name, error);
      await systemTime.sleep(brokenPauseMs, this.#crew.world.signal);
      if (this.#followed.get(share.name)?.follower === follower) this.#followed.delete(share.name);
    }
  }

  /** Two daemons take turns, which does no harm; but whoever has started the second one waits for nothing. */
  async #tellOfAnother(share: ShareConfig): Promise<void> {
    const greeting = (await askForStatus(this.#crew.world, share))?.greeting;
    if (greeting?.holder !== 'run' || greeting.pid === process.pid) return;
    const text = `another daemon looks after this share already (process ${greeting.pid}); they take turns, and each does all the work`;
    this.#crew.output.error(`flocksync: ${share.name}: ${text}. Stop one of the two.`);
  }

  /** Said once; the next round of the roster tries again. */
  #broken(name: string, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (this.#told.get(name) !== String(error)) this.#crew.output.error(`flocksync: ${name}: internal error, please report it: ${text}`);
    this.#told.set(name, String(error));
  }
}

/** The share as it is followed, where the config still has the pattern that it was made from; null where it has not. */
function fromPattern(config: readonly ShareConfig[], name: string, followed: ShareConfig): ShareConfig | null {
  const template = config.find((share) => share.pattern !== null && rootForShare(share, name) === followed.path);
  if (template === undefined || followed.fixedPart === undefined) return null;
  return { ...template, name, path: followed.path, pattern: null, fixedPart: followed.fixedPart };
}
