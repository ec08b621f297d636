import type { Listening } from '../adapters/socket-server.ts';
import { appliedTo } from '../agent/applied.ts';
import type { OpenedShare, World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import type { Holder } from '../model/request.ts';
import { listenFor, type Prospects } from './listen.ts';
import { publishPaths } from './publish-paths.ts';
import { Requests } from './requests.ts';

/** Where a process that looks after a share takes what others of this machine ask of it. */
export class Desk {
  readonly requests: Requests;
  readonly #listen: () => Promise<Listening | null>;
  #listening: Listening | null = null;
  #closed = false;

  /** `onAsked`: something waits to be done. */
  constructor(world: World, share: ShareConfig, holder: Holder, onAsked: () => void, prospects: () => Prospects | null = () => null) {
    this.requests = new Requests(onAsked, (agent, paths, interrupt) => publishPaths(agent, paths, world.signal, interrupt));
    this.#listen = () => listenFor(world, share, holder, this.requests, prospects);
  }

  /** Begins to listen, unless it does, or another process does. The caller holds the share's lock. */
  async open({ journal }: OpenedShare): Promise<void> {
    this.requests.position = () => ({ cursor: Number(journal.meta('cursor') ?? '0'), appliedTo: appliedTo(journal) });
    if (this.#listening === null && !this.#closed) this.#listening = await this.#listen();
    if (this.#closed) this.close();
  }

  /** The journal is about to be closed; it may be opened again. */
  leave(): void {
    this.requests.position = null;
  }

  /** Whoever still waits here is told to see to it himself. */
  close(): void {
    this.#closed = true;
    this.leave();
    this.requests.close();
    this.#listening?.close();
    this.#listening = null;
  }
}
