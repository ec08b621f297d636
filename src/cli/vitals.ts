import { systemTime } from '../adapters/system.ts';
import type { Outcome } from '../agent.ts';
import { type Counts, countsOf } from './summary.ts';

/** Of durations that nobody has fetched. */
const durationsMax = 256;

/** What a daemon counts of one share since it began to follow it, and its last sign of life. */
export class Vitals {
  /** When the share was last seen to, or a long cycle last told how far it is, ms of the monotonic clock. */
  signMs = systemTime.monotonicMs();
  readonly cycles = { well: 0, troubled: 0, failed: 0 };
  totals: Counts = countsOf([]);
  #durationsMs: number[] = [];

  sign(): void {
    this.signMs = systemTime.monotonicMs();
  }

  /** `isWell`: nothing came of them that a person may have to act on. */
  cycled(outcomes: readonly Outcome[], tookMs: number, isWell: boolean): void {
    this.sign();
    this.cycles[isWell ? 'well' : 'troubled']++;
    const came = countsOf(outcomes);
    this.totals = Object.fromEntries(Object.entries(this.totals).map(([key, count]) => [key, count + came[key as keyof Counts]])) as Counts;
    if (this.#durationsMs.length < durationsMax) this.#durationsMs.push(tookMs);
  }

  failed(): void {
    this.sign();
    this.cycles.failed++;
  }

  /** Of the cycles since it was last called. */
  takeDurationsMs(): readonly number[] {
    return this.#durationsMs.splice(0);
  }
}
