import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { median, need, round, run, seconds, tell } from './measure.ts';
import { member, type Place } from './members.ts';
import { newBucket } from './server.ts';
import { mediawikiTree, newDirectory } from './trees.ts';

/** `BURST_TIMES` copies: the first half one after the other, each awaited; the second half in a row without a pause. */
const times = Math.max(2, Number(process.env.BURST_TIMES ?? 20));
const goal = 3;
const patienceMs = 600_000;
/** Once a year: nothing that events have missed is found meanwhile. */
const noSweep = 'sweep: "0 0 1 1 *"';

interface Follow {
  readonly root: string;
  readonly targets: readonly string[];
  readonly processes: readonly ChildProcess[];
  /** Ends all processes and waits for it. */
  end(): Promise<void>;
}

interface Outcome {
  /** From the start of a copy until both targets have it, median of the copies that were awaited. */
  readonly eachMs: number;
  /** From the start of the first copy of the row until both targets have the last one. */
  readonly rowMs: number;
  /** Processor time of all processes, rsync included, for a copy. */
  readonly cpuMs: number;
  /** Paths that differ between root and targets at the end. */
  readonly differences: number;
}

/** `cp -a` of mediawiki into a watched root, again and again into new directories, with two targets: flocksync beside lsyncd. */
export async function burst(): Promise<boolean> {
  need('lsyncd', 'apt-get install lsyncd');
  need('rsync', 'apt-get install rsync');
  const tree = mediawikiTree();
  const own = await measured(tree, await startFlocksync());
  tell('burst, flocksync', outcomeText(own), { ...facts(own), times });
  let reached = own.differences === 0;
  for (const delay of [15, 1]) {
    const theirs = await measured(tree, await startLsyncd(delay));
    const [each, row] = [theirs.eachMs / own.eachMs, theirs.rowMs / own.rowMs];
    const isFaster = Math.min(each, row) >= goal;
    const ratio = `flocksync is ${each.toFixed(1)} and ${row.toFixed(1)} times as fast (goal ${goal})`;
    tell(`burst, lsyncd, delay ${delay}`, `${outcomeText(theirs)}: ${ratio}`, {
      ...{ ...facts(theirs), eachRatio: round(each), rowRatio: round(row), goal, reached: isFaster },
    });
    // Its usual delay is what people have.
    if (delay === 15) reached &&= isFaster;
  }
  return reached;
}

function outcomeText({ eachMs, rowMs, cpuMs, differences }: Outcome): string {
  const half = times - Math.floor(times / 2);
  const wall = `${seconds(eachMs)} a copy, ${seconds(rowMs)} for ${half} in a row`;
  return `${wall}, ${seconds(cpuMs)} of processor time a copy, ${differences} paths missing or different`;
}

function facts({ eachMs, rowMs, cpuMs, differences }: Outcome): Record<string, number> {
  return { eachMs: round(eachMs), rowMs: round(rowMs), cpuMs: round(cpuMs), differences };
}

async function measured(tree: string, follow: Follow): Promise<Outcome> {
  try {
    const paths = listing(tree);
    const eachMs: number[] = [];
    const cpuBefore = cpuMsOf(follow.processes);
    const half = Math.floor(times / 2);
    for (let at = 0; at < half; at++) {
      const started = performance.now();
      await run(['cp', '-a', tree, join(follow.root, `copy${at}`)]);
      await arrived(follow.targets, [`copy${at}`], paths);
      eachMs.push(performance.now() - started);
    }
    const started = performance.now();
    const row = Array.from({ length: times - half }, (_, at) => `row${at}`);
    for (const name of row) await run(['cp', '-a', tree, join(follow.root, name)]);
    await arrived(follow.targets, row, paths);
    const rowMs = performance.now() - started;
    const cpuMs = (cpuMsOf(follow.processes) - cpuBefore) / times;
    return { eachMs: median(eachMs), rowMs, cpuMs, differences: differencesOf(follow) };
  } finally {
    await follow.end();
    for (const directory of [follow.root, ...follow.targets]) execFileSync('rm', ['-rf', directory]);
  }
}

/** Their own, and that of children that have ended. */
function cpuMsOf(processes: readonly ChildProcess[]): number {
  const ticks = processes.map(({ pid }) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /, '')
      .split(' ');
    return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  });
  // The kernel counts in hundredths of a second.
  return ticks.reduce((sum, each) => sum + each, 0) * 10;
}

interface Listed {
  readonly path: string;
  /** -1 for what is no file. */
  readonly size: number;
}

function listing(tree: string): readonly Listed[] {
  const entries = readdirSync(tree, { recursive: true, withFileTypes: true });
  return entries.map((entry) => {
    const full = join(entry.parentPath, entry.name);
    return { path: full.slice(tree.length + 1), size: entry.isFile() ? lstatSync(full).size : -1 };
  });
}

/** Each path is looked for until it is there with its size, and then never again, so that waiting costs little. */
async function arrived(targets: Follow['targets'], copies: readonly string[], paths: readonly Listed[]): Promise<void> {
  const started = performance.now();
  for (const target of targets) {
    for (const copy of copies) {
      for (const { path, size } of paths) {
        const full = join(target, copy, path);
        while (!isThere(full, size)) {
          if (performance.now() - started > patienceMs) throw new Error(`${full} did not arrive within ${seconds(patienceMs)}`);
          await pause(50);
        }
      }
    }
  }
}

function isThere(full: string, size: number): boolean {
  const stat = lstatSync(full, { throwIfNoEntry: false });
  return stat !== undefined && (size < 0 || stat.size === size);
}

function differencesOf({ root, targets }: Follow): number {
  return targets.reduce((sum, target) => {
    const listed = execFileSync('rsync', ['-rlptOn', '--delete', '--out-format=%n', `${root}/`, `${target}/`], { maxBuffer: 1 << 28 });
    return (
      sum +
      listed
        .toString('latin1')
        .split('\n')
        .filter((line) => line !== '' && line !== './').length
    );
  }, 0);
}

/** A publisher and two subscribers by file events, without a sweep; the bucket is the server of AWS_ENDPOINT_URL, or a directory. */
async function startFlocksync(): Promise<Follow> {
  const endpoint = process.env.AWS_ENDPOINT_URL;
  const place: Place = endpoint
    ? { url: `s3://${await newBucket(endpoint)}/bench`, endpoint }
    : { url: `file://${newDirectory('bucket')}` };
  const roots = ['a', 'b', 'c'].map((name) => join(newDirectory(name), 'html'));
  const [root = '', ...targets] = roots;
  for (const each of roots) mkdirSync(each);
  writeFileSync(join(root, 'index.html'), 'first\n');
  const commands = roots.map((each, at) =>
    member(`m${at}`, place, [each], `, mode: lightweight, ${noSweep}, poll: 200ms, role: ${at === 0 ? 'publisher' : 'subscriber'}`),
  );
  for (const command of commands) await run(command('sync'));
  const daemons = commands.map((command) => start(command('run')));
  writeFileSync(join(root, 'ready.html'), 'second\n');
  await arrived(targets, ['.'], [{ path: 'ready.html', size: 7 }]);
  return { root, targets, processes: daemons, end: () => ended(daemons) };
}

async function startLsyncd(delay: number): Promise<Follow> {
  const home = newDirectory('lsyncd');
  const [root, ...targets] = ['a', 'b', 'c'].map((name) => join(home, name)) as [string, ...string[]];
  for (const each of [root, ...targets]) mkdirSync(each);
  const log = join(home, 'log');
  const syncs = targets.map(
    (target) =>
      `sync { default.rsync, source = "${root}", target = "${target}", delay = ${delay}, rsync = { archive = true, whole_file = true } }`,
  );
  writeFileSync(join(home, 'conf'), [`settings { logfile = "${log}", nodaemon = true }`, ...syncs, ''].join('\n'));
  const daemon = start(['lsyncd', '-nodaemon', join(home, 'conf')]);
  const isReady = () =>
    (
      readFileSync(log, { flag: 'a+' })
        .toString()
        .match(/Startup of .* finished/g) ?? []
    ).length >= targets.length;
  while (!isReady()) {
    if (daemon.exitCode !== null) throw new Error(`lsyncd ended with ${daemon.exitCode}`);
    await pause(100);
  }
  return { root, targets, processes: [daemon], end: () => ended([daemon]) };
}

function start([program = '', ...given]: readonly string[]): ChildProcess {
  return spawn(program, given, { stdio: 'ignore' });
}

async function ended(processes: readonly ChildProcess[]): Promise<void> {
  for (const process of processes) process.kill('SIGTERM');
  await Promise.all(processes.map((process) => (process.exitCode === null && process.signalCode === null ? once(process, 'exit') : null)));
}
