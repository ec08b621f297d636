import { systemRandom, systemTime } from '../adapters/system.ts';
import type { Outcome } from '../agent.ts';
import type { ShareConfig } from '../config-types.ts';
import { lookPauseMs, outOfStep, pollPauseMs, relookPauseMs, troublePauseMs, vainPauseMs } from '../model/pace.ts';
import type { Prospects } from './listen.ts';

/** A whole cycle at least this often: it lists the log (rule L3) and tries again what could not be done. */
const cycleMsMax = 5 * 60_000;
/** What waits for something outside (room on a disk, content, a hold's window, a damaged record) is tried again after this time. */
const retryMs = 60_000;
/** A root that is away costs no request to look for; it may be back after a remount. */
const rootAwayMs = 5000;
const rootIsAway: ReadonlySet<string> = new Set(['root-missing', 'root-not-directory', 'root-unreadable', 'root-foreign']);
/** Other members take one that was silent for three minutes for dead. */
const beatMs = 2 * 60_000;
/** Rule L8: the bell is a hint only. */
const bellMissedMs = 60_000;

/** Between two tries for a turn that another process has. */
const turnPauseMs = 200;

const vainForgottenMs = 5000;

export type Due = 'cycle' | 'sweep' | 'look' | 'poll' | 'still' | 'beat' | 'housekeep';
const order: readonly Due[] = ['cycle', 'sweep', 'look', 'poll', 'still', 'beat', 'housekeep'];
const never = Number.POSITIVE_INFINITY;

/** When one followed share has to be seen to next. All moments are of the monotonic clock, ms. */
export class Dues {
  readonly #share: ShareConfig;
  readonly #hasBell: () => boolean;
  readonly #at: Record<Due, number> = { cycle: 0, sweep: never, look: 0, poll: 0, beat: 0, still: never, housekeep: never };
  #activeAtMs = systemTime.monotonicMs();
  #lastLookMs = 0;
  #looksInVain = 0;
  /** Cycles in a row that came to nothing, when the last of them was, and before when the next hint starts none. */
  #vain = { cycles: 0, lastMs: 0, fromMs: 0 };
  #failures = 0;
  /** Came while something else was under way, and must not be forgotten behind it. */
  #rung = false;
  #wanted = false;

  constructor(share: ShareConfig, hasBell: () => boolean) {
    this.#share = share;
    this.#hasBell = hasBell;
  }

  /** What is due now, the most urgent first. */
  now(): readonly Due[] {
    const nowMs = systemTime.monotonicMs();
    return order.filter((due) => nowMs >= this.#at[due]);
  }

  /** Until anything is due. */
  get pauseMs(): number {
    return Math.min(...Object.values(this.#at)) - systemTime.monotonicMs();
  }

  get pollPauseMs(): number {
    return outOfStep(pollPauseMs(this.#share.poll, systemTime.monotonicMs() - this.#activeAtMs), systemRandom.fraction());
  }

  // ---- what makes something due ----------------------------------------------------------------------------------------------

  /** Somebody has appended something somewhere. While the store is in trouble the next try stays where it is. */
  ring(): void {
    this.#rung = true;
    if (this.#failures === 0) this.#at.poll = 0;
  }

  /** Something may have happened on this disk. */
  wantLook(): void {
    this.#wanted = true;
    if (this.#failures === 0) this.#at.look = this.#vain.fromMs;
  }

  wantSweep(): void {
    this.#at.sweep = 0;
  }

  wantHousekeep(): void {
    this.#at.housekeep = 0;
  }

  /** Whatever trouble there was: somebody waits for it, or something was left half done. */
  wantCycle(): void {
    this.#at.cycle = 0;
  }

  /** For a person who asks. */
  get prospects(): Omit<Prospects, 'watched'> {
    const nowMs = systemTime.monotonicMs();
    const inMs = (at: number) => (Number.isFinite(at) ? Math.max(0, Math.round(at - nowMs)) : null);
    return {
      nextLookMs: inMs(this.#at.look),
      nextPollMs: inMs(this.#at.poll),
      nextCycleMs: inMs(Math.min(this.#at.cycle, this.#at.sweep)),
    };
  }

  // ---- what has been done ----------------------------------------------------------------------------------------------------

  cycleBegins(): void {
    this.#rung = false;
    this.#wanted = false;
  }

  lookBegins(): void {
    this.#wanted = false;
  }

  /** Another process has its turn: what was to be looked at is not forgotten, nor asked for without a pause. */
  lookDeferred(): void {
    this.#at.look = systemTime.monotonicMs() + turnPauseMs;
  }

  housekeepBegins(): void {
    this.#at.housekeep = never;
  }

  /** `open`: there is something left to look at. */
  looked(tookMs: number, open: boolean): void {
    this.#lastLookMs = tookMs;
    this.#looksInVain++;
    this.#at.look = this.#nextLook(open);
  }

  /** What there is to look at has to wait. */
  restsFor(restMs: number): void {
    this.#wanted = false;
    this.#at.look = systemTime.monotonicMs() + restMs;
  }

  /** Asks at most that often even where the answer fails. */
  pollBegins(): void {
    this.#rung = false;
    this.#at.poll = this.#nextPoll();
  }

  polled(): void {
    this.#failures = 0;
  }

  beatBegins(): void {
    this.#at.beat = systemTime.monotonicMs() + beatMs;
  }

  cycled(outcomes: readonly [Outcome, ...Outcome[]], open: boolean): void {
    const nowMs = systemTime.monotonicMs();
    const last = outcomes.at(-1) ?? outcomes[0];
    if (hasMoved(outcomes)) this.#activeAtMs = nowMs;
    this.#noteVain(hasMoved(outcomes), nowMs);
    const waits = last.problems.length > 0 || last.halt !== null || last.held || last.unfinished;
    const pauseMs = rootIsAway.has(last.halt?.code ?? '') ? rootAwayMs : waits ? retryMs : cycleMsMax;
    const again = nowMs + (last.unfinished ? lookPauseMs(this.#lastLookMs, 0) : pauseMs);
    const still = nowMs + (last.restsInMs ?? never);
    this.#failures = 0;
    this.#looksInVain = 0;
    Object.assign(this.#at, { cycle: again, still, look: this.#nextLook(open), poll: this.#nextPoll(), beat: nowMs + beatMs });
    // A record that cannot be taken in would be found by every poll: it waits for the next try.
    if (last.halt !== null || last.problems.some((problem) => problem.code === 'record-unavailable')) this.#at.poll = again;
  }

  /** Where something writes all the time what nobody is to see, or holds never still, events come without an end. */
  #noteVain(moved: boolean, nowMs: number): void {
    const cycles = moved || nowMs - this.#vain.lastMs > vainForgottenMs ? 0 : this.#vain.cycles + 1;
    this.#vain = { cycles, lastMs: nowMs, fromMs: nowMs + vainPauseMs(cycles) };
  }

  /** Everything was looked at: the next sweep is that far off. */
  swept(): void {
    const { sweep, mode } = this.#share;
    const everyMs = mode === 'lightweight' && sweep.everyMs !== null ? outOfStep(sweep.everyMs, systemRandom.fraction()) : never;
    this.#at.sweep = systemTime.monotonicMs() + everyMs;
  }

  failed(): void {
    const againMs = systemTime.monotonicMs() + troublePauseMs(this.#failures++, systemRandom.fraction());
    const [sweep, still, housekeep] = [this.#at.sweep, this.#at.still, this.#at.housekeep].map((at) => Math.max(at, againMs));
    Object.assign(this.#at, { cycle: againMs, sweep, still, housekeep, look: againMs, poll: againMs, beat: againMs });
  }

  #nextLook(open: boolean): number {
    if (this.#wanted) return this.#vain.fromMs;
    const nowMs = systemTime.monotonicMs();
    if (this.#share.mode === 'lightweight') return open ? nowMs + relookPauseMs(this.#lastLookMs, this.#looksInVain) : never;
    if (this.#share.schedule !== null) return never;
    return nowMs + lookPauseMs(this.#lastLookMs, nowMs - this.#activeAtMs);
  }

  #nextPoll(): number {
    if (this.#rung) return 0;
    return systemTime.monotonicMs() + (this.#hasBell() ? bellMissedMs : this.pollPauseMs);
  }
}

export function hasMoved(outcomes: readonly Outcome[]): boolean {
  return outcomes.some((outcome) => Object.values(outcome.counts).some((count) => count > 0));
}
