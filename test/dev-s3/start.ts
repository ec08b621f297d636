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
  /** Leaves an upload for this key of the federation unfinished. */
  begin(key: string): Promise<void>;
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
    begin: (key) => beginUpload(server.endpoint, 'bucket', `optional/prefix/shop/${key}`),
    close: async () => {
      await server.close();
      await fs.rm(directory, { recursive: true, force: true });
    },
  };
}

/** One part of an upload that nobody will finish. */
async function beginUpload(endpoint: string, Bucket: string, Key: string): Promise<void> {
  const { CreateMultipartUploadCommand, S3Client, UploadPartCommand } = await import('@aws-sdk/client-s3');
  const credentials = { accessKeyId: environment.AWS_ACCESS_KEY_ID, secretAccessKey: environment.AWS_SECRET_ACCESS_KEY };
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  await client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: Buffer.alloc(1024) }));
  client.destroy();
}
