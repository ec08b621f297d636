import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Request } from '../../src/dev-s3/exchange.ts';
import type { Intervention } from '../../src/dev-s3/server.ts';
import type { Finding } from '../../src/model/finding.ts';
import { startTestS3, type TestS3 } from '../dev-s3/start.ts';
import { configureShares, s3Lines, until } from './support/daemon.ts';
import { ended, type Federation, type Ran, startFederation } from './support/federation.ts';

let federation: Federation;
let s3: TestS3;
let fate: (request: Request) => Intervention = () => 'pass';
let aheadMs = 0;
let requests: string[] = [];

beforeEach(async () => {
  [fate, aheadMs, requests] = [() => 'pass', 0, []];
  const intercept = (request: Request) => {
    requests.push(`${request.method} ${request.key}`);
    return fate(request);
  };
  s3 = await startTestS3({ intercept, now: () => Date.now() + aheadMs });
  federation = startFederation(['web-a'], { datastore: s3Lines(s3) });
});

afterEach(async () => {
  await s3.close();
  federation.close();
});

async function examine(): Promise<Ran & { readonly findings: readonly Finding[] }> {
  const ran = await federation.run('web-a', ['doctor', '--json']);
  const document = JSON.parse(ran.stdout) as { schema: number; ok: boolean; findings: Finding[] };
  expect(document).toMatchObject({ schema: 1, ok: ran.code === 0 });
  return { ...ran, findings: document.findings };
}

const bad = ({ verdict }: Finding) => verdict === 'problem' || verdict === 'unreachable';
const checksOf = (findings: readonly Finding[]) => findings.filter(bad).map(({ check }) => check);

async function keysLeft(): Promise<string[]> {
  const store = await s3.open({ url: 's3://bucket/prefix' });
  const { value } = await store.list('', {});
  await store.close();
  return value.objects.map(({ key }) => key);
}

describe('a sound store', () => {
  test('everything is ok; nothing stays in the bucket, in the state directory or beside the root', async () => {
    const { code, stderr, findings } = await examine();
    expect(findings.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const checks = ['config', 'list', 'clock', 'put', 'conditional-put', 'multipart', 'list-order', 'delete', 'lifecycle', 'versioning'];
    expect(findings.map(({ check }) => check)).toEqual([...checks, 'state', 'journal', 'root', 'staging', 'room']);
    expect(await keysLeft()).toEqual([]);
    expect(existsSync(federation.state('web-a'))).toBe(false);
    expect(readdirSync(join(federation.directory, 'web-a'))).toEqual(['flocksync.yml', 'html']);
    expect(readdirSync(federation.root('web-a'))).toEqual([]);
  });

  test('the race has 16 racers, the large object is a multipart upload', async () => {
    await examine();
    expect(requests.filter((request) => /^PUT .*\/race$/.test(request)).length).toBe(17);
    expect(requests.filter((request) => /^POST .*\/stream$/.test(request)).length).toBe(2);
  });

  test('the screen has a line per check and a summary', async () => {
    const { stdout, code } = await federation.run('web-a', ['doctor']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok {4}conditional-put {2}of 16 puts of one new key exactly one succeeded$/m);
    expect(stdout).toMatch(/^All 15 checks passed\.\n$/m);
  });

  test('beside a synced share it changes nothing, and tells where the journal is', async () => {
    writeFileSync(join(federation.root('web-a'), 'file'), 'x');
    expect((await federation.run('web-a', ['sync'])).code).toBe(0);
    const before = await keysLeft();
    const { code, findings } = await examine();
    expect(code).toBe(0);
    expect(findings.find(({ check }) => check === 'journal')?.text).toBe('the journal is at record 1');
    expect(await keysLeft()).toEqual(before);
    expect(await federation.run('web-a', ['sync'])).toMatchObject({ code: 0, stderr: '' });
  });

  test('objects that a killed run left are removed, young ones of another run are not', async () => {
    const store = await s3.open({ url: 's3://bucket/prefix' });
    await store.put('doctor-0123456789abcdef/object', Buffer.from('x'));
    aheadMs = 2 * 3600_000;
    // The first answer corrects the client's clock.
    await store.list('', {}).catch(() => undefined);
    await store.put('doctor-fedcba9876543210/object', Buffer.from('x'));
    await store.close();
    await examine();
    aheadMs = 0;
    expect(await keysLeft()).toEqual(['doctor-fedcba9876543210/object']);
  });
});

describe('R-L5: a store that cannot host several writers', () => {
  const onRace = ({ method, key }: Request) => method === 'PUT' && key.endsWith('/race');

  test('the condition is refused as not implemented', async () => {
    fate = (request) => (request.headers['if-none-match'] === '*' ? { status: 501, code: 'NotImplemented' } : 'pass');
    const { code, findings } = await examine();
    expect(code).toBe(1);
    expect(findings.find(bad)).toMatchObject({ check: 'conditional-put', fix: expect.stringContaining('single member publish') });
  });

  test('lost answers are no loss: the winner is who stands', async () => {
    let lost = 0;
    fate = (request) => (onRace(request) && lost++ < 3 ? 'swallow' : 'pass');
    expect(await examine()).toMatchObject({ code: 0 });
  });
});

describe('permissions', () => {
  const denied = { status: 403, code: 'AccessDenied' };
  test.each([
    { check: 'list', denies: ({ key, method }: Request) => key === '' && method === 'GET', fix: 's3:ListBucket' },
    { check: 'put', denies: ({ method, key }: Request) => method === 'PUT' && key !== '', fix: 's3:PutObject' },
    { check: 'put', denies: ({ method, key }: Request) => method === 'GET' && key !== '', fix: 's3:GetObject' },
    { check: 'delete', denies: ({ method, key }: Request) => method === 'DELETE' && key !== '', fix: 's3:DeleteObject' },
  ])('without $fix: $check', async ({ check, denies, fix }) => {
    fate = (request) => (denies(request) ? denied : 'pass');
    const { code, findings } = await examine();
    expect(code).toBe(1);
    expect(findings.find(bad)).toMatchObject({ check, fix: expect.stringContaining(fix) });
  });

  test('a subscriber needs no right to write', async () => {
    federation.configure('web-a', ['role: subscriber']);
    fate = ({ method, key }) => (method === 'PUT' && key !== '' ? denied : 'pass');
    const { code, findings } = await examine();
    expect(code).toBe(0);
    expect(findings.find(({ check }) => check === 'put')).toMatchObject({ verdict: 'note' });
  });
});

describe('no store', () => {
  test('refused connection: 75', async () => {
    configureShares(
      federation,
      'web-a',
      ['url: "s3://bucket/prefix"', 'endpoint: http://127.0.0.1:9'],
      ['- name: a', `  path: ${federation.root('web-a')}`],
    );
    const { code, findings } = await examine();
    expect(code).toBe(75);
    expect(findings.find(bad)).toMatchObject({ check: 'list', verdict: 'unreachable', text: expect.stringContaining('ECONNREFUSED') });
  });

  test('a name that does not resolve: 75', async () => {
    configureShares(
      federation,
      'web-a',
      ['url: "s3://bucket/prefix"', 'endpoint: http://store.invalid:9'],
      ['- name: a', `  path: ${federation.root('web-a')}`],
    );
    expect(await examine()).toMatchObject({ code: 75 });
  });

  test('a wrong key: 75, with where the key belongs', async () => {
    const ran = await federation.run('web-a', ['doctor'], { AWS_SECRET_ACCESS_KEY: 'wrong' });
    expect(ran.code).toBe(75);
    expect(ran.stdout).toContain('/etc/flocksync.env');
  });

  test('no such bucket: 75', async () => {
    configureShares(
      federation,
      'web-a',
      ['url: "s3://other-bucket"', `endpoint: ${s3.endpoint}`],
      ['- name: a', `  path: ${federation.root('web-a')}`],
    );
    const { code, findings } = await examine();
    expect(code).toBe(75);
    expect(findings.find(bad)?.fix).toContain('Create the bucket');
  });
});

describe('the clock', () => {
  test.each([
    { offMs: -60_000, verdict: 'ok', code: 0 },
    { offMs: -6 * 60_000, verdict: 'warning', code: 0 },
    { offMs: 6 * 60_000, verdict: 'warning', code: 0 },
  ])('$offMs ms off: $verdict', async ({ offMs, verdict, code }) => {
    aheadMs = offMs;
    const ran = await examine();
    expect(ran.code).toBe(code);
    expect(ran.findings.find(({ check }) => check === 'clock')).toMatchObject({ verdict });
  });

  test('20 minutes off: a problem', async () => {
    aheadMs = 20 * 60_000;
    const { code, findings } = await examine();
    expect(code).toBe(1);
    expect(findings.find(({ check }) => check === 'clock')).toMatchObject({ verdict: 'problem', fix: expect.stringContaining('chrony') });
  });
});

describe('this machine', () => {
  test('a root whose parent is missing is a problem, one that can be made is not', async () => {
    rmSync(federation.root('web-a'), { recursive: true });
    expect(await examine()).toMatchObject({ code: 0 });
    configureShares(federation, 'web-a', s3Lines(s3), ['- name: a', `  path: ${federation.directory}/no/such/root`]);
    const { code, findings } = await examine();
    expect(code).toBe(1);
    expect(findings.find(bad)).toMatchObject({ check: 'root', share: 'a' });
  });

  test('a root that was there before and is missing is a problem: no sync makes it anew', async () => {
    writeFileSync(join(federation.root('web-a'), 'file'), 'x');
    await federation.run('web-a', ['sync']);
    rmSync(federation.root('web-a'), { recursive: true });
    const { code, findings } = await examine();
    expect(code).toBe(1);
    expect(findings.find(bad)).toMatchObject({ check: 'root', share: 'webroot', text: expect.stringContaining('was there before') });
  });

  test('a damaged journal', async () => {
    writeFileSync(join(federation.root('web-a'), 'file'), 'x');
    await federation.run('web-a', ['sync']);
    writeFileSync(join(federation.state('web-a'), 'webroot.journal'), 'no database at all, but long enough to be read as one');
    const { code, findings } = await examine();
    expect(code).toBe(1);
    expect(findings.find(bad)).toMatchObject({ check: 'journal', fix: expect.stringContaining('sync') });
  });

  test.skipIf(process.getuid?.() === 0)('a root that cannot be written to', async () => {
    chmodSync(federation.root('web-a'), 0o555);
    chmodSync(join(federation.directory, 'web-a'), 0o555);
    const { code, findings } = await examine();
    chmodSync(join(federation.directory, 'web-a'), 0o755);
    expect(code).toBe(1);
    expect(checksOf(findings)).toContain('staging');
  });

  test('beside a daemon it works', async () => {
    mkdirSync(join(federation.root('web-a'), 'directory'));
    const daemon = federation.start('web-a', ['run']);
    await until('the first heartbeat', () => requests.some((request) => /members\//.test(request)));
    expect(await examine()).toMatchObject({ code: 0 });
    daemon.kill('SIGTERM');
    expect((await ended(daemon)).code).toBe(0);
  });
});

test('a run that is interrupted removes what it wrote', async () => {
  fate = ({ method, key }) => (method === 'PUT' && key.endsWith('/race') ? { delayMs: 700 } : 'pass');
  const child = federation.start('web-a', ['doctor']);
  const end = ended(child);
  await until('the race', () => requests.some((request) => request.endsWith('/race')));
  child.kill('SIGINT');
  expect((await end).code).toBe(1);
  expect(await keysLeft()).toEqual([]);
});
