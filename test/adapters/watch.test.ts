import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { pathDepthMax } from '../../src/model/path.ts';
import { temporaryDirectory } from './temporary.ts';
import { kernelWatches, make, type Where, watched } from './watch-fixture.ts';

const places: readonly Where[] = ['in this thread', 'in a thread of its own'];

describe.each(places)('a directory is named when something happens in it, watched %s', (where) => {
  test.each<[string, (root: string) => void]>([
    ['a file comes', (root) => make(root, 'a/b/new')],
    ['a file is written', (root) => appendFileSync(join(root, 'a/b/file'), 'more')],
    ['a file goes', (root) => rmSync(join(root, 'a/b/file'))],
    ['a file gets other rights', (root) => chmodSync(join(root, 'a/b/file'), 0o600)],
    ['a file gets another name', (root) => renameSync(join(root, 'a/b/file'), join(root, 'a/b/other'))],
    ['a link comes', (root) => symlinkSync('file', join(root, 'a/b/link'))],
    ['the directory itself gets other rights', (root) => chmodSync(join(root, 'a/b'), 0o700)],
  ])('%s', async (_, edit) => {
    const root = temporaryDirectory();
    make(root, 'a/b/file', 'c/d/file');
    const seen = await watched({ root, where });
    edit(root);
    await seen.directory('a/b');
    await seen.settled();
    expect([...seen.directories].filter((path) => path.startsWith('c'))).toEqual([]);
    expect(seen.wholes).toEqual([]);
  });
});

describe('what comes with a new directory is found', () => {
  test('a directory is named after its watch stands, so that a look finds what was put there before', async () => {
    const seen = await watched();
    make(seen.root, 'new/early');
    await seen.directory('', 'new');
    seen.forget();
    make(seen.root, 'new/late');
    await seen.directory('new');
  });

  test('deep trees made in bursts are watched to the last directory', async () => {
    const seen = await watched();
    const leaves = Array.from({ length: 60 }, (_, at) => `burst${at % 7}/x${at % 5}/y${at % 3}/z${at}`);
    make(seen.root, ...leaves.map((leaf) => `${leaf}/file`));
    await seen.directory(...leaves);
    seen.forget();
    make(seen.root, ...leaves.map((leaf) => `${leaf}/again`));
    await seen.directory(...leaves);
  });

  test('a tree that moves in is watched to the last directory', async () => {
    const outside = temporaryDirectory();
    make(outside, 'tree/a/b/file', 'tree/c/file');
    const seen = await watched();
    renameSync(join(outside, 'tree'), join(seen.root, 'in'));
    await seen.directory('', 'in', 'in/a', 'in/a/b', 'in/c');
    seen.forget();
    make(seen.root, 'in/a/b/later');
    await seen.directory('in/a/b');
  });
});

describe('directories that go, come back or move keep being seen', () => {
  test('a directory that is deleted and made again at once, with the same inode number where the file system likes that', async () => {
    const root = temporaryDirectory();
    make(root, 'd/e/file');
    const seen = await watched({ root });
    const before = kernelWatches();
    for (let round = 0; round < 10; round++) {
      rmSync(join(root, 'd'), { recursive: true });
      make(root, 'd/e/');
      await seen.directory('d', 'd/e');
      await seen.settled();
      seen.forget();
      make(root, `d/e/${round}`);
      await seen.directory('d/e');
      seen.forget();
    }
    expect(kernelWatches()).toBe(before + 10);
  });

  test('a directory under another name, and what is below it', async () => {
    const root = temporaryDirectory();
    make(root, 'old/sub/file', 'other/');
    const seen = await watched({ root });
    renameSync(join(root, 'old'), join(root, 'other/new'));
    await seen.directory('', 'other', 'other/new', 'other/new/sub');
    seen.forget();
    make(root, 'other/new/sub/later');
    await seen.directory('other/new/sub');
    await seen.settled();
    expect([...seen.directories].filter((path) => path.startsWith('old'))).toEqual([]);
  });

  test('a directory that moves out is watched no longer', async () => {
    const [root, outside] = [temporaryDirectory(), temporaryDirectory()];
    make(root, 'leaves/sub/file', 'stays/');
    const seen = await watched({ root });
    expect(seen.watch.standing).toBe(4);
    const before = kernelWatches();
    renameSync(join(root, 'leaves'), join(outside, 'gone'));
    await seen.directory('');
    await seen.settled();
    await seen.standing(3);
    seen.forget();
    make(outside, 'gone/sub/later', 'gone/later');
    await seen.settled();
    expect([...seen.directories]).toEqual(['']);
    // Two have gone, and two directories have come to mark the time.
    expect(kernelWatches()).toBe(before - 2 + 2);
  });

  test('a directory in whose place another one is put', async () => {
    const root = temporaryDirectory();
    make(root, 'site/a/file', 'next/a/b/file');
    const seen = await watched({ root });
    renameSync(join(root, 'site'), join(root, 'last'));
    renameSync(join(root, 'next'), join(root, 'site'));
    await seen.directory('site', 'site/a', 'site/a/b', 'last', 'last/a');
    await seen.standing(6);
    seen.forget();
    make(root, 'site/a/b/later');
    make(root, 'last/a/later');
    await seen.directory('site/a/b', 'last/a');
  });

  test('a directory that becomes a link: what it leads to is nobody’s business', async () => {
    const [root, outside] = [temporaryDirectory(), temporaryDirectory()];
    make(root, 'd/sub/file');
    make(outside, 'sub/file');
    const seen = await watched({ root });
    rmSync(join(root, 'd'), { recursive: true });
    symlinkSync(outside, join(root, 'd'));
    await seen.directory('');
    await seen.settled();
    seen.forget();
    make(outside, 'sub/later', 'later');
    await seen.settled();
    expect([...seen.directories]).toEqual(['']);
    expect(seen.watch.standing).toBe(1 + 2);
  });
});

describe('what is no part of the share is left alone', () => {
  test('excluded directories are not watched, and excluded names are no event', async () => {
    const root = temporaryDirectory();
    make(root, 'cache/deep/er/file', 'app/log/a.log', '.flocksync/trash/file', 'app/keep');
    const seen = await watched({ root, exclude: ['/cache/', '*.log'] });
    expect(seen.watch.standing).toBe(3);
    make(root, 'cache/deep/er/later', 'app/log/a.log', 'app/log/b.log', '.flocksync/trash/later');
    await seen.settled();
    expect([...seen.directories]).toEqual(['']);
    make(root, 'app/log/b.txt');
    await seen.directory('app/log');
  });

  test('a tree that is deeper than a share can be', async () => {
    const root = temporaryDirectory();
    make(root, `${'d/'.repeat(pathDepthMax + 100)}`);
    const seen = await watched({ root });
    expect(seen.watch.standing).toBe(1 + pathDepthMax);
    make(root, `${'d/'.repeat(pathDepthMax - 1)}file`);
    await seen.directory('d/'.repeat(pathDepthMax - 1).slice(0, -1));
  });

  test('links are not followed', async () => {
    const [root, outside] = [temporaryDirectory(), temporaryDirectory()];
    make(outside, 'sub/file');
    symlinkSync(outside, join(root, 'link'));
    const seen = await watched({ root });
    expect(seen.watch.standing).toBe(1);
  });

  test('nothing of the root stays open, so that its file system can be unmounted', async () => {
    const root = temporaryDirectory();
    make(root, 'a/b/c/');
    const seen = await watched({ root });
    make(root, 'a/b/c/d/e/');
    await seen.directory('a/b/c/d/e');
    await seen.settled();
    const open = readdirSync('/proc/self/fd').map((fd) => target(`/proc/self/fd/${fd}`));
    expect(open.filter((path) => path.startsWith(root))).toEqual([]);
  });
});

function target(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}

test('names are bytes, whatever they hold', async () => {
  const names = ['\xff\xfe', 'new\nline', '1', '23', ' ', '..x', '-rf', '\u00e9', 'x'.repeat(255), '\x01'];
  const seen = await watched();
  for (const name of names) mkdirSync(Buffer.from(`${seen.root}/${name}`, 'latin1'));
  await seen.directory(...names);
  seen.forget();
  for (const name of names) writeFileSync(Buffer.from(`${seen.root}/${name}/${name}`, 'latin1'), '');
  await seen.directory(...names);
});

describe('a burst of 20,000 files while this thread is busy', () => {
  const script = (base: string, nested: boolean) => `
    const fs = require('node:fs');
    for (let d = 0; d < 200; d++) {
      const dir = ${JSON.stringify(base)} + '/' + ${nested ? "'n' + d % 20 + '/m' + d % 7 + '/d' + d" : "'d' + d"};
      fs.mkdirSync(dir, { recursive: true });
      for (let f = 0; f < 100; f++) fs.writeFileSync(dir + '/f' + f, 'content');
    }`;
  const directories = (nested: boolean) => Array.from({ length: 200 }, (_, d) => (nested ? `n${d % 20}/m${d % 7}/d${d}` : `d${d}`));

  test.each([
    ['in 200 directories that are there', false],
    ['in 200 new nested directories', true],
  ])(
    '%s: each of them is named, or everything',
    async (_, nested) => {
      // In memory where there is such a place: faster than any disk, which is what a queue may overflow of.
      const root = temporaryDirectory(existsSync('/dev/shm') ? '/dev/shm' : undefined);
      if (!nested) make(root, ...directories(false).map((directory) => `${directory}/`));
      const seen = await watched({ root, where: 'in a thread of its own' });
      execFileSync(process.execPath, ['-e', script(root, nested)]);
      const all = directories(nested);
      await seen.until(() => seen.wholes.includes('overflow') || all.every((path) => seen.directories.has(path)));
      await seen.settled();
      seen.forget();
      make(root, ...all.map((directory) => `${directory}/later`));
      await seen.directory(...all);
    },
    60_000,
  );
});
