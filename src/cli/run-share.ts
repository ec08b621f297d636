import { identityOf } from '../adapters/file-identity.ts';
import { type Schedule, startSchedule } from '../adapters/scheduler.ts';
import { lockShare, type ShareLock } from '../adapters/share-lock.ts';
import { journalFile, lockFile } from '../adapters/state-directory.ts';
import { systemRandom, systemTime } from '../adapters/system.ts';
import { glance, hasNews, stillAlive } from '../agent/glance.ts';
import type { Outcome } from '../agent.ts';
import { type OpenedShare, openShare, type World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import { lookPauseMs, outOfStep, pollPauseMs, troublePauseMs } from '../model/pace.ts';
import { JournalFault } from '../ports/journal.ts';
import { runCycles } from './cycles.ts';
import { faultOfShare } from './faults.ts';
import { Caller } from './on-change.ts';
import type { Output } from './output.ts';
import { outcomeProblems, standingLines } from './report.ts';
import { StatusTeller } from './status-file.ts';
import { summary } from './sync.ts';
import { Waker } from './wake.ts';

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

/** What all shares of one daemon have in common. */
export interface Crew {
  readonly world: World;
  readonly output: Output;
  /** Lets only so many cycles through at once: each may hold some packs in memory. */
  through<T>(run: () => Promise<T>): Promise<T>;
  /** True where one bell is polled for all shares. */
  hasBell(): boolean;
}

/** One share of a running daemon: a cycle at start, then looks at disk and bucket, and a cycle where they show something. */
export class Follower {
  readonly share: ShareConfig;
  readonly #crew: Crew;
  readonly #waker = new Waker();
  readonly #teller: StatusTeller;
  /** Calls the command of `onChange` beside the cycles. */
  readonly #caller: Caller;
  /** Moments on the monotonic clock, ms. */
  readonly #due = { cycle: 0, look: 0, poll: 0, beat: 0 };
  #opened: { readonly share: OpenedShare; readonly identity: string } | null = null;
  #activeAtMs = systemTime.monotonicMs();
  #lastLookMs = 0;
  #seen = '';
  #failures = 0;
  #told = '';
  #ended = false;
  /** Came while something else was under way, and must not be forgotten behind it. */
  #rung = false;
  #ticked = false;

  constructor(crew: Crew, share: ShareConfig) {
    this.#crew = crew;
    this.share = share;
    this.#teller = new StatusTeller(crew.world, share);
    this.#caller = new Caller(crew.world, share, crew.output, () => this.#opened?.share.agent.ports ?? null);
  }

  /** Until `end`. Never throws: what goes wrong is said and tried again. */
  async follow(): Promise<void> {
    const schedule = await this.#startSchedule();
    while (!this.#over()) {
      await this.#step().catch((error: unknown) => this.#trouble(error));
      const nextMs = Math.min(...Object.values(this.#due));
      if (!this.#over()) await this.#waker.sleep(nextMs - systemTime.monotonicMs());
    }
    await schedule?.stop();
    await this.#caller.stop();
    await this.#close();
  }

  /** No new cycle; the one under way is ended by the signal of the world. */
  end(): void {
    this.#ended = true;
    this.#waker.wake();
  }

  /** Somebody has appended something somewhere. While the store is in trouble the next try stays where it is. */
  ring(): void {
    this.#rung = true;
    if (this.#failures > 0) return;
    this.#due.poll = 0;
    this.#waker.wake();
  }

  #tick(): void {
    this.#ticked = true;
    if (this.#failures > 0) return;
    this.#due.look = 0;
    this.#waker.wake();
  }

  pollPauseMs(): number {
    return outOfStep(pollPauseMs(this.share.poll, systemTime.monotonicMs() - this.#activeAtMs), systemRandom.fraction());
  }

  #over(): boolean {
    return this.#ended || this.#crew.world.signal.aborted;
  }

  async #startSchedule(): Promise<Schedule | null> {
    if (this.share.schedule === null) return null;
    return await startSchedule(this.share.schedule, () => this.#tick());
  }

  async #step(): Promise<void> {
    const nowMs = systemTime.monotonicMs();
    if (nowMs >= this.#due.cycle) return await this.#cycle();
    if (nowMs >= this.#due.look && (await this.#looksDifferent())) return await this.#cycle();
    if (nowMs >= this.#due.poll && (await this.#polls())) return await this.#cycle();
    if (nowMs >= this.#due.beat) await this.#beat();
  }

  // ---- what may be due -------------------------------------------------------------------------------------------------------

  async #cycle(): Promise<void> {
    const { world } = this.#crew;
    const lock = await this.#lock(true);
    if (lock === null) return;
    try {
      const opened = await this.#open();
      const startedMs = systemTime.monotonicMs();
      this.#rung = false;
      this.#ticked = false;
      world.renewBudget();
      const options = { dryRun: false, only: null, signal: world.signal };
      const outcomes = await runCycles(opened.agent, options, () => this.#crew.through(() => opened.agent.cycle(options)));
      this.#tell(opened, outcomes, systemTime.monotonicMs() - startedMs);
      this.#planNext(outcomes);
    } finally {
      lock.release();
      this.#caller.notice();
    }
  }

  /** A look at the disk; skipped while another process has its turn. */
  async #looksDifferent(): Promise<boolean> {
    const lock = await this.#lock(false);
    const startedMs = systemTime.monotonicMs();
    try {
      if (lock === null) return false;
      this.#ticked = false;
      const seen = glance((await this.#open()).agent.ports);
      const differs = seen !== '' && seen !== this.#seen;
      this.#seen = seen;
      return differs;
    } finally {
      lock?.release();
      this.#lastLookMs = systemTime.monotonicMs() - startedMs;
      this.#due.look = this.#nextLook();
    }
  }

  /** With a bell the poll is only a safety net, or the answer to a ring. */
  async #polls(): Promise<boolean> {
    if (this.#opened === null) return true;
    const { agent } = this.#opened.share;
    this.#rung = false;
    this.#due.poll = this.#nextPoll();
    const found = await hasNews(agent, this.#crew.world.signal);
    this.#failures = 0;
    if (!found && this.#teller.isDue()) await this.#withStatus(() => this.#teller.idle());
    return found;
  }

  /** Whoever else has its turn now tells by itself. Without a state directory there is no turn, and all the more to tell. */
  async #withStatus(tell: () => void): Promise<void> {
    const lock = await this.#lock(false).catch(() => 'impossible' as const);
    if (lock === null) return;
    tell();
    if (lock !== 'impossible') lock.release();
  }

  async #beat(): Promise<void> {
    this.#due.beat = systemTime.monotonicMs() + beatMs;
    const lock = await this.#lock(false);
    if (lock === null) return;
    try {
      const { agent } = await this.#open();
      await stillAlive(agent, this.#crew.world.signal);
    } finally {
      lock.release();
    }
  }

  // ---- what comes next -------------------------------------------------------------------------------------------------------

  #planNext(outcomes: readonly [Outcome, ...Outcome[]]): void {
    const nowMs = systemTime.monotonicMs();
    const last = outcomes.at(-1) ?? outcomes[0];
    const moved = outcomes.some((outcome) => Object.values(outcome.counts).some((count) => count > 0));
    if (moved) this.#activeAtMs = nowMs;
    const waits = last.problems.length > 0 || last.halt !== null || last.held || last.unfinished;
    const pauseMs = rootIsAway.has(last.halt?.code ?? '') ? rootAwayMs : waits ? retryMs : cycleMsMax;
    const again = nowMs + (last.unfinished ? lookPauseMs(this.#lastLookMs, 0) : pauseMs);
    this.#failures = 0;
    this.#told = '';
    Object.assign(this.#due, { cycle: again, look: this.#nextLook(), poll: this.#nextPoll(), beat: nowMs + beatMs });
    // A record that cannot be taken in would be found by every poll: it waits for the next try.
    if (last.halt !== null || last.problems.some((problem) => problem.code === 'record-unavailable')) this.#due.poll = again;
  }

  #nextLook(): number {
    if (this.#ticked) return 0;
    if (this.share.schedule !== null) return Number.POSITIVE_INFINITY;
    const nowMs = systemTime.monotonicMs();
    return nowMs + lookPauseMs(this.#lastLookMs, nowMs - this.#activeAtMs);
  }

  #nextPoll(): number {
    if (this.#rung) return 0;
    return systemTime.monotonicMs() + (this.#crew.hasBell() ? bellMissedMs : this.pollPauseMs());
  }

  // ---- what is said ----------------------------------------------------------------------------------------------------------

  #tell(opened: OpenedShare, outcomes: readonly [Outcome, ...Outcome[]], elapsedMs: number): void {
    const { output } = this.#crew;
    const last = outcomes.at(-1) ?? outcomes[0];
    for (const event of outcomes.flatMap((outcome) => outcome.events)) output.error(`flocksync: ${this.share.name}: ${event}`);
    const untold = this.#teller.cycled(last, opened.agent);
    const problems = [...outcomeProblems(last), ...(untold === null ? [] : [untold])];
    for (const line of standingLines(opened.journal, this.share.name, problems, systemTime.wallMs(), false)) output.error(line);
    const moved = outcomes.some((outcome) => Object.values(outcome.counts).some((count) => count > 0));
    if (output.terminal && moved) output.line(summary(this.share.name, outcomes, elapsedMs));
  }

  /** One share's trouble is said, once, and tried again after a growing pause; it stops no other share. */
  async #trouble(error: unknown): Promise<void> {
    const { output, world } = this.#crew;
    this.#opened?.share.failed(error);
    if (this.#over()) return;
    const nowMs = systemTime.monotonicMs();
    const againMs = nowMs + troublePauseMs(this.#failures++, systemRandom.fraction());
    Object.assign(this.#due, { cycle: againMs, look: againMs, poll: againMs, beat: againMs });
    await this.#withStatus(() => this.#teller.failed(error));
    const fault = faultOfShare(error, this.share.name, this.#opened?.share, { nowMs: systemTime.wallMs(), always: false });
    const line = fault === null ? `flocksync: ${this.share.name}: internal error, please report it: ${stackOf(error)}` : fault.line;
    world.log.error({ share: this.share.name, error }, 'the cycle failed');
    // Nothing is gained by asking a journal again that could not be used: opened anew it is checked, or set aside.
    if (error instanceof JournalFault) await this.#close();
    if (line === null || line === this.#told) return;
    this.#told = line;
    output.error(line);
  }

  // ---- what is open ----------------------------------------------------------------------------------------------------------

  async #lock(wait: boolean): Promise<ShareLock | null> {
    const { world } = this.#crew;
    world.member();
    return await lockShare(lockFile(world.config, this.share.name), systemTime, { wait, signal: world.signal });
  }

  /** Journal and tree stay open from cycle to cycle, unless the file has been removed or replaced meanwhile. */
  async #open(): Promise<OpenedShare> {
    const { world, output } = this.#crew;
    const file = journalFile(world.config, this.share.name);
    if (this.#opened !== null && this.#opened.identity === identityOf(file)) return this.#opened.share;
    await this.#close();
    const share = await openShare(world, this.share, { dryRun: false, onProgress: (event) => this.#teller.progressed(event) });
    share.agent.keepsRoot = true;
    for (const event of share.events) output.error(`flocksync: ${this.share.name}: ${event}`);
    this.#opened = { share, identity: identityOf(file) };
    return share;
  }

  async #close(): Promise<void> {
    const open = this.#opened?.share;
    this.#opened = null;
    if (open === undefined) return;
    await Promise.allSettled([...open.agent.memory.uploads.values()].map((upload) => upload.done));
    open.close();
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
