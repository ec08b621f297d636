import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type CountedServer, type Requests, startCountedServer } from './counted-server.ts';
import { need, run, tell } from './measure.ts';
import { member } from './members.ts';
import { rcloneRemote, rcloneSettings } from './rclone.ts';
import { newDirectory } from './trees.ts';

/** S3 Standard, us-east-1, first tier, as https://aws.amazon.com/s3/pricing/ lists it: dollars for a thousand; deletions are free. */
const dollars = { putsAndLists: 0.005, gets: 0.0004 };
const daySeconds = 86_400;
/** `adaptive` eases to its longest pause within six quiet minutes. */
const warmMs = Number(process.env.IDLE_WARM_MINUTES ?? 7) * 60_000;
/** Long enough for two of everything that comes every five minutes. */
const countMs = Number(process.env.IDLE_MINUTES ?? 10) * 60_000;
const files = 1000;
const cronSeconds = 15;
const cronRuns = 8;

interface Daemon {
  readonly name: string;
  readonly bucket: string;
  readonly process: ChildProcess;
}

/**
 * What an idle member asks of the bucket in a day, counted for ten minutes of a real daemon and scaled, and what that costs at list prices;
 * beside `sync` from cron, `aws s3 sync` and `rclone sync` of the same tree every 15 seconds, of which one run is counted.
 */
export async function idleCost(): Promise<boolean> {
  need('aws', 'apt-get install awscli');
  need('rclone', 'apt-get install rclone');
  const server = await startCountedServer();
  const daemons: Daemon[] = [];
  try {
    for (const [name, poll] of polls)
      for (const shares of [1, 10])
        daemons.push(await startDaemon(server, `${name}, ${shares} share${shares > 1 ? 's' : ''}`, shares, poll));
    await pause(warmMs);
    for (const { bucket } of daemons) server.take(bucket);
    await pause(countMs);
    for (const { name, bucket, process } of daemons) {
      if (process.exitCode !== null) throw new Error(`the daemon with poll ${name} ended with ${process.exitCode}`);
      tellDay(`run, poll ${name}`, perDay(server.take(bucket), countMs / 1000), 'run');
    }
    await besides(server);
    return true;
  } finally {
    for (const { process } of daemons) process.kill('SIGTERM');
    await Promise.all(daemons.map(({ process }) => (process.exitCode === null ? once(process, 'exit') : null)));
    await server.close();
  }
}

const polls: readonly (readonly [string, string])[] = [
  ['1s', '1s'],
  ['15s', '15s'],
  ['adaptive', 'adaptive'],
];

/** A tree of files of one line each, in ten directories. */
function smallTree(name: string, count: number): string {
  const root = join(newDirectory(name), 'html');
  for (let at = 0; at < count; at++) {
    const directory = join(root, `d${at % 10}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `file${at}.php`), `${name} ${at}\n`);
  }
  return root;
}

async function startDaemon(server: CountedServer, name: string, shares: number, poll: string): Promise<Daemon> {
  const bucket = server.newBucket();
  await createBucket(server, bucket);
  const roots = Array.from({ length: shares }, () => smallTree('share', files / shares));
  const command = member('a', { url: `s3://${bucket}/bench`, endpoint: server.endpoint }, roots, `, poll: ${poll}`);
  await run(command('sync'), server.environment);
  const [program = '', ...given] = command('run');
  return { name, bucket, process: spawn(program, given, { env: { ...process.env, ...server.environment }, stdio: 'ignore' }) };
}

async function createBucket(server: CountedServer, bucket: string): Promise<void> {
  await run(['aws', '--endpoint-url', server.endpoint, 's3api', 'create-bucket', '--bucket', bucket], server.environment);
}

/** One run of each, on a tree that is in the bucket already. */
async function besides(server: CountedServer): Promise<void> {
  const tree = smallTree('besides', files);
  const own = server.newBucket();
  await createBucket(server, own);
  const command = member('cron', { url: `s3://${own}/bench`, endpoint: server.endpoint }, [tree])('sync');
  for (let at = 0; at < 2; at++) await run(command, server.environment);
  server.take(own);
  for (let at = 0; at < cronRuns; at++) {
    await run([...command, '--no-wait'], server.environment);
    await pause(cronSeconds * 1000);
  }
  tellDay('sync from cron, 15 s', perDay(server.take(own), cronRuns * cronSeconds), 'cron');
  const theirs = server.newBucket();
  await createBucket(server, theirs);
  // The development server lists as every client but an old one asks; the price is the same.
  const settings = { ...server.environment, ...rcloneSettings(server.endpoint), RCLONE_CONFIG_BENCH_LIST_VERSION: '2' };
  const aws = ['aws', '--endpoint-url', server.endpoint, 's3', 'sync', '--only-show-errors', tree, `s3://${theirs}`];
  // Compares by the listing alone; without the flag it asks for the time of each object, a request for every file at each run.
  const rclone = ['rclone', 'sync', '--checksum', tree, `${rcloneRemote}:${theirs}`];
  for (const [name, peer, variables] of [
    ['aws s3 sync', aws, server.environment],
    ['rclone sync --checksum', rclone, settings],
  ] as const) {
    for (let at = 0; at < 2; at++) await run(peer, variables);
    server.take(theirs);
    await run(peer, variables);
    tellDay(`${name}, 15 s`, perDay(server.take(theirs), cronSeconds), name);
  }
}

function perDay(counted: Requests, seconds: number): Requests {
  const scale = (count: number) => Math.round((count * daySeconds) / seconds);
  return { puts: scale(counted.puts), lists: scale(counted.lists), gets: scale(counted.gets), deletes: scale(counted.deletes) };
}

function tellDay(name: string, day: Requests, by: string): void {
  const cost = ((day.puts + day.lists) * dollars.putsAndLists + day.gets * dollars.gets) / 1000;
  const requests = day.puts + day.lists + day.gets + day.deletes;
  const parts = `${day.gets} GET, ${day.puts} PUT, ${day.lists} LIST`;
  tell(name, `${requests} requests a day (${parts}): $${cost.toFixed(4)} a day, $${(cost * 30).toFixed(2)} in 30 days`, {
    ...{ by, ...day, dollarsPerDay: Math.round(cost * 10_000) / 10_000 },
  });
}
