import { randomUUID } from 'node:crypto';
import { constants, promises as fs } from 'node:fs';
import { dirname, join } from 'node:path';
import { codeOf, noBase, noLinks } from './directory-faults.ts';
import { incoming } from './directory-walk.ts';

/** A complete, flushed file that has no name yet which a reader could see. */
export interface Temporary {
  readonly path: string;
  readonly inode: bigint;
  readonly device: bigint;
  /** The file server's clock at the write, ms since 1970. */
  readonly modifiedMs: number;
}

const staleMs = 24 * 3600 * 1000;

/** Throws 'no-bucket' unless `base` is a directory. */
export async function requireBase(base: string): Promise<void> {
  const stat = await fs.stat(base).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') throw noBase(base, error);
    throw error;
  });
  if (!stat.isDirectory()) throw noBase(base);
}

/** Creates the folders of `below` under `base`, one at a time, so that a missing `base` stays missing. */
export async function makeFolders(base: string, below: string): Promise<void> {
  let parent = base;
  for (const name of below.split('/').filter((part) => part !== '')) {
    const path = join(parent, name);
    if (await makeFolder(path)) await flushFolder(parent);
    parent = path;
  }
}

async function makeFolder(path: string): Promise<boolean> {
  try {
    await fs.mkdir(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Writes, flushes and closes a new file below `root`. On an error nothing is left behind. */
export async function writeTemporary(root: string, chunks: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<Temporary> {
  const path = join(root, incoming, randomUUID());
  const file = await fs.open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    for await (const chunk of chunks) await file.writeFile(chunk);
    await file.sync();
    const stat = await file.stat({ bigint: true });
    return { path, inode: stat.ino, device: stat.dev, modifiedMs: Number(stat.mtimeMs) };
  } catch (error) {
    await discard(path);
    throw error;
  } finally {
    await file.close();
  }
}

/** Takes the temporary name away; what cannot be removed now is swept a day later. */
export async function discard(path: string): Promise<void> {
  await fs.unlink(path).catch(() => undefined);
}

/** Gives the file its name, replacing what had it. */
export async function replace(temporary: Temporary, path: string): Promise<void> {
  await fs.rename(temporary.path, path);
  await flushFolder(dirname(path));
}

/**
 * Gives the file its name unless the name is taken. On NFS a repeated request reports EEXIST, or an error, for one's own success:
 * the inode behind the name decides. Returns 'lost' when not even that can be seen.
 */
export async function linkNew(temporary: Temporary, path: string): Promise<'created' | 'exists' | { readonly lost: unknown }> {
  try {
    await fs.link(temporary.path, path);
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (['ENOENT', 'ENOSPC', 'EDQUOT', 'EACCES', 'EROFS', 'ENOTDIR', 'ENAMETOOLONG'].includes(code)) throw error;
    if (['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EMLINK'].includes(code)) throw noLinks(error);
    const owner = await ownerOf(path, temporary);
    if (owner === 'mine') return created(path);
    return code === 'EEXIST' && owner === 'other' ? 'exists' : { lost: error };
  }
  return created(path);
}

/** The name stands already, so a folder that cannot be flushed makes the outcome uncertain, not a failure. */
async function created(path: string): Promise<'created' | { readonly lost: unknown }> {
  try {
    await flushFolder(dirname(path));
    return 'created';
  } catch (error) {
    return { lost: error };
  }
}

async function ownerOf(path: string, temporary: Temporary): Promise<'mine' | 'other' | 'unseen'> {
  try {
    const stat = await fs.lstat(path, { bigint: true });
    return stat.ino === temporary.inode && stat.dev === temporary.device ? 'mine' : 'other';
  } catch {
    return 'unseen';
  }
}

async function flushFolder(path: string): Promise<void> {
  const folder = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } catch (error) {
    // Some network file systems cannot flush a directory and need not.
    if (codeOf(error) !== 'EINVAL' && codeOf(error) !== 'ENOTSUP') throw error;
  } finally {
    await folder.close();
  }
}

/** What killed processes left, by the file server's own clock. */
export async function leftovers(root: string, nowMs: number): Promise<{ readonly name: string; readonly modifiedMs: number }[]> {
  const folder = join(root, incoming);
  const names = await fs.readdir(folder).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  });
  const stale: { readonly name: string; readonly modifiedMs: number }[] = [];
  for (const name of names) {
    const stat = await fs.lstat(join(folder, name)).catch(() => undefined);
    if (stat && nowMs - stat.mtimeMs > staleMs) stale.push({ name, modifiedMs: Math.trunc(stat.mtimeMs) });
  }
  return stale;
}

export async function sweepStale(root: string, nowMs: number): Promise<void> {
  for (const { name } of await leftovers(root, nowMs)) await discard(join(root, incoming, name));
}
