import { openCanary, QueueGauge, queuedEventsMax } from './watch-gauge.ts';
import type { Listening } from './watch-listen.ts';

/** How long one turn may work before the kernel's queue is read again, ms. */
const turnMs = 10;
const tickMs = 1000;

/** One watched tree, as its pulse sees it. */
export interface Beating {
  /** Works until `deadlineMs` by performance.now(), or does one thing if that is over; true when something is left to do. */
  work(deadlineMs: number): boolean;
  /** Events may have been lost. */
  overflowed(): void;
  /** Once a second. */
  tick(nowMs: number): void;
}

/** Shares a thread's event loop between the kernel's queue, which has to be read often, and the work that events bring about. */
export class Pulse {
  readonly #gauge: QueueGauge;
  readonly #trees = new Set<Beating>();
  readonly #awake = new Set<Beating>();
  readonly #ticking: NodeJS.Timeout;
  #doomed: Listening[] = [];
  #turning = false;

  constructor(gauge?: QueueGauge) {
    this.#gauge = gauge ?? new QueueGauge(queuedEventsMax(), (arrived) => openCanary(() => this.#canary(arrived)));
    this.#ticking = setInterval(() => this.#tick(), tickMs);
    this.#ticking.unref();
  }

  add(tree: Beating): void {
    this.#trees.add(tree);
    this.wake(tree);
  }

  remove(tree: Beating): void {
    this.#trees.delete(tree);
    this.#awake.delete(tree);
  }

  /** To be called for every event, whoever it concerns. */
  heard(): void {
    this.#gauge.count();
    this.#turnSoon();
  }

  /** The tree gets a turn as soon as the kernel's queue has been read. */
  wake(tree: Beating): void {
    if (this.#trees.has(tree)) this.#awake.add(tree);
    this.#turnSoon();
  }

  /**
   * Closed once the kernel's queue has been read again: events of a closed watch reach nobody, and what nobody counts could fill the
   * queue unnoticed.
   */
  closeSoon(listening: Listening): void {
    this.#doomed.push(listening);
    this.#turnSoon();
  }

  close(): void {
    clearInterval(this.#ticking);
    this.#closeDoomed();
    this.#trees.clear();
    this.#awake.clear();
    this.#gauge.close();
  }

  #canary(arrived: () => void): void {
    this.heard();
    arrived();
  }

  #tick(): void {
    const nowMs = performance.now();
    for (const tree of this.#trees) tree.tick(nowMs);
  }

  #turnSoon(): void {
    if (this.#turning) return;
    this.#turning = true;
    // The phase of the event loop that follows the reading of the queue.
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#turning = false;
    const lost = this.#gauge.drained();
    this.#closeDoomed();
    if (lost) for (const tree of this.#trees) tree.overflowed();
    const deadlineMs = performance.now() + turnMs;
    // Whoever is not done goes to the end, so that a large tree does not keep the others waiting.
    for (const tree of [...this.#awake]) {
      this.#awake.delete(tree);
      if (tree.work(deadlineMs)) this.#awake.add(tree);
    }
    if (this.#awake.size > 0) this.#turnSoon();
  }

  #closeDoomed(): void {
    const doomed = this.#doomed;
    this.#doomed = [];
    for (const listening of doomed) listening.close();
  }
}
