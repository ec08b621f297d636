import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Intervention } from '../../src/dev-s3/server.ts';
import { startTestS3, type TestS3 } from '../dev-s3/start.ts';
import { configureShares, type Daemon, s3Lines, startDaemon, until } from './support/daemon.ts';
import { type Federation, startFederation } from './support/federation.ts';

let federation: Federation;
let s3: TestS3;
let fate: Intervention = 'pass';
/** Delay of everything that goes into packs, ms. */
let packDelayMs = 0;
let requests: string[] = [];
const running: Daemon[] = [];

beforeEach(async () => {
  [fate, packDelayMs, requests] = ['pass', 0, []];
  s3 = await startTestS3({
    intercept: ({ method, key, query }) => {
      requests.push(key === '' ? `LIST ${query.get('prefix')}` : `${method} ${key.replace('prefix/shop/', '')}`);
      return packDelayMs > 0 && method === 'PUT' && key.includes('/packs/') ? { delayMs: packDelayMs } : fate;
    },
  });
  federation = startFederation(['web-a', 'web-b'], { datastore: s3Lines(s3), share: ['settle: 50ms', 'poll: 1s'] });
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((daemon) => daemon.stop()));
  await s3.close();
  federation.close();
});

function start(member: string): Daemon {
  const daemon = startDaemon(federation, member);
  running.push(daemon);
  return daemon;
}

function path(member: string, name: string): string {
  return join(federation.root(member), name);
}

test('an idle poll of one share is one GET of the next record', async () => {
  writeFileSync(path('web-a', 'file'), 'x');
  start('web-a');
  await until('the first record', () => requests.some((request) => request.startsWith('PUT webroot/members/')));
  await delay(1500);
  requests = [];
  await delay(4500);
  expect(new Set(requests)).toEqual(new Set(['GET webroot/log/0000000000000002']));
  expect(requests.length).toBeGreaterThanOrEqual(4);
  expect(requests.length).toBeLessThanOrEqual(5);
});

test('R-L8: an idle poll of twenty shares is one GET of the bell', async () => {
  const names = Array.from({ length: 20 }, (_, n) => `site-${n}`);
  for (const member of ['web-a', 'web-b']) {
    const shares = names.flatMap((name) => {
      const root = join(federation.directory, member, name);
      mkdirSync(root);
      return [`- name: ${name}`, `  path: ${root}`, '  poll: 1s', '  settle: 50ms'];
    });
    configureShares(federation, member, s3Lines(s3), shares);
  }
  for (const name of names) writeFileSync(join(federation.directory, 'web-a', name, 'index'), name);
  start('web-a');
  await until('twenty shares', () => names.every((name) => requests.some((request) => request.startsWith(`PUT ${name}/members/`))));
  await delay(3000);
  requests = [];
  await delay(4500);
  expect(new Set(requests)).toEqual(new Set(['GET bell']));
  expect(requests.length).toBeGreaterThanOrEqual(4);
  expect(requests.length).toBeLessThanOrEqual(5);
  start('web-b');
  await until('all shares', () => names.every((name) => existsSync(join(federation.directory, 'web-b', name, 'index'))));
  writeFileSync(join(federation.directory, 'web-b', 'site-13', 'answer'), 'x');
  expect(await until('one of them', () => existsSync(join(federation.directory, 'web-a', 'site-13', 'answer')))).toBeLessThan(4000);
}, 60_000);

test('a store that is down is said once; the daemons stay, and converge when it is back', async () => {
  writeFileSync(path('web-a', 'file'), 'x');
  const daemons = [start('web-a'), start('web-b')];
  await until('the first file', () => existsSync(path('web-b', 'file')));
  fate = { status: 403, code: 'AccessDenied' };
  await until('the problem', () => daemons.every((daemon) => daemon.stderr() !== ''));
  writeFileSync(path('web-a', 'meanwhile'), 'x');
  await delay(4000);
  for (const daemon of daemons) {
    expect(daemon.stderr().trim().split('\n')).toHaveLength(1);
    expect(daemon.stderr()).toContain('refused');
  }
  const during = requests.length;
  await delay(1000);
  expect(requests.length - during).toBeLessThanOrEqual(4);
  fate = 'pass';
  await until('what was written meanwhile', () => existsSync(path('web-b', 'meanwhile')), 30_000);
  for (const daemon of daemons) expect((await daemon.stop()).code).toBe(0);
}, 60_000);

test('a daemon that starts while the store is down begins when it is there', async () => {
  fate = 'reset';
  writeFileSync(path('web-a', 'file'), 'x');
  const daemon = start('web-a');
  await delay(2500);
  expect(daemon.process.exitCode).toBe(null);
  fate = 'pass';
  await until('the record', () => requests.some((request) => request.startsWith('PUT webroot/members/')), 30_000);
}, 60_000);

test('SIGTERM ends a daemon within 5 s with 0, though the store hangs', async () => {
  writeFileSync(path('web-a', 'file'), 'x');
  const daemon = start('web-a');
  await until('the first record', () => requests.some((request) => request.startsWith('PUT webroot/members/')));
  fate = 'hang';
  writeFileSync(path('web-a', 'other'), 'x');
  await delay(2500);
  const { code, tookMs } = await daemon.stop();
  expect(code).toBe(0);
  expect(tookMs).toBeLessThan(5000);
});

test('a second signal ends the process at once', async () => {
  writeFileSync(path('web-a', 'file'), 'x');
  const daemon = start('web-a');
  await until('the first record', () => requests.some((request) => request.startsWith('PUT webroot/members/')));
  fate = 'hang';
  await delay(1500);
  daemon.process.kill('SIGTERM');
  await delay(300);
  const startedMs = performance.now();
  daemon.process.kill('SIGTERM');
  await daemon.ended;
  expect(performance.now() - startedMs).toBeLessThan(1000);
});

test('R-P4: small changes overtake a large upload of a daemon, which a failure does not end', async () => {
  writeFileSync(path('web-a', 'file'), 'x');
  const daemons = [start('web-a'), start('web-b')];
  await until('the first file', () => existsSync(path('web-b', 'file')));
  packDelayMs = 3000;
  writeFileSync(path('web-a', 'large'), randomBytes(100 * 1024 * 1024));
  await until('the upload', () => requests.some((request) => request.startsWith('PUT webroot/packs/')));
  writeFileSync(path('web-a', 'small'), 'x');
  expect(await until('the small change', () => existsSync(path('web-b', 'small')))).toBeLessThan(5000);
  expect(existsSync(path('web-b', 'large'))).toBe(false);
  packDelayMs = 0;
  fate = 'reset';
  await delay(2000);
  fate = 'pass';
  await until('the large file', () => existsSync(path('web-b', 'large')), 60_000);
  for (const daemon of daemons) expect((await daemon.stop()).code).toBe(0);
}, 120_000);
