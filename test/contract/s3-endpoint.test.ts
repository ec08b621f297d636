import { randomUUID } from 'node:crypto';
import { describe, test } from 'vitest';
import { openS3 } from '../../src/adapters/s3.ts';
import { createBucket } from '../e2e/support/store.ts';
import { datastoreContract } from './datastore.ts';
import { conditionalPutRaces } from './races.ts';

const { FLOCKSYNC_TEST_S3_ENDPOINT: endpoint, FLOCKSYNC_TEST_S3_URL: given, ...environment } = process.env;

/** Against any store: see localstack/README.md. Everything is written below a prefix of its own and left for the bucket's owner. */
if (endpoint || given) {
  const name = `S3 adapter against ${endpoint ?? given}`;
  datastoreContract(name, async () => {
    const url = await newPlace();
    return { store: await open(url), close: async () => undefined };
  });
  conditionalPutRaces(name, async () => {
    const url = await newPlace();
    return { open: () => open(url), rounds: 200, close: async () => undefined };
  });
} else {
  describe('datastore contract: S3 adapter against a real store', () => {
    test.skip('needs FLOCKSYNC_TEST_S3_ENDPOINT (or FLOCKSYNC_TEST_S3_URL) and AWS_* variables', () => undefined);
  });
}

async function newPlace(): Promise<string> {
  if (given) return `${given}/${randomUUID()}`;
  const bucket = `flocksync-test-${randomUUID()}`;
  await createBucket(endpoint ?? '', bucket);
  return `s3://${bucket}/${randomUUID()}`;
}

function open(url: string) {
  return openS3({ url, endpoint, federation: 'shop', environment, requestTimeoutMs: 30_000 });
}
