import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configureShares, startDaemon, until } from './support/daemon.ts';
import { startFederation } from './support/federation.ts';

test('a daemon that follows fifteen shares says nothing', async () => {
  const federation = startFederation(['web-a']);
  const names = Array.from({ length: 15 }, (_, n) => `share${n}`);
  const root = (name: string) => join(federation.directory, 'web-a', name);
  for (const name of names) {
    mkdirSync(root(name), { recursive: true });
    writeFileSync(join(root(name), 'file'), name);
  }
  const lines = names.flatMap((name) => [`- name: ${name}`, `  path: ${root(name)}`, '  settle: 0s']);
  configureShares(federation, 'web-a', [`url: "file://${federation.bucket}"`], lines);
  const daemon = startDaemon(federation, 'web-a');
  const log = (name: string) => join(federation.bucket, 'shop', name, 'log/0000000000000001');
  await until('every share has its first record', () => names.every((name) => existsSync(log(name))), 60_000);
  expect(await daemon.stop()).toMatchObject({ code: 0, stdout: '', stderr: '' });
  federation.close();
});
