import { spawn } from 'node:child_process';
import { need, type Run, round, run, seconds, tell } from './measure.ts';
import { member } from './members.ts';
import { startProxy } from './proxy.ts';
import { rcloneRemote, rcloneSettings } from './rclone.ts';
import { endpoint, newBucket } from './server.ts';
import { copyOf, mediawikiTree, newDirectory } from './trees.ts';

const atLeastTimes = 10;
const requestsMax = 60;

/** Mediawiki from A to B through the bucket, beside rclone through the same server and lsyncd from disk to disk. */
export async function transfer(): Promise<boolean> {
  need('rclone', 'apt-get install rclone');
  need('lsyncd', 'apt-get install lsyncd');
  const server = endpoint();
  const tree = mediawikiTree();
  await ours(tree, server);
  const [a, b] = await ours(tree, server);
  const oursMs = a.wallMs + b.wallMs;
  const rcloneMs = await rclone(tree, server);
  const lsyncdMs = await lsyncd(tree);
  const times = rcloneMs / oursMs;
  tell('mediawiki A to B', `flocksync ${seconds(oursMs)} (up ${seconds(a.wallMs)}, down ${seconds(b.wallMs)})`, {
    ...{ wallMs: round(oursMs), upMs: round(a.wallMs), downMs: round(b.wallMs), cpuMs: round(a.cpuMs + b.cpuMs) },
    ...{ upRssMiB: round(a.rssMiB), downRssMiB: round(b.rssMiB) },
  });
  tell('rclone up and down', `${seconds(rcloneMs)}, flocksync is ${times.toFixed(1)} times as fast (goal ${atLeastTimes})`, {
    ...{ wallMs: round(rcloneMs), ratio: round(times), goal: atLeastTimes, reached: times >= atLeastTimes },
  });
  tell('lsyncd, disk to disk', `${seconds(lsyncdMs)}, flocksync is ${(lsyncdMs / oursMs).toFixed(1)} times as fast`, {
    ...{ wallMs: round(lsyncdMs), ratio: round(lsyncdMs / oursMs) },
  });
  return (await countRequests(tree, server)) && times >= atLeastTimes;
}

async function ours(tree: string, at: string, between = () => {}): Promise<[Run, Run]> {
  const place = { url: `s3://${await newBucket(endpoint())}/bench`, endpoint: at };
  const up = await run(member('a', place, [copyOf(tree)])('sync'));
  between();
  return [up, await run(member('b', place, [newDirectory('b')])('sync'))];
}

/** Apart from the timed run, because the proxy takes its share of the processor. */
async function countRequests(tree: string, server: string): Promise<boolean> {
  const proxy = await startProxy(server);
  let up = 0;
  await ours(tree, proxy.endpoint, () => {
    up = proxy.take().length;
  });
  const down = proxy.take().length;
  await proxy.close();
  const reached = Math.max(up, down) <= requestsMax;
  tell('mediawiki requests', `${up} for A, ${down} for B (goal ${requestsMax})`, { up, down, goal: requestsMax, reached });
  return reached;
}

async function rclone(tree: string, server: string): Promise<number> {
  const remote = `${rcloneRemote}:${await newBucket(server)}`;
  const settings = rcloneSettings(server);
  const up = await run(['rclone', 'sync', '--transfers', '16', tree, remote], settings);
  const down = await run(['rclone', 'sync', '--transfers', '16', remote, newDirectory('rclone')], settings);
  return up.wallMs + down.wallMs;
}

/** lsyncd never ends by itself; its log says when the first synchronisation is done. */
async function lsyncd(tree: string): Promise<number> {
  const started = performance.now();
  const child = spawn('lsyncd', ['-nodaemon', '-log', 'all', '-rsync', tree, newDirectory('lsyncd')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    await new Promise<void>((resolve, reject) => {
      const look = (text: Buffer) => (/[Ss]tartup of .*(finished|successful)/.test(String(text)) ? resolve() : undefined);
      child.stdout.on('data', look);
      child.stderr.on('data', look);
      child.once('exit', (code) => reject(new Error(`lsyncd ended with ${code}`)));
    });
    return performance.now() - started;
  } finally {
    child.removeAllListeners('exit');
    child.kill();
  }
}
