import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PackageFault } from './command.ts';

const files = 1000;
const runs = 7;

export interface StartUp {
  /** Milliseconds from the start of the process to its end, the shortest of some runs: other work on the machine can only add to it. */
  readonly version: number;
  /** The same for a `sync` that has nothing to do on 1,000 files, with a bucket in a directory. */
  readonly idleSync: number;
}

/** How long the program takes to say anything; `command` is what starts it. */
export function startUpOf(command: readonly string[]): StartUp {
  const directory = mkdtempSync(join(tmpdir(), 'flocksync-package-'));
  try {
    const sync = [...command, 'sync', '--config', member(directory)];
    // The first one publishes; the second reads once more what was looked at within the clock's tick of its creation.
    for (let at = 0; at < 2; at++) timed(sync);
    return { version: shortest(() => timed([...command, '--version'])), idleSync: shortest(() => timed(sync)) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A config with one share of small files. */
function member(directory: string): string {
  for (let at = 0; at < files; at++) {
    const folder = join(directory, 'html', `d${at % 10}`);
    if (at < 10) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `f${at}`), String(at));
  }
  mkdirSync(join(directory, 'bucket'));
  const config = join(directory, 'flocksync.yml');
  const top = ['federation: shop', `datastore: { url: "file://${directory}/bucket" }`, `state: ${directory}/state`, 'member: web01'];
  writeFileSync(config, `${[...top, `shares: [{ name: webroot, path: ${directory}/html }]`].join('\n')}\n`);
  return config;
}

function timed([program = '', ...args]: readonly string[]): number {
  const started = performance.now();
  const { status, stderr } = spawnSync(program, args, { env: { ...process.env, FLOCKSYNC_ENV_FILE: '' }, encoding: 'utf8' });
  if (status !== 0) throw new PackageFault(`what was packed does not run: ${args.join(' ')} ended with ${status}: ${stderr}`);
  return performance.now() - started;
}

function shortest(measure: () => number): number {
  return Math.min(...Array.from({ length: runs }, measure));
}
