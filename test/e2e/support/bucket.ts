import { randomUUID } from 'node:crypto';
import { createBucket, givenEndpoint } from './store.ts';

/** Before all end-to-end tests: where a real store is given they share a bucket, each below a prefix of its own. It is left to its owner. */
export default async function setUp(): Promise<void> {
  if (givenEndpoint === undefined) return;
  // The SDK's word about the Node of next year is no result of a test.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const bucket = `flocksync-test-${randomUUID()}`;
  await createBucket(givenEndpoint, bucket);
  process.env.FLOCKSYNC_TEST_BUCKET = bucket;
}
