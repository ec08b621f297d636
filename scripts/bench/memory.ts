import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { round, tell } from './measure.ts';
import { member } from './members.ts';
import { newDirectory } from './trees.ts';

/** `MEMORY_CYCLES` of each daemon (10,000), sampled `samples` times. */
const cycles = Number(process.env.MEMORY_CYCLES ?? 10_000);
const samples = 100;
const directories = 20;
/** So many that no file is written to again within a minute: such a one has to hold still for longer. */
const filesInDirectory = 100;
/** Caches and the journal's page cache fill first. */
const warmUp = 0.3;
/** Heap snapshots are written there, after the warm-up and at the end; the figures of such a run are not to be compared with others. */
const snapshotsIn = process.env.MEMORY_SNAPSHOTS;
/** A daemon that grows by this much has grown by 5 MiB after 50,000 cycles, and nobody will see it. */
const bytesPerCycleMax = 100;
const probe = fileURLToPath(new URL('memory-probe.cjs', import.meta.url));

interface Sample {
  readonly cycle: number;
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  /** Compiled code, a part of `heapUsed`; it grows while more and more of the program turns out to be used often. */
  readonly code: number;
}

/**
 * Two lightweight daemons over one bucket, one edit after the other: each is a cycle that publishes on one side and a cycle that applies
 * on the other. Prints by how many bytes per cycle each grows, by the line of least squares through the samples behind the warm-up.
 */
export async function memory(): Promise<boolean> {
  const place = { url: `file://${newDirectory('bucket')}` };
  const [writer, reader] = [watched('writer', place), watched('reader', place)];
  try {
    writeFileSync(join(writer.root, 'first'), 'x');
    await until(() => existsSync(join(reader.root, 'first')));
    const grown: boolean[] = [];
    for (let cycle = 1; cycle <= cycles; cycle++) {
      await edit(writer.root, reader.root, cycle);
      if (cycle % Math.ceil(cycles / samples) === 0) for (const each of [writer, reader]) await each.sample(cycle);
    }
    for (const each of [writer, reader]) grown.push(report(each.name, each.taken()));
    return grown.every((isFlat) => isFlat);
  } finally {
    for (const each of [writer, reader]) each.process.kill('SIGTERM');
  }
}

/** Every tenth takes a file away; so the tree stays as large as it is. */
async function edit(from: string, to: string, cycle: number): Promise<void> {
  const directory = `directory-${cycle % directories}`;
  const path = join(directory, `file-${Math.floor(cycle / directories) % filesInDirectory}.php`);
  const text = `cycle ${cycle}\n`.repeat(1 + (cycle % 50));
  mkdirSync(join(from, directory), { recursive: true });
  if (cycle % 10 === 0 && existsSync(join(from, path))) {
    rmSync(join(from, path));
    await until(() => !existsSync(join(to, path)));
  } else {
    writeFileSync(join(from, path), text);
    await until(() => existsSync(join(to, path)) && readFileSync(join(to, path), 'utf8') === text);
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (const startedMs = performance.now(); !condition(); await delay(2))
    if (performance.now() - startedMs > 60_000) throw new Error('a change did not arrive within a minute');
}

function watched(name: string, place: { readonly url: string }) {
  // With a directory around it of its own, where staging and trash go.
  const root = join(newDirectory(`${name}-root`), 'html');
  mkdirSync(root);
  const file = join(newDirectory('probe'), name);
  const settings = ', mode: lightweight, settle: 0s, poll: 100ms, maxDelete: { percent: 100, floor: 1000000 }';
  const [node = '', ...given] = member(name, place, [root], settings)('run');
  const env = { ...process.env, MEMORY_PROBE: file, ...snapshotsOf(name) };
  const daemon = spawn(node, ['--expose-gc', '--require', probe, ...given], { env, stdio: ['ignore', 'inherit', 'inherit'] });
  const cyclesAt: number[] = [];
  const lines = () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []);
  return {
    ...{ name, root, process: daemon as ChildProcess },
    sample: async (cycle: number) => {
      cyclesAt.push(cycle);
      daemon.kill('SIGUSR2');
      await until(() => lines().length === cyclesAt.length);
    },
    taken: (): Sample[] => lines().map((line, at) => ({ cycle: cyclesAt[at] ?? 0, ...(JSON.parse(line) as Omit<Sample, 'cycle'>) })),
  };
}

function snapshotsOf(name: string): NodeJS.ProcessEnv {
  if (snapshotsIn === undefined) return {};
  mkdirSync(snapshotsIn, { recursive: true });
  return { MEMORY_HEAP: join(snapshotsIn, name), MEMORY_HEAP_AT: `${samples * warmUp},${samples}` };
}

function report(name: string, taken: readonly Sample[]): boolean {
  const warm = taken.slice(Math.floor(taken.length * warmUp));
  const slope = (of: (sample: Sample) => number) => slopeOf(warm.map((sample) => [sample.cycle, of(sample)]));
  const heap = slope(({ heapUsed, external, code }) => heapUsed + external - code);
  const code = slope((sample) => sample.code);
  const rss = slope((sample) => sample.rss);
  const mib = (bytes: number) => round(bytes / 1024 / 1024);
  const course = taken.filter((_, at) => (at + 1) % (samples / 10) === 0);
  tell(
    `memory, ${name}`,
    `${round(heap)} bytes of heap, ${round(code)} of compiled code and ${round(rss)} of RSS per cycle over ${cycles} cycles (goal < ${bytesPerCycleMax} of heap)`,
    {
      ...{ cycles, heapBytesPerCycle: round(heap), codeBytesPerCycle: round(code), rssBytesPerCycle: round(rss) },
      ...{ heapMiB: course.map(({ heapUsed, external }) => mib(heapUsed + external)), rssMiB: course.map(({ rss }) => mib(rss)) },
    },
  );
  return heap < bytesPerCycleMax;
}

/** Of the line of least squares. */
function slopeOf(points: readonly (readonly [number, number])[]): number {
  const mean = (at: 0 | 1) => points.reduce((sum, point) => sum + point[at], 0) / points.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const above = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return above / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}
