import { createHash } from 'node:crypto';
import type { Chance } from './chance.ts';

interface Planned {
  readonly atUs: number;
  /** Decides between events of the same moment. */
  readonly tie: number;
  readonly label: string;
  readonly run: () => void;
  cancelled: boolean;
}

/** 2026-01-01, by the virtual clock: everything begins then. */
const beginUs = Date.UTC(2026, 0, 1) * 1000;
const linesKept = 80;

/**
 * Virtual time. Nothing happens by itself: when everything that the last event has set in motion has come to rest, the next event runs. So the
 * order of all things follows from the seed.
 */
export class Scheduler {
  nowUs = beginUs;
  /** Calls of ports, whether they came back at once or as events. */
  portCalls = 0;
  eventsRun = 0;
  readonly #chance: Chance;
  readonly #queue: Planned[] = [];
  readonly #hash = createHash('sha256');
  readonly #last: string[] = [];
  readonly #print: ((line: string) => void) | null;

  constructor(chance: Chance, print: ((line: string) => void) | null) {
    this.#chance = chance;
    this.#print = print;
  }

  get nowMs(): number {
    return this.nowUs / 1000;
  }

  /** Runs `run` after `delayMs`. */
  at(delayMs: number, label: string, run: () => void): { cancel(): void } {
    const planned = {
      atUs: this.nowUs + Math.max(0, Math.round(delayMs * 1000)),
      tie: this.#chance.fraction(),
      label,
      run,
      cancelled: false,
    };
    this.#insert(planned);
    return {
      cancel: () => {
        planned.cancelled = true;
      },
    };
  }

  /** Work that takes this long without giving way: events that become due meanwhile run late. */
  spendUs(us: number): void {
    this.nowUs += us;
  }

  /** One call of a port: part of the trace. */
  note(text: string): void {
    this.portCalls++;
    this.trace(text);
  }

  trace(text: string): void {
    const line = `${this.eventsRun} ${(this.nowUs - beginUs) / 1e6} ${text}`;
    this.#hash.update(line).update('\n');
    if (this.#last.push(line) > linesKept * 2) this.#last.splice(0, linesKept);
    this.#print?.(line);
  }

  /** Runs events until `over`, or until none is left: the latter is false. */
  async run(over: () => boolean): Promise<boolean> {
    await atRest();
    while (!over()) {
      const next = this.#queue.shift();
      if (next === undefined) return false;
      if (next.cancelled) continue;
      this.nowUs = Math.max(this.nowUs, next.atUs);
      this.eventsRun++;
      this.trace(next.label);
      next.run();
      await atRest();
    }
    return true;
  }

  /** Of everything that has happened, in order. */
  traceHash(): string {
    return this.#hash.copy().digest('hex');
  }

  lastLines(): readonly string[] {
    return this.#last.slice(-linesKept);
  }

  #insert(planned: Planned): void {
    let [low, high] = [0, this.#queue.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (comesBefore(this.#queue[middle] as Planned, planned)) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, planned);
  }
}

function comesBefore(a: Planned, b: Planned): boolean {
  return a.atUs === b.atUs ? a.tie < b.tie : a.atUs < b.atUs;
}

/** All promises that can settle without another event have settled: only they run before this. */
function atRest(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
