import { existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { type Dice, dice } from '../e2e/support/random.ts';
import { projectRoot } from '../source.ts';
import { bucketClock } from './clocked.ts';
import { Oracle } from './history-oracle.ts';
import { Server } from './history-server.ts';

const hourMs = 3600 * 1000;
const dayMs = 24 * hourMs;
const historyMs = 10 * dayMs;
const stepsPerSeed = 10;

/** `FLOCKSYNC_SEEDS="7 8 9"` or `"1-500"` runs these instead. */
function seeds(): number[] {
  const asked = process.env.FLOCKSYNC_SEEDS;
  const known = readFileSync(join(projectRoot, 'test/agent/history-seeds.txt'), 'utf8').split('\n');
  const numbers = known.map((line) => Number.parseInt(line, 10)).filter((seed) => !Number.isNaN(seed));
  if (asked === undefined) return [...new Set([...Array.from({ length: 30 }, (_, i) => i + 1), ...numbers])];
  return asked.split(/[\s,]+/).flatMap((word) => {
    const [from = 0, to = from] = word.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

// ---- one history ---------------------------------------------------------------------------------------------------------------

interface History {
  readonly random: Dice;
  readonly clock: ReturnType<typeof bucketClock>;
  readonly servers: readonly Server[];
  readonly oracle: Oracle;
  /** What was done, for the report of a failure. */
  readonly told: string[];
  contents: number;
}

type Step = (history: History, server: Server) => Promise<void>;

const steps: readonly (readonly [weight: number, step: Step])[] = [
  [5, editAndCycle],
  [4, editTogether],
  [2, edit],
  [4, cycle],
  [3, pass],
  [3, housekeep],
  [2, killCycle],
  [2, killHousekeeping],
  [1, loseJournal],
  [1, backUp],
  [1, restore],
  [4, beAway],
  [4, beSetBack],
];

async function step(history: History): Promise<void> {
  const { random, servers } = history;
  const all = steps.flatMap(([weight, one]) => Array.from({ length: weight }, () => one));
  await random.pick(all)(history, random.pick(servers));
}

async function cycle(history: History, server: Server): Promise<void> {
  const before = server.tree();
  const { halt, events, problems } = await server.cycle();
  history.told.push(`${server.name} cycles: ${[halt?.code ?? '', ...events, ...problems.map(({ text }) => text)].join(' / ')}`);
  if (halt === null) history.oracle.cycled(server, before);
}

async function editAndCycle(history: History, server: Server): Promise<void> {
  await edit(history, server);
  await cycle(history, server);
}

async function editTogether(history: History): Promise<void> {
  for (const server of history.servers) await edit(history, server);
  for (const server of history.random.shuffled(history.servers)) await cycle(history, server);
}

/** One server is not there while others go on; it comes back as it was, or with a journal that came to harm, or none. */
async function beAway(history: History, server: Server): Promise<void> {
  const { random } = history;
  if (random.oneIn(3)) await edit(history, server);
  await othersGoOn(history, server);
  const harm = random.pick([loseJournal, loseJournal, killCycle, restore, cycle]);
  await harm(history, server);
  if (random.oneIn(3)) await edit(history, server);
  await cycle(history, server);
}

async function beSetBack(history: History, server: Server): Promise<void> {
  await cycle(history, server);
  await backUp(history, server);
  await othersGoOn(history, server);
  await cycle(history, server);
  if (history.random.oneIn(2)) await editAndCycle(history, server);
  // What it has learnt since then, and forgets now, may be gone by the time it is back.
  for (const other of history.servers.filter((one) => one !== server)) if (history.random.oneIn(2)) await removeAndCycle(history, other);
  await restore(history, server);
  await cycle(history, server);
}

async function othersGoOn(history: History, away: Server): Promise<void> {
  const { random, servers } = history;
  for (const server of servers.filter((one) => one !== away)) await editAndCycle(history, server);
  if (random.oneIn(2)) await pass(history);
  if (random.oneIn(2)) await housekeep(history, random.pick(servers.filter((one) => one !== away)));
}

async function pass({ random, clock, told, oracle }: History): Promise<void> {
  oracle.look();
  const ms = random.pick([hourMs, 8 * hourMs, 26 * hourMs, 3 * dayMs, 8 * dayMs, 12 * dayMs, 40 * dayMs]);
  clock.pass(ms);
  told.push(`${ms / hourMs} hours pass`);
}

async function housekeep({ told }: History, server: Server): Promise<void> {
  told.push(`${server.name} housekeeps`);
  await server.housekeep();
}

async function killCycle({ random, told, oracle }: History, server: Server): Promise<void> {
  const request = 1 + random.below(10);
  oracle.died();
  const died = await server.killedIn(() => server.cycle(), request);
  told.push(`${server.name} cycles and ${died ? `dies at request ${request}` : 'ends'}`);
}

async function killHousekeeping({ random, told }: History, server: Server): Promise<void> {
  const request = 1 + random.below(30);
  const died = await server.killedIn(() => server.housekeep(), request);
  told.push(`${server.name} housekeeps and ${died ? `dies at request ${request}` : 'ends'}`);
}

async function loseJournal({ random, told, oracle }: History, server: Server): Promise<void> {
  const whole = random.oneIn(3);
  told.push(`${server.name} loses its ${whole ? 'state' : 'journal'}`);
  server.loseJournal(whole);
  oracle.forgot(server);
}

async function backUp({ told }: History, server: Server): Promise<void> {
  told.push(`${server.name} is backed up`);
  server.backUp();
}

async function restore({ random, told, oracle, servers }: History, server: Server): Promise<void> {
  if (!server.hasBackup()) return;
  const restoration = { journalOnly: random.oneIn(3), disk: random.pick(['of then', 'of now'] as const) };
  if (restoration.disk === 'of then') oracle.tookAway(server, servers);
  server.restore(restoration);
  oracle.forgot(server);
  told.push(`${server.name} is restored: ${restoration.journalOnly ? 'journal' : 'state'}, disk ${restoration.disk}`);
}

// ---- edits ---------------------------------------------------------------------------------------------------------------------

const paths = ['a', 'b', 'd/x', 'd/y', 'd/e/z', 'e'];

async function edit(history: History, server: Server): Promise<void> {
  history.oracle.look();
  const before = server.tree();
  const done = Array.from({ length: 1 + history.random.below(2) }, () => editOnce(history, server));
  history.told.push(`on ${server.name}: ${done.join(', ')}`);
  history.oracle.edited(server, before, server.tree());
}

async function removeAndCycle(history: History, server: Server): Promise<void> {
  await cycle(history, server);
  const before = server.tree();
  const path = history.random.pick([...before.keys()].filter((one) => one !== 'keep'));
  if (path === undefined) return;
  rmSync(join(server.root, path), { recursive: true });
  history.told.push(`on ${server.name}: remove ${path}`);
  history.oracle.edited(server, before, server.tree());
  await cycle(history, server);
}

function editOnce(history: History, server: Server): string {
  const { random } = history;
  const { root } = server;
  const [here, path] = [[...server.tree().keys()].filter((one) => one !== 'keep'), random.pick(paths)];
  const one = here.length === 0 ? null : random.pick(here);
  if (one === null || random.below(5) < 2) return write(history, root, path);
  const [from, to] = [join(root, one), join(root, path)];
  if (random.oneIn(5)) {
    utimesSync(from, 1, 1_700_000_000 + random.below(1000));
    return `touch ${one}`;
  }
  if (random.below(5) < 3 || one.startsWith(path) || path.startsWith(one)) {
    rmSync(from, { recursive: true });
    return `remove ${one}`;
  }
  makeRoom(root, path);
  renameSync(from, to);
  return `rename ${one} ${path}`;
}

/** Every content is another one, so that what comes back can be told from what is written again. */
function write(history: History, root: string, path: string): string {
  const { random } = history;
  makeRoom(root, path);
  const text = `content ${++history.contents} `.padEnd(random.pick([20, 50, 6000]), '.');
  writeFileSync(join(root, path), random.oneIn(6) ? incompressible(text, random) : text);
  return `write ${path}`;
}

function incompressible(text: string, random: Dice): string {
  return text + Array.from({ length: 12_000 }, () => random.below(2 ** 30).toString(36)).join('');
}

/** Nothing stands at the path, and directories lead to it. */
function makeRoom(root: string, path: string): void {
  const names = path.split('/');
  for (let depth = 1; depth < names.length; depth++) {
    const above = join(root, ...names.slice(0, depth));
    if (existsSync(above) && !lstatSync(above).isDirectory()) rmSync(above);
    mkdirSync(above, { recursive: true });
  }
  rmSync(join(root, path), { recursive: true, force: true });
}

// ---- the whole -----------------------------------------------------------------------------------------------------------------

async function live(seed: number): Promise<void> {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const servers = ['a', 'b', 'c'].map((name) => new Server(home, name, clock, historyMs));
  const history: History = { random: dice(seed), clock, servers, oracle: new Oracle(clock, historyMs), told: [], contents: seed * 1000 };
  try {
    // A root that is emptied by chance would be held, rightly; joining with files of one's own has its own tests.
    writeFileSync(join((servers[0] as Server).root, 'keep'), 'keep');
    for (const server of servers) await cycle(history, server);
    for (let done = 0; done < stepsPerSeed; done++) await step(history);
    const faults = await settle(history, home);
    if (faults.length > 0) throw new Error(faults.join('\n'));
  } catch (error) {
    const text = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    throw new Error(`FLOCKSYNC_SEEDS="${seed}" repeats it\n${history.told.join('\n')}\n${text}`, { cause: error });
  } finally {
    for (const server of servers) server.stop();
  }
}

/** Nobody edits any more: two rounds of cycles bring everybody home, and then a newcomer sees what there is. */
async function settle(history: History, home: string): Promise<string[]> {
  const { servers, oracle, clock } = history;
  oracle.look();
  for (let round = 0; round < 3; round++) for (const server of servers) await cycle(history, server);
  const newcomer = new Server(home, 'newcomer', clock, historyMs);
  await newcomer.cycle();
  for (const server of servers) await cycle(history, server);
  await newcomer.cycle();
  return await oracle.faults(home, servers, newcomer).finally(() => newcomer.stop());
}

describe('whatever happens to servers and bucket, members converge, and nothing within retention is lost or back', () => {
  test.each(seeds())('seed %i', live, 60_000);
});
