import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openS3 } from '../../src/adapters/s3.ts';
import { toFault } from '../../src/adapters/s3-faults.ts';
import type { Request } from '../../src/dev-s3/exchange.ts';
import type { Intervention } from '../../src/dev-s3/server.ts';
import { DatastoreFault } from '../../src/ports/datastore.ts';
import { environment, startTestS3, type TestS3 } from '../dev-s3/start.ts';

const bytesMax = 1024 * 1024;
const hello = Buffer.from('hello');
let server: TestS3;
let intervene: (request: Request) => Intervention;

beforeEach(async () => {
  intervene = () => 'pass';
  server = await startTestS3({ intercept: (request) => intervene(request) });
});
afterEach(() => server.close());

/** The next request that `matches` meets this fate, all others pass. */
function once(fate: Intervention, matches: (request: Request) => boolean = () => true): void {
  intervene = (request) => {
    if (!matches(request)) return 'pass';
    intervene = () => 'pass';
    return fate;
  };
}

async function faultOf(promise: Promise<unknown>): Promise<Pick<DatastoreFault, 'kind' | 'code' | 'fix' | 'message'>> {
  const fault = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(fault).toBeInstanceOf(DatastoreFault);
  return fault as DatastoreFault;
}

describe('a lost answer', () => {
  test('R-S1: to a conditional put that happened is unknown, and reading back finds the object', async () => {
    const store = await server.open();
    once('swallow');
    expect(await faultOf(store.putIfAbsent('log/1', hello))).toMatchObject({ kind: 'unknown', code: 'unreachable' });
    expect((await store.get('log/1', { bytesMax })).value?.bytes.toString()).toBe('hello');
    expect((await store.putIfAbsent('log/1', hello)).value).toBe('exists');
  });

  test('R-S2: to a conditional put that did not happen is unknown too, and reading back finds nothing', async () => {
    const store = await server.open();
    once('reset');
    expect(await faultOf(store.putIfAbsent('log/1', hello))).toMatchObject({ kind: 'unknown', code: 'unreachable' });
    expect((await store.get('log/1', { bytesMax })).value).toBeNull();
  });

  test('that was cut in the body of an error is trouble with the network, whatever its status: no wrong endpoint, no refusal', async () => {
    const store = await server.open();
    await store.put('log/1', hello);
    once({ truncateBodyAt: 20 });
    expect(await faultOf(store.get('log/2', { bytesMax }))).toMatchObject({ kind: 'transient', code: 'unreachable' });
    expect((await store.get('log/2', { bytesMax })).value).toBeNull();
    once({ truncateBodyAt: 20 });
    // Of a refusal to replace, the status says all there is to know.
    expect((await store.putIfAbsent('log/1', hello)).value).toBe('exists');
    const cut403 = { code: 'ECONNRESET', message: 'aborted', $metadata: { httpStatusCode: 403 } };
    expect(toFault(cut403, { action: 's3:GetObject', resource: 'r', conditional: false })).toMatchObject({ kind: 'transient' });
  });

  test.each([409, 429, 500, 502, 503])('R-S1: a %i answer to a conditional put is unknown', async (status) => {
    const store = await server.open();
    once({ status });
    expect((await faultOf(store.putIfAbsent('log/1', hello))).kind).toBe('unknown');
  });

  test('to everything else is transient', async () => {
    const store = await server.open();
    for (const call of [
      () => store.put('a', hello),
      () => store.get('a', { bytesMax }),
      () => store.list('', {}),
      () => store.listFolders(''),
      () => store.remove('a'),
    ]) {
      once('swallow');
      expect(await faultOf(call())).toMatchObject({ kind: 'transient', code: 'unreachable' });
    }
  });
});

describe('a body that breaks off', () => {
  const big = Buffer.alloc(300_000, 7);

  test.each([0, 1, 299_999])('after %i bytes is transient, never a short result', async (truncateBodyAt) => {
    const store = await server.open();
    await store.put('a', big);
    once({ truncateBodyAt });
    expect((await faultOf(store.get('a', { bytesMax }))).kind).toBe('transient');
    expect((await store.get('a', { bytesMax })).value?.bytes.equals(big)).toBe(true);
  });

  test('or stalls in the middle is a timeout', async () => {
    const store = await server.open({ requestTimeoutMs: 200 });
    await store.put('a', big);
    once({ stallBodyAt: 1000 });
    expect(await faultOf(store.get('a', { bytesMax }))).toMatchObject({ kind: 'transient', code: 'timeout' });
  });

  test('of a listing is transient, never a short listing', async () => {
    const store = await server.open();
    await store.put('a', hello);
    once({ truncateBodyAt: 200 });
    expect((await faultOf(store.list('', {}))).kind).toBe('transient');
  });
});

describe('time', () => {
  test('an answer that never comes is a timeout; for a conditional put it is unknown', async () => {
    const store = await server.open({ requestTimeoutMs: 200 });
    once('hang');
    expect(await faultOf(store.get('a', { bytesMax }))).toMatchObject({ kind: 'transient', code: 'timeout' });
    once('hang');
    expect(await faultOf(store.putIfAbsent('a', hello))).toMatchObject({ kind: 'unknown', code: 'timeout' });
  });

  test('dates are the store’s: an hour ahead of this machine', async () => {
    const aheadMs = 3_600_000;
    const ahead = await startTestS3({ now: () => Date.now() + aheadMs });
    const store = await ahead.open();
    // The first request is dated by this machine and refused; from its answer the client learns the store's clock.
    expect(await faultOf(store.putIfAbsent('a', hello))).toMatchObject({ kind: 'transient', code: 'clock-skew' });
    const { dateMs } = await store.putIfAbsent('a', hello);
    expect(Math.abs(dateMs - Date.now() - aheadMs)).toBeLessThan(5000);
    const got = await store.get('a', { bytesMax });
    expect(Math.abs((got.value?.modifiedMs ?? 0) - Date.now() - aheadMs)).toBeLessThan(5000);
    expect(Math.abs((await store.get('none', { bytesMax })).dateMs - Date.now() - aheadMs)).toBeLessThan(5000);
    await ahead.close();
  });
});

describe('refusals name the fix', () => {
  test('a wrong secret', async () => {
    const store = await server.open({ environment: { ...environment, AWS_SECRET_ACCESS_KEY: 'wrong' } });
    const fault = await faultOf(store.putIfAbsent('a', hello));
    expect(fault).toMatchObject({ kind: 'permanent', code: 'refused' });
    expect(fault.fix).toContain('AWS_SECRET_ACCESS_KEY');
    expect(await faultOf(store.get('a', { bytesMax }))).toMatchObject({ kind: 'permanent', code: 'refused' });
  });

  test('an unknown key', async () => {
    const store = await server.open({ environment: { ...environment, AWS_ACCESS_KEY_ID: 'nobody' } });
    expect(await faultOf(store.list('', {}))).toMatchObject({
      kind: 'permanent',
      code: 'refused',
      fix: expect.stringContaining('AWS_ACCESS_KEY_ID'),
    });
  });

  test('an action that is not granted', async () => {
    const store = await server.open();
    once({ status: 403, code: 'AccessDenied' });
    expect(await faultOf(store.put('a', hello))).toMatchObject({
      kind: 'permanent',
      code: 'refused',
      fix: 'Grant s3:PutObject on arn:aws:s3:::bucket/optional/prefix/shop/*.',
    });
  });

  test('a missing bucket is never an empty store', async () => {
    const store = await server.open({ url: 's3://nobucket' });
    // A sentence follows the message, so its own full stop goes.
    const noBucket = { kind: 'permanent', code: 'no-bucket', message: expect.stringMatching(/does not exist$/) };
    expect(await faultOf(store.get('a', { bytesMax }))).toMatchObject(noBucket);
    expect(await faultOf(store.list('', {}))).toMatchObject(noBucket);
    expect(await faultOf(store.putIfAbsent('a', hello))).toMatchObject(noBucket);
    expect(await faultOf(store.remove('a'))).toMatchObject(noBucket);
  });

  test('a 404 that is no NoSuchKey is not an absence', async () => {
    const store = await server.open();
    once({ status: 404, code: 'NotFound' });
    expect(await faultOf(store.get('a', { bytesMax }))).toMatchObject({ kind: 'permanent', code: 'bad-endpoint' });
  });

  test('a store without conditional puts', async () => {
    const store = await server.open();
    once({ status: 501, code: 'NotImplemented' });
    expect(await faultOf(store.putIfAbsent('a', hello))).toMatchObject({ kind: 'permanent', code: 'no-conditional-put' });
  });

  test('a wrong region, with the right one where the answer tells it', async () => {
    const store = await server.open();
    once({ status: 400, code: 'AuthorizationHeaderMalformed', headers: { 'x-amz-bucket-region': 'eu-central-1' } });
    expect(await faultOf(store.put('a', hello))).toMatchObject({
      kind: 'permanent',
      code: 'wrong-region',
      fix: 'Set datastore.region to eu-central-1.',
    });
  });
});

describe('403 in place of 404', () => {
  const denied: Intervention = { status: 403, code: 'AccessDenied' };
  const isGet = (request: Request) => request.key !== '';

  test('is an absence when a permitted listing does not hold the key', async () => {
    const store = await server.open();
    await store.put('log/10', hello);
    once(denied, isGet);
    expect((await store.get('log/1', { bytesMax })).value).toBeNull();
  });

  test('is a refusal when the listing holds the key', async () => {
    const store = await server.open();
    await store.put('log/1', hello);
    once(denied, isGet);
    expect(await faultOf(store.get('log/1', { bytesMax }))).toMatchObject({ kind: 'permanent', code: 'refused' });
  });

  test('is a refusal when listing is refused too', async () => {
    const store = await server.open();
    intervene = () => denied;
    expect(await faultOf(store.get('log/1', { bytesMax }))).toMatchObject({
      code: 'refused',
      fix: expect.stringContaining('s3:GetObject'),
    });
  });
});

describe('an endpoint', () => {
  test('where nobody listens: even a conditional put surely did not happen', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    const store = await server.open({ endpoint: `http://127.0.0.1:${port}` });
    expect(await faultOf(store.putIfAbsent('a', hello))).toMatchObject({ kind: 'transient', code: 'unreachable' });
  });

  test('whose name does not resolve', async () => {
    const store = await server.open({ endpoint: 'http://store.invalid' });
    expect(await faultOf(store.putIfAbsent('a', hello))).toMatchObject({ kind: 'transient', code: 'unreachable' });
  });

  test('that answers a web page', async () => {
    const store = await server.open();
    once({ status: 200 });
    expect((await faultOf(store.list('', {}))).kind).not.toBe('unknown');
  });

  test.each([
    ['s3://B', undefined],
    ['https://bucket', undefined],
    ['s3://bucket/a b', undefined],
    ['s3://bucket/../x', undefined],
    ['s3://bucket', 'localhost:9000'],
    ['s3://bucket', 'http://'],
  ])('%s at %s is refused at once', async (url, endpoint) => {
    const options = { url, endpoint, federation: 'shop', environment, requestTimeoutMs: 1000 };
    expect(await faultOf(openS3(options))).toMatchObject({ kind: 'permanent', code: 'bad-endpoint' });
  });
});

describe('uploads', () => {
  const size = 20 * 1024 * 1024;
  async function* source(): AsyncGenerator<Buffer> {
    for (let i = 0; i < 20; i++) yield Buffer.alloc(1024 * 1024, i);
  }
  const isPart = (request: Request) => request.query.get('partNumber') === '2';

  test('a part that fails once is repeated without starting over', async () => {
    const store = await server.open();
    let opened = 0;
    once('reset', isPart);
    await store.putStream('a', size, () => {
      opened++;
      return source();
    });
    expect(opened).toBe(1);
    expect((await store.list('a', {})).value.objects[0]?.size).toBe(size);
  });

  test('a part that fails for good fails the upload, and nothing is stored', async () => {
    const store = await server.open();
    intervene = (request) => (isPart(request) ? { status: 500, code: 'InternalError' } : 'pass');
    expect(await faultOf(store.putStream('a', size, source))).toMatchObject({ kind: 'transient', code: 'server-error' });
    expect((await store.get('a', { bytesMax })).value).toBeNull();
  });
});

test('requests are reported one by one, parts of uploads too', async () => {
  const seen: string[] = [];
  const store = await server.open({ onRequest: (operation) => seen.push(operation) });
  await store.put('a', hello);
  await store.get('a', { bytesMax });
  await store.putStream('b', 9 * 1024 * 1024, async function* () {
    yield Buffer.alloc(9 * 1024 * 1024);
  });
  expect(seen.sort()).toEqual(
    ['CompleteMultipartUpload', 'CreateMultipartUpload', 'GetObject', 'PutObject', 'UploadPart', 'UploadPart'].sort(),
  );
});

test('doctor’s questions: no lifecycle rules, no versioning, or the store’s refusal', async () => {
  const { inspect } = await server.open();
  expect(await inspect.lifecycleRules()).toEqual([]);
  expect(await inspect.bucketVersioning()).toBe('off');
  once({ status: 403, code: 'AccessDenied' });
  expect(await inspect.lifecycleRules()).toBe('denied');
  once({ status: 501, code: 'NotImplemented' });
  expect(await inspect.bucketVersioning()).toBe('unsupported');
});

test.each([
  ['CERT_HAS_EXPIRED', 'transient', 'unreachable'],
  ['ECONNREFUSED', 'transient', 'unreachable'],
  ['ENOTFOUND', 'transient', 'unreachable'],
  ['ECONNRESET', 'unknown', 'unreachable'],
  ['EPIPE', 'unknown', 'unreachable'],
  ['ETIMEDOUT', 'unknown', 'timeout'],
])('a conditional put that meets %s is %s', (code, kind, word) => {
  const attempted = { action: 's3:PutObject', resource: 'arn:aws:s3:::bucket/*', conditional: true };
  expect(toFault(Object.assign(new Error('x'), { code }), attempted)).toMatchObject({ kind, code: word });
});
