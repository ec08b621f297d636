import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDirectory } from '../../src/adapters/directory.ts';
import { datastoreContract } from './datastore.ts';

const twoDaysMs = 2 * 24 * 3600 * 1000;

datastoreContract('directory', async () => {
  const path = await fs.mkdtemp(join(tmpdir(), 'flocksync-directory-'));
  const begin = async () => {
    const left = join(path, 'shop', '.incoming', 'left');
    await fs.writeFile(left, 'half');
    await fs.utimes(left, (Date.now() - twoDaysMs) / 1000, (Date.now() - twoDaysMs) / 1000);
  };
  return { store: openDirectory({ path, federation: 'shop' }), begin, close: () => fs.rm(path, { recursive: true, force: true }) };
});
