import { randomUUID } from 'node:crypto';
import { describe, test } from 'vitest';
import { openS3 } from '../../src/adapters/s3.ts';
import { datastoreContract } from './datastore.ts';

const { FLOCKSYNC_TEST_S3_ENDPOINT: endpoint, FLOCKSYNC_TEST_S3_URL: given, ...environment } = process.env;

/** Against any store: see localstack/README.md. Everything is written below a prefix of its own and left for the bucket's owner. */
if (endpoint || given) {
  datastoreContract(`S3 adapter against ${endpoint ?? given}`, async () => {
    const url = given ?? `s3://flocksync-test-${Date.now()}`;
    if (!given) await createBucket(url.slice('s3://'.length));
    const store = await openS3({ url: `${url}/${randomUUID()}`, endpoint, federation: 'shop', environment, requestTimeoutMs: 30_000 });
    return { store, close: async () => undefined };
  });
} else {
  describe('datastore contract: S3 adapter against a real store', () => {
    test.skip('needs FLOCKSYNC_TEST_S3_ENDPOINT (or FLOCKSYNC_TEST_S3_URL) and AWS_* variables', () => undefined);
  });
}

async function createBucket(Bucket: string): Promise<void> {
  const { CreateBucketCommand, S3Client } = await import('@aws-sdk/client-s3');
  const client = new S3Client({ endpoint: endpoint ?? '', region: environment.AWS_REGION ?? 'us-east-1', forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket }));
  client.destroy();
}
