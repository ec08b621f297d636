import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDirectory } from '../../src/adapters/directory.ts';
import type { S3Datastore } from '../../src/adapters/s3.ts';
import { toFault } from '../../src/adapters/s3-faults.ts';
import { faultText } from '../../src/cli/faults.ts';
import type { Request } from '../../src/dev-s3/exchange.ts';
import type { Intervention } from '../../src/dev-s3/server.ts';
import { DatastoreFault } from '../../src/ports/datastore.ts';
import { startTestS3, type TestS3 } from '../dev-s3/start.ts';
import { documented } from '../documented.ts';
import { temporaryDirectory } from './temporary.ts';

const bytesMax = 1024;
const hello = Buffer.from('hello');
let server: TestS3;
let intervene: (request: Request) => Intervention;

beforeEach(async () => {
  intervene = () => 'pass';
  server = await startTestS3({ intercept: (request) => intervene(request) });
});
afterEach(() => server.close());

/** What a person reads when this call fails. */
async function saidOf(call: () => unknown): Promise<{ code: string; text: string }> {
  try {
    await call();
  } catch (error) {
    if (error instanceof DatastoreFault) return { code: error.code, text: faultText(error) };
    throw error;
  }
  throw new Error('nothing failed');
}

interface Trouble {
  readonly code: string;
  readonly says: RegExp;
  readonly fate: Intervention;
  readonly call?: (store: S3Datastore) => Promise<unknown>;
}

const get = (store: S3Datastore) => store.get('a', { bytesMax });
const putNew = (store: S3Datastore) => store.putIfAbsent('new', hello);

const troubles: readonly Trouble[] = [
  { code: 'unreachable', says: documented('unreachable'), fate: 'reset' },
  { code: 'timeout', says: documented('timeout'), fate: { status: 408, code: 'RequestTimeout' } },
  { code: 'throttled', says: documented('throttled'), fate: { status: 503, code: 'SlowDown' } },
  { code: 'server-error', says: documented('server-error'), fate: { status: 500, code: 'InternalError' } },
  { code: 'conflict', says: documented('conflict'), fate: { status: 409, code: 'OperationAborted' } },
  { code: 'clock-skew', says: documented('clock-skew'), fate: { status: 403, code: 'RequestTimeTooSkewed' } },
  { code: 'refused', says: documented('refused'), fate: { status: 403, code: 'InvalidAccessKeyId' } },
  { code: 'refused', says: documented('refused'), fate: { status: 403, code: 'ExpiredToken' } },
  { code: 'no-bucket', says: documented('no-bucket'), fate: { status: 404, code: 'NoSuchBucket' } },
  { code: 'wrong-region', says: documented('wrong-region'), fate: { status: 301, code: 'PermanentRedirect' } },
  { code: 'bad-endpoint', says: documented('bad-endpoint'), fate: { status: 405, code: 'MethodNotAllowed' } },
  { code: 'bad-request', says: documented('bad-request'), fate: { status: 400, code: 'InvalidArgument' } },
  { code: 'bad-key', says: documented('bad-key'), fate: { status: 400, code: 'KeyTooLongError' } },
  { code: 'no-conditional-put', says: documented('no-conditional-put'), fate: { status: 501, code: 'NotImplemented' }, call: putNew },
  { code: 'full', says: documented('full'), fate: { status: 403, code: 'QuotaExceeded' }, call: putNew },
  { code: 'archived', says: documented('archived'), fate: { status: 403, code: 'InvalidObjectState' } },
  { code: 'too-large', says: documented('too-large'), fate: { status: 400, code: 'EntityTooLarge' }, call: putNew },
  { code: 'too-large', says: documented('too-large'), fate: 'pass', call: (store) => store.get('a', { bytesMax: 2 }) },
  {
    code: 'bad-range',
    says: documented('bad-range'),
    fate: 'pass',
    call: (store) => store.get('a', { range: { offset: 100, length: 5 }, bytesMax }),
  },
];

describe('what a store answers is told by its code, with the fix that docs/8 has', () => {
  test.each(troubles)('$code: $fate', async ({ code, says, fate, call = get }) => {
    const store = await server.open();
    await store.put('a', hello);
    intervene = () => fate;
    const said = await saidOf(() => call(store));
    expect(said).toEqual({ code, text: expect.stringMatching(says) });
  });

  test('no-bucket and bad-key of a directory', async () => {
    const path = `${temporaryDirectory()}/nowhere`;
    const lost = openDirectory({ path, federation: 'shop' });
    expect(await saidOf(() => lost.get('a', { bytesMax }))).toEqual({
      code: 'no-bucket',
      text: expect.stringMatching(documented('no-bucket')),
    });
    const store = openDirectory({ path: temporaryDirectory(), federation: 'shop' });
    expect(await saidOf(() => store.get('a\nb', { bytesMax }))).toEqual({
      code: 'bad-key',
      text: expect.stringMatching(documented('bad-key')),
    });
  });

  test('a defect of the program, and a file that went away while it was sent, are told as what they are', async () => {
    const attempted = { action: 's3:PutObject', resource: 'arn:aws:s3:::bucket', conditional: false };
    expect(faultText(toFault(new TypeError('x is undefined'), attempted))).toMatch(documented('internal'));
    const store = await server.open();
    async function* shrunk(): AsyncGenerator<Buffer> {
      yield Buffer.from('hel');
    }
    const said = await saidOf(() => store.putStream('big', 5, shrunk));
    expect(said).toEqual({ code: 'source-failed', text: expect.stringMatching(documented('source-failed')) });
  });
});
