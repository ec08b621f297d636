import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openCanary, QueueGauge, queuedEventsMax } from '../../src/adapters/watch-gauge.ts';

const queueLength = 16_384;

/** A kernel's queue with a reader: what is written while it is full is lost, canaries too. */
class Queue {
  readonly #waiting: ('event' | 'canary')[] = [];
  readonly gauge: QueueGauge;
  lost = 0;
  #arrived: () => void = () => {};

  constructor(withCanary = true) {
    const write = () => {
      this.#put('canary');
      return true;
    };
    this.gauge = new QueueGauge(queueLength, (arrived) => {
      this.#arrived = arrived;
      return withCanary ? { write, close: () => {} } : null;
    });
  }

  write(events: number): void {
    for (let at = 0; at < events; at++) this.#put('event');
  }

  #put(what: 'event' | 'canary'): void {
    if (this.#waiting.length >= queueLength) this.lost++;
    else this.#waiting.push(what);
  }

  /** One drain: after each event that is read, so many new ones come until none is `left`; a burst comes behind the event of its number. */
  drain(perEvent = 0, left = 0, burst = { behind: -1, events: 0 }): boolean {
    let coming = left;
    let due = 0;
    let read = 0;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.gauge.count();
      if (read++ === burst.behind) this.write(burst.events);
      if (next === 'canary') this.#arrived();
      due += Math.min(perEvent, coming);
      for (; due >= 1; due--) this.#put('event');
      coming = Math.max(0, coming - perEvent);
    }
    return this.gauge.drained();
  }
}

describe('whether the kernel’s queue may have been full', () => {
  test('not when little was read', () => {
    const queue = new Queue();
    queue.write(5000);
    expect([queue.drain(), queue.drain()]).toEqual([false, false]);
  });

  test('when it was full before the drain', () => {
    const queue = new Queue();
    queue.write(queueLength + 100);
    expect(queue.lost).toBe(100);
    expect(queue.drain()).toBe(true);
    queue.write(10);
    expect(queue.drain()).toBe(false);
  });

  test('when it became full during the drain', () => {
    const queue = new Queue();
    queue.write(100);
    expect(queue.drain(3, 40_000)).toBe(true);
    expect(queue.lost).toBeGreaterThan(0);
  });

  test('when it was full for a moment between two canaries', () => {
    const queue = new Queue();
    queue.write(8000);
    expect(queue.drain(0, 0, { behind: 1010, events: 9500 })).toBe(true);
    expect(queue.lost).toBeGreaterThan(0);
  });

  test('when a canary was lost for another reason, such as memory', () => {
    const gauge = new QueueGauge(queueLength, () => ({ write: () => true, close: () => {} }));
    for (let at = 0; at < 1500; at++) gauge.count();
    expect(gauge.drained()).toBe(true);
    gauge.count();
    expect(gauge.drained()).toBe(false);
  });

  test('not when a long drain kept pace, however much it brought', () => {
    const queue = new Queue();
    queue.write(3000);
    expect(queue.drain(1, 500_000)).toBe(false);
    expect(queue.lost).toBe(0);
  });

  test('a long drain is suspected where no canary can be had', () => {
    const queue = new Queue(false);
    queue.write(3000);
    expect(queue.drain(1, 500_000)).toBe(true);
    queue.write(3000);
    expect(queue.drain()).toBe(false);
  });

  test('whatever comes when, no loss goes unnoticed, and what is noticed had filled a third of the queue', () => {
    for (let round = 0; round < 25; round++) {
      const queue = new Queue();
      const [first, perEvent, left] = [(round * 773) % 18_000, ((round * 7) % 23) / 10, (round * 3571) % 60_000];
      queue.write(first);
      const suspected = queue.drain(perEvent, left);
      if (queue.lost > 0) expect(suspected, `round ${round}`).toBe(true);
      if (first + left < queueLength / 3) expect(suspected, `round ${round}`).toBe(false);
    }
  });
});

test('the kernel’s own length of the queue is taken', () => {
  expect(queuedEventsMax()).toBe(Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8')));
});

test('a canary that is written arrives, and leaves nothing behind', async () => {
  let arrived = 0;
  await new Promise<void>((resolve, reject) => {
    const canary = openCanary(() => {
      arrived++;
      canary?.close();
      resolve();
    });
    if (canary?.write() !== true) reject(new Error('no canary'));
  });
  expect(arrived).toBe(1);
});
