import { readdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startTestS3 } from '../dev-s3/start.ts';
import { startDaemon, until } from './support/daemon.ts';
import { shareStatus } from './support/document.ts';
import { type Actor, scenario, settled } from './support/pair.ts';

async function checked(actor: Actor, ...args: string[]) {
  const { code, stdout, stderr } = await actor.run('status', '--check', ...args);
  expect([stderr, stdout.split('\n').length]).toEqual(['', 2]);
  return { code, line: stdout.trimEnd() };
}

test('--check: OK, WARNING, CRITICAL, UNKNOWN, each with one line and figures', async () => {
  const { federation, member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  expect(await checked(b)).toMatchObject({ code: 2, line: expect.stringMatching(/^FLOCKSYNC CRITICAL - webroot: never synced here \| /) });
  await settled(a, b, { x: 'x' });
  const well = await checked(b);
  expect(well).toMatchObject({
    code: 0,
    line: expect.stringMatching(/^FLOCKSYNC OK - webroot is up to date \| lag_records=0;;;0 lag_bytes=0B/),
  });
  expect(well.line).toMatch(/cycle_age_seconds=\d+s;300;3600;0 problems=0;;;0 holds=0;;;0 members_alive=1;;;0 members_silent=0;;;0$/);
  a.put({ x: 'changed', y: '12345' });
  await a.sync();
  expect(await checked(b)).toMatchObject({ code: 0, line: expect.stringContaining('1 record on the way | lag_records=1') });
  expect(await checked(b, '--warning', '0s')).toMatchObject({ code: 1, line: expect.stringMatching(/WARNING - .*1 record behind for/) });
  expect(await checked(b, '--warning', '0s', '--critical', '0s')).toMatchObject({ code: 2 });
  expect((await shareStatus(a)).members).toMatchObject([
    { name: 'a', lag: { records: 0, bytes: 0 } },
    { name: 'b', lag: { records: 1, bytes: 12, sinceAt: expect.any(String) }, halt: null, troubles: [], progress: null },
  ]);
  expect((await a.run('status')).stdout).toMatch(/behind +b: 1 record behind, 12 B, since .*Z \(/);
  renameSync(b.root, `${b.root}-away`);
  await b.sync(3);
  expect(await checked(b)).toMatchObject({ code: 2, line: expect.stringContaining('halted: the root') });
  expect((await a.run('status')).stdout.replace(/\s+/g, ' ')).toContain('halted b: the root');
  expect(await checked(a)).toMatchObject({ code: 0 });
  expect(await checked(a, '--all')).toMatchObject({ code: 1, line: expect.stringContaining('webroot: b: halted: the root') });
  renameSync(federation.bucket, `${federation.bucket}-gone`);
  expect(await checked(a)).toMatchObject({
    code: 3,
    line: expect.stringMatching(/^FLOCKSYNC UNKNOWN - webroot: the bucket gives no answer: .*lag_seconds=U/),
  });
});

test('--check: what hinders the look is UNKNOWN, on standard output', async () => {
  const { federation, member } = scenario(['a']);
  const a = member('a');
  expect(await checked(a, 'nosuch')).toMatchObject({ code: 3, line: expect.stringContaining('no share is called "nosuch"') });
  expect(await checked(a, '--warning', 'soon')).toMatchObject({ code: 3, line: expect.stringContaining('--warning takes a duration') });
  writeFileSync(federation.configFile('a'), 'federation: [');
  expect(await checked(a)).toMatchObject({ code: 3, line: expect.stringMatching(/^FLOCKSYNC UNKNOWN - \S+flocksync\.yml:\d+: /) });
});

test('--check: problems and a pause without a cycle', async () => {
  const { member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { x: 'x' });
  b.configure("onChange: 'false'");
  await b.sync();
  a.put({ x: '2' });
  await a.sync();
  await b.sync(1);
  expect(await checked(b)).toMatchObject({ code: 1, line: expect.stringContaining('the command of onChange fails (exit code 1)') });
  b.configure();
  await b.sync();
  expect(await checked(b, '--warning', '0s', '--critical', '1h')).toMatchObject({ code: 1, line: expect.stringContaining('no cycle for') });
});

test('wait --all: a daemon and a member of cron; whoever is silent is named and not waited for', async () => {
  const { federation, bucket, member } = scenario(['a', 'b', 'c']);
  const [a, b, c] = [member('a'), member('b'), member('c')];
  await settled(a, b, { x: 'x' });
  await c.sync();
  const b2 = startDaemon(federation, 'b');
  onTestFinished(() => void b2.process.kill('SIGKILL'));
  a.put({ y: '1' });
  await a.sync();
  await until('the daemon has it', () => b.read('y') === '1', 30_000);
  expect((await a.run('wait', '--all', '--timeout', '2s')).stderr).toMatch(/record 2 is not applied by c \(at record 1\)$/m);
  const waiting = a.run('wait', '--all', '--timeout', '60s');
  await c.sync();
  expect(await waiting).toMatchObject({ code: 0, stderr: '' });
  expect(await b2.stop()).toMatchObject({ code: 0 });
  const past = Date.now() / 1000 - 240;
  for (const name of readdirSync(join(bucket, 'members'))) utimesSync(join(bucket, 'members', name), past, past);
  a.put({ y: '2' });
  await a.sync();
  const { code, stderr } = await a.run('wait', '--all', '--timeout', '20s');
  expect(code).toBe(0);
  expect(stderr).toMatch(/not waited for: b \(last heard of 4 min.*, c \(last heard of 4 min/);
});

test('wait --all: a subscriber that may write no heartbeat is nobody to wait for, and waits for itself', async () => {
  const s3 = await startTestS3({
    intercept: ({ method, key }) =>
      method === 'PUT' && key.includes('/members/') && isReadOnly ? { status: 403, code: 'AccessDenied' } : 'pass',
  });
  let isReadOnly = false;
  try {
    const { member } = scenario(['a', 'b'], { datastore: ['url: s3://bucket/prefix', `endpoint: ${s3.endpoint}`, 'region: us-east-1'] });
    const [a, b] = [member('a'), member('b')];
    b.configure('role: subscriber');
    a.put({ x: '1' });
    await a.sync();
    isReadOnly = true;
    await b.sync();
    isReadOnly = false;
    a.put({ x: '2' });
    await a.sync();
    expect(await a.run('wait', '--all', '--timeout', '2s')).toMatchObject({ code: 0, stderr: '' });
    expect((await b.run('wait', '--all', '--timeout', '1s')).stderr).toContain('not applied by b (at record 1)');
    isReadOnly = true;
    await b.sync();
    expect(await b.run('wait', '--all', '--timeout', '2s')).toMatchObject({ code: 0, stderr: '' });
    expect(await checked(b)).toMatchObject({ code: 0 });
  } finally {
    await s3.close();
  }
});
