import { startTestS3 } from '../dev-s3/start.ts';
import { datastoreContract } from './datastore.ts';

datastoreContract('S3 adapter against the development S3 server', async () => {
  const server = await startTestS3();
  return { store: await server.open(), begin: server.begin, close: server.close };
});
