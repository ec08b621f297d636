import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openCommands } from '../../src/adapters/command.ts';
import type { CommandCall } from '../../src/ports/command.ts';
import { temporaryDirectory } from './temporary.ts';

const never = new AbortController().signal;

function calling(directory = temporaryDirectory()) {
  const commands = openCommands(join(directory, 'paths'));
  const call = (run: string, more: Partial<CommandCall> = {}) =>
    commands.call({ run, directory, variables: {}, paths: null, timeoutMs: 20_000, signal: never, ...more });
  return { directory, call, read: (name: string) => readFileSync(join(directory, name), 'latin1') };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie waits for its parent, and does nothing any more.
    return !/^State:\sZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('paths come verbatim on standard input and in the file that the environment names; the file goes afterwards', async () => {
  const { call, read, directory } = calling();
  const paths = ['a b', 'line\nbreak', 'b\xff\xc3', 'quote\'"$(x)'];
  const ended = await call('cat > in; cat "$FLOCKSYNC_PATHS_FILE" > file; pwd > where; echo "$GREETING" > said', {
    ...{ paths, variables: { GREETING: 'hello' } },
  });
  expect(ended).toEqual({ ended: 'done', how: 'exit code 0', output: '' });
  const expected = paths.map((path) => `${path}\0`).join('');
  expect([read('in'), read('file')]).toEqual([expected, expected]);
  expect([read('where').trim(), read('said').trim()]).toEqual([directory, 'hello']);
  expect(existsSync(join(directory, 'paths'))).toBe(false);
});

test('a hundred thousand paths to a command that reads none of them', async () => {
  const { call } = calling();
  const paths = Array.from({ length: 100_000 }, (_, at) => `directory/with/a/long/name/${at}`);
  expect(await call('exec 0<&-; exit 0', { paths })).toMatchObject({ ended: 'done' });
  const counted = await call('tr -cd "\\0" | wc -c', { paths });
  expect(counted.output.trim()).toBe('100000');
});

test('how it failed, and the last of what it said', async () => {
  const { call } = calling();
  expect(await call('echo one; echo two >&2; exit 7')).toMatchObject({ ended: 'failed', how: 'exit code 7' });
  expect((await call('echo one; echo two >&2; exit 7')).output.split('\n').sort()).toEqual(['', 'one', 'two']);
  expect(await call('kill -SEGV $$')).toMatchObject({ ended: 'failed', how: 'killed by SIGSEGV' });
  expect(await call('true', { directory: '/nonexistent' })).toMatchObject({ ended: 'unstartable', how: expect.stringContaining('ENOENT') });
});

test('a command that never ends is ended with all that it started, also with what ignores the request', async () => {
  const { call, read } = calling();
  const ended = await call('trap "" TERM; (trap "" TERM; sleep 1000) & echo $! > child; sleep 1000', { timeoutMs: 300 });
  expect(ended).toMatchObject({ ended: 'timeout', how: 'not at its end after 0.3 s' });
  await expect.poll(() => isAlive(Number(read('child')))).toBe(false);
});

test('a signal of the caller ends it; a call with one that was given before ends at once', async () => {
  const { call } = calling();
  const stop = new AbortController();
  const running = call('sleep 1000', { signal: stop.signal });
  await delay(100);
  stop.abort();
  expect(await running).toMatchObject({ ended: 'stopped' });
  expect(await call('sleep 1000', { signal: stop.signal })).toMatchObject({ ended: 'stopped' });
});

test('what it leaves in the background keeps nobody waiting', async () => {
  const { call, read } = calling();
  const startedMs = performance.now();
  expect(await call('sleep 30 & echo $! > child; echo done')).toMatchObject({ ended: 'done', output: 'done\n' });
  expect(performance.now() - startedMs).toBeLessThan(15_000);
  process.kill(Number(read('child')));
});

test('output without end is read at a walking pace, and only its end is kept', async () => {
  const { call } = calling();
  const before = process.cpuUsage();
  const ended = await call('yes flood', { timeoutMs: 1000 });
  const { user, system } = process.cpuUsage(before);
  expect(ended.ended).toBe('timeout');
  expect(ended.output.length).toBeLessThanOrEqual(4096);
  expect(ended.output).toMatch(/^(flood\n|lood\n|ood\n|od\n|d\n|\n)(flood\n)+/);
  expect((user + system) / 1000).toBeLessThan(900);
});

test('it gets neither credentials nor the socket of the service manager, and finds what lies in sbin', async () => {
  const saved = { ...process.env };
  Object.assign(process.env, { AWS_SECRET_ACCESS_KEY: 'secret', NOTIFY_SOCKET: '/run/x', PATH: '/usr/bin:/bin', KEPT: 'yes' });
  try {
    const { output } = await calling().call('env');
    expect(output).not.toMatch(/secret|NOTIFY_SOCKET/);
    expect(output).toContain('KEPT=yes');
    expect(output).toMatch(/^PATH=\/usr\/bin:\/bin:.*\/usr\/sbin/m);
  } finally {
    process.env = saved;
  }
});

const mounts = process.getuid?.() === 0;

test.skipIf(!mounts)('another directory stands in the place of the root, for the command alone (needs root)', async () => {
  const { call, directory } = calling();
  const [from, at] = [join(directory, 'from'), join(directory, 'at')];
  for (const [path, text] of Object.entries({ [from]: 'new', [at]: 'old' })) {
    mkdirSync(path);
    writeFileSync(join(path, 'x'), text);
  }
  const ended = await call(`cat ${at}/x; cat x; echo " $FLOCKSYNC_IN_PLACE"`, { stand: { from, at, needed: false } });
  if (ended.output.trim().endsWith('0')) return expect(ended.output).toBe('old 0\n');
  expect(ended.output).toBe('newnew 1\n');
  expect(readFileSync(join(at, 'x'), 'utf8')).toBe('old');
});

test('a command that would judge what is served now, for want of a place for the copy, is not run', async () => {
  const { call, directory } = calling();
  const stand = { from: join(directory, 'missing'), at: directory, needed: true };
  expect(await call('touch ran', { stand })).toMatchObject({ ended: 'unstartable', how: expect.stringContaining('FLOCKSYNC_STAGED') });
  expect(existsSync(join(directory, 'ran'))).toBe(false);
  expect((await call('echo "$FLOCKSYNC_IN_PLACE"', { stand: { ...stand, needed: false } })).output).toBe('0\n');
});

test('what the system cannot even begin is told, and a long time is no short one', async () => {
  const { call } = calling();
  expect(await call(`: ${'x'.repeat(3_000_000)}`)).toMatchObject({ ended: 'unstartable', how: expect.stringContaining('E2BIG') });
  expect(await call('sleep 0.2', { timeoutMs: 30 * 86_400_000 })).toMatchObject({ ended: 'done' });
});
