import { isDeepStrictEqual } from 'node:util';
import { openMetrics } from '../../adapters/metrics.ts';
import { type PageFiles, readPageFiles, readTokenFile } from '../../adapters/page-files.ts';
import { PageFault, type PageServer, servePage } from '../../adapters/page-server.ts';
import { systemRandom, systemTime } from '../../adapters/system.ts';
import type { World } from '../../compose.ts';
import { tokenFault } from '../../config-page.ts';
import type { PageConfig } from '../../config-types.ts';
import type { Output } from '../output.ts';
import type { Follower } from '../run-share.ts';
import { Decisions } from './decisions.ts';
import { Looks } from './looks.ts';
import type { Parts } from './parts.ts';
import { answerPage } from './routes.ts';
import { Sessions } from './sessions.ts';

const repeatMs = 24 * 3600 * 1000;

/** The web page of a daemon. Whatever is wrong with it is said, and stops nothing else. */
export class Page {
  readonly #world: World;
  readonly #output: Output;
  readonly #followers: () => readonly Follower[];
  readonly #sessions = new Sessions(null, systemRandom, systemTime);
  readonly #looks: Looks;
  readonly #decisions: Decisions;
  readonly #metrics = openMetrics();
  readonly #files: PageFiles = readPageFiles();
  #server: PageServer | null = null;
  #served: PageConfig | null = null;
  /** What was said since the page was last served, and when. */
  readonly #told = new Map<string, number>();

  constructor(world: World, output: Output, followers: () => readonly Follower[]) {
    [this.#world, this.#output, this.#followers] = [world, output, followers];
    this.#looks = new Looks(world, () => followers().map(({ share }) => share));
    this.#decisions = new Decisions(world);
  }

  /**
   * Makes of it what the config says now; called again and again, it also tries again what could not be done. `isReload`: a token file is
   * read again. Throws for defects only.
   */
  async keep(isReload: boolean): Promise<void> {
    const wanted = this.#world.config.page;
    const isServed = this.#server !== null && isDeepStrictEqual(wanted, this.#served);
    if (isServed && !isReload) return;
    const token = wanted === null ? null : this.#token(wanted);
    if (!isServed || token === 'unusable') await this.close();
    if (wanted === null || token === 'unusable') return;
    this.#sessions.renew(token);
    if (!isServed) await this.#open(wanted);
  }

  async close(): Promise<void> {
    const server = this.#server;
    [this.#server, this.#served] = [null, null];
    await server?.close();
  }

  async #open(config: PageConfig): Promise<void> {
    const parts: Parts = {
      ...{ world: this.#world, config, sessions: this.#sessions, looks: this.#looks, decisions: this.#decisions },
      ...{ metrics: this.#metrics, files: this.#files, followers: this.#followers },
    };
    try {
      this.#server = await servePage(config, (request) => answerPage(parts, request), this.#world.log);
    } catch (error) {
      if (!(error instanceof PageFault)) throw error;
      return this.#tell(`${error.message}. ${error.fix}; shares go on, and it is tried again`);
    }
    this.#served = config;
    this.#told.clear();
    const address = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${config.port}/`;
    this.#world.log.info({ address }, 'the page is served');
    if (this.#output.terminal) this.#output.line(`page: ${address}`);
    // It may have been told to end while it began.
    if (this.#world.signal.aborted) await this.close();
  }

  /** A page that others can reach is not served without its token; on this machine it is read-only then. */
  #token({ token, loopback }: PageConfig): string | null | 'unusable' {
    if (token === null) return null;
    if (token.kind === 'text') return token.value;
    const read = readTokenFile(token.path);
    const fault = 'fault' in read ? read.fault : tokenFault(read.token);
    if ('token' in read && fault === null) return read.token;
    this.#tell(
      `the token file ${token.path} ${fault}; ${loopback ? 'until the config is read again the page is read-only' : 'the page is not served'}`,
    );
    return loopback ? null : 'unusable';
  }

  /** When it begins, when it changes, once a day. */
  #tell(text: string): void {
    const nowMs = systemTime.wallMs();
    const toldMs = this.#told.get(text);
    if (toldMs !== undefined && Math.abs(nowMs - toldMs) < repeatMs) return;
    this.#told.set(text, nowMs);
    this.#output.error(`flocksync: page: ${text}`);
    this.#world.log.warn({}, `page: ${text}`);
  }
}
