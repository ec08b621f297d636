import { lockShare, type ShareLock } from '../adapters/share-lock.ts';
import { callLockFile } from '../adapters/state-directory.ts';
import { systemTime } from '../adapters/system.ts';
import type { Ports } from '../agent/context.ts';
import { callOnChange, onChangeDue, onChangeProblem } from '../agent/hooks.ts';
import type { Outcome } from '../agent.ts';
import type { World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import type { Journal } from '../ports/journal.ts';
import { either } from './cycles.ts';
import type { Output } from './output.ts';
import { forgetProblem, problemLine, standingFault } from './report.ts';
import { Waker } from './wake.ts';

/** What comes while the command runs is told by another call; more of them belong to the next cycle. */
const callsMax = 3;
/** Whoever waits for another process to call waits a little longer than its command may take. */
const lockGraceMs = 10_000;
/** A timer counts no further. */
const timerMsMax = 2_147_483_647;
/** However long a series of changes goes on, it is told of after so many quiet times. */
const seriesMax = 10;

type Called = Pick<Ports, 'journal' | 'commands'>;

/** True in a process that the command of this share has started: waiting for a call would be waiting for itself. */
function isInsideCall({ name }: ShareConfig): boolean {
  return process.env.FLOCKSYNC_HOOK === `onChange ${name}`;
}

/** In a process that the check of this share has started a cycle would wait for itself. */
export function isInsideCheck({ name }: ShareConfig): boolean {
  return process.env.FLOCKSYNC_HOOK === `check ${name}`;
}

/**
 * Calls the command of `onChange` before the process of a single cycle ends. `patient` (a run that was not asked to hurry) waits for
 * another process that is calling, and tries again at once what has failed. The share's lock is not held.
 */
export async function callBeforeEnd(world: World, share: ShareConfig, ports: Called, patient: boolean): Promise<void> {
  const { onChange } = share;
  const due = () => (onChange === null ? null : onChangeDue(ports.journal, onChange, systemTime.wallMs()));
  if (onChange === null || isInsideCall(share) || due() === null) return;
  const lock = await lockCalls(world, share, patient);
  if (lock === null) return;
  try {
    for (let calls = 0, next = due(); calls < callsMax && next !== null && !world.signal.aborted; calls++, next = due()) {
      if (next.retry && (calls > 0 || (!patient && next.inMs > 0))) return;
      if (!next.retry) await systemTime.sleep(next.inMs, world.signal);
      await callOnChange({ ...ports, journal: () => ports.journal, time: systemTime }, share, world.signal);
    }
  } finally {
    lock.release();
  }
}

/** What a cycle came to, with what the command has done since. */
export function withOnChange(outcome: Outcome, journal: Journal): Outcome {
  const problem = onChangeProblem(journal);
  const others = outcome.problems.filter(({ code }) => code !== 'hook-failed');
  return { ...outcome, problems: problem === null ? others : [...others, problem] };
}

/** Where no cycle speaks of it. */
export function tellOnChange(journal: Journal, { name }: ShareConfig, output: Output): void {
  const problem = onChangeProblem(journal);
  if (problem === null) forgetProblem(journal, 'hook-failed');
  else if (standingFault(journal, problem, systemTime.wallMs())) output.error(problemLine(name, problem));
}

/** For a cycle that ended with the store. */
export async function callAfterFault(world: World, share: ShareConfig, ports: Called, output: Output, unlock: () => void): Promise<void> {
  if (share.onChange === null || onChangeDue(ports.journal, share.onChange, systemTime.wallMs()) === null) return;
  unlock();
  await callBeforeEnd(world, share, ports, false);
  tellOnChange(ports.journal, share, output);
}

async function lockCalls({ config, signal }: World, share: ShareConfig, wait: boolean): Promise<ShareLock | null> {
  const patience = AbortSignal.timeout(Math.min((share.onChange?.timeoutMs ?? 0) + lockGraceMs, timerMsMax));
  return await lockShare(callLockFile(config, share.name), systemTime, { wait, signal: AbortSignal.any([signal, patience]) });
}

/** Calls the command of `onChange` beside the cycles of a daemon, once a series of changes has come to its end. */
export class Caller {
  readonly #world: World;
  readonly #share: ShareConfig;
  readonly #output: Output;
  /** The share as it is open now; null between two openings. */
  readonly #opened: () => Called | null;
  /** What other members should know of the command is another thing than before. */
  readonly #turned: () => void;
  readonly #waker = new Waker();
  readonly #end = new AbortController();
  #serving: Promise<void> | null = null;
  #changedAtMs = 0;
  /** The last change that it knows of. */
  #last = 0;

  constructor(world: World, share: ShareConfig, output: Output, opened: () => Called | null, turned: () => void) {
    this.#world = world;
    this.#share = share;
    this.#output = output;
    this.#opened = opened;
    this.#turned = turned;
  }

  /** After each cycle. */
  notice(): void {
    const journal = this.#opened()?.journal;
    if (journal === undefined || this.#due() === null || this.#end.signal.aborted) return;
    if (journal.lastAudit() !== this.#last) this.#changedAtMs = systemTime.monotonicMs();
    this.#last = journal.lastAudit();
    this.#waker.wake();
    this.#serving ??= this.#serve().finally(() => {
      this.#serving = null;
    });
  }

  /** A running command is ended, and called again by the next process. */
  async stop(): Promise<void> {
    this.#end.abort();
    this.#waker.wake();
    await this.#serving;
  }

  #due() {
    const { onChange } = this.#share;
    const journal = this.#opened()?.journal;
    return onChange === null || journal === undefined ? null : onChangeDue(journal, onChange, systemTime.wallMs());
  }

  async #serve(): Promise<void> {
    const { signal, release } = either(this.#world.signal, this.#end.signal);
    try {
      await this.#serveUntil(signal);
    } finally {
      release();
    }
  }

  async #serveUntil(signal: AbortSignal): Promise<void> {
    for (let next = this.#due(); next !== null && !signal.aborted; next = this.#due()) {
      // A new change wakes it before the time of the next try.
      if (next.retry && next.inMs > 0) await this.#waker.sleep(next.inMs);
      else {
        await this.#quiet(signal);
        await this.#call(signal);
      }
    }
  }

  /** Until nothing was applied for the time of `debounce`. */
  async #quiet(signal: AbortSignal): Promise<void> {
    const debounceMs = this.#share.onChange?.debounceMs ?? 0;
    const endMs = systemTime.monotonicMs() + seriesMax * debounceMs;
    for (;;) {
      const nowMs = systemTime.monotonicMs();
      const leftMs = Math.min(this.#changedAtMs + debounceMs, endMs) - nowMs;
      if (leftMs <= 0 || signal.aborted) return;
      await systemTime.sleep(leftMs, signal);
    }
  }

  async #call(signal: AbortSignal): Promise<void> {
    const lock = await lockShare(callLockFile(this.#world.config, this.#share.name), systemTime, { wait: true, signal });
    try {
      const opened = this.#opened();
      if (lock === null || opened === null || this.#due() === null) return;
      const journal = () => this.#opened()?.journal ?? null;
      const before = onChangeProblem(opened.journal)?.text;
      await callOnChange({ journal, commands: opened.commands, time: systemTime }, this.#share, signal);
      const after = journal();
      if (after === null) return;
      tellOnChange(after, this.#share, this.#output);
      if (onChangeProblem(after)?.text !== before) this.#turned();
    } catch (error) {
      this.#world.log.error({ share: this.#share.name, error }, 'onChange could not be called');
      await systemTime.sleep(lockGraceMs, signal);
    } finally {
      lock?.release();
    }
  }
}
