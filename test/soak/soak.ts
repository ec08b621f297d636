import { setMaxListeners } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openS3 } from '../../src/adapters/s3.ts';
import { startProxy } from '../dev-s3/proxy.ts';
import { type Dice, dice } from '../e2e/support/random.ts';
import { createBucket } from '../e2e/support/store.ts';
import { administrator, agent } from './agents.ts';
import { sightsBelow } from './content.ts';
import { Contest } from './contest.ts';
import { Diary } from './diary.ts';
import { dumpBucket, heal } from './heal.ts';
import { Ledger } from './ledger.ts';
import { type SoakMember, soakMember } from './member.ts';
import type { StoreServer } from './server.ts';
import { type Weather, weather } from './weather.ts';
import { type Plot, prefixOf, rest, type SoakWorld } from './world.ts';
import { reader, work, writer } from './writers.ts';

export interface SoakOptions {
  /** Decides faults, edits and kills; what meets what is up to the machine. */
  readonly seed: number;
  /** How long there is trouble; healing comes after it. */
  readonly seconds: number;
  /** Where everything lies: members, logs, and at a failure the bucket. */
  readonly directory: string;
  readonly server: StoreServer;
  /** One line now and then. */
  readonly tell: (line: string) => void;
  /** Ends the trouble early; healing and checks follow. */
  readonly stop: AbortSignal;
}

export interface SoakReport {
  /** Promises that were broken; none when all is well. */
  readonly violations: readonly string[];
  /** What happened how often, as lines to print. */
  readonly figures: readonly string[];
  /** States of paths that a `sync` has acknowledged, and processes that were killed: without both nothing was tried. */
  readonly acknowledged: number;
  readonly kills: number;
}

const names = ['web-a', 'web-b', 'web-c'];
const plots: readonly Plot[] = [
  ...Array.from({ length: 6 }, (_, n) => ({ share: 'webroot' as const, name: `plot-${n}`, owner: 'web-a', heir: '' })),
  ...Array.from({ length: 3 }, (_, n) => ({ share: 'conf' as const, name: `plot-${n}`, owner: 'web-a', heir: '' })),
];

/** Three servers, a bucket behind bad weather, writers that know what they were promised; in the end everything has to be there. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { seed, directory, server } = options;
  const random = dice(seed);
  const isLong = options.seconds > 300;
  const diary = new Diary(directory);
  const sky = weather(dice(seed + 1), () => performance.now(), isLong);
  const proxy = await startProxy(server.endpoint, (asked) => sky.fateOf(asked));
  const bucket = `soak-${seed}-${Date.now().toString(36)}`;
  await createBucket(server.endpoint, bucket, server.keys);
  const url = `s3://${bucket}/prefix`;
  const datastore = [`url: "${url}"`, `endpoint: ${proxy.endpoint}`];
  const shortHistory = isLong ? '2m' : '10s';
  const members = names.map((name) => soakMember(name, { directory, datastore, keys: server.keys, shortHistory }));
  const over = new AbortController();
  // Each actor that rests listens to it.
  setMaxListeners(100, over.signal);
  const world: SoakWorld = {
    ...{ members, diary, plots: plots.map((plot) => ({ ...plot })) },
    ...{ ledger: new Ledger(), contest: new Contest(), over: over.signal },
  };
  const store = await openS3({ url, endpoint: server.endpoint, federation: 'soak', environment: server.keys, requestTimeoutMs: 30_000 });
  try {
    await begin(world, random);
    await trouble(world, over, { ...options, sky, random });
    await proxy.settle();
    await heal(world, store);
  } catch (error) {
    diary.violation(`the soak broke off: ${error instanceof Error ? error.stack : String(error)}`);
  } finally {
    over.abort();
    await proxy.close();
    if (diary.violations.length > 0) await dumpBucket(store, join(directory, 'bucket')).catch((error) => diary.note(`no dump: ${error}`));
    await store.close();
  }
  const { acknowledgements: acknowledged } = world.ledger;
  return { violations: diary.violations, figures: figuresOf(world, sky), acknowledged, kills: killsOf(diary) };
}

function killsOf(diary: Diary): number {
  return diary.table('killed at ').reduce((sum, [, times]) => sum + times, 0);
}

const editsAtBirth = 25;

/** In good weather: the first member seeds both shares, the others join. */
async function begin(world: SoakWorld, random: Dice): Promise<void> {
  const [first] = world.members as [SoakMember];
  for (const plot of world.plots) {
    const root = join(first.root(plot.share), plot.name);
    mkdirSync(root);
    writeFileSync(join(root, 'keep'), prefixOf(plot));
    world.ledger.wrote(new Map(), sightsBelow(root, prefixOf(plot)) ?? new Map());
    work(world, first, plot, random, editsAtBirth);
  }
  const marks = world.plots.map((plot) => world.ledger.mark(prefixOf(plot)));
  for (const member of world.members) {
    member.configure(random);
    const ran = await member.run(['sync']);
    if (ran.code !== 0) throw new Error(`${member.name} could not join: ${ran.code} ${ran.stderr}`);
  }
  for (const mark of marks) world.ledger.acknowledge(mark);
  for (const [index, plot] of world.plots.entries()) {
    plot.owner = (world.members[index % world.members.length] as SoakMember).name;
    for (const { name } of world.members) world.ledger.caughtUp(name, prefixOf(plot));
  }
}

interface Trouble extends SoakOptions {
  readonly sky: Weather;
  readonly random: Dice;
}

async function trouble(world: SoakWorld, over: AbortController, { seconds, seed, server, sky, tell, stop }: Trouble): Promise<void> {
  const own = (n: number) => dice(seed + 10 + n);
  const actors = [
    ...world.members.flatMap((member, n) => [agent(world, member, own(3 * n)), writer(world, member, own(3 * n + 1))]),
    reader(world, own(100)),
    administrator(world, own(101)),
  ];
  const elements = [changing(world, sky), disturbing(world, server, own(102)), reporting(world, seconds, tell)];
  const all = [...actors, ...elements];
  try {
    await Promise.race([Promise.all(all), delay(seconds * 1000, undefined, { ref: false, signal: stop }).catch(() => undefined)]);
  } finally {
    sky.clear();
    over.abort();
    await Promise.allSettled(all);
  }
  // What broke one of them while the others came to their end.
  await Promise.all(all);
}

async function changing(world: SoakWorld, sky: Weather): Promise<void> {
  while (!world.over.aborted) {
    const ms = sky.change();
    world.diary.note(`weather: ${sky.tell()} for ${ms} ms`);
    world.diary.count(`weather ${sky.tell()}`);
    await rest(world, ms);
  }
}

async function disturbing(world: SoakWorld, { disturb }: StoreServer, random: Dice): Promise<void> {
  while (disturb !== null && !world.over.aborted) {
    await rest(world, 8000 + random.below(22_000));
    if (world.over.aborted) return;
    const how = await disturb(random);
    world.diary.count(`server ${how}`);
    world.diary.note(`server: ${how}`);
  }
}

const reportMs = 60_000;

async function reporting(world: SoakWorld, seconds: number, tell: (line: string) => void): Promise<void> {
  for (let minute = 1; minute * reportMs < seconds * 1000; minute++) {
    await rest(world, reportMs);
    if (world.over.aborted) return;
    const { diary, ledger } = world;
    const done = `${diary.of('edits')} edits, ${ledger.acknowledgements} states acknowledged, ${killsOf(diary)} kills`;
    tell(`minute ${minute}: ${done}, ${diary.violations.length} violations`);
  }
}

function figuresOf({ diary, ledger, contest }: SoakWorld, sky: Weather): string[] {
  const listed = (entries: Iterable<[string, number]>) => [...entries].map(([name, times]) => `${name} ${times}`).join(', ');
  const faults = [...sky.counts].filter(([name]) => name !== 'requests').sort((a, b) => b[1] - a[1]);
  const faultsMet = faults.reduce((sum, [, times]) => sum + times, 0);
  return [
    `edits ${diary.of('edits')}, changed paths ${diary.of('changed paths')}, states acknowledged ${ledger.acknowledgements}, handed over ${diary.of('handed over')}`,
    `contested writes ${diary.of('contested writes')}, of them acknowledged ${contest.acknowledged}; conflicts ${diary.of('conflicts')}`,
    `sights checked ${ledger.observations}; at the end ${diary.of('verified')} acknowledged files found intact, on all members together`,
    `records ${diary.of('records')}; cycles ${diary.of('cycles')}; daemons ${diary.of('daemons')}, lives by cron ${diary.of('lives by cron')}`,
    `kill -9 of: ${listed(diary.table('killed ').filter(([name]) => !name.startsWith('at ')))}`,
    `kill -9 at: ${listed(diary.table('killed at '))}`,
    `server: ${listed(diary.table('server '))}; weather: ${listed(diary.table('weather '))}`,
    `requests ${sky.counts.get('requests') ?? 0}, faults ${faultsMet}: ${listed(faults)}`,
    `ends: ${listed(diary.table('ended '))}`,
    `told: ${listed(diary.table('told '))}`,
  ];
}
