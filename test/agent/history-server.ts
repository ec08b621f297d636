import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Outcome } from '../../src/agent.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import { hashOf, snapshot, type Tree } from '../e2e/support/tree.ts';
import type { BucketClock } from './clocked.ts';
import { memberIn, type TestMember } from './member.ts';

const signal = new AbortController().signal;

/** What a server is set back to: its state directory or the journal alone, with the disk of then or of now. */
export type Restoration = { readonly journalOnly: boolean; readonly disk: 'of then' | 'of now' };

/** One server of a history: a member whose process, journal and disk come and go. */
export class Server {
  readonly name: string;
  readonly root: string;
  readonly #home: string;
  readonly #clock: BucketClock;
  readonly #historyMs: number;
  #running: TestMember | null = null;
  /** Requests until the process dies. */
  #left = Number.POSITIVE_INFINITY;

  constructor(home: string, name: string, clock: BucketClock, historyMs: number) {
    this.#home = home;
    this.name = name;
    this.#clock = clock;
    this.#historyMs = historyMs;
    this.root = join(home, name, 'html');
    mkdirSync(this.root, { recursive: true });
  }

  get member(): TestMember {
    this.#running ??= memberIn(this.#home, this.name, {
      config: {
        historyMs: this.#historyMs,
        trashMs: this.#historyMs,
        maxDelete: { percent: 100, percentBelow40: 100, floor: 1e6, windowMs: 1 },
      },
      through: (store) => this.#mortal(this.#clock.through(store)),
    });
    return this.#running;
  }

  async cycle(): Promise<Outcome> {
    return await this.member.cycle();
  }

  async housekeep(): Promise<void> {
    await this.member.agent.housekeep({ dryRun: false, signal });
  }

  /** Dies at the given request of the work, before or after it took effect. False when the work came to its end first. */
  async killedIn(work: () => Promise<unknown>, request: number): Promise<boolean> {
    this.#left = request;
    try {
      await work();
      return false;
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      return true;
    } finally {
      this.stop();
      this.#left = Number.POSITIVE_INFINITY;
    }
  }

  stop(): void {
    this.#running?.agent.close();
    this.#running?.journal.close();
    this.#running = null;
  }

  tree(): Tree {
    return snapshot(this.root);
  }

  /** Hashes of what the trash holds. */
  trash(): string[] {
    const trash = join(this.root, '../.flocksync-webroot/trash');
    return existsSync(trash) ? readdirSync(trash).map((name) => hashOf(readFileSync(join(trash, name)))) : [];
  }

  loseJournal(whole: boolean): void {
    this.stop();
    if (whole) rmSync(this.#state, { recursive: true, force: true });
    else for (const part of ['', '-wal', '-shm']) rmSync(join(this.#state, `webroot.journal${part}`), { force: true });
  }

  backUp(): void {
    this.stop();
    copy(this.#state, this.#backup('state'));
    copy(this.root, this.#backup('html'));
  }

  hasBackup(): boolean {
    return existsSync(this.#backup('html'));
  }

  restore({ journalOnly, disk }: Restoration): void {
    this.loseJournal(!journalOnly);
    if (disk === 'of then') copy(this.#backup('html'), this.root);
    if (!journalOnly) return copy(this.#backup('state'), this.#state);
    const journal = join(this.#backup('state'), 'webroot.journal');
    if (existsSync(journal)) cpSync(journal, join(this.#state, 'webroot.journal'));
  }

  get #state(): string {
    return join(this.#home, this.name, 'state');
  }

  #backup(what: string): string {
    return join(this.#home, `${this.name}.backup`, what);
  }

  #mortal(store: Datastore): Datastore {
    const die = <T>(call: () => Promise<T>): Promise<T> => {
      this.#left--;
      if (this.#left < 0) return Promise.reject(new Killed());
      if (this.#left > 0) return call();
      return call().then(() => Promise.reject(new Killed()));
    };
    return new Proxy(store, {
      get: (target, name: keyof Datastore) => {
        const method = target[name] as (...args: unknown[]) => Promise<unknown>;
        return name === 'close' ? method : (...args: unknown[]) => die(() => method(...args));
      },
    });
  }
}

class Killed extends Error {}

function copy(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  if (existsSync(from)) cpSync(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
}
