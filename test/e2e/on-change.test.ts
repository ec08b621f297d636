import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { documented } from '../documented.ts';
import { startDaemon, until } from './support/daemon.ts';
import { program } from './support/federation.ts';
import { type Actor, scenario } from './support/pair.ts';

/** The paths of each call so far. */
function callsOf(file: string): string[][] {
  if (!existsSync(file)) return [];
  const calls = readFileSync(file, 'utf8').split('|').slice(0, -1);
  return calls.map((call) => call.split('\0').filter((path) => path !== ''));
}

function members(...onChange: string[]) {
  const { federation, member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  const file = (name: string) => join(federation.directory, name);
  b.configure(...onChange.map((line) => line.replaceAll('%', `${federation.directory}/`)));
  const daemon = (actor: Actor) => {
    const started = startDaemon(federation, actor === a ? 'a' : 'b');
    onTestFinished(() => void started.process.kill('SIGKILL'));
    return started;
  };
  return { a, b, file, daemon, calls: () => callsOf(file('calls')) };
}

const tellAll = `onChange: { run: "test ! -e %broken && { cat; printf '|'; } >> %calls", debounce: 300ms, timeout: 20s }`;

test('sync calls before it ends: once per cycle with changes of others, silent, and exit 1 for as long as the call fails', async () => {
  const { a, b, file, calls } = members(tellAll);
  a.put({ x: '1', 'd/y': '2' });
  await a.sync();
  await b.sync();
  await b.sync();
  expect(calls()).toEqual([['d', 'd/y', 'x']]);
  writeFileSync(file('broken'), '');
  a.put({ x: '3' });
  await a.sync();
  expect((await b.sync(1)).stderr).toBe(
    'flocksync: webroot: the command of onChange fails (exit code 1). Run it by hand as the user that runs flocksync; it is tried again by itself, and called again after the next change.\n',
  );
  expect((await b.sync(1)).stderr).toBe('');
  expect((await b.run('status')).stdout).toContain('the command of onChange fails');
  expect((await b.sync(1, '-n')).stderr).toMatch(documented('hook-failed'));
  rmSync(file('broken'));
  // A run of cron waits for the time of the next try.
  await b.sync(1, '--no-wait');
  await b.sync();
  expect(calls().slice(1)).toEqual([['x']]);
  expect((await b.run('status')).code).toBe(0);
});

test('a restore on this member calls, and the command may run flocksync itself', async () => {
  const sync = `${process.execPath} ${program} sync --config %b/flocksync.yml`;
  const { a, b, calls } = members(`onChange: { run: "cp x copy && ${sync} && { cat; printf '|'; } >> %calls", timeout: 20s }`);
  a.put({ x: '1' });
  await a.sync();
  await b.sync();
  expect(calls()).toEqual([['x']]);
  await a.sync();
  expect(a.read('copy')).toBe('1');
  expect((await b.run('undo', '2')).code).toBe(0);
  expect(calls()).toEqual([['x'], ['copy']]);
});

test('the daemon tells of each change once, and of nothing that is made here', async () => {
  const { a, b, file, calls, daemon } = members(tellAll, 'poll: 100ms', 'mode: lightweight');
  a.put({ first: '1' });
  await a.sync();
  const running = daemon(b);
  await until('the first call', () => calls().length === 1, 30_000);
  b.put({ own: '1' });
  for (const path of ['one', 'two', 'three']) {
    a.put({ [path]: path });
    await a.sync();
  }
  await until('everything was told', () => calls().flat().includes('three'), 30_000);
  expect(calls().flat().sort()).toEqual(['first', 'one', 'three', 'two']);
  writeFileSync(file('broken'), '');
  a.put({ four: '4' });
  await a.sync();
  await until('the failure is said', () => running.stderr().includes('the command of onChange fails'), 30_000);
  const elsewhere = async () => (await a.run('status')).stdout.includes('b: the command of onChange fails');
  await expect.poll(elsewhere, { timeout: 30_000 }).toBe(true);
  rmSync(file('broken'));
  a.put({ five: '5' });
  await a.sync();
  await until('the next change is told of with what failed', () => calls().at(-1)?.join() === 'five,four', 30_000);
  await expect.poll(async () => (await b.run('status')).code, { timeout: 30_000 }).toBe(0);
  await expect.poll(elsewhere, { timeout: 30_000 }).toBe(false);
  expect(await running.stop()).toMatchObject({ code: 0 });
});

test('a command that hangs stops neither the cycles nor the end of the daemon, and is called again by the next one', async () => {
  const { a, b, file, calls, daemon } = members(
    `onChange: { run: "test -e %works || { echo $$ > %hangs; sleep 1000; }; { cat; printf '|'; } >> %calls", debounce: 0s }`,
    'poll: 100ms',
  );
  a.put({ x: '1' });
  await a.sync();
  const running = daemon(b);
  await until('it hangs', () => existsSync(file('hangs')), 30_000);
  a.put({ y: '2' });
  await a.sync();
  await until('the next change comes in', () => b.read('y') === '2', 30_000);
  const { code, tookMs } = await running.stop();
  expect(code).toBe(0);
  expect(tookMs).toBeLessThan(5000);
  writeFileSync(file('works'), '');
  await b.sync();
  expect(calls()).toEqual([['x', 'y']]);
});

test('a check that runs a cycle of its own share is told so at once', async () => {
  const sync = `${process.execPath} ${program} sync --config %b/flocksync.yml`;
  const { a, b } = members(`check: { run: ": $FLOCKSYNC_STAGED; ${sync}", timeout: 20s }`);
  a.put({ x: '1' });
  await a.sync();
  expect((await b.sync(3)).stderr).toContain('exit code 2: flocksync: webroot: its own check runs this command');
});
