import { closeSync, futimesSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listenToFile } from './watch-listen.ts';

const queuedEventsDefault = 16_384;
/** A canary for every so many events. */
const canaryEvents = 1000;
/** Events of watches that were closed meanwhile stand in the kernel's queue too, and nobody hears of them. */
const trustedShare = 0.75;

/** The length at which the kernel begins to drop events; it holds for a queue from its making on. */
export function queuedEventsMax(): number {
  try {
    return Number.parseInt(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'latin1'), 10) || queuedEventsDefault;
  } catch {
    return queuedEventsDefault;
  }
}

/** An event of our own. */
export interface Canary {
  /** False when it could not be put into the queue. */
  write(): boolean;
  close(): void;
}

/**
 * Tells whether the kernel's queue of events may have been full: libuv learns that and tells nobody. It reads until the queue is empty,
 * so a drain that brings fewer events than the queue holds proves that none was lost. In a long drain, where the writers keep up with
 * the reader, that alone would accuse every burst; so a canary is put into the queue every thousand events. What is heard between one
 * canary's writing and the next one's arrival is all that stood in the queue at the first moment, and all that came until the second
 * was written: it bounds the queue in between. A canary that does not arrive in its drain has met a full queue.
 */
export class QueueGauge {
  readonly #eventsMax: number;
  readonly #canary: Canary | null;
  /** Between the writing before the last one, or the drain's beginning, and the last writing. */
  #earlier = 0;
  #sinceWriting = 0;
  #awaited = false;
  #mayBeFull = false;

  /** `openCanary` gets what is to be called when the canary arrives; without a canary long drains count as losses. */
  constructor(queuedEvents: number, openCanary: (arrived: () => void) => Canary | null) {
    this.#eventsMax = queuedEvents * trustedShare;
    this.#canary = openCanary(() => this.#arrived());
  }

  /** One event was heard. */
  count(): void {
    this.#sinceWriting++;
    if (this.#awaited || this.#canary === null || this.#sinceWriting < canaryEvents) return;
    this.#earlier = this.#sinceWriting;
    this.#sinceWriting = 0;
    this.#awaited = this.#canary.write();
  }

  /** To be asked when the queue has been read to its end: whether events may have been lost since the last call. */
  drained(): boolean {
    this.#judge();
    const lost = this.#mayBeFull || this.#awaited;
    this.#awaited = false;
    this.#mayBeFull = false;
    this.#sinceWriting = 0;
    return lost;
  }

  close(): void {
    this.#canary?.close();
  }

  #arrived(): void {
    this.#awaited = false;
    this.#judge();
  }

  #judge(): void {
    if (this.#earlier + this.#sinceWriting >= this.#eventsMax) this.#mayBeFull = true;
    this.#earlier = 0;
  }
}

/**
 * A file without a name, whose times are set: nothing is left behind, however the process ends. `heard` is called for each of its events.
 * null where none can be made.
 */
export function openCanary(heard: () => void): Canary | null {
  const fd = namelessFile();
  if (fd === null) return null;
  try {
    const listening = listenToFile(fd, heard);
    const close = () => {
      listening.close();
      closeSync(fd);
    };
    return { write: () => touched(fd), close };
  } catch {
    closeSync(fd);
    return null;
  }
}

function namelessFile(): number | null {
  try {
    const place = mkdtempSync(join(tmpdir(), 'flocksync-canary-'));
    try {
      return openSync(join(place, 'canary'), 'wx', 0o600);
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  } catch {
    return null;
  }
}

function touched(fd: number): boolean {
  try {
    futimesSync(fd, 0, 0);
    return true;
  } catch {
    return false;
  }
}
