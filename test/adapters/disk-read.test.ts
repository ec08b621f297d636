import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openShareTree } from '../../src/adapters/disk.ts';
import { contentHash } from '../../src/model/digest.ts';
import { DiskFault, type FilesRead } from '../../src/ports/filesystem.ts';
import { codecIn, threadPlaces } from './thread-fixture.ts';

/** A tree whose files are read at that place. */
async function treeAt(place: string) {
  const base = mkdtempSync(join(tmpdir(), 'flocksync-read-'));
  const root = join(base, 'root');
  mkdirSync(root);
  const codec = await codecIn(place);
  // A thread that runs is asked even for a few files.
  if (place !== 'in this thread') await codec.encode([Buffer.alloc(2 * 1024 * 1024)]);
  const tree = openShareTree({ root, shareName: 'web', read: codec.read });
  onTestFinished(() => {
    tree.close();
    rmSync(base, { recursive: true, force: true });
  });
  const toRead = (path: string) => ({ path, size: statSync(join(root, path)).size });
  return { root, tree, toRead };
}

/** The text of each file, its hash checked; null where it is not as long as was said, the fault's code where there is one. */
function texts({ files }: FilesRead): (string | null)[] {
  return files.map((file) => {
    if (file instanceof DiskFault) return file.code;
    if (file.content === null) return null;
    expect(file.content.hash).toBe(contentHash(file.content.bytes));
    return file.content.bytes.toString();
  });
}

describe.each(threadPlaces)('many files are read %s', (place) => {
  test('each with its content and its looks before and after, in order', async () => {
    const { root, tree, toRead } = await treeAt(place);
    mkdirSync(join(root, 'd/e'), { recursive: true });
    const paths = ['b', 'd/a', 'd/e/x', 'd/z', 'a'];
    for (const path of paths) writeFileSync(join(root, path), path === 'a' ? '' : `text of ${path}`);
    const read = await tree.readFiles(paths.map(toRead));
    expect(texts(read)).toEqual(['text of b', 'text of d/a', 'text of d/e/x', 'text of d/z', '']);
    for (const [at, path] of paths.entries()) expect(read.files[at]).toMatchObject({ before: tree.look(path), after: tree.look(path) });
    read.release();
  });

  test('R-D2: a file that is longer or shorter than it was has no content', async () => {
    const { root, tree, toRead } = await treeAt(place);
    for (const name of ['grown', 'cut', 'same']) writeFileSync(join(root, name), 'as it was');
    const asked = ['grown', 'cut', 'same'].map(toRead);
    appendFileSync(join(root, 'grown'), '!');
    writeFileSync(join(root, 'cut'), 'as');
    expect(texts(await tree.readFiles(asked))).toEqual([null, null, 'as it was']);
  });

  test('R-A4: trouble is that of its own path; no link is followed and no fifo waited for', async () => {
    const { root, tree, toRead } = await treeAt(place);
    mkdirSync(join(root, 'd'));
    writeFileSync(join(root, 'target'), 'text');
    writeFileSync(join(root, 'd/inside'), 'text');
    symlinkSync('target', join(root, 'link'));
    symlinkSync('d', join(root, 'way'));
    execFileSync('mkfifo', [join(root, 'fifo')]);
    const asked = ['link', 'way/inside', 'fifo', 'd'].map((path) => ({ path, size: 4 }));
    const read = await tree.readFiles([...asked, { path: 'gone', size: 4 }, { path: 'gone/far', size: 4 }, toRead('target')]);
    expect(texts(read)).toEqual(['not-directory', 'not-directory', 'io', 'io', 'absent', 'absent', 'text']);
    expect(read.files[3]).toMatchObject({ message: expect.stringContaining('cannot open d: expected a file') });
  });

  test('what is read at once does not share its place', async () => {
    const { root, tree, toRead } = await treeAt(place);
    const paths = Array.from({ length: 40 }, (_, at) => `f${at}`);
    for (const path of paths) writeFileSync(join(root, path), path.repeat(100));
    const both = await Promise.all([tree.readFiles(paths.map(toRead)), tree.readFiles([...paths].reverse().map(toRead))]);
    expect(texts(both[0])).toEqual(paths.map((path) => path.repeat(100)));
    expect(texts(both[1])).toEqual([...paths].reverse().map((path) => path.repeat(100)));
  });
});
