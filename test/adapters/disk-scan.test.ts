import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { all, faultCode } from '../contract/share-tree/ground.ts';
import { bench } from './disk-fixture.ts';

test('the working directory is after a look as before', () => {
  const { tree, root } = bench();
  writeFileSync(join(root, 'f'), '');
  const before = process.cwd();
  expect(tree.readDirectory('', all).names).toEqual(['f']);
  expect(process.cwd()).toBe(before);
});

test('a socket is "other", and opening it neither waits nor succeeds', async () => {
  const { tree, root } = bench();
  const server = createServer().listen(join(root, 'socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  expect(tree.readDirectory('', all).statAt(0).kind).toBe('other');
  expect(faultCode(() => tree.open('socket'))).toBe('io');
  await new Promise((resolve) => server.close(resolve));
});
