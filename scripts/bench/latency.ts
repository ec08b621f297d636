import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { median, round, tell } from './measure.ts';
import { member } from './members.ts';
import { startProxy } from './proxy.ts';
import { endpoint, newBucket } from './server.ts';
import { generatedTree, newDirectory } from './trees.ts';

const members = 5;
const changes = 100;
const medianMsMax = 300;
const slowestMsMax = 1000;
const patienceMs = 60_000;
const files = 100_000;
const idleMs = 60_000;
const idleShareMax = 0.01;
const rssMaxMiB = 90;
/** Linux counts processor time in hundredths of a second. */
const tickMs = 10;

/** A small change on its way to four others, and what a member with many files costs while nothing happens; all in lightweight mode. */
export async function latency(): Promise<boolean> {
  const quick = await onTheWay();
  return (await idle()) && quick;
}

async function onTheWay(): Promise<boolean> {
  const proxy = await startProxy(endpoint());
  const place = { url: `s3://${await newBucket(endpoint())}/bench`, endpoint: endpoint() };
  const roots = Array.from({ length: members }, (_, at) => rootOf(`root${at}`));
  const daemons = roots.map((root, at) =>
    start(member(`m${at}`, at === 0 ? { ...place, endpoint: proxy.endpoint } : place, [root], ', mode: lightweight, poll: 200ms')),
  );
  try {
    await arrival(roots, 'first', 0);
    await pause(3000);
    proxy.take();
    const slowest: number[] = [];
    const each: number[] = [];
    for (let change = 0; change < changes; change++) {
      const took = await arrival(roots, `dir${change % 10}/file${change}`, change);
      each.push(...took);
      slowest.push(Math.max(...took));
      // So that the next one meets the others' polls at any moment.
      await pause(200 + ((change * 67) % 200));
    }
    const requests = proxy.take().filter((asked) => !asked.startsWith('GET')).length / changes;
    const reached = median(slowest) < medianMsMax && Math.max(...slowest) < slowestMsMax;
    const text = `${Math.round(median(slowest))} ms until the last of ${members - 1} others has it, at most ${Math.round(Math.max(...slowest))} ms`;
    const goal = `goal ${medianMsMax} ms, ${slowestMsMax} ms`;
    tell('latency', `${text} (${goal}); ${Math.round(median(each))} ms until one has it; ${requests.toFixed(1)} writing requests each`, {
      ...{ medianMs: round(median(slowest)), maxMs: round(Math.max(...slowest)), medianOfEachMs: round(median(each)), requests, reached },
    });
    return reached;
  } finally {
    await Promise.all(daemons.map(stop));
    await proxy.close();
  }
}

/** The staging area lies beside a root, so no two of them may stand side by side. */
function rootOf(name: string): string {
  const root = join(newDirectory(name), 'html');
  mkdirSync(root);
  return root;
}

/** Writes a file to the first root; how long it took until each of the others had it, ms. */
async function arrival(roots: readonly string[], name: string, text: number): Promise<number[]> {
  const [first = '', ...others] = roots;
  mkdirSync(join(first, name, '..'), { recursive: true });
  const startedMs = performance.now();
  writeFileSync(join(first, name), `${text}`);
  const took: number[] = others.map(() => Number.NaN);
  while (took.some(Number.isNaN)) {
    await pause(2);
    const nowMs = performance.now();
    if (nowMs - startedMs > patienceMs) throw new Error(`${name} is not everywhere after ${patienceMs / 1000} s`);
    for (const [at, root] of others.entries()) if (Number.isNaN(took[at]) && existsSync(join(root, name))) took[at] = nowMs - startedMs;
  }
  return took;
}

async function idle(): Promise<boolean> {
  const place = { url: `s3://${await newBucket(endpoint())}/bench`, endpoint: endpoint() };
  const root = generatedTree(files);
  const command = member('idle', place, [root], ', mode: lightweight');
  await once(spawn(command('sync')[0] as string, command('sync').slice(1), { stdio: 'inherit' }), 'exit');
  const daemon = start(command);
  try {
    await pause(20_000);
    const before = cpuMsOf(daemon);
    await pause(idleMs);
    const share = (cpuMsOf(daemon) - before) / idleMs;
    const rssMiB = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024;
    const reached = share < idleShareMax && rssMiB < rssMaxMiB;
    const text = `${(share * 100).toFixed(2)} % of a core, ${Math.round(rssMiB)} MiB with ${files} files`;
    tell('idle, lightweight', `${text} (goal ${idleShareMax * 100} %, ${rssMaxMiB} MiB)`, {
      ...{ share: round(share * 100) / 100, rssMiB: round(rssMiB), files, reached },
    });
    return reached;
  } finally {
    await stop(daemon);
  }
}

function start(command: (name: string) => string[]): ChildProcess {
  const [program = '', ...given] = command('run');
  return spawn(program, given, { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function stop(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null) return;
  daemon.kill('SIGTERM');
  await once(daemon, 'exit');
}

/** User and system time of a process, with all its threads. */
function cpuMsOf({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}
