import { spawnSync } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { makeDirectories } from '../../src/adapters/make-directories.ts';
import { temporaryDirectory } from './temporary.ts';

test('all that is missing is made, with the mode, and what is there stays as it is', () => {
  const home = temporaryDirectory();
  makeDirectories(join(home, 'a/b/c'), 0o700);
  expect(statSync(join(home, 'a/b/c')).mode & 0o777).toBe(0o700);
  makeDirectories(join(home, 'a/b'), 0o755);
  expect(statSync(join(home, 'a/b')).mode & 0o777).toBe(0o700);
});

test('a file in the place of a directory, or on the way to it, is a fault', () => {
  const home = temporaryDirectory();
  writeFileSync(join(home, 'file'), '');
  expect(() => makeDirectories(join(home, 'file'), 0o700)).toThrow('EEXIST');
  expect(() => makeDirectories(join(home, 'file/a/b'), 0o700)).toThrow('ENOTDIR');
});

test('a directory that can hold no other is a fault, and not the end of all things', () => {
  const module = fileURLToPath(new URL('../../src/adapters/make-directories.ts', import.meta.url));
  const script = `import { makeDirectories } from ${JSON.stringify(module)}; makeDirectories('/proc/none/such', 0o700)`;
  const ran = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { timeout: 15_000, encoding: 'utf8' });
  expect({ status: ran.status, signal: ran.signal }).toEqual({ status: 1, signal: null });
  expect(ran.stderr).toContain('ENOENT');
  expect(existsSync('/proc/none')).toBe(false);
});
