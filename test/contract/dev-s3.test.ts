import { startTestS3 } from '../dev-s3/start.ts';
import { datastoreContract } from './datastore.ts';
import { conditionalPutRaces } from './races.ts';

datastoreContract('S3 adapter against the development S3 server', async () => {
  const s3 = await startTestS3();
  return { store: await s3.open(), begin: (key) => s3.begin(key), close: () => s3.close() };
});

conditionalPutRaces('the development S3 server', async () => {
  const s3 = await startTestS3();
  return { open: () => s3.open(), rounds: 20, close: () => s3.close() };
});
