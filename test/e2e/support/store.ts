import { randomUUID } from 'node:crypto';

const {
  FLOCKSYNC_TEST_S3_ENDPOINT,
  AWS_ACCESS_KEY_ID = 'test',
  AWS_SECRET_ACCESS_KEY = 'testtest',
  AWS_REGION = 'us-east-1',
} = process.env;

/** A real store that end-to-end tests shall use where they do not look into a bucket's directory; undefined: they use a directory. */
export const givenEndpoint = FLOCKSYNC_TEST_S3_ENDPOINT;

/** Variables with the keys of the given store, or of the development server. */
export const storeKeys: Readonly<Record<string, string>> = { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION };

/** Lines below `datastore:`, a prefix of its own in a bucket of the endpoint that stands for all tests of a run (`createBucket`). */
export function placeAt(endpoint: string): string[] {
  return [`url: "s3://${sharedBucket()}/${randomUUID()}"`, `endpoint: ${endpoint}`, `region: ${AWS_REGION}`];
}

function sharedBucket(): string {
  const bucket = process.env.FLOCKSYNC_TEST_BUCKET;
  if (bucket === undefined) throw new Error('no bucket was made for this run; see test/e2e/support/bucket.ts');
  return bucket;
}

export async function createBucket(endpoint: string, Bucket: string, keys = storeKeys): Promise<void> {
  const { CreateBucketCommand, S3Client } = await import('@aws-sdk/client-s3');
  const credentials = { accessKeyId: keys.AWS_ACCESS_KEY_ID ?? '', secretAccessKey: keys.AWS_SECRET_ACCESS_KEY ?? '' };
  const client = new S3Client({ endpoint, region: keys.AWS_REGION ?? 'us-east-1', forcePathStyle: true, credentials });
  await client.send(new CreateBucketCommand({ Bucket }));
  client.destroy();
}
