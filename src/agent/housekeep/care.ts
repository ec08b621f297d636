import { type Ages, agesOf } from '../../model/housekeeping.ts';
import type { Cycle } from '../context.ts';

/** One thing that housekeeping does, or in a dry run would do. */
export interface Chore {
  readonly what: 'prune' | 'pack' | 'repack' | 'snapshot' | 'retire' | 'delete' | 'abort';
  /** The object's key below the federation, or what is meant on this server. */
  readonly subject: string;
  /** A clause for people. */
  readonly reason: string;
}

/** What housekeeping may use up; a run by hand has no bound. */
export interface Budget {
  readonly ms: number;
  /** Objects deleted. */
  readonly objects: number;
  /** Stored bytes of contents that move from mostly dead packs to new ones. */
  readonly bytes: number;
}

export const unbounded: Budget = {
  ms: Number.POSITIVE_INFINITY,
  objects: Number.POSITIVE_INFINITY,
  bytes: Number.POSITIVE_INFINITY,
};
/** Beside a cycle: cron's next run must not find this one still at it, and a day's garbage fits many times. */
export const automatic: Budget = { ms: 20_000, objects: 2000, bytes: 256 * 1024 * 1024 };

/** A decision is taken anew, on the log as it is then, when it is older than this. */
const freshMs = 3000;

/** One housekeeping of one share: what it may spend, and what it has done. */
export class Care {
  readonly cycle: Cycle;
  readonly ages: Ages;
  readonly budget: Budget;
  readonly chores: Chore[] = [];
  /** Own records so far, and those that a dry run would have appended. */
  appended = 0;
  wouldAppend = 0;
  objectsLeft: number;
  bytesLeft: number;
  /** False once the log cannot be followed to its end any more, or every race is lost. */
  private following = true;
  private startMs: number;
  private readonly sure: { readonly nowMs: number; readonly atMs: number };
  private seenMs: number;
  private readonly follow: () => Promise<boolean>;

  /**
   * `follow` takes in what is new in the log; false when that is impossible. The log has been read to its end just now, and `sureNowMs`
   * was asked: single answers change the time no more.
   */
  constructor(cycle: Cycle, budget: Budget, follow: () => Promise<boolean>) {
    this.cycle = cycle;
    this.budget = budget;
    this.ages = agesOf(cycle.inForce.historyMs);
    this.follow = follow;
    this.objectsLeft = budget.objects;
    this.bytesLeft = budget.bytes;
    this.startMs = cycle.ports.time.monotonicMs();
    this.sure = { nowMs: cycle.bucketNowMs(), atMs: this.startMs };
    this.seenMs = this.startMs;
  }

  get isByHand(): boolean {
    return this.budget === unbounded;
  }

  get dryRun(): boolean {
    return this.cycle.options.dryRun;
  }

  /** The bucket's time, ms. */
  get nowMs(): number {
    return Math.round(this.sure.nowMs + this.cycle.ports.time.monotonicMs() - this.sure.atMs);
  }

  /** The newest record, and those that a dry run would have appended by now. */
  get head(): number {
    return this.cycle.cursor + this.wouldAppend;
  }

  tell(what: Chore['what'], subject: string, reason: string): void {
    this.chores.push({ what, subject, reason });
    this.cycle.ports.log.debug({ step: 'housekeep', share: this.cycle.share, what, subject }, reason);
    this.cycle.ports.onProgress({ phase: 'housekeeping', filesDone: this.chores.length });
  }

  /** True when nothing may be done any more, whatever is left of the budget. */
  stopped(): boolean {
    return !this.following || this.cycle.options.signal.aborted;
  }

  /** True when nothing more may be begun now. */
  over(): boolean {
    return this.stopped() || this.cycle.ports.time.monotonicMs() - this.startMs > this.budget.ms || this.objectsLeft <= 0;
  }

  /** True when something was left for the next cycle. */
  cutShort(): boolean {
    return this.over() || this.bytesLeft <= 0;
  }

  /**
   * What cannot be done in parts takes the time that it takes: counted, it would leave nothing for what comes after it, each time anew,
   * and a large share would be looked after for ever without any effect.
   */
  async whole<T>(work: () => Promise<T>): Promise<T> {
    const { time } = this.cycle.ports;
    const begunMs = time.monotonicMs();
    try {
      return await work();
    } finally {
      this.startMs += time.monotonicMs() - begunMs;
    }
  }

  /** The rest is left for the next time. */
  stop(): void {
    this.following = false;
  }

  /** The log was read to its end so long ago that others may have built on what is about to go. */
  isStale(): boolean {
    return !this.dryRun && this.cycle.ports.time.monotonicMs() - this.seenMs > freshMs;
  }

  /** Takes in what is new in the log. False when that is impossible: nothing more is done then. */
  async catchUp(): Promise<boolean> {
    this.following = await this.follow();
    this.seenMs = this.cycle.ports.time.monotonicMs();
    return this.following;
  }

  /**
   * Does something to each, deciding anew whenever the decision has become old: what was right before a pause of hours may be wrong
   * after it. `decide` gives what is left to do by the fold as it is then, in the order in which it is to be done.
   */
  async each<T>(decide: () => readonly T[], name: (item: T) => string, act: (item: T) => Promise<void>): Promise<void> {
    const done = new Set<string>();
    while (!this.over() && (!this.isStale() || (await this.catchUp()))) {
      const left = decide().filter((item) => !done.has(name(item)));
      if (left.length === 0) return;
      for (const item of left) {
        if (this.over() || this.isStale()) break;
        await act(item);
        done.add(name(item));
      }
    }
  }
}
