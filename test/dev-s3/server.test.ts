import { createHash } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { DeleteObjectsCommand, GetObjectCommand, PutObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileOf } from '../../src/dev-s3/bucket.ts';
import { pageOf } from '../../src/dev-s3/listing.ts';
import { decodeChunks } from '../../src/dev-s3/payload.ts';
import { startDevS3 } from '../../src/dev-s3/server.ts';
import { startTestS3, type TestS3 } from './start.ts';

let server: TestS3;
beforeEach(async () => {
  server = await startTestS3();
});
afterEach(() => server.close());

const bytesMax = 1000;
const credentials = { accessKeyId: 'test', secretAccessKey: 'testtest' };

function client(options: S3ClientConfig = {}): S3Client {
  return new S3Client({ endpoint: server.endpoint, region: 'us-east-1', forcePathStyle: true, maxAttempts: 1, credentials, ...options });
}

test('binds to loopback only', async () => {
  for (const host of ['0.0.0.0', '::', '192.168.0.1', 'example.org']) {
    const options = { directory: server.directory, host, accessKey: 'a', secretKey: 'b' };
    await expect(startDevS3(options), host).rejects.toThrow('loopback');
  }
});

describe('signatures', () => {
  test('a request without one is refused, whatever it asks', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'POST'])
      expect((await fetch(`${server.endpoint}/bucket/a`, { method })).status).toBe(403);
  });

  test('a signed request that was changed on the way is refused', async () => {
    const s3 = client();
    s3.middlewareStack.add(
      (next) => (args) => next(Object.assign(args, { request: Object.assign(args.request as object, { path: '/bucket/b' }) })),
      {
        step: 'finalizeRequest',
        priority: 'low',
      },
    );
    await expect(s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'a', Body: 'x' }))).rejects.toMatchObject({
      name: 'SignatureDoesNotMatch',
    });
  });

  test('a body that does not match its signed hash is refused and not stored', async () => {
    const s3 = client({ requestChecksumCalculation: 'WHEN_REQUIRED' });
    const changed = Buffer.from('changed');
    s3.middlewareStack.add(
      (next) => (args) => next(Object.assign(args, { request: Object.assign(args.request as object, { body: changed }) })),
      {
        step: 'deserialize',
        priority: 'low',
      },
    );
    await expect(s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'a', Body: 'genuine' }))).rejects.toMatchObject({
      name: 'XAmzContentSHA256Mismatch',
    });
    expect((await (await server.open()).list('', {})).value.objects).toEqual([]);
  });

  test.each([-16, 16])('a request dated %i minutes off is refused', async (minutes) => {
    const off = await startTestS3({ now: () => Date.now() + minutes * 60_000 });
    await expect((await off.open()).list('', {})).rejects.toMatchObject({ code: 'clock-skew' });
    await off.close();
  });
});

describe('objects', () => {
  test.each(['a b', 'a+b', '100%25', 'é漢😀', '/lead', 'a//b', '../x', 'dir/', '<&">', 'x'.repeat(1024), `${'y'.repeat(300)}/z`, 'a\nb'])(
    'the key %j is stored, read and deleted by its exact name',
    async (Key) => {
      const s3 = client();
      await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key, Body: 'x' }));
      await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: `${Key.slice(0, 1000)}/child`, Body: 'y' }));
      expect(await (await s3.send(new GetObjectCommand({ Bucket: 'bucket', Key }))).Body?.transformToString()).toBe('x');
      expect(await fs.readdir(server.directory)).toEqual(['bucket']);
      const answer = await s3.send(new DeleteObjectsCommand({ Bucket: 'bucket', Delete: { Objects: [{ Key }] } }));
      expect(answer.Deleted?.map((deleted) => deleted.Key)).toEqual([Key]);
      await expect(s3.send(new GetObjectCommand({ Bucket: 'bucket', Key }))).rejects.toMatchObject({ name: 'NoSuchKey' });
    },
  );

  test('survive a restart, uploads that were under way do not', async () => {
    const store = await server.open();
    await store.put('a/1', Buffer.from('one'));
    await fs.writeFile(join(server.directory, 'bucket/incoming/torn'), 'half');
    const again = await startDevS3({ directory: server.directory, accessKey: 'test', secretKey: 'testtest' });
    const reopened = await server.open({ endpoint: again.endpoint });
    expect((await reopened.get('a/1', { bytesMax })).value?.bytes.toString()).toBe('one');
    const listed = (await reopened.list('', {})).value.objects;
    expect(listed).toMatchObject([{ key: 'a/1', size: 3, tag: `"${createHash('md5').update('one').digest('hex')}"` }]);
    expect((await reopened.putIfAbsent('a/1', Buffer.from('two'))).value).toBe('exists');
    expect(await fs.readdir(join(server.directory, 'bucket/incoming'))).toEqual([]);
    await again.close();
  });

  test('a client that breaks off in the middle of a body stores nothing', async () => {
    const s3 = client();
    const signed = await new Promise<{ headers: Record<string, string>; path: string }>((resolve) => {
      s3.middlewareStack.add(() => async (args) => Promise.reject(resolve(args.request as never)), {
        step: 'finalizeRequest',
        priority: 'low',
      });
      s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'a', Body: Buffer.alloc(100_000) })).catch(() => undefined);
    });
    const { hostname, port } = new URL(server.endpoint);
    const broken = httpRequest({ hostname, port, method: 'PUT', path: signed.path, headers: signed.headers });
    broken.on('error', () => undefined);
    await new Promise((resolve) => broken.write(Buffer.alloc(50_000), resolve));
    broken.destroy();
    const store = await server.open();
    await expect.poll(() => fs.readdir(join(server.directory, 'bucket/incoming'))).toEqual([]);
    expect((await store.list('', {})).value.objects).toEqual([]);
  });
});

test('what is not built is refused, never ignored', async () => {
  const s3 = client();
  for (const options of [{ IfMatch: '"x"' }, { IfNoneMatch: '"x"' }, { IfModifiedSince: new Date() }]) {
    await expect(s3.send(new GetObjectCommand({ Bucket: 'bucket', Key: 'a', ...options }))).rejects.toMatchObject({
      name: 'NotImplemented',
    });
  }
});

describe('aws-chunked bodies', () => {
  const body = '4;chunk-signature=abc\r\nwiki\r\n5\r\npedia\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n';

  async function decode(text: string, pieceBytes: number): Promise<string> {
    async function* pieces() {
      for (let at = 0; at < text.length; at += pieceBytes) yield Buffer.from(text.slice(at, at + pieceBytes));
    }
    const out: Buffer[] = [];
    for await (const chunk of decodeChunks(pieces())) out.push(chunk);
    return Buffer.concat(out).toString();
  }

  test.each([1, 2, 3, 7, 1000])('are decoded when they arrive in pieces of %i bytes', async (pieceBytes) => {
    expect(await decode(body, pieceBytes)).toBe('wikipedia');
  });

  test.each([body.slice(0, 30), '4\r\nwi', 'zz\r\n', '4;x\r\nwiki\r\n'])('that are cut or malformed (%j) are refused', async (text) => {
    await expect(decode(text, 5)).rejects.toMatchObject({ status: 400 });
  });
});

describe('listing pages', () => {
  const sorted = ['a', 'b/', 'b/1', 'b/2', 'b0', 'c/1', 'd'];
  const page = (changes: object) =>
    pageOf(sorted, { prefix: '', delimiter: '', after: '', afterFolder: undefined, limit: 1000, ...changes });

  test.each([1, 2, 3, 4])('of %i with a delimiter yield everything once', (limit) => {
    const found: string[] = [];
    let place: { after?: string; afterFolder?: string } = {};
    for (;;) {
      const { keys, folders, next } = page({ delimiter: '/', limit, ...place });
      found.push(...[...keys, ...folders].sort());
      if (next === undefined) break;
      place = next.startsWith('f') ? { after: next.slice(1), afterFolder: next.slice(1) } : { after: next.slice(1) };
    }
    expect(found).toEqual(['a', 'b/', 'b0', 'c/', 'd']);
  });

  test('that start inside a folder still show the folder while it has keys behind', () => {
    expect(page({ delimiter: '/', after: 'b/1' }).folders).toEqual(['b/', 'c/']);
    expect(page({ delimiter: '/', after: 'b/2' }).folders).toEqual(['c/']);
  });
});

test('file names are unambiguous, never too long, never special', () => {
  const keys = ['.', '..', 'a/b', 'a%2Fb', 'a%', 'a', 'x'.repeat(500), `${'x'.repeat(200)}%/x`, `${'%'.repeat(300)}`];
  const files = keys.map(fileOf);
  expect(new Set(files).size).toBe(keys.length);
  for (const name of files.flatMap((file) => file.split('/'))) {
    expect(name.length).toBeLessThanOrEqual(255);
    expect(['', '.', '..']).not.toContain(name);
  }
});
