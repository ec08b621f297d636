import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Daemon, startDaemon, until } from './support/daemon.ts';
import { ended, type Federation, startFederation } from './support/federation.ts';

const can = (program: string) => spawnSync(program, ['--version']).status === 0;
const possible = can('systemd-notify') && can('python3');

/** Prints each message as one line. What is sent along (a descriptor that systemd would close) is closed at once. */
const listener = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
while True:
    text, descriptors, _, _ = socket.recv_fds(s, 65536, 8)
    for d in descriptors:
        __import__('os').close(d)
    if text != b'BARRIER=1':
        print(text.decode().replace('\\n', ' '), flush=True)
`;

let federation: Federation;
let systemd: ChildProcess;
let socket: string;
let heard: string[];
const running: Daemon[] = [];

beforeEach(async () => {
  federation = startFederation(['web-a']);
  writeFileSync(join(federation.root('web-a'), 'file'), 'x');
  socket = join(federation.directory, 'notify');
  heard = [];
  if (!possible) return;
  systemd = spawn('python3', ['-c', listener, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  systemd.stdout?.setEncoding('utf8').on('data', (text: string) => heard.push(...text.trim().split('\n')));
  await until('the listener', () => heard.includes('listening'));
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((daemon) => daemon.stop()));
  systemd?.kill('SIGKILL');
  federation.close();
});

function start(variables: Readonly<Record<string, string>>): Daemon {
  const daemon = startDaemon(federation, 'web-a', variables);
  running.push(daemon);
  return daemon;
}

const count = (message: string) => heard.filter((each) => each.includes(message)).length;

test.skipIf(!possible)('systemd is told when it is ready, reads its config again, lives, and stops', async () => {
  const daemon = start({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: '900000' });
  await until('READY', () => count('READY=1') === 1);
  expect(heard.find((each) => each.includes('READY=1'))).toContain('STATUS=following 1 share');
  await until('two signs of life', () => count('WATCHDOG=1') >= 3);
  daemon.process.kill('SIGHUP');
  await until('the reload', () => count('RELOADING=1') === 1 && count('READY=1') === 2);
  const [reloading, ready] = ['RELOADING=1', 'READY=1'].map((message) => heard.findLastIndex((each) => each.includes(message)));
  expect(reloading).toBeLessThan(ready ?? 0);
  expect(heard[reloading ?? 0]).toMatch(/MONOTONIC_USEC=\d+/);
  expect(await daemon.stop()).toMatchObject({ code: 0, stdout: '', stderr: '' });
  await until('STOPPING', () => count('STOPPING=1') === 1);
});

test.skipIf(!possible)('a faulty config ends the reload too: systemd would wait for ever', async () => {
  const daemon = start({ NOTIFY_SOCKET: socket });
  await until('READY', () => count('READY=1') === 1);
  writeFileSync(federation.configFile('web-a'), 'shares: 1\n');
  daemon.process.kill('SIGHUP');
  await until('the end of the reload', () => count('RELOADING=1') === 1 && count('READY=1') === 2);
  expect((await daemon.stop()).code).toBe(0);
});

test.skipIf(!possible)('without a watchdog there is no sign of life, and one for another process is not answered', async () => {
  start({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: '300000', WATCHDOG_PID: '1' });
  await until('READY', () => count('READY=1') === 1);
  await delay(700);
  expect(count('WATCHDOG=1')).toBe(0);
});

test.skipIf(!possible)('a stopped daemon is given up by the watchdog: what hangs says nothing', async () => {
  const daemon = start({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: '600000' });
  await until('signs of life', () => count('WATCHDOG=1') >= 2);
  daemon.process.kill('SIGSTOP');
  await until('the last message has arrived', () => settledFor(1200));
  daemon.process.kill('SIGCONT');
});

let quiet = { messages: 0, sinceMs: 0 };

function settledFor(ms: number): boolean {
  const nowMs = performance.now();
  if (quiet.messages !== heard.length) quiet = { messages: heard.length, sinceMs: nowMs };
  return nowMs - quiet.sinceMs > ms;
}

test('a socket that nobody reads, and a missing systemd-notify, stop nothing', async () => {
  const daemon = start({ NOTIFY_SOCKET: join(federation.directory, 'nobody'), WATCHDOG_USEC: '300000', PATH: '/nowhere' });
  const second = await ended(federation.start('web-a', ['sync']));
  expect(second).toMatchObject({ code: 0, stderr: '' });
  const { tookMs, ...end } = await daemon.stop();
  expect(end).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect(tookMs).toBeLessThan(3000);
});
