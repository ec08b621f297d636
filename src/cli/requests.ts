import { systemTime } from '../adapters/system.ts';
import type { ShareAgent } from '../agent.ts';
import type { BytePath } from '../model/path.ts';
import { Activity } from './activity.ts';
import type { SyncAnswer } from './answer.ts';
import type { Interruptions } from './cycles.ts';

type Only = 'publish' | 'pull' | null;
type Reply = (answer: SyncAnswer | null) => void;

/** Where this disk is in the log. */
export interface Position {
  readonly cursor: number;
  readonly appliedTo: number;
}

/** Whole cycles of one kind that were asked for; one cycle answers them all. */
export interface AskedCycle {
  readonly only: Only;
  readonly reply: Reply;
}

/** Publishes what is at and below the paths; null where it was interrupted, and has to be called once more. */
type Publish = (agent: ShareAgent, paths: readonly BytePath[], interrupt: AbortSignal) => Promise<SyncAnswer | null>;

/** A long cycle that was interrupted gets somewhere before it is interrupted again. */
const restMs = 2000;
/** Between two looks at the journal, for those who wait for a record. */
const positionMs = 200;

/**
 * What other processes ask of one share, until whoever looks after it comes to that. Paths cannot wait for the end of a long cycle: they
 * interrupt it. A reply of null means that this process is not going to do it.
 */
export class Requests implements Interruptions {
  readonly activity = new Activity(systemTime);
  /** Null while the journal is not open here. */
  position: (() => Position) | null = null;
  readonly #onAsked: () => void;
  readonly #publish: Publish;
  readonly #end = new AbortController();
  #cycles: { readonly only: Only; readonly reply: Reply }[] = [];
  #paths: { readonly paths: readonly BytePath[]; readonly reply: Reply }[] = [];
  #interrupt = new AbortController();
  #servedMs = Number.NEGATIVE_INFINITY;

  constructor(onAsked: () => void, publish: Publish) {
    this.#onAsked = onAsked;
    this.#publish = publish;
  }

  // ---- the asking side -------------------------------------------------------------------------------------------------------

  /** A whole cycle that begins after this. */
  async cycle(only: Only): Promise<SyncAnswer | null> {
    return await this.#ask((reply) => this.#cycles.push({ only, reply }));
  }

  /** What is at and below these paths, published before anything else. */
  async publish(paths: readonly BytePath[]): Promise<SyncAnswer | null> {
    return await this.#ask((reply) => {
      this.#paths.push({ paths, reply });
      void this.#interruptSoon();
    });
  }

  /** Resolves once this disk has applied the record; null where that will not be told. */
  async applied(record: number, signal: AbortSignal): Promise<Position | null> {
    for (; !this.#end.signal.aborted && !signal.aborted; await systemTime.sleep(positionMs, signal)) {
      const now = this.position?.() ?? null;
      if (now !== null && now.appliedTo >= record) return now;
    }
    return null;
  }

  async #ask(enter: (reply: Reply) => void): Promise<SyncAnswer | null> {
    if (this.#end.signal.aborted) return null;
    return await new Promise((resolve) => {
      enter(resolve);
      this.#onAsked();
    });
  }

  async #interruptSoon(): Promise<void> {
    await systemTime.sleep(this.#servedMs + restMs - systemTime.monotonicMs(), this.#end.signal);
    if (this.#paths.length > 0) this.#interrupt.abort();
  }

  // ---- the side that looks after the share -----------------------------------------------------------------------------------

  get wantsCycle(): boolean {
    return this.#cycles.length > 0;
  }

  get wantsPaths(): boolean {
    return this.#paths.length > 0;
  }

  /** Those that want the same as the first one. */
  takeCycle(): AskedCycle | null {
    const [first] = this.#cycles;
    if (first === undefined) return null;
    const taken = this.#cycles.filter(({ only }) => only === first.only);
    this.#cycles = this.#cycles.filter(({ only }) => only !== first.only);
    return {
      only: first.only,
      reply: (answer) => {
        for (const { reply } of taken) reply(answer);
      },
    };
  }

  /** Aborts when a cycle under way is to make room. */
  get signal(): AbortSignal {
    return this.#interrupt.signal;
  }

  /**
   * Publishes all paths that are asked for, those of the last who asked first. `rests`: it has interrupted a cycle, which goes on now. A fault
   * is thrown on, and answers null.
   */
  async serve(agent: ShareAgent, rests = true): Promise<void> {
    for (let asked = this.#paths.pop(); asked !== undefined; asked = this.#paths.pop()) {
      this.#interrupt = new AbortController();
      let answer: SyncAnswer | null = null;
      try {
        answer = await this.#publish(agent, asked.paths, this.#interrupt.signal);
      } finally {
        if (rests) this.#servedMs = systemTime.monotonicMs();
        if (answer === null && this.#interrupt.signal.aborted) this.#paths.unshift(asked);
        else asked.reply(answer);
      }
    }
    this.#interrupt = new AbortController();
  }

  /** Nobody is served any more. */
  close(): void {
    this.#end.abort();
    for (const { reply } of [...this.#cycles.splice(0), ...this.#paths.splice(0)]) reply(null);
  }
}
