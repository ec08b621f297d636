import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { configureShares, type Daemon, startDaemon, until } from './support/daemon.ts';
import { ended, type Federation, startFederation } from './support/federation.ts';

const quiet = { code: 0, signal: null, stdout: '', stderr: '' };
let federation: Federation;

beforeEach(() => {
  federation = startFederation(['web-a', 'web-b'], { share: ['settle: 50ms', 'exclude: ["*.log", "cache/"]'] });
  onTestFinished(() => federation.close(), 60_000);
});

function path(member: string, name: string): string {
  return join(federation.root(member), name);
}

function socket(member = 'web-a'): string {
  return join(federation.state(member), 'webroot.sock');
}

async function start(member = 'web-a'): Promise<Daemon> {
  const daemon = startDaemon(federation, member);
  onTestFinished(async () => void (await daemon.stop()));
  await until('the socket', () => existsSync(socket(member)));
  return daemon;
}

/** How a sync came to its result, from what it says of each step. */
async function asked(args: readonly string[]) {
  const ran = await federation.run('web-a', [...args, '-v']);
  const outcomes = [...ran.stderr.matchAll(/asked the process[^\n]*/g)].map(([line]) => line);
  return { code: ran.code, isAnswered: /outcome"?[:=] ?"?answered/.test(outcomes.join()), hasLooked: ran.stderr.includes('scanning') };
}

test('sync beside a daemon lets it do the work: everything that is there is published, and here', async () => {
  const daemon = await start();
  expect(statSync(socket()).mode & 0o777).toBe(0o600);
  for (let n = 0; n < 3; n++) {
    writeFileSync(path('web-a', `file-${n}`), String(n));
    expect(await asked(['sync'])).toEqual({ code: 0, isAnswered: true, hasLooked: false });
    expect(await federation.run('web-b', ['sync'])).toEqual(quiet);
    expect(existsSync(path('web-b', `file-${n}`))).toBe(true);
  }
  const startedMs = performance.now();
  expect(await federation.run('web-a', ['sync', '--no-wait'])).toEqual(quiet);
  expect(performance.now() - startedMs).toBeLessThan(3000);
  expect(await daemon.stop()).toMatchObject({ code: 0, stderr: '' });
  expect(existsSync(socket())).toBe(false);
});

test('what is wrong has the same exit code as without a daemon, and is told once', async () => {
  for (let n = 0; n < 60; n++) writeFileSync(path('web-a', `file-${n}`), String(n));
  const daemon = await start();
  expect(await federation.run('web-a', ['sync'])).toEqual(quiet);
  for (let n = 0; n < 50; n++) rmSync(path('web-a', `file-${n}`));
  const first = await federation.run('web-a', ['sync']);
  expect(first.code).toBe(3);
  expect(`${first.stderr}${daemon.stderr()}`).toContain('more deletions at once than maxDelete allows');
  expect(await federation.run('web-a', ['sync'])).toEqual({ ...quiet, code: 3 });
  const below = await federation.run('web-a', ['sync', '--path', 'file-7']);
  expect(below).toMatchObject({ code: 3, stderr: expect.stringContaining('flocksync approve') });
  expect(await federation.run('web-a', ['sync', '--path', 'file-55'])).toEqual(quiet);
});

test('wait is told by the daemon as soon as the record is here; status says what it is doing', async () => {
  writeFileSync(path('web-a', 'first'), 'first');
  await start();
  for (const member of ['web-a', 'web-b']) expect(await federation.run(member, ['sync'])).toEqual(quiet);
  const waiting = federation.run('web-a', ['wait', '--record', '2', '--timeout', '20s']);
  await delay(300);
  writeFileSync(path('web-b', 'second'), 'second');
  expect((await federation.run('web-b', ['sync'])).code).toBe(0);
  expect(await waiting).toEqual(quiet);
  expect(existsSync(path('web-a', 'second'))).toBe(true);
  expect(await federation.run('web-a', ['wait', '--record', '9', '--timeout', '300ms'])).toMatchObject({ code: 1 });
  const processNow = async () => {
    const { stdout } = await federation.run('web-a', ['status', '--json']);
    return (JSON.parse(stdout) as { shares: { process: { busy: boolean } | null }[] }).shares[0]?.process;
  };
  while ((await processNow())?.busy !== false) await delay(100);
  expect(await processNow()).toMatchObject({ holder: 'run', doing: null, next: { watched: null } });
  // It looks about once a second, and may be at it at this moment.
  const screen = async () => (await federation.run('web-a', ['status'])).stdout;
  let shown = await screen();
  for (let tries = 0; tries < 20 && !shown.includes('now        waiting'); tries++) shown = await screen();
  expect(shown).toMatch(/now +waiting \(flocksync run, process \d+\); next look in/);
});

test('a daemon that is killed while it is asked: whoever asks does it himself', async () => {
  const daemon = await start();
  execFileSync('kill', ['-STOP', String(daemon.process.pid)]);
  writeFileSync(path('web-a', 'file'), 'file');
  const syncing = ended(federation.start('web-a', ['sync']));
  await delay(1000);
  daemon.process.kill('SIGKILL');
  expect(await syncing).toEqual(quiet);
  expect(await federation.run('web-b', ['sync'])).toEqual(quiet);
  expect(existsSync(path('web-b', 'file'))).toBe(true);
});

test.each([
  { name: 'speaks another version', lines: ['{"flocksync":99,"share":"webroot"}'] },
  { name: 'speaks no JSON', lines: ['hello'] },
  { name: 'refuses', lines: ['{"flocksync":1,"share":"webroot"}', '{"error":{"refused":"unknown","text":"?"}}'] },
  { name: 'answers nonsense', lines: ['{"flocksync":1,"share":"webroot"}', '{"answer":7}'] },
])('where a process listens that $name, sync takes its turn as if nobody did', async ({ lines }) => {
  mkdirSync(federation.state('web-a'), { recursive: true });
  const server = createServer((client) => void client.on('error', () => {}).write(`${lines.join('\n')}\n`)).listen(socket());
  onTestFinished(() => void server.close());
  writeFileSync(path('web-a', 'file'), 'file');
  expect(await federation.run('web-a', ['sync'])).toEqual(quiet);
  expect(await federation.run('web-b', ['sync'])).toEqual(quiet);
  expect(existsSync(path('web-b', 'file'))).toBe(true);
  expect(existsSync(socket())).toBe(true);
});

test('sync --path says why nothing can be published there', async () => {
  mkdirSync(path('web-a', 'cache/deep'), { recursive: true });
  for (const name of ['here', 'there', 'a.log', 'cache/deep/file']) writeFileSync(path('web-a', name), name);
  expect(await federation.run('web-a', ['sync'])).toEqual(quiet);
  for (const [typed, why] of [
    ['a.log', 'excluded'],
    ['cache/deep/file', 'excluded'],
    ['nowhere', 'neither on this disk nor in the history'],
    ['/etc/passwd', 'in no share'],
    ['../state', 'outside'],
  ] as const)
    expect(await federation.run('web-a', ['sync', '--path', typed])).toMatchObject({ code: 2, stderr: expect.stringContaining(why) });
  rmSync(path('web-a', 'here'));
  for (let times = 0; times < 2; times++) expect(await federation.run('web-a', ['sync', '--path', 'here'])).toEqual(quiet);
  federation.configure('web-b', ['role: subscriber']);
  expect(await federation.run('web-b', ['sync'])).toEqual(quiet);
  expect(await federation.run('web-b', ['sync', '--path', '.'])).toMatchObject({ code: 2, stderr: expect.stringContaining('subscriber') });
});

test('sync --path without a daemon: of several shares the absolute path, or the argument, says which; -n shows it', async () => {
  const root = (name: string) => join(federation.directory, 'web-a', name);
  for (const name of ['one', 'two']) mkdirSync(join(root(name), 'd'), { recursive: true });
  const shares = ['one', 'two'].flatMap((name) => [`- name: ${name}`, `  path: ${root(name)}`, '  settle: 0s']);
  configureShares(federation, 'web-a', [`url: "file://${federation.bucket}"`], shares);
  for (const name of ['one', 'two']) for (const file of ['d/in', 'out']) writeFileSync(join(root(name), file), file);
  expect(await federation.run('web-a', ['sync', '--path', 'd'])).toMatchObject({
    code: 2,
    stderr: 'flocksync: there are several shares: say which one with flocksync sync NAME --path PATH (one, two)\n',
  });
  expect(await federation.run('web-a', ['sync', '-n', 'one', '--path', 'd'])).toMatchObject({
    ...{ code: 0, stdout: '<d+++++++++ d/\n<f+++++++++ d/in\n', stderr: '' },
  });
  expect(await federation.run('web-a', ['sync', 'one', '--path', 'd'])).toEqual(quiet);
  expect(await federation.run('web-a', ['sync', '--path', join(root('two'), 'd/in')])).toEqual(quiet);
  const { stdout } = await federation.run('web-a', ['sync', '-n']);
  expect(stdout).toBe('<f+++++++++ out\n<f+++++++++ out\n');
});
