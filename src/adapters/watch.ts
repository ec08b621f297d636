import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { BytePath } from '../model/path.ts';
import type { Hints, Watch, Watcher, WatchOptions, WatchTrouble, WholeReason } from '../ports/watch.ts';
import { serveWatches, type WatchReport, type WatchRequest } from './watch-serve.ts';
import { dirtyDirectoriesMax } from './watch-tree.ts';

const threadFile = fileURLToPath(new URL('./watch-thread.js', import.meta.url));
/** Its objects are short-lived or few; without a bound its heap grows to what the machine allows. */
const threadYoungMiB = 2;
/** A thread that ended is started again after this time, twice as much the next time, and so on. */
const restartMsMin = 1000;
const restartMsMax = 60_000;
/** A thread that ran for so long has nothing to do with the one that failed before. */
const soundAfterMs = 10 * 60_000;

/** What serves the watches: a thread, or this one. */
export interface WatchServer {
  post(request: WatchRequest): void;
  end(): Promise<void>;
}

/** `ended` is called once when the server ended without having been asked to. */
export type StartServer = (heard: (report: WatchReport) => void, ended: (cause: string) => void) => WatchServer;

/**
 * Watches in a thread of its own, so that the kernel's queue of events is read while this thread works; where the program was not built
 * with the thread's own file, in this thread.
 */
export function openWatcher(start: StartServer = existsSync(threadFile) ? startThread(threadFile) : startHere): Watcher {
  return new ThreadWatcher(start);
}

export function startThread(file: string): StartServer {
  return (heard, ended) => {
    const worker = new Worker(file, { resourceLimits: { maxYoungGenerationSizeMb: threadYoungMiB } });
    worker.unref();
    let cause: string | null = 'it ended without a word';
    worker.on('message', heard);
    worker.on('error', (error) => {
      cause = error instanceof Error ? error.message : String(error);
    });
    worker.on('exit', () => cause !== null && ended(cause));
    return {
      post: (request) => worker.postMessage(request),
      end: async () => {
        cause = null;
        await worker.terminate();
      },
    };
  };
}

const startHere: StartServer = (heard) => {
  const watched = new Set<number>();
  const serve = serveWatches((report) => queueMicrotask(() => heard(report)));
  const post = (request: WatchRequest) => {
    if (request.ask === 'watch') watched.add(request.id);
    serve(request);
  };
  const end = async () => {
    for (const id of watched) serve({ ask: 'unwatch', id });
  };
  return { post, end };
};

class ThreadWatcher implements Watcher {
  readonly #start: StartServer;
  readonly #watches = new Map<number, TreeHints>();
  #server: WatchServer | null = null;
  #startedAtMs = 0;
  #restartMs = restartMsMin;
  #restarting: NodeJS.Timeout | null = null;
  #ids = 0;

  constructor(start: StartServer) {
    this.#start = start;
  }

  watch(options: WatchOptions): Watch {
    const id = ++this.#ids;
    const watch = new TreeHints(options, async () => {
      this.#watches.delete(id);
      this.#server?.post({ ask: 'unwatch', id });
    });
    this.#watches.set(id, watch);
    if (this.#restarting === null) this.#ask(id, watch, 'started');
    return watch;
  }

  async close(): Promise<void> {
    if (this.#restarting !== null) clearTimeout(this.#restarting);
    this.#watches.clear();
    await this.#server?.end();
    this.#server = null;
  }

  #ask(id: number, { options }: TreeHints, reason: WholeReason): void {
    const { root, exclude } = options;
    this.#serverNow().post({ ask: 'watch', id, root, exclude, reason });
  }

  #serverNow(): WatchServer {
    if (this.#server === null) {
      this.#startedAtMs = performance.now();
      this.#server = this.#start(
        (report) => this.#heard(report),
        (cause) => this.#died(cause),
      );
    }
    return this.#server;
  }

  #heard(report: WatchReport): void {
    const watch = this.#watches.get(report.id);
    if (watch === undefined) return;
    this.#server?.post({ ask: 'more', id: report.id });
    watch.heard(report);
  }

  #died(cause: string): void {
    this.#server = null;
    if (performance.now() - this.#startedAtMs > soundAfterMs) this.#restartMs = restartMsMin;
    const pauseMs = this.#restartMs;
    this.#restartMs = Math.min(restartMsMax, pauseMs * 2);
    this.#restarting = setTimeout(() => this.#restart(), pauseMs);
    this.#restarting.unref();
    for (const watch of this.#watches.values()) watch.died(cause);
  }

  #restart(): void {
    this.#restarting = null;
    for (const [id, watch] of this.#watches) this.#ask(id, watch, 'died');
  }
}

/** What one share has to be told. */
class TreeHints implements Watch {
  readonly options: WatchOptions;
  readonly #stop: () => Promise<void>;
  #directories = new Set<BytePath>();
  #whole: WholeReason | null = null;
  #standing = 0;
  #trouble: WatchTrouble | null = null;
  #called = false;
  #closed = false;

  constructor(options: WatchOptions, stop: () => Promise<void>) {
    this.options = options;
    this.#stop = stop;
  }

  get standing(): number {
    return this.#standing;
  }

  get pending(): boolean {
    return this.#whole !== null || this.#directories.size > 0;
  }

  trouble(): WatchTrouble | null {
    return this.#trouble;
  }

  take(): Hints {
    const hints = { directories: this.#directories, whole: this.#whole };
    this.#directories = new Set();
    this.#whole = null;
    this.#called = false;
    return hints;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#stop();
  }

  heard({ directories, whole, standing, trouble }: WatchReport): void {
    this.#standing = standing;
    if (whole !== null) this.#addWhole(whole);
    this.#addDirectories(directories);
    this.#setTrouble(this.#trouble?.code === 'watch-died' && whole === null ? this.#trouble : trouble);
    if (this.pending) this.#call();
  }

  died(cause: string): void {
    this.#standing = 0;
    this.#addWhole('died');
    const text = `what watches the directories has ended (${cause}) and is started again; until then changes are found by looking at everything`;
    this.#setTrouble({ code: 'watch-died', text, fix: 'Nothing has to be done; if it comes again, report it with this line.' });
    this.#call();
  }

  #addWhole(reason: WholeReason): void {
    this.#whole = reason;
    this.#directories = new Set();
  }

  #addDirectories(directories: Iterable<BytePath>): void {
    if (this.#whole !== null) return;
    for (const directory of directories) this.#directories.add(directory);
    if (this.#directories.size > dirtyDirectoriesMax) this.#addWhole('overflow');
  }

  #setTrouble(trouble: WatchTrouble | null): void {
    const before = this.#trouble;
    this.#trouble = trouble;
    if (before?.text !== trouble?.text) this.#call();
  }

  #call(): void {
    if (this.#called || this.#closed) return;
    this.#called = true;
    this.options.onHint();
  }
}
