import { Gate } from '../../adapters/bounded.ts';
import { systemTime } from '../../adapters/system.ts';
import type { World } from '../../compose.ts';
import type { ShareConfig } from '../../config-types.ts';
import { JournalFault } from '../../ports/journal.ts';
import { type Logged, readLog } from '../log.ts';
import { readJournal } from '../shares.ts';
import { lookAt, lookHere, type ShareStatus } from '../status-look.ts';
import { Heard } from './heard.ts';

const looksAtOnce = 4;
/** Two looks at one share are at least so far apart. */
const pauseMsMin = 2000;
/** Reading journals holds the daemon up: it takes a tenth of the time at most, for all shares together. */
const restsPerLook = 10;
/** Each member that is heard of may cost a request. */
const pauseMsPerMember = 100;
const faultPauseMs = 10_000;
/** Nobody has looked for so long: what was kept of the members is given back. */
const forgottenMs = 5 * 60_000;

const latestKept = 10;
const pathsOfLatest = 5;

/** One share as the page shows it. */
export interface Sight {
  readonly share: ShareConfig;
  /** Null where the journal cannot be read. */
  readonly status: ShareStatus | null;
  /** Why it cannot be read, '' where it can. */
  readonly trouble: string;
  /** The bucket was asked, whether it answered or not. */
  readonly isWhole: boolean;
  /** The newest records, newest first. */
  readonly latest: readonly Logged[];
  /** This machine's clock, ms. */
  readonly atMs: number;
}

interface Kept {
  sight: Sight;
  /** For what the last look at the journal took. */
  restMs: number;
  /** Of the monotonic clock, ms. */
  hereFromMs: number;
  wholeFromMs: number;
  running: Promise<void> | null;
}

/** What is known of the shares, for any number of readers: it is looked at anew because somebody reads, and never more often than it may cost. */
export class Looks {
  readonly #world: World;
  readonly #shares: () => readonly ShareConfig[];
  readonly #gate = new Gate(looksAtOnce);
  readonly #heard = new Heard(systemTime);
  readonly #kept = new Map<string, Kept>();
  #askedMs = 0;

  constructor(world: World, shares: () => readonly ShareConfig[]) {
    this.#world = world;
    this.#shares = shares;
  }

  /** All shares, the log and the members included as far as they are known within the patience, ms. */
  async all(patienceMs: number): Promise<Sight[]> {
    this.#forget();
    const kept: Kept[] = [];
    for (const share of this.#shares()) {
      kept.push(this.#look(share));
      await breath();
    }
    await this.#patiently(kept, patienceMs);
    return kept.map(({ sight }) => sight);
  }

  /** Null for a share that is not followed here. */
  async one(name: string, patienceMs: number): Promise<Sight | null> {
    this.#forget();
    const share = this.#shares().find((each) => each.name === name);
    if (share === undefined) return null;
    const kept = this.#look(share);
    await this.#patiently([kept], patienceMs);
    return kept.sight;
  }

  /** From the journals alone, without a request. */
  async here(): Promise<Sight[]> {
    const sights: Sight[] = [];
    for (const share of this.#shares()) {
      sights.push(this.#lookHere(share).sight);
      await breath();
    }
    return sights;
  }

  /** Something was decided: what was seen before is old. */
  renew(name: string): void {
    const kept = this.#kept.get(name);
    if (kept !== undefined) Object.assign(kept, { hereFromMs: 0, wholeFromMs: 0 });
  }

  async #patiently(all: readonly Kept[], patienceMs: number): Promise<void> {
    const running = all.flatMap((kept) => (kept.sight.isWhole || kept.running === null ? [] : [kept.running]));
    if (running.length === 0) return;
    const patience = new AbortController();
    await Promise.race([Promise.all(running), systemTime.sleep(patienceMs, patience.signal)]);
    patience.abort();
  }

  #look(share: ShareConfig): Kept {
    const kept = this.#lookHere(share);
    if (kept.running === null && systemTime.monotonicMs() >= kept.wholeFromMs) {
      kept.running = this.#gate
        .through(() => this.#lookThere(share, kept))
        .finally(() => {
          kept.running = null;
        });
    }
    return kept;
  }

  /** Cheap enough to be done at once; what the bucket has said before stays beside it. */
  #lookHere(share: ShareConfig): Kept {
    const nowMs = systemTime.monotonicMs();
    const before = this.#kept.get(share.name);
    if (before !== undefined && before.sight.share === share && nowMs < before.hereFromMs) return before;
    const sight = this.#sightHere(share, before?.sight ?? null);
    const restMs = (systemTime.monotonicMs() - nowMs) * restsPerLook * this.#shares().length;
    const hereFromMs = systemTime.monotonicMs() + Math.max(pauseMsMin, restMs);
    const kept = before ?? { sight, restMs, hereFromMs, wholeFromMs: 0, running: null };
    Object.assign(kept, { sight, restMs, hereFromMs });
    this.#kept.set(share.name, kept);
    return kept;
  }

  #sightHere(share: ShareConfig, last: Sight | null): Sight {
    const atMs = systemTime.wallMs();
    try {
      const here = lookHere(this.#world, share);
      const before = last?.status ?? null;
      if (last === null || before === null)
        return { share, status: here, trouble: '', isWhole: false, latest: this.#latestOf(here, last), atMs };
      const status: ShareStatus = { ...before, share, local: here.local, nowMs: before.nowMs + atMs - last.atMs };
      return { share, status, trouble: '', isWhole: last.isWhole, latest: this.#latestOf(here, last), atMs };
    } catch (error) {
      if (!(error instanceof JournalFault)) throw error;
      return { share, status: null, trouble: `the journal cannot be read: ${error.message}`, isWhole: true, latest: [], atMs };
    }
  }

  async #lookThere(share: ShareConfig, kept: Kept): Promise<void> {
    let pauseMs = faultPauseMs;
    try {
      const status = await lookAt({ ...this.#world, datastore: () => this.#world.reading() }, share, this.#heard.read);
      kept.sight = { share, status, trouble: '', isWhole: true, latest: this.#latestOf(status, kept.sight), atMs: systemTime.wallMs() };
      if (status.fault === null) pauseMs = Math.max(pauseMsMin, status.members.length * pauseMsPerMember);
    } catch (error) {
      // The look at the journal alone tells it, and meets it again.
      if (!(error instanceof JournalFault)) this.#world.log.error({ share: share.name, error }, 'the page could not look at the share');
    }
    // It reads the journal, too.
    kept.wholeFromMs = systemTime.monotonicMs() + Math.max(pauseMs, kept.restMs);
  }

  /** Read again only when the share has moved on. */
  #latestOf({ share, local }: ShareStatus, last: Sight | null): readonly Logged[] {
    if (last !== null && last.status !== null && last.status.local?.cursor === local?.cursor) return last.latest;
    const asked = { limit: latestKept, paths: pathsOfLatest };
    return readJournal(this.#world, share.name, (journal) => (journal === null ? [] : readLog(journal, share.name, '', asked)));
  }

  #forget(): void {
    const nowMs = systemTime.monotonicMs();
    if (nowMs - this.#askedMs > forgottenMs) this.#heard.clear();
    this.#askedMs = nowMs;
    const names = new Set(this.#shares().map(({ name }) => name));
    for (const name of [...this.#kept.keys()]) if (!names.has(name)) this.#kept.delete(name);
  }
}

/** Reading a journal is synchronous, and there may be hundreds. */
async function breath(): Promise<void> {
  await systemTime.sleep(0);
}
