import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openWatcher, startThread } from '../../src/adapters/watch.ts';
import type { Watch } from '../../src/ports/watch.ts';
import { seconds, tell } from './measure.ts';
import { mediawikiTree, newDirectory } from './trees.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const thread = resolve(project, process.env.FLOCKSYNC_DIST ?? 'dist', 'watch-thread.js');
const copies = 20;
const busyMs = 4000;
/** Nothing has come for so long: nothing will. */
const quietMs = 1500;

/** What the watch of a tree costs, and what it misses: neither directories nor, in them, files. */
export async function watch(): Promise<boolean> {
  for (const directories of [10_000, 100_000]) await setUp(directories);
  const missed = [
    await burst('20,000 files in 200 directories that are there', false, 0),
    await burst('the same, this thread busy for 4 s', false, busyMs),
    await burst('20,000 files in 200 new nested directories', true, 0),
    await burst('the same, this thread busy for 4 s', true, busyMs),
    await manyCopies(),
  ];
  return missed.every((directories) => directories === 0);
}

// ---- what it costs -----------------------------------------------------------------------------------------------------------

async function setUp(directories: number): Promise<void> {
  const root = newDirectory('watched');
  for (let at = 0; at < directories; at++) {
    const directory = join(root, `s${at % 100}`, `d${at}`);
    mkdirSync(directory, { recursive: true });
    for (let file = 0; file < 4; file++) writeFileSync(join(directory, `f${file}`), '');
  }
  const figures = await inOwnProcess(root);
  const text = `${directories} directories, ${directories * 4} files: watched after ${seconds(figures.ms)}`;
  tell('watch set-up', `${text} (${seconds(figures.cpuMs)} of processor), ${figures.standing} watches, ${figures.rssMiB} MiB more memory`, {
    ...{ directories, ...figures },
  });
}

interface SetUp {
  readonly ms: number;
  readonly cpuMs: number;
  readonly standing: number;
  readonly rssMiB: number;
}

/** Memory is measured where nothing else was done. */
async function inOwnProcess(root: string): Promise<SetUp> {
  const here = fileURLToPath(new URL('./watch-setup.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', here, thread, root], { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (piece: Buffer) => {
    output += piece;
  });
  await once(child, 'close');
  return JSON.parse(output);
}

// ---- what it misses ----------------------------------------------------------------------------------------------------------

/** Looks at what is hinted at, at once, as a member does; the rest is not looked at. */
class Looker {
  readonly root: string;
  readonly watch: Watch;
  readonly wholes: string[] = [];
  looks = 0;
  lastMs = performance.now();
  readonly #seen = new Map<string, string>();
  #wake: () => void = () => {};

  constructor(root: string, open: (onHint: () => void) => Watch) {
    this.root = root;
    this.watch = open(() => this.#wake());
  }

  /** Until nothing comes any more and `over` says that nothing will. */
  async follow(over: () => boolean): Promise<void> {
    while (!over() || performance.now() - this.lastMs < quietMs) {
      const { directories, whole } = this.watch.take();
      if (whole !== null) this.wholes.push(whole);
      for (const directory of whole === null ? directories : directoriesIn(this.root)) this.#look(directory);
      if (whole !== null || directories.size > 0) this.lastMs = performance.now();
      await this.#hint();
    }
  }

  /** Directories that look otherwise than when they were last looked at. */
  missed(): number {
    return directoriesIn(this.root).filter((directory) => this.#seen.get(directory) !== stateOf(join(this.root, directory))).length;
  }

  #look(directory: string): void {
    this.looks++;
    this.#seen.set(directory, stateOf(join(this.root, directory)));
  }

  async #hint(): Promise<void> {
    if (this.watch.pending) return;
    const waking = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await Promise.race([waking, pause(100)]);
  }
}

function stateOf(directory: string): string {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.map((entry) => `${entry.name} ${entry.isDirectory() ? 'dir' : sizeOf(join(directory, entry.name))}`).join('\n');
  } catch {
    return 'gone';
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? -1;
}

function directoriesIn(root: string, below = ''): string[] {
  const entries = readdirSync(join(root, below), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [below, ...entries.flatMap(({ name }) => directoriesIn(root, join(below, name)))];
}

/** Follows what `command` does to the root; returns the directories that were missed. */
async function followed(name: string, root: string, [program = '', ...given]: readonly string[], blockedMs: number): Promise<number> {
  const watcher = openWatcher(startThread(thread));
  const looker = new Looker(root, (onHint) => watcher.watch({ root, exclude: [], onHint }));
  await looker.follow(() => looker.wholes.length > 0);
  const started = performance.now();
  looker.wholes.length = 0;
  looker.looks = 0;
  let endedMs = 0;
  const child = spawn(program, given, { stdio: ['ignore', 'ignore', 'inherit'] });
  child.once('exit', () => {
    endedMs = performance.now();
    looker.lastMs = endedMs;
  });
  if (blockedMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockedMs);
  await looker.follow(() => endedMs > 0);
  const missed = looker.missed();
  const facts = { missed, standing: looker.watch.standing, looks: looker.looks, wholes: looker.wholes.join(' ') };
  const writers = seconds(endedMs - started);
  const behind = seconds(Math.max(0, looker.lastMs - endedMs));
  const said = looker.wholes.length === 0 ? '' : `, everything ${looker.wholes.length} times (${facts.wholes})`;
  tell('watch', `${name}: written in ${writers}, last hint ${behind} later, ${missed} directories missed, ${looker.looks} looks${said}`, {
    ...{ scenario: name, ...facts, writtenMs: endedMs - started, behindMs: looker.lastMs - endedMs },
  });
  await watcher.close();
  return missed;
}

async function burst(name: string, nested: boolean, blockedMs: number): Promise<number> {
  const root = newDirectory('burst');
  const place = (at: number) => (nested ? join(root, `n${at % 20}`, `m${at % 7}`, `d${at}`) : join(root, `d${at}`));
  const directories = Array.from({ length: 200 }, (_, at) => place(at));
  if (!nested) for (const directory of directories) mkdirSync(directory);
  const script = `
    const fs = require('node:fs');
    for (const directory of ${JSON.stringify(directories)}) {
      fs.mkdirSync(directory, { recursive: true });
      for (let file = 0; file < 100; file++) fs.writeFileSync(directory + '/f' + file, 'content');
    }`;
  return await followed(name, root, [process.execPath, '-e', script], blockedMs);
}

async function manyCopies(): Promise<number> {
  const tree = mediawikiTree();
  const root = newDirectory('copies');
  const script = `i=0; while [ $i -lt ${copies} ]; do i=$((i + 1)); cp -a "$1" "$2/copy$i"; done`;
  return await followed(`mediawiki copied ${copies} times by cp -a`, root, ['sh', '-c', script, 'sh', tree, root], 0);
}
