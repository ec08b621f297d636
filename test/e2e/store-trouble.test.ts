import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Request } from '../../src/dev-s3/exchange.ts';
import type { Intervention } from '../../src/dev-s3/server.ts';
import { startTestS3, type TestS3 } from '../dev-s3/start.ts';
import { documented } from '../documented.ts';
import { configureShares } from './support/daemon.ts';
import { type Federation, type Ran, startFederation } from './support/federation.ts';
import { differences, snapshot } from './support/tree.ts';

const quiet = { code: 0, signal: null, stdout: '', stderr: '' };
/** `sync` gives a store in trouble 60 s in all. */
const troubleMs = 65_000;
let s3: TestS3;
let federation: Federation;
let intervene: (request: Request) => Intervention;
let requests: string[];

beforeEach(async () => {
  intervene = () => 'pass';
  requests = [];
  s3 = await startTestS3({
    intercept: (request) => {
      requests.push(`${request.method} ${request.key}`);
      return intervene(request);
    },
  });
  federation = startFederation(['a', 'b'], { datastore: storeAt(s3.endpoint) });
});
afterEach(async () => {
  await s3.close();
  federation.close();
});

function storeAt(endpoint: string, bucket = 'bucket'): string[] {
  return [`url: "s3://${bucket}/prefix"`, `endpoint: "${endpoint}"`, 'region: us-east-1'];
}

function put(name: string, content = name): void {
  writeFileSync(join(federation.root('a'), name), content);
}

/** Both members quiet, and equal. */
async function expectHealed(): Promise<void> {
  intervene = () => 'pass';
  for (const member of ['a', 'b']) expect(await federation.run(member, ['sync'])).toEqual(quiet);
  expect(differences(snapshot(federation.root('a')), snapshot(federation.root('b')))).toEqual([]);
}

async function timed(run: Promise<Ran>): Promise<Ran & { readonly tookMs: number }> {
  const startedMs = performance.now();
  return { ...(await run), tookMs: performance.now() - startedMs };
}

/** Told once with the fix, then quiet; the journal goes on as if nothing had been. */
async function expectTold(code: number, sentence: RegExp): Promise<void> {
  const first = await timed(federation.run('a', ['sync']));
  expect(first).toMatchObject({ code, stdout: '' });
  expect(first.stderr).toMatch(sentence);
  expect(first.stderr).toMatch(documented('datastore'));
  expect(first.stderr.split('\n')).toHaveLength(2);
  expect(first.tookMs).toBeLessThan(troubleMs);
  expect(await federation.run('a', ['sync'])).toEqual({ code, signal: null, stdout: '', stderr: '' });
}

describe('a store that refuses', () => {
  test('the credentials: 75, told once, names the file', async () => {
    put('page');
    intervene = () => ({ status: 403, code: 'InvalidAccessKeyId' });
    await expectTold(75, /^flocksync: webroot: .*\(refused\).*AWS_ACCESS_KEY_ID.*\n$/);
    await expectHealed();
  });

  test('to list: 75, told once, names the right to grant', async () => {
    put('page');
    intervene = ({ key, method }) => (method === 'GET' && key === '' ? { status: 403, code: 'AccessDenied' } : 'pass');
    await expectTold(75, /^flocksync: webroot: .*\(refused\).*Grant s3:ListBucket on arn:aws:s3:::bucket.*\n$/);
    await expectHealed();
  });

  test('to write, in the middle of a life: 75, names the right, and what comes from others is not lost', async () => {
    await expectHealed();
    put('page');
    intervene = ({ method }) => (method === 'PUT' ? { status: 403, code: 'AccessDenied' } : 'pass');
    await expectTold(75, /^flocksync: webroot: .*\(refused\).*Grant s3:PutObject on arn:aws:s3:::bucket\/prefix\/shop\/\*.*\n$/);
    await expectHealed();
    expect(snapshot(federation.root('b')).has('page')).toBe(true);
  });

  test('an absent object with 403 in place of 404 where listing is allowed works as usual', async () => {
    put('page');
    intervene = ({ method, key }) =>
      method === 'GET' && key.endsWith('format.json') && requests.length < 3 ? { status: 403, code: 'AccessDenied' } : 'pass';
    expect(await federation.run('a', ['sync'])).toEqual(quiet);
    await expectHealed();
  });

  test('the bucket does not exist: 75, told once', async () => {
    federation = startFederation(['a', 'b'], { datastore: storeAt(s3.endpoint, 'nowhere') });
    put('page');
    await expectTold(75, /^flocksync: webroot: .*\(no-bucket\).*Create the bucket, or correct datastore\.url\.\n$/);
  });
});

test('a store that refuses is told once per share by a pattern too, not at every run', async () => {
  const site = (name: string) => join(federation.directory, 'sites', name, 'html');
  for (const name of ['one', 'two']) mkdirSync(site(name), { recursive: true });
  configureShares(federation, 'a', storeAt(s3.endpoint), ['- name: site', `  path: ${site('*')}`, '  settle: 0s']);
  expect(await federation.run('a', ['sync'])).toEqual(quiet);
  intervene = () => ({ status: 403, code: 'InvalidAccessKeyId' });
  const ran = await federation.run('a', ['sync']);
  expect(ran).toMatchObject({ code: 75, stdout: '' });
  expect(ran.stderr.match(/the datastore cannot be used \(refused\)/g)).toHaveLength(2);
  expect(await federation.run('a', ['sync'])).toEqual({ code: 75, signal: null, stdout: '', stderr: '' });
  expect(await federation.run('a', ['sync', 'unheard-of'])).toMatchObject({ code: 75, stderr: expect.stringContaining('(refused)') });
  intervene = () => 'pass';
  expect(await federation.run('a', ['sync'])).toEqual(quiet);
});

describe('a store in trouble', () => {
  test('now and then: resets, 503, cut bodies and lost answers all heal within the run', async () => {
    const fates: Intervention[] = [
      'reset',
      'pass',
      { status: 503, code: 'SlowDown' },
      'pass',
      'pass',
      { truncateBodyAt: 10 },
      'swallow',
      'pass',
      'pass',
    ];
    for (let round = 0; round < 5; round++) {
      let count = round;
      for (let i = 0; i < 20; i++) put(`page-${round}-${i}`, `${round} ${i}`.repeat(2000));
      intervene = () => fates[count++ % fates.length] ?? 'pass';
      for (const member of ['a', 'b']) expect(await federation.run(member, ['sync'])).toEqual(quiet);
      expect(differences(snapshot(federation.root('a')), snapshot(federation.root('b')))).toEqual([]);
    }
    await expectHealed();
  });

  test.each([
    ['format.json', /format\.json$/],
    ['a pack', /\/packs\//],
    ['a record', /\/log\//],
    ['the bell', /\/bell$/],
    ['a heartbeat', /\/members\//],
  ])('R-S1: the answer to the put of %s is lost after it happened: nothing is told, nothing is done twice', async (_, key) => {
    for (let i = 0; i < 3; i++) put(`page-${i}`, randomBytes(50_000).toString('hex'));
    let lost = 0;
    intervene = (request) => (request.method === 'PUT' && key.test(request.key) && lost++ === 0 ? 'swallow' : 'pass');
    expect(await federation.run('a', ['sync'])).toEqual(quiet);
    expect(lost).toBeGreaterThan(0);
    await expectHealed();
    expect(new Set(requests.filter((request) => /^PUT .*\/log\//.test(request))).size).toBe(1);
  });

  test.each([
    ['format.json', /format\.json$/],
    ['a record', /\/log\//],
  ])('R-S2: the put of %s is cut off before it happened: it is sent again', async (_, key) => {
    put('page');
    let lost = 0;
    intervene = (request) => (request.method === 'PUT' && key.test(request.key) && lost++ < 2 ? 'reset' : 'pass');
    expect(await federation.run('a', ['sync'])).toEqual(quiet);
    await expectHealed();
  });

  test('R-S1: a store that calls a number taken and shows nothing there is given up, not asked forever', { timeout: 120_000 }, async () => {
    await expectHealed();
    put('page');
    intervene = ({ method, key }) => (method === 'PUT' && key.includes('/log/') ? { status: 412, code: 'PreconditionFailed' } : 'pass');
    const ran = await timed(federation.run('a', ['sync']));
    expect(ran).toMatchObject({ code: 75, stderr: expect.stringContaining('flocksync doctor') });
    expect(ran.tookMs).toBeLessThan(troubleMs);
    await expectHealed();
  });
});
