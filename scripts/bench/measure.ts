import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { newDirectory } from './trees.ts';

/** What one process took, its own children included. */
export interface Run {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly rssMiB: number;
}

/** What a peer or server needs to be there; the bench fails without it, so that a missing comparison is never mistaken for a won one. */
export function need(program: string, install: string): void {
  if (spawnSync('sh', ['-c', `command -v ${program}`]).status === 0) return;
  throw new Error(`${program} is missing: ${install}`);
}

/** Runs a program to its end; its process start counts. Throws when it fails, with the end of what it printed. */
export async function run(command: readonly string[], variables: NodeJS.ProcessEnv = {}): Promise<Run> {
  const report = join(newDirectory('time'), 'report');
  const started = performance.now();
  const { code, output } = await ended(['/usr/bin/time', '-o', report, '-f', '%U %S %M', ...command], variables);
  const wallMs = performance.now() - started;
  if (code !== 0) throw new Error(`${command.slice(0, 4).join(' ')} … ended with ${code}: ${output.slice(-500)}`);
  const [user = 0, system = 0, rss = 0] = (readFileSync(report, 'utf8').trim().split('\n').at(-1) ?? '').split(' ').map(Number);
  return { wallMs, cpuMs: (user + system) * 1000, rssMiB: rss / 1024 };
}

function ended(
  [program = '', ...given]: readonly string[],
  variables: NodeJS.ProcessEnv,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, given, { env: { ...process.env, ...variables }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (piece: Buffer) => {
      output = (output + piece).slice(-10_000);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** One line for people, one for programs. */
export function tell(name: string, text: string, facts: Readonly<Record<string, number | string | boolean | readonly number[]>>): void {
  console.log(`${name.padEnd(22)} ${text}`);
  console.log(JSON.stringify({ bench: name, ...facts }));
}

export const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
export const round = (value: number) => Math.round(value * 100) / 100;
