import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { tell } from './measure.ts';
import { member } from './members.ts';
import { startProxy } from './proxy.ts';
import { endpoint, newBucket } from './server.ts';
import { newDirectory } from './trees.ts';

const quietMs = 20_000;
const pollMs = 2000;
const settleSecondsMax = 120;

/** Requests of an idle daemon in ten polls, with one share and with a hundred. */
export async function idlePoll(): Promise<boolean> {
  const one = await requestsPerPoll(1);
  const hundred = await requestsPerPoll(100);
  tell('idle poll', `${one.toFixed(1)} requests with 1 share, ${hundred.toFixed(1)} with 100 (goal 1)`, {
    ...{ one, hundred, goal: 1, reached: one <= 1.2 && hundred <= 1.2 },
  });
  return one <= 1.2 && hundred <= 1.2;
}

/** Without content nobody has ever rung the bell, and a bell that is not there counts as rung (rule L8). */
function rootWithContent(): string {
  const root = newDirectory('share');
  writeFileSync(join(root, 'index.html'), root);
  return root;
}

async function requestsPerPoll(shares: number): Promise<number> {
  const proxy = await startProxy(endpoint());
  const place = { url: `s3://${await newBucket(endpoint())}/bench`, endpoint: proxy.endpoint };
  const roots = Array.from({ length: shares }, rootWithContent);
  const [program = '', ...given] = member('a', place, roots, `, poll: ${pollMs / 1000}s`)('run');
  const daemon = spawn(program, given, { stdio: 'ignore' });
  try {
    for (let quiet = 0, waited = 0; quiet < 3; waited++) {
      if (waited >= settleSecondsMax) throw new Error(`the daemon with ${shares} shares is not idle after ${waited} s`);
      await pause(1000);
      quiet = proxy.take().length <= 1 ? quiet + 1 : 0;
      if (daemon.exitCode !== null) throw new Error(`the daemon ended with ${daemon.exitCode}`);
    }
    await pause(quietMs);
    return proxy.take().length / (quietMs / pollMs);
  } finally {
    daemon.kill('SIGTERM');
    if (daemon.exitCode === null) await once(daemon, 'exit');
    await proxy.close();
  }
}
