import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openDirectory } from '../../src/adapters/directory.ts';
import { toDirectoryFault } from '../../src/adapters/directory-faults.ts';
import type { Datastore } from '../../src/ports/datastore.ts';

const bytesMax = 1000;
const hello = Buffer.from('hello');
let path: string;
let store: Datastore;

beforeEach(async () => {
  path = await fs.mkdtemp(join(tmpdir(), 'flocksync-directory-'));
  store = openDirectory({ path, federation: 'shop' });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await fs.rm(path, { recursive: true, force: true });
});

const failing = (code: string) => Object.assign(new Error(code), { code });

test('a missing base directory is a permanent fault of every method, and is never created', async () => {
  await fs.rm(path, { recursive: true });
  for (const call of [
    () => store.get('a', { bytesMax }),
    () => store.put('a', hello),
    () => store.putIfAbsent('a', hello),
    () => store.putStream('a', 0, async function* () {}),
    () => store.list('', {}),
    () => store.listFolders(''),
    () => store.remove('a'),
  ]) {
    await expect(call()).rejects.toMatchObject({ kind: 'permanent', code: 'no-bucket', fix: expect.stringContaining('Mount') });
  }
  await expect(fs.stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('an existing base directory without a federation is an empty store', async () => {
  expect((await store.list('', {})).value).toEqual({ objects: [], truncated: false });
  expect((await store.get('a', { bytesMax })).value).toBeNull();
});

test.each(['../a', 'a/../b', './a', 'a//b', '/a', 'a/', '', 'a\u0000', 'é', 'a b', 'a\\b', '.incoming/x'])(
  'the key %j is refused',
  async (key) => {
    for (const call of [store.get(key, { bytesMax }), store.put(key, hello), store.putIfAbsent(key, hello), store.remove(key)]) {
      await expect(call).rejects.toMatchObject({ kind: 'permanent', code: 'bad-key' });
    }
  },
);

test.each(['../', 'a/../b', '/', 'a//'])('the prefix %j is refused', async (prefix) => {
  await expect(store.list(prefix, {})).rejects.toMatchObject({ code: 'bad-key' });
});

test('a federation that leads out of the directory is refused', () => {
  expect(() => openDirectory({ path, federation: '..' })).toThrow();
  expect(() => openDirectory({ path, federation: 'a/b' })).toThrow();
});

test('NFS: EEXIST for one’s own success is a success, found by the inode', async () => {
  const link = fs.link;
  vi.spyOn(fs, 'link').mockImplementationOnce(async (from, to) => {
    await link(from, to);
    throw failing('EEXIST');
  });
  expect((await store.putIfAbsent('log/1', hello)).value).toBe('created');
  expect((await store.putIfAbsent('log/1', hello)).value).toBe('exists');
});

test('NFS: EEXIST for somebody else’s equal bytes is no success', async () => {
  await store.putIfAbsent('log/1', hello);
  expect((await store.putIfAbsent('log/1', Buffer.from('hello'))).value).toBe('exists');
});

test('R-S1: an error of the link that leaves nothing visible is unknown', async () => {
  vi.spyOn(fs, 'link').mockRejectedValueOnce(failing('EIO'));
  await expect(store.putIfAbsent('log/1', hello)).rejects.toMatchObject({ kind: 'unknown' });
  vi.spyOn(fs, 'link').mockImplementationOnce(async (_, to) => {
    await fs.writeFile(to, 'other');
    throw failing('EIO');
  });
  await expect(store.putIfAbsent('log/2', hello)).rejects.toMatchObject({ kind: 'unknown' });
});

test('a file system without hard links has no conditional put', async () => {
  vi.spyOn(fs, 'link').mockRejectedValueOnce(failing('EPERM'));
  await expect(store.putIfAbsent('log/1', hello)).rejects.toMatchObject({ kind: 'permanent', code: 'no-conditional-put' });
});

test('nothing is left behind by writes that failed, and what a killed process left is never listed', async () => {
  await store.put('a', hello);
  await fs.writeFile(join(path, 'shop/.incoming/leftover'), 'x');
  vi.spyOn(fs, 'link').mockRejectedValueOnce(failing('EIO'));
  await expect(store.putIfAbsent('log/1', hello)).rejects.toThrow();
  await expect(store.putStream('b', 5, async function* () {})).rejects.toThrow();
  expect(await fs.readdir(join(path, 'shop/.incoming'))).toEqual(['leftover']);
  expect((await store.list('', {})).value.objects.map((object) => object.key)).toEqual(['a']);
  expect((await store.listFolders('')).value).toEqual([]);
});

test('what a killed process left more than a day ago is swept', async () => {
  await fs.mkdir(join(path, 'shop/.incoming'), { recursive: true });
  for (const name of ['old', 'new']) await fs.writeFile(join(path, 'shop/.incoming', name), 'x');
  const daysAgo = Date.now() / 1000 - 25 * 3600;
  await fs.utimes(join(path, 'shop/.incoming/old'), daysAgo, daysAgo);
  await store.put('a', hello);
  expect(await fs.readdir(join(path, 'shop/.incoming'))).toEqual(['new']);
});

test('links and foreign names in the directory are no objects', async () => {
  await store.put('a/b', hello);
  await fs.symlink('/etc/passwd', join(path, 'shop/a/link'));
  await fs.writeFile(join(path, 'shop/a/foreign name'), 'x');
  expect((await store.list('', {})).value.objects.map((object) => object.key)).toEqual(['a/b']);
  await expect(store.get('a/link', { bytesMax })).rejects.toMatchObject({ name: 'DatastoreFault' });
});

test.each([
  ['ENOSPC', 'permanent', 'full'],
  ['EDQUOT', 'permanent', 'full'],
  ['EACCES', 'permanent', 'refused'],
  ['EROFS', 'permanent', 'refused'],
  ['ESTALE', 'transient', 'unreachable'],
  ['EIO', 'transient', 'unreachable'],
  ['ETIMEDOUT', 'transient', 'unreachable'],
])('%s is %s, %s', (code, kind, word) => {
  expect(toDirectoryFault(failing(code), 'put')).toMatchObject({ kind, code: word });
});

test('a folder that cannot hold a match is not read', async () => {
  for (const key of ['a/log/1', 'a/packs/1', 'b/log/1']) await store.put(key, hello);
  const readdir = vi.spyOn(fs, 'readdir');
  await store.list('a/log/', {});
  expect(readdir.mock.calls.map(([folder]) => folder)).toEqual([join(path, 'shop/a/log/')]);
  readdir.mockClear();
  await store.list('a/lo', {});
  expect(readdir.mock.calls.map(([folder]) => folder)).toEqual([join(path, 'shop/a/'), join(path, 'shop/a/log/')]);
  readdir.mockClear();
  await store.list('a/', { after: 'a/m' });
  expect(readdir.mock.calls.map(([folder]) => folder)).toEqual([join(path, 'shop/a/'), join(path, 'shop/a/packs/')]);
});
