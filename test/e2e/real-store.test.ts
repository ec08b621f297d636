import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startDevS3 } from '../../src/dev-s3/server.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { until } from './support/daemon.ts';
import { ended, type Federation, startFederation } from './support/federation.ts';
import { snapshot } from './support/tree.ts';

const { FLOCKSYNC_TEST_S3_ENDPOINT: given, AWS_ACCESS_KEY_ID = 'test', AWS_SECRET_ACCESS_KEY = 'testtest' } = process.env;
const keys = given === undefined ? {} : { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY };
const members = ['web-a', 'web-b', 'web-c'];
const bucket = `flocksync-test-${randomUUID()}`;

let federation: Federation;
let close = async () => {};

/** The endpoint that is named by FLOCKSYNC_TEST_S3_ENDPOINT, else the development server. */
beforeEach(async () => {
  let endpoint = given;
  if (endpoint === undefined) {
    const server = await startDevS3({ directory: temporaryDirectory(), accessKey: 'test', secretKey: 'testtest' });
    endpoint = server.endpoint;
    close = () => server.close();
  }
  await createBucket(endpoint);
  const datastore = [`url: "s3://${bucket}/${randomUUID()}"`, `endpoint: ${endpoint}`];
  federation = startFederation(members, { datastore, share: ['settle: 50ms', 'maxDelete: { percent: 100, floor: 100000 }'] });
});

afterEach(async () => {
  federation.close();
  await close();
});

async function createBucket(endpoint: string): Promise<void> {
  const { CreateBucketCommand, S3Client } = await import('@aws-sdk/client-s3');
  const credentials = { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY };
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  await client.send(new CreateBucketCommand({ Bucket: bucket })).catch((error: Error) => {
    if (!/BucketAlready/.test(error.name)) throw error;
  });
  client.destroy();
}

async function sync(): Promise<void> {
  const ran = await Promise.all(members.map((member) => federation.run(member, ['sync'], keys)));
  for (const { code, stdout, stderr } of ran) expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
}

function path(member: string, name: string): string {
  return join(federation.root(member), name);
}

describe(given === undefined ? 'through the development server' : `through ${given}`, () => {
  test('doctor finds nothing', async () => {
    const { code, stdout } = await federation.run('web-a', ['doctor'], keys);
    expect(stdout).toContain('All 15 checks passed.');
    expect(code).toBe(0);
  });

  test('three members converge: small and large files, links, moves, deletions, writers at the same moment', async () => {
    mkdirSync(path('web-a', 'pages'));
    for (let n = 0; n < 200; n++) writeFileSync(path('web-a', `pages/page-${n}.html`), `page ${n} `.repeat(n));
    writeFileSync(path('web-a', 'large'), Buffer.alloc(40 * 1024 * 1024, 'large file '));
    symlinkSync('pages/page-7.html', path('web-a', 'link'));
    expect((await federation.run('web-a', ['sync'], keys)).code).toBe(0);
    await sync();
    for (const [index, member] of members.entries()) writeFileSync(path(member, `by-${index}`), member);
    renameSync(path('web-b', 'pages'), path('web-b', 'renamed'));
    rmSync(path('web-c', 'large'));
    for (let round = 0; round < 3; round++) await sync();
    for (const member of members) expect(snapshot(federation.root(member))).toEqual(snapshot(federation.root('web-a')));
    expect(readFileSync(path('web-c', 'renamed/page-199.html'), 'utf8')).toContain('page 199');
  });

  test('daemons bring a change to all members', async () => {
    writeFileSync(path('web-a', 'first'), 'x');
    const daemons = members.map((member) => federation.start(member, ['run'], keys));
    const ends = daemons.map(ended);
    await until('the first file', () => members.every((member) => snapshot(federation.root(member)).has('first')), 20_000);
    writeFileSync(path('web-c', 'second'), 'y');
    await until('the second file', () => members.every((member) => snapshot(federation.root(member)).has('second')), 5000);
    for (const daemon of daemons) daemon.kill('SIGTERM');
    for (const { code, stderr } of await Promise.all(ends)) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});
