import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDirectory } from '../../src/adapters/directory.ts';
import { datastoreContract } from './datastore.ts';

datastoreContract('directory', async () => {
  const path = await fs.mkdtemp(join(tmpdir(), 'flocksync-directory-'));
  return { store: openDirectory({ path, federation: 'shop' }), close: () => fs.rm(path, { recursive: true, force: true }) };
});
