import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openS3, type S3Datastore, type S3Options } from '../../src/adapters/s3.ts';
import { type DevS3Options, startDevS3 } from '../../src/dev-s3/server.ts';

export const environment = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'testtest' };

export interface TestS3 {
  readonly endpoint: string;
  readonly directory: string;
  /** The S3 adapter on the bucket `bucket`, prefix `optional/prefix`. */
  open(options?: Partial<S3Options>): Promise<S3Datastore>;
  close(): Promise<void>;
}

/** A development S3 server with one bucket in a temporary directory. */
export async function startTestS3(options: Partial<DevS3Options> = {}): Promise<TestS3> {
  const directory = await fs.mkdtemp(join(tmpdir(), 'flocksync-s3-'));
  await fs.mkdir(join(directory, 'bucket', 'objects'), { recursive: true });
  const server = await startDevS3({ directory, accessKey: 'test', secretKey: 'testtest', ...options });
  const base = { url: 's3://bucket/optional/prefix', endpoint: server.endpoint, federation: 'shop', environment, requestTimeoutMs: 10_000 };
  return {
    endpoint: server.endpoint,
    directory,
    open: (changes = {}) => openS3({ ...base, ...changes }),
    close: async () => {
      await server.close();
      await fs.rm(directory, { recursive: true, force: true });
    },
  };
}
