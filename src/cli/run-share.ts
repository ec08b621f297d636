import { type Schedule, startSchedule } from '../adapters/scheduler.ts';
import { systemTime } from '../adapters/system.ts';
import type { CycleOptions, ProgressEvent } from '../agent/context.ts';
import { glance, hasNews, stillAlive } from '../agent/glance.ts';
import { rememberVerified } from '../agent/verified.ts';
import type { Outcome, ShareAgent } from '../agent.ts';
import type { OpenedShare } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import { type Scope, wholeScope } from '../model/scope.ts';
import { JournalFault } from '../ports/journal.ts';
import { answerOf, faultAnswer, type SyncAnswer } from './answer.ts';
import { scheduleChores } from './chores.ts';
import type { Crew } from './crew.ts';
import { runCycles } from './cycles.ts';
import { Desk } from './desk.ts';
import { Dues, hasMoved } from './dues.ts';
import { type Examination, Examiner } from './examiner.ts';
import { exit, worst } from './exit.ts';
import { faultOfShare } from './faults.ts';
import { Lookout, scheduleSweeps } from './lookout.ts';
import { Caller } from './on-change.ts';
import { Opened } from './opened.ts';
import { noteStanding, outcomeCode, outcomeProblems, problemLine, standingFault } from './report.ts';
import type { AskedCycle } from './requests.ts';
import { StatusTeller } from './status-file.ts';
import { countsOf, summary } from './summary.ts';
import { Vitals } from './vitals.ts';
import { Waker } from './wake.ts';

/** How long the first look waits for the watches to stand, ms. */
const watchesMsMax = 3000;

/** What is named is in the attention of the share's agent. */
const whereHinted: Scope = { kind: 'directories', paths: new Set(), subtrees: new Set() };

/** The log is asked, and everything is looked at; a lightweight share looks where something may have happened. */
type Manner = Pick<CycleOptions, 'log' | 'sweep'>;

/** One share of a running daemon: a cycle at start, then looks at disk and bucket, and a cycle where they show something. */
export class Follower {
  readonly share: ShareConfig;
  readonly vitals = new Vitals();
  readonly #crew: Crew;
  readonly #waker = new Waker();
  readonly #teller: StatusTeller;
  /** Calls the command of `onChange` beside the cycles. */
  readonly #caller: Caller;
  readonly #opened: Opened;
  readonly #dues: Dues;
  readonly #lookout: Lookout | null;
  readonly #desk: Desk;
  readonly #examiner: Examiner;
  /** Waited for by other processes, in the cycle under way. */
  #asked: AskedCycle | null = null;
  #seen = '';
  #told = '';
  #ended = false;

  constructor(crew: Crew, share: ShareConfig) {
    this.#crew = crew;
    this.share = share;
    this.#teller = new StatusTeller(crew.world, share);
    this.#opened = new Opened(
      crew.world,
      share,
      crew.output,
      (event) => this.#progressed(event),
      () => this.#desk.leave(),
    );
    this.#dues = new Dues(share, () => crew.hasBell());
    this.#caller = new Caller(
      crew.world,
      share,
      crew.output,
      () => this.#opened.current?.agent.ports ?? null,
      () => this.#soon(() => this.#dues.wantCycle()),
    );
    this.#examiner = new Examiner(crew.world, share, (work) => crew.examining(work));
    const { waker, dues } = { waker: this.#waker, dues: this.#dues };
    this.#desk = new Desk(
      crew.world,
      share,
      'run',
      () => waker.wake(),
      () => ({ ...dues.prospects, watched: this.watched }),
    );
    this.#lookout = share.mode === 'lightweight' ? new Lookout(crew.watcher(), share, () => this.#soon(() => this.#dues.wantLook())) : null;
  }

  /** Until `end`. Never throws: what goes wrong is said and tried again. */
  async follow(): Promise<void> {
    const schedules = [...(await this.#startSchedules()), ...(await this.#startChores())];
    // The first look, begun once all watches stand, need not be made twice.
    if (this.#lookout !== null && !this.#over()) await this.#waker.sleep(watchesMsMax);
    while (!this.#over()) {
      await this.#step().catch((error: unknown) => this.#trouble(error));
      if (!this.#over()) await this.#waker.sleep(this.#dues.pauseMs);
    }
    this.#desk.close();
    for (const schedule of schedules) await schedule?.stop();
    await this.#examiner.stop();
    await this.#lookout?.close();
    await this.#caller.stop();
    await this.#opened.close();
  }

  /** No new cycle; the one under way is ended by the signal of the world. */
  end(): void {
    this.#ended = true;
    this.#waker.wake();
  }

  /** Somebody has appended something somewhere. */
  ring(): void {
    this.#soon(() => this.#dues.ring());
  }

  /** Something was decided about the share. */
  askCycle(): void {
    this.#soon(() => this.#dues.wantCycle());
  }

  /** Since the share was last seen to, ms; whoever waits for another process is alive. */
  get silentMs(): number {
    return this.#opened.isWaiting ? 0 : systemTime.monotonicMs() - this.vitals.signMs;
  }

  /** What this process remembers of the share; null while its journal is not open here. */
  get memory(): ShareAgent['memory'] | null {
    return this.#opened.current?.agent.memory ?? null;
  }

  /** Directories that are watched; null where the share is scanned. */
  get watched(): number | null {
    return this.#lookout?.standing ?? null;
  }

  #soon(want: () => void): void {
    want();
    this.#waker.wake();
  }

  pollPauseMs(): number {
    return this.#dues.pollPauseMs;
  }

  #over(): boolean {
    return this.#ended || this.#crew.world.signal.aborted;
  }

  async #startSchedules(): Promise<readonly (Schedule | null)[]> {
    const looks = this.share.schedule;
    if (this.#lookout !== null) return [await scheduleSweeps(this.share, () => this.#soon(() => this.#dues.wantSweep()))];
    return looks === null ? [] : [await startSchedule(looks, () => this.#soon(() => this.#dues.wantLook()))];
  }

  async #startChores(): Promise<readonly Schedule[]> {
    return await scheduleChores(this.share, this.#crew.world.config.member, {
      housekeep: () => this.#soon(() => this.#dues.wantHousekeep()),
      verify: () => this.#examiner.begin(async (found) => await this.#examined(found).catch((error: unknown) => this.#trouble(error))),
    });
  }

  async #step(): Promise<void> {
    this.vitals.sign();
    const { requests } = this.#desk;
    if (requests.wantsPaths) return await this.#publishAsked();
    if (requests.wantsCycle) return await this.#cycle({ log: 'list', sweep: true }, requests.takeCycle());
    for (const due of this.#dues.now()) {
      if (due === 'cycle') return await this.#cycle({ log: 'list' });
      if (due === 'sweep') return await this.#cycle({ log: 'next', sweep: true });
      if (due === 'look' && (await this.#looksDifferent())) return await this.#cycle({ log: 'known' });
      if (due === 'poll' && (await this.#polls())) return await this.#cycle({ log: 'next' });
      // It looks as it did, and a glance would not tell it from before.
      if (due === 'still') return await this.#cycle({ log: 'known' });
      if (due === 'beat') await this.#beat();
      if (due === 'housekeep') return await this.#housekeep();
    }
  }

  // ---- what may be due -------------------------------------------------------------------------------------------------------

  /** `asked`: other processes wait for what it comes to. */
  async #cycle(manner: Manner, asked: AskedCycle | null = null): Promise<void> {
    const { world } = this.#crew;
    this.#asked = asked;
    const lock = await this.#opened.lock(true);
    if (lock === null) return this.#reply(null);
    try {
      const opened = await this.#opened.open();
      const { agent } = opened;
      await this.#desk.open(opened);
      const startedMs = systemTime.monotonicMs();
      this.#dues.cycleBegins();
      world.renewBudget();
      const options = { dryRun: false, only: asked?.only ?? null, signal: world.signal, ...this.#lookingAt(agent, manner) };
      const cycle = (each: CycleOptions) => this.#crew.through(() => agent.cycle(each));
      const outcomes = await runCycles(agent, options, this.#desk.requests, cycle);
      const tookMs = systemTime.monotonicMs() - startedMs;
      const answer = this.#tell(opened, outcomes, tookMs);
      this.#told = '';
      this.#dues.cycled(outcomes, agent.memory.attention.wanted);
      if (outcomes.some(({ sawEverything }) => sawEverything)) this.#sawEverything(agent);
      // Half a cycle leaves the other half to be done.
      if (options.only !== null) this.#dues.wantCycle();
      this.#reply(world.signal.aborted ? null : answer);
    } finally {
      this.#desk.requests.activity.end();
      lock.release();
      this.#caller.notice();
    }
  }

  /** A cycle follows, which takes over what was read of the log on the way. */
  async #publishAsked(): Promise<void> {
    const lock = await this.#opened.lock(true);
    if (lock === null) return;
    try {
      const { agent } = await this.#opened.open();
      this.#crew.world.renewBudget();
      await this.#desk.requests.serve(agent, false);
      this.#dues.wantCycle();
    } finally {
      this.#desk.requests.activity.end();
      lock.release();
    }
  }

  #reply(answer: SyncAnswer | null): void {
    this.#asked?.reply(answer);
    this.#asked = null;
  }

  /** Heavyweight cycles look at everything, and read the log as everybody does who comes for the first time. */
  #lookingAt({ memory: { attention } }: ShareAgent, manner: Manner): Partial<CycleOptions> {
    const lookout = this.#lookout;
    if (lookout === null) return {};
    lookout.noticed(attention);
    const hints = () => lookout.hints(attention);
    return { ...manner, scope: manner.sweep ? wholeScope : whereHinted, hints, troubles: lookout.troubles() };
  }

  #sawEverything({ memory }: ShareAgent): void {
    this.#dues.swept();
    this.#lookout?.sawEverything(memory.wholeLookMs);
  }

  /** A look at the disk; skipped while another process has its turn. */
  async #looksDifferent(): Promise<boolean> {
    const lock = await this.#opened.lock(false);
    if (lock === null) {
      this.#dues.lookDeferred();
      return false;
    }
    const startedMs = systemTime.monotonicMs();
    let open = true;
    let restMs = 0;
    try {
      this.#dues.lookBegins();
      const { agent } = await this.#opened.open();
      const { attention } = agent.memory;
      if (this.#lookout?.noticed(attention)) return true;
      restMs = this.#lookout?.restMs(attention) ?? 0;
      if (restMs > 0) return false;
      const seen = await this.#glance(agent);
      open = attention.wanted;
      const differs = seen !== '' && seen !== this.#seen;
      this.#seen = seen;
      return differs;
    } finally {
      lock.release();
      if (restMs > 0) this.#dues.restsFor(restMs);
      else this.#dues.looked(systemTime.monotonicMs() - startedMs, open);
    }
  }

  /** Of a lightweight share, what is still to be looked at; where it finds nothing, that is done. */
  async #glance({ ports, memory: { attention } }: ShareAgent): Promise<string> {
    const startedMs = systemTime.monotonicMs();
    const scope = this.#lookout === null ? wholeScope : attention.scope(ports.journal);
    const seen = await glance(ports, this.#crew.world.signal, scope);
    if (this.#over()) return '';
    if (scope.kind === 'whole') this.#lookout?.sawEverything(systemTime.monotonicMs() - startedMs);
    if (seen === '' && this.#lookout !== null) attention.foundClean();
    return seen;
  }

  /** With a bell the poll is only a safety net, or the answer to a ring. */
  async #polls(): Promise<boolean> {
    const opened = this.#opened.current;
    if (opened === null) return true;
    this.#dues.pollBegins();
    const found = await hasNews(opened.agent, this.#crew.world.signal);
    this.#dues.polled();
    if (!found && this.#teller.isDue()) await this.#withStatus(() => this.#teller.idle());
    return found;
  }

  /** Whoever else has its turn now tells by itself. Without a state directory there is no turn, and all the more to tell. */
  async #withStatus(tell: () => void): Promise<void> {
    const lock = await this.#opened.lock(false).catch(() => 'impossible' as const);
    if (lock === null) return;
    tell();
    if (lock !== 'impossible') lock.release();
  }

  async #beat(): Promise<void> {
    this.#dues.beatBegins();
    const lock = await this.#opened.lock(false);
    if (lock === null) return;
    try {
      const { agent } = await this.#opened.open();
      await stillAlive(agent, this.#crew.world.signal);
    } finally {
      lock.release();
    }
  }

  /** By the schedule of the config: all that the ages allow. The cycle that follows applies what came in meanwhile. */
  async #housekeep(): Promise<void> {
    const { world, output } = this.#crew;
    this.#dues.housekeepBegins();
    const lock = await this.#opened.lock(true);
    if (lock === null) return;
    try {
      const { agent, journal } = await this.#opened.open();
      world.renewBudget();
      const { cycle } = await this.#crew.through(() => agent.housekeep({ dryRun: false, signal: world.signal }));
      for (const event of cycle.events.splice(0)) output.error(`flocksync: ${this.share.name}: ${event}`);
      for (const each of cycle.problems)
        if (standingFault(journal, each, systemTime.wallMs())) output.error(problemLine(this.share.name, each));
      this.#dues.wantCycle();
    } finally {
      lock.release();
    }
  }

  /** What was found stands in every cycle from now on, until a verification finds nothing. */
  async #examined(found: Examination): Promise<void> {
    const lock = found === 'interrupted' || this.#over() ? null : await this.#opened.lock(true);
    if (lock === null) return;
    try {
      rememberVerified((await this.#opened.open()).journal, typeof found === 'string' ? null : found);
    } finally {
      lock.release();
    }
    this.#soon(() => this.#dues.wantCycle());
  }

  // ---- what is said ----------------------------------------------------------------------------------------------------------

  #progressed(event: ProgressEvent): void {
    this.vitals.sign();
    this.#desk.requests.activity.note(event);
    this.#teller.progressed(event);
  }

  #tell(opened: OpenedShare, outcomes: readonly [Outcome, ...Outcome[]], elapsedMs: number): SyncAnswer {
    const { output } = this.#crew;
    const last = outcomes.at(-1) ?? outcomes[0];
    for (const event of outcomes.flatMap((outcome) => outcome.events)) output.error(`flocksync: ${this.share.name}: ${event}`);
    const untold = this.#teller.cycled(last, opened.agent);
    const problems = [...outcomeProblems(last), ...(untold === null ? [] : [untold])];
    const told = noteStanding(opened.journal, problems, systemTime.wallMs());
    this.vitals.cycled(outcomes, elapsedMs, told.length === 0);
    for (const each of told) if (each.fresh) output.error(problemLine(this.share.name, each));
    if (output.terminal && hasMoved(outcomes)) output.line(summary(this.share.name, countsOf(outcomes), last.cursor, elapsedMs));
    const events = outcomes.flatMap((outcome) => outcome.events);
    return answerOf(outcomes, worst([outcomeCode({ ...last, events }), untold === null ? exit.done : exit.problems]), told);
  }

  /** One share's trouble is said, once, and tried again after a growing pause; it stops no other share. */
  async #trouble(error: unknown): Promise<void> {
    const { output, world } = this.#crew;
    this.#opened.current?.failed(error);
    if (this.#over()) return this.#reply(null);
    this.#dues.failed();
    this.vitals.failed();
    await this.#withStatus(() => this.#teller.failed(error));
    const fault = faultOfShare(error, this.share.name, this.#opened.current ?? undefined, { nowMs: systemTime.wallMs(), always: false });
    const defect = `flocksync: ${this.share.name}: internal error, please report it: ${stackOf(error)}`;
    const line = fault === null ? defect : fault.line;
    this.#reply(faultAnswer(fault ?? { line: defect, text: defect, code: exit.internal }));
    world.log.error({ share: this.share.name, error }, 'the cycle failed');
    // Nothing is gained by asking a journal again that could not be used: opened anew it is checked, or set aside.
    if (error instanceof JournalFault) await this.#opened.close();
    // The way to one and the same defect may be another one each time.
    const what = fault === null ? String(error) : line;
    if (line === null || what === this.#told) return;
    this.#told = what ?? '';
    output.error(line);
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
