import type { Datastore } from '../ports/datastore.ts';

export interface Bounds {
  /** Calls at once, streams included. */
  readonly callsMax?: number;
  /** Streams at once: each holds several parts in memory, and small calls must find room beside long uploads. */
  readonly streamsMax?: number;
}

/** Lets at most `callsMax` calls through at once, in the order in which they came. */
export function bounded(store: Datastore, { callsMax = 16, streamsMax = 2 }: Bounds = {}): Datastore {
  const calls = new Gate(callsMax);
  const streams = new Gate(Math.min(streamsMax, callsMax));
  return {
    get: (key, options) => calls.through(() => store.get(key, options)),
    put: (key, bytes) => calls.through(() => store.put(key, bytes)),
    putIfAbsent: (key, bytes) => calls.through(() => store.putIfAbsent(key, bytes)),
    putStream: (key, size, open) => streams.through(() => calls.through(() => store.putStream(key, size, open))),
    list: (prefix, options) => calls.through(() => store.list(prefix, options)),
    listFolders: (prefix) => calls.through(() => store.listFolders(prefix)),
    remove: (key) => calls.through(() => store.remove(key)),
    unfinishedUploads: (prefix) => calls.through(() => store.unfinishedUploads(prefix)),
    abortUpload: (upload) => calls.through(() => store.abortUpload(upload)),
    close: () => store.close(),
  };
}

/** Lets at most `size` runs through at once, in the order in which they came. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(size: number) {
    this.#free = size;
  }

  async through<T>(run: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await run();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
