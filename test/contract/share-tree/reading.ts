import { expect, test } from 'vitest';
import { contentHash } from '../../../src/model/digest.ts';
import { DiskFault, type FilesRead } from '../../../src/ports/filesystem.ts';
import { contractOf, type Ground, type Kind } from './ground.ts';

/** Many small files at once. */
export function reading(kind: Kind): void {
  contractOf('reading many files', kind, (prepared) => {
    test('each with its content and its looks before and after, in order', async () => {
      const { user, tree, toRead } = site(prepared);
      user.makeDirectory('root/d/e');
      const paths = ['b', 'd/a', 'd/e/x', 'd/z', 'a'];
      for (const path of paths) user.write(`root/${path}`, path === 'a' ? '' : `text of ${path}`);
      const read = await tree.readFiles(paths.map(toRead));
      expect(texts(read)).toEqual(['text of b', 'text of d/a', 'text of d/e/x', 'text of d/z', '']);
      for (const [at, path] of paths.entries()) expect(read.files[at]).toMatchObject({ before: tree.look(path), after: tree.look(path) });
      read.release();
    });

    test('R-D2: a file that is longer or shorter than it was has no content', async () => {
      const { user, tree, toRead } = site(prepared);
      for (const name of ['grown', 'cut', 'same']) user.write(`root/${name}`, 'as it was');
      const asked = ['grown', 'cut', 'same'].map(toRead);
      user.append('root/grown', '!');
      user.truncate('root/cut', 2);
      expect(texts(await tree.readFiles(asked))).toEqual([null, null, 'as it was']);
    });

    test('R-A4: trouble is that of its own path; no link is followed and no fifo waited for', async () => {
      const { user, tree, toRead } = site(prepared);
      user.makeDirectory('root/d');
      user.write('root/target', 'text');
      user.write('root/d/inside', 'text');
      user.makeLink('target', 'root/link');
      user.makeLink('d', 'root/way');
      user.makeFifo('root/fifo');
      const asked = ['link', 'way/inside', 'fifo', 'd'].map((path) => ({ path, size: 4 }));
      const read = await tree.readFiles([...asked, { path: 'gone', size: 4 }, { path: 'gone/far', size: 4 }, toRead('target')]);
      expect(texts(read)).toEqual(['not-directory', 'not-directory', 'io', 'io', 'absent', 'absent', 'text']);
      expect(read.files[3]).toMatchObject({ message: expect.stringContaining('cannot open d: expected a file') });
    });

    test('what is read at once does not share its place', async () => {
      const { user, tree, toRead } = site(prepared);
      const paths = Array.from({ length: 40 }, (_, at) => `f${at}`);
      for (const path of paths) user.write(`root/${path}`, path.repeat(100));
      const both = await Promise.all([tree.readFiles(paths.map(toRead)), tree.readFiles([...paths].reverse().map(toRead))]);
      expect(texts(both[0])).toEqual(paths.map((path) => path.repeat(100)));
      expect(texts(both[1])).toEqual([...paths].reverse().map((path) => path.repeat(100)));
    });
  });
}

function site(prepared: () => Ground) {
  const ground = prepared();
  return { ...ground, toRead: (path: string) => ({ path, size: ground.user.stat(`root/${path}`)?.size ?? 0 }) };
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
