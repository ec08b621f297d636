// Runs the development S3 server by hand: npx tsx scripts/dev-s3.ts [directory] [port]
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDevS3 } from '../src/dev-s3/server.ts';

const [directory = mkdtempSync(join(tmpdir(), 'dev-s3-')), port = '9000'] = process.argv.slice(2);
const accessKey = process.env.AWS_ACCESS_KEY_ID ?? 'test';
const secretKey = process.env.AWS_SECRET_ACCESS_KEY ?? 'testtest';
const server = await startDevS3({ directory, port: Number(port), accessKey, secretKey });
console.log(
  `export AWS_ENDPOINT_URL=${server.endpoint} AWS_ACCESS_KEY_ID=${accessKey} AWS_SECRET_ACCESS_KEY=${secretKey} AWS_REGION=us-east-1`,
);
process.once('SIGINT', () => server.close());
process.once('SIGTERM', () => server.close());
