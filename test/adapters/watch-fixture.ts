import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { onTestFinished } from 'vitest';
import { openWatcher, type StartServer, startThread } from '../../src/adapters/watch.ts';
import type { Watch, WholeReason } from '../../src/ports/watch.ts';
import { temporaryDirectory } from './temporary.ts';

const patienceMs = 15_000;
let marks = 0;

/** Everything that a watch has hinted at, as somebody who looks at once would take it. */
export class Seen {
  readonly root: string;
  readonly watch: Watch;
  readonly directories = new Set<string>();
  readonly wholes: WholeReason[] = [];
  #arrived: () => void = () => {};

  constructor(root: string, open: (onHint: () => void) => Watch) {
    this.root = root;
    this.watch = open(() => this.#arrived());
  }

  /** Waits for what must come; fails with what came instead. */
  async until(told: () => boolean): Promise<void> {
    const deadlineMs = performance.now() + patienceMs;
    for (this.#take(); !told(); this.#take()) {
      if (performance.now() > deadlineMs)
        throw new Error(`not told in time; told were ${JSON.stringify([...this.directories, ...this.wholes])}`);
      await this.#hint(deadlineMs - performance.now());
    }
  }

  async directory(...paths: readonly string[]): Promise<void> {
    await this.until(() => paths.every((path) => this.directories.has(path)));
  }

  async whole(reason: WholeReason): Promise<void> {
    await this.until(() => this.wholes.includes(reason));
  }

  /** Forgets what was told so far. */
  forget(): void {
    this.directories.clear();
    this.wholes.length = 0;
  }

  /** Waits for so many watches; without events of a cut tree's parent nothing tells of them. */
  async standing(directories: number): Promise<void> {
    await this.until(() => this.watch.standing === directories);
  }

  /** Everything that happened until now has been told when this resolves: events come in order. */
  async settled(): Promise<void> {
    const mark = `.mark-${marks++}`;
    mkdirSync(join(this.root, mark));
    await this.directory(mark);
    this.directories.delete(mark);
  }

  #take(): void {
    const { directories, whole } = this.watch.take();
    for (const directory of directories) this.directories.add(directory);
    if (whole !== null) this.wholes.push(whole);
  }

  async #hint(ms: number): Promise<void> {
    if (this.watch.pending) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(ms, 100));
      this.#arrived = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#arrived = () => {};
  }
}

/** How many watches the kernel holds for this process. */
export function kernelWatches(): number {
  const told = readdirSync('/proc/self/fdinfo').map((fd) => contentOf(`/proc/self/fdinfo/${fd}`));
  return told
    .join('')
    .split('\n')
    .filter((line) => line.startsWith('inotify wd:')).length;
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

/** The thread's own file, built anew from the source. */
export async function builtThread(): Promise<string> {
  const file = join(temporaryDirectory(), 'watch-thread.mjs');
  const entry = new URL('../../src/adapters/watch-thread.ts', import.meta.url).pathname;
  const banner = { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" };
  await build({ entryPoints: [entry], outfile: file, bundle: true, format: 'esm', platform: 'node', banner });
  return file;
}

export type Where = 'in this thread' | 'in a thread of its own';

/** A watched root whose first walk is over. */
export async function watched(
  options: { root?: string; exclude?: readonly string[]; where?: Where; start?: StartServer } = {},
): Promise<Seen> {
  const root = options.root ?? temporaryDirectory();
  const start = options.start ?? (options.where === 'in a thread of its own' ? startThread(await builtThread()) : undefined);
  const watcher = openWatcher(start);
  onTestFinished(() => watcher.close());
  const seen = new Seen(root, (onHint) => watcher.watch({ root, exclude: options.exclude ?? [], onHint }));
  await seen.whole('started');
  seen.forget();
  return seen;
}

/** Directories and files (those that do not end in a slash), with the directories above. */
export function make(root: string, ...paths: readonly string[]): void {
  for (const path of paths) {
    const whole = join(root, path);
    mkdirSync(path.endsWith('/') ? whole : join(whole, '..'), { recursive: true });
    if (!path.endsWith('/')) writeFileSync(whole, path);
  }
}
