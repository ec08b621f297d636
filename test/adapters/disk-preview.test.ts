import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bench, isRoot } from './disk-fixture.ts';

test.skipIf(isRoot)('a file that cannot be read is no absence (needs a user other than root)', async () => {
  const { root, tree } = bench();
  writeFileSync(join(root, 'main.conf'), 'main');
  chmodSync(join(root, 'main.conf'), 0);
  const copied = tree.preview().copy({ namesMax: 1000, bytesMax: 1_000_000 });
  await expect(copied).rejects.toMatchObject({ name: 'DiskFault', code: 'denied' });
});
