import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { configureShares, type Daemon, startDaemon, until } from './support/daemon.ts';
import { type Federation, startFederation } from './support/federation.ts';

let federation: Federation;
const running: Daemon[] = [];

beforeEach(() => {
  federation = startFederation(['web-a']);
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((daemon) => daemon.stop()));
  federation.close();
});

function root(name: string): string {
  return join(federation.directory, 'web-a', name);
}

function put(share: string, name: string): void {
  mkdirSync(root(share), { recursive: true });
  writeFileSync(join(root(share), name), name);
}

function records(share: string): number {
  const log = join(federation.bucket, 'shop', share, 'log');
  let count = 0;
  while (existsSync(join(log, String(count + 1).padStart(16, '0')))) count++;
  return count;
}

/** Each share with lines of its own. */
function configure(shares: Readonly<Record<string, readonly string[]>>): void {
  const lines = Object.entries(shares).flatMap(([name, more]) => [
    `- name: ${name}`,
    `  path: ${root(name)}`,
    '  settle: 50ms',
    ...more.map((line) => `  ${line}`),
  ]);
  configureShares(federation, 'web-a', [`url: "file://${federation.bucket}"`], lines);
}

function edit(change: (text: string) => string): void {
  const file = federation.configFile('web-a');
  writeFileSync(file, change(readFileSync(file, 'utf8')));
}

function start(): Daemon {
  const daemon = startDaemon(federation, 'web-a');
  running.push(daemon);
  return daemon;
}

const hangUp = (daemon: Daemon) => void daemon.process.kill('SIGHUP');

test('SIGHUP: a share that is new is begun, one that is gone is left, one that changed goes on with the change, silently', async () => {
  for (const share of ['stays', 'goes', 'changes']) put(share, 'first');
  configure({ stays: [], goes: [], changes: [] });
  const daemon = start();
  await until('all shares', () => ['stays', 'goes', 'changes'].every((share) => records(share) === 1));
  put('new', 'first');
  configure({ stays: [], changes: ['exclude: ["*.tmp"]'], new: [] });
  hangUp(daemon);
  await until('the new share', () => records('new') === 1);
  put('goes', 'late');
  put('changes', 'excluded.tmp');
  put('changes', 'wanted');
  put('stays', 'second');
  await until('what goes on', () => records('stays') === 2 && records('changes') === 2);
  await delay(1500);
  expect(records('goes')).toBe(1);
  expect(readFileSync(join(federation.bucket, 'shop/changes/log/0000000000000002'), 'latin1')).not.toContain('excluded.tmp');
  configure({ stays: [], goes: [] });
  hangUp(daemon);
  await until('the share that is back', () => records('goes') === 2);
  expect(await daemon.stop()).toMatchObject({ code: 0, stdout: '', stderr: '' });
});

test('a share under another name in the same root begins when the old one has finished', async () => {
  put('one', 'first');
  configure({ one: [] });
  const daemon = start();
  await until('the first record', () => records('one') === 1);
  configureShares(federation, 'web-a', [`url: "file://${federation.bucket}"`], ['- name: two', `  path: ${root('one')}`, '  settle: 50ms']);
  hangUp(daemon);
  await until('the other share', () => records('two') === 1);
  expect(await daemon.stop()).toMatchObject({ code: 0, stderr: '' });
});

test('a faulty config is told with its lines, and the one from before stays in force', async () => {
  put('good', 'first');
  configure({ good: [] });
  const daemon = start();
  await until('the first record', () => records('good') === 1);
  edit((text) => `${text}  - nmae: x\n`);
  hangUp(daemon);
  await until('the fault', () => daemon.stderr().includes('stays in force'));
  expect(daemon.stderr()).toMatch(/flocksync\.yml:\d+: `nmae` is not a known key/);
  put('good', 'second');
  await until('the share goes on', () => records('good') === 2);
  rmSync(federation.configFile('web-a'));
  hangUp(daemon);
  await until('the missing file', () => daemon.stderr().includes('no such file'));
  put('good', 'third');
  await until('the share goes on', () => records('good') === 3);
  configure({ good: [], other: [] });
  put('other', 'first');
  hangUp(daemon);
  await until('the repaired config', () => records('other') === 1);
  expect((await daemon.stop()).code).toBe(0);
});

test.each([
  ['federation', (text: string) => text.replace('federation: shop', 'federation: other')],
  ['datastore', (text: string) => text.replace(/bucket"/, 'bucket2"')],
  ['state', (text: string) => text.replace('/state', '/state2')],
])('another %s needs a restart; nothing of that config comes into force', async (key, change) => {
  put('good', 'first');
  configure({ good: [] });
  const daemon = start();
  await until('the first record', () => records('good') === 1);
  configure({ good: [], other: [] });
  put('other', 'first');
  edit(change);
  hangUp(daemon);
  await until('the word', () => daemon.stderr().includes('needs a restart'));
  expect(daemon.stderr()).toContain(`\`${key}\``);
  put('good', 'second');
  await until('the share goes on', () => records('good') === 2);
  await delay(500);
  for (const place of ['shop', 'other']) expect(existsSync(join(federation.bucket, place, 'other'))).toBe(false);
});

test('a pattern is exchanged for another one; what both mean is followed throughout', async () => {
  const sites = root('sites');
  const pattern = (text: string) =>
    configureShares(
      federation,
      'web-a',
      [`url: "file://${federation.bucket}"`],
      ['- name: site', `  path: "${sites}/${text}"`, '  settle: 50ms'],
    );
  for (const site of ['a1', 'a2', 'b1']) put(`sites/${site}`, 'first');
  pattern('a*');
  const daemon = start();
  await until('the first sites', () => records('site-a1') === 1 && records('site-a2') === 1);
  pattern('?1');
  hangUp(daemon);
  await until('the other site', () => records('site-b1') === 1);
  for (const site of ['a1', 'a2', 'b1']) put(`sites/${site}`, 'second');
  await until('both', () => records('site-a1') === 2 && records('site-b1') === 2);
  await delay(1200);
  expect(records('site-a2')).toBe(1);
  expect(await daemon.stop()).toMatchObject({ code: 0, stderr: '' });
});

test('many requests to read the config again, and one to stop in between', async () => {
  put('good', 'first');
  configure({ good: [] });
  const daemon = start();
  await until('the first record', () => records('good') === 1);
  for (let n = 0; n < 50; n++) {
    put(`share-${n % 5}`, 'first');
    configure(Object.fromEntries(['good', `share-${n % 5}`].map((name) => [name, n % 2 === 0 ? [] : ['join: merge']])));
    hangUp(daemon);
    await delay(n % 7);
  }
  const { code, stderr } = await daemon.stop();
  expect(code).toBe(0);
  // The file is written in place, so that a request may meet it half-written.
  expect(stderr).not.toContain('internal error');
});
