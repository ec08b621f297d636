import { runNode } from '../adapters/child.ts';
import { systemTime } from '../adapters/system.ts';
import type { Verified } from '../agent/verified.ts';
import type { World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import { exit } from './exit.ts';
import { counted, printable } from './format.ts';

/** `interrupted`: nothing was learnt, by the store's trouble or by the end of the daemon. */
export type Examination = Verified | 'sound' | 'interrupted';

/** A longer list has been cut. */
const listedCharactersMax = 500_000;

interface Document {
  readonly shares: readonly { readonly flaws: readonly { readonly text: string; readonly path?: string; readonly harmful: boolean }[] }[];
}

/**
 * Verifies one share in a process of its own: it reads for long, on a copy of the journal, and what it needs of memory goes with it.
 * Only one at a time is worth its load; `apart` sees to that.
 */
export class Examiner {
  readonly #world: World;
  readonly #share: ShareConfig;
  readonly #apart: <T>(work: () => Promise<T>) => Promise<T>;
  readonly #stop = new AbortController();
  #running: Promise<void> | null = null;

  constructor(world: World, share: ShareConfig, apart: <T>(work: () => Promise<T>) => Promise<T>) {
    [this.#world, this.#share, this.#apart] = [world, share, apart];
  }

  /** One that is under way goes on, and another one is not begun beside it. `onEnd` must not throw. */
  begin(onEnd: (found: Examination) => Promise<void>): void {
    this.#running ??= this.#apart(async () => {
      if (!this.#signal.aborted) await onEnd(await this.#examine());
    }).finally(() => {
      this.#running = null;
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  get #signal(): AbortSignal {
    return AbortSignal.any([this.#stop.signal, this.#world.signal]);
  }

  async #examine(): Promise<Examination> {
    const { log, config } = this.#world;
    const { name, verify } = this.#share;
    const sample = `${Number(((verify?.fraction ?? 1) * 100).toFixed(6))}%`;
    const startedMs = systemTime.monotonicMs();
    const args = ['verify', '--json', '--sample', sample, '--config', config.file, '--', name];
    const { code, stdout, stderr } = await runNode(process.argv[1] ?? '', args, withoutSupervisor(), this.#signal);
    log.info({ share: name, sample, code, ms: Math.round(systemTime.monotonicMs() - startedMs) }, 'verified');
    if (this.#signal.aborted || code === exit.unreachable) return 'interrupted';
    if (code === exit.done) return 'sound';
    return flawsIn(stdout) ?? { code: 'verify-failed', text: `the verification could not be carried out: ${lastLine(stderr)}` };
  }
}

/** What the service manager says is meant for the daemon alone. */
function withoutSupervisor(): Record<string, string> {
  const entries = Object.entries(process.env).filter(([name, value]) => value !== undefined && !/^(NOTIFY_SOCKET|WATCHDOG_)/.test(name));
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Null where it is no such document, or has no flaw that does harm. */
function flawsIn(stdout: string): Verified | null {
  try {
    const flaws = (JSON.parse(stdout) as Document).shares.flatMap((share) => share.flaws.filter(({ harmful }) => harmful));
    const [first] = flaws;
    if (first === undefined) return null;
    const where = first.path === undefined ? '' : `${printable(first.path)}: `;
    return { code: 'verify-flaws', text: `a verification found ${counted(flaws.length, 'problem')}, the first: ${where}${first.text}` };
  } catch {
    return stdout.length < listedCharactersMax
      ? null
      : { code: 'verify-flaws', text: 'a verification found more problems than can be listed' };
  }
}

function lastLine(text: string): string {
  return printable(text.trim().split('\n').at(-1) ?? '').slice(0, 500) || 'it said nothing';
}
