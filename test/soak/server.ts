import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Dice } from '../e2e/support/random.ts';
import { storeKeys } from '../e2e/support/store.ts';
import { projectRoot } from '../source.ts';

const execute = promisify(execFile);

/** The S3 server behind the proxy. */
export interface StoreServer {
  readonly name: string;
  readonly endpoint: string;
  /** Variables with the keys, for members. */
  readonly keys: Readonly<Record<string, string>>;
  /** kill -9 and start, or a pause; returns what it was. Null where the server is not ours to restart. */
  readonly disturb: ((random: Dice) => Promise<string>) | null;
  close(): Promise<void>;
}

/** The development server in a process of its own, over a directory that outlives it. */
export async function devS3Server(directory: string): Promise<StoreServer> {
  const port = await freePort();
  mkdirSync(directory, { recursive: true });
  let running = await startDevS3(directory, port);
  const killed = async () => {
    const gone = new Promise((resolve) => running.once('close', resolve));
    running.kill('SIGKILL');
    await gone;
  };
  return {
    name: 'the development server',
    endpoint: `http://127.0.0.1:${port}`,
    keys,
    disturb: async (random) => {
      if (random.oneIn(3)) return await paused(running, random);
      await killed();
      await delay(random.below(2000));
      running = await startDevS3(directory, port);
      return 'kill -9';
    },
    close: killed,
  };
}

const keys = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'testtest' };

async function paused(server: ChildProcess, random: Dice): Promise<string> {
  server.kill('SIGSTOP');
  await delay(1000 + random.below(8000));
  server.kill('SIGCONT');
  return 'pause';
}

async function startDevS3(directory: string, port: number): Promise<ChildProcess> {
  const program = ['--import', 'tsx', join(projectRoot, 'scripts/dev-s3.ts'), directory, String(port)];
  const server = spawn(process.execPath, program, {
    cwd: projectRoot,
    env: { ...process.env, ...keys },
    stdio: ['ignore', 'pipe', 'inherit'],
    // Ctrl-C ends the trouble, not the store that everybody heals from.
    detached: true,
  });
  await new Promise<void>((resolve, reject) => {
    server.stdout.once('data', () => resolve());
    server.once('close', (code) => reject(new Error(`the development S3 server ended with ${code} before it could answer`)));
  });
  return server;
}

/** A gateway that `script` (ceph-rgw.sh) has started, with its state below CEPH_RGW_DIR. Its own keys are those of the environment. */
export function cephServer(script: string, endpoint: string): StoreServer {
  const call = (...args: string[]) => execute('bash', [script, ...args]);
  return {
    ...givenServer(endpoint),
    name: `Ceph at ${endpoint}`,
    disturb: async (random) => {
      if (random.oneIn(2)) {
        await call('restart-rgw');
        return 'kill -9';
      }
      const daemon = random.pick(['rgw', 'osd']);
      await call('pause', daemon);
      await delay(1000 + random.below(8000));
      await call('resume', daemon);
      return 'pause';
    },
  };
}

/** A Ceph of its own, from Debian's packages, with its state below `directory`; `script` says what to do where they are not installed. */
export async function ownCeph(script: string, directory: string): Promise<StoreServer> {
  process.env.CEPH_RGW_DIR = directory;
  process.env.CEPH_RGW_SIZE_GB ??= '6';
  const port = await freePort();
  await execute('bash', [script, 'start', String(port)]);
  const server = cephServer(script, `http://127.0.0.1:${port}`);
  return { ...server, close: async () => void (await execute('bash', [script, 'destroy'])) };
}

/** Any other endpoint, with the keys of the environment. */
export function givenServer(endpoint: string): StoreServer {
  return { name: endpoint, endpoint, keys: storeKeys, disturb: null, close: async () => undefined };
}

/** Below the range that the system gives to clients, which could take it while the server is away; the next one is free as well. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + randomInt(20_000);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
