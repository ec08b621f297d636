import { identityOf } from '../adapters/file-identity.ts';
import { lockShare, type ShareLock } from '../adapters/share-lock.ts';
import { journalFile, lockFile } from '../adapters/state-directory.ts';
import { systemTime } from '../adapters/system.ts';
import type { ProgressEvent } from '../agent/context.ts';
import { type OpenedShare, openShare, type World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import type { Output } from './output.ts';

const lightCacheBytes = 4 * 1024 * 1024;

/** Journal and tree of a followed share, which stay open from cycle to cycle, and its lock, which is taken for each of them. */
export class Opened {
  readonly #world: World;
  readonly #share: ShareConfig;
  readonly #output: Output;
  readonly #onProgress: (event: ProgressEvent) => void;
  readonly #onClose: () => void;
  /** Another process has its turn. */
  isWaiting = false;
  #open: { readonly share: OpenedShare; readonly identity: string } | null = null;

  constructor(world: World, share: ShareConfig, output: Output, onProgress: (event: ProgressEvent) => void, onClose: () => void) {
    this.#world = world;
    this.#share = share;
    this.#output = output;
    this.#onProgress = onProgress;
    this.#onClose = onClose;
  }

  /** Null before the first opening, and after trouble with the journal. */
  get current(): OpenedShare | null {
    return this.#open?.share ?? null;
  }

  async lock(wait: boolean): Promise<ShareLock | null> {
    const world = this.#world;
    world.member();
    this.isWaiting = true;
    try {
      return await lockShare(lockFile(world.config, this.#share.name), systemTime, { wait, signal: world.signal });
    } finally {
      this.isWaiting = false;
    }
  }

  /** Opened anew where the journal's file has been removed or replaced meanwhile. The caller holds the lock. */
  async open(): Promise<OpenedShare> {
    const file = journalFile(this.#world.config, this.#share.name);
    if (this.#open !== null && this.#open.identity === identityOf(file)) return this.#open.share;
    await this.close();
    const share = await openShare(this.#world, this.#share, { dryRun: false, onProgress: this.#onProgress });
    share.agent.keepsRoot = true;
    // It is open for weeks, and most of what is read is read once.
    if (this.#share.mode === 'lightweight') share.journal.limitCache(lightCacheBytes);
    share.agent.keepsHouseLater = this.#share.housekeep !== null;
    for (const event of share.events) this.#output.error(`flocksync: ${this.#share.name}: ${event}`);
    this.#open = { share, identity: identityOf(file) };
    return share;
  }

  async close(): Promise<void> {
    const open = this.#open?.share;
    this.#open = null;
    if (open === undefined) return;
    this.#onClose();
    await Promise.allSettled([...open.agent.memory.uploads.values()].map((upload) => upload.done));
    open.close();
  }
}
