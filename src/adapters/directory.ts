import { constants, promises as fs, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Answer, Datastore, Got, Key, Listed, Listing, Range, UnfinishedUpload } from '../ports/datastore.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import { badKey, codeOf, toDirectoryFault } from './directory-faults.ts';
import {
  discard,
  leftovers,
  linkNew,
  makeFolders,
  replace,
  requireBase,
  sweepStale,
  type Temporary,
  writeTemporary,
} from './directory-files.ts';
import { incoming, isKey, isKeyPrefix, namesIn, walkKeys } from './directory-walk.ts';
import { exactly } from './source.ts';

export interface DirectoryOptions {
  /** Must exist; on a network file system better a directory inside the mount than the mount point itself. */
  readonly path: string;
  /** '' looks at all federations: their names then begin the keys. */
  readonly federation: string;
}

const keysPerPage = 1000;

/** A datastore in a directory, local or on NFS, safe for many processes and machines at once. Asks the disk nothing yet. */
export function openDirectory(options: DirectoryOptions): Datastore {
  if (options.federation !== '' && (!isKey(options.federation) || options.federation.includes('/'))) throw badKey(options.federation);
  return new DirectoryDatastore(options);
}

class DirectoryDatastore implements Datastore {
  readonly #base: string;
  readonly #federation: string;
  readonly #root: string;
  #swept = false;

  constructor({ path, federation }: DirectoryOptions) {
    this.#base = path;
    this.#federation = federation;
    this.#root = join(path, federation);
  }

  async get(key: Key, options: { bytesMax: number; range?: Range }): Promise<Answer<Got | null>> {
    return this.#run('get', async () => {
      const file = await this.#open(key);
      if (file === null) return { value: null, dateMs: Date.now() };
      try {
        const stat = await file.stat();
        if (!stat.isFile()) return { value: null, dateMs: Date.now() };
        return { value: { bytes: await readPart(file, stat.size, options), modifiedMs: Math.trunc(stat.mtimeMs) }, dateMs: Date.now() };
      } finally {
        await file.close();
      }
    });
  }

  async put(key: Key, bytes: Buffer): Promise<Answer<void>> {
    return this.#run('put', () => this.#replace(key, () => [bytes]));
  }

  async putStream(key: Key, size: number, open: () => AsyncIterable<Buffer>): Promise<Answer<void>> {
    return this.#run('putStream', () => this.#replace(key, () => exactly(size, open())));
  }

  async putIfAbsent(key: Key, bytes: Buffer): Promise<Answer<'created' | 'exists'>> {
    return this.#run('putIfAbsent', () =>
      this.#withTemporary(
        key,
        () => [bytes],
        async (temporary, path) => {
          const value = await linkNew(temporary, path);
          if (typeof value === 'string') return { value, dateMs: temporary.modifiedMs };
          const fix = 'flocksync reads back what happened.';
          throw new DatastoreFault('unknown', 'unreachable', `putIfAbsent of ${key} has no clear outcome`, fix, value.lost);
        },
      ),
    );
  }

  async list(prefix: string, options: { after?: Key; limit?: number }): Promise<Answer<Listing>> {
    return this.#run('list', async () => {
      await this.#requirePrefix(prefix);
      const limit = Math.min(options.limit ?? keysPerPage, keysPerPage);
      const objects: Listed[] = [];
      for await (const key of walkKeys(this.#root, prefix, options.after)) {
        const listed = await this.#stat(key);
        if (listed === undefined) continue;
        if (objects.length === limit) return { value: { objects, truncated: true }, dateMs: Date.now() };
        objects.push(listed);
      }
      return { value: { objects, truncated: false }, dateMs: Date.now() };
    });
  }

  async listFolders(prefix: string): Promise<Answer<readonly string[]>> {
    return this.#run('listFolders', async () => {
      await this.#requirePrefix(prefix);
      const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
      const names: string[] = [];
      for (const name of await namesIn(this.#root, folder)) {
        const key = folder + name;
        if (key.endsWith('/') && key.startsWith(prefix) && (await this.#holdsKey(key))) names.push(key.slice(prefix.length, -1));
      }
      return { value: names.sort(), dateMs: Date.now() };
    });
  }

  async remove(key: Key): Promise<Answer<void>> {
    return this.#run('remove', async () => {
      await fs.unlink(this.#pathOf(key)).catch(async (error: unknown) => {
        if (!isAbsence(error) && codeOf(error) !== 'EISDIR') throw error;
        await requireBase(this.#base);
      });
      if (key.startsWith('doctor-')) await this.#removeEmptyFolders(key);
      return { value: undefined, dateMs: Date.now() };
    });
  }

  /** Only where one run of `doctor` is alone: elsewhere somebody may be about to put something into the folder. */
  async #removeEmptyFolders(key: Key): Promise<void> {
    for (let folder = dirname(key); folder !== '.'; folder = dirname(folder)) {
      const emptied = await fs.rmdir(join(this.#root, folder)).then(
        () => true,
        () => false,
      );
      if (!emptied) return;
    }
  }

  /** A file that is being written has no key yet. Those that nobody can be writing any more count, of the whole federation. */
  async unfinishedUploads(prefix: string): Promise<Answer<readonly UnfinishedUpload[]>> {
    return this.#run('unfinishedUploads', async () => {
      await this.#requirePrefix(prefix);
      const nowMs = Date.now();
      const uploads = (await leftovers(this.#root, nowMs)).map(({ name, modifiedMs }) => ({
        key: prefix,
        id: name,
        startedMs: modifiedMs,
      }));
      return { value: uploads, dateMs: nowMs };
    });
  }

  async abortUpload({ id }: UnfinishedUpload): Promise<Answer<void>> {
    return this.#run('abortUpload', async () => {
      if (!isKey(id) || id.includes('/')) throw badKey(id);
      await discard(join(this.#root, incoming, id));
      return { value: undefined, dateMs: Date.now() };
    });
  }

  async close(): Promise<void> {}

  async #open(key: Key): Promise<fs.FileHandle | null> {
    try {
      return await fs.open(this.#pathOf(key), constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      if (!isAbsence(error)) throw error;
      await requireBase(this.#base);
      return null;
    }
  }

  async #replace(key: Key, chunks: () => Iterable<Buffer> | AsyncIterable<Buffer>): Promise<Answer<void>> {
    return this.#withTemporary(key, chunks, async (temporary, path) => {
      await replace(temporary, path);
      return { value: undefined, dateMs: temporary.modifiedMs };
    });
  }

  async #withTemporary<T>(
    key: Key,
    chunks: () => Iterable<Buffer> | AsyncIterable<Buffer>,
    name: (temporary: Temporary, path: string) => Promise<T>,
  ): Promise<T> {
    const path = this.#pathOf(key);
    await requireBase(this.#base);
    await makeFolders(this.#base, `${this.#federation}/${incoming}`);
    const temporary = await writeTemporary(this.#root, chunks());
    try {
      await this.#sweepOnce(temporary.modifiedMs);
      await makeFolders(this.#root, dirname(key) === '.' ? '' : dirname(key));
      return await name(temporary, path);
    } finally {
      await discard(temporary.path);
    }
  }

  /** The leftovers of others are no reason for one's own write to fail. */
  async #sweepOnce(nowMs: number): Promise<void> {
    if (this.#swept) return;
    this.#swept = true;
    await sweepStale(this.#root, nowMs).catch(() => undefined);
  }

  async #stat(key: Key): Promise<Listed | undefined> {
    try {
      const stat: Stats = await fs.lstat(join(this.#root, key));
      return { key, size: stat.size, modifiedMs: Math.trunc(stat.mtimeMs), tag: `${stat.ino}-${stat.mtimeMs}` };
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw error;
    }
  }

  async #holdsKey(folder: string): Promise<boolean> {
    for await (const _ of walkKeys(this.#root, folder, undefined)) return true;
    return false;
  }

  async #requirePrefix(prefix: string): Promise<void> {
    if (!isKeyPrefix(prefix)) throw badKey(prefix);
    await requireBase(this.#base);
  }

  #pathOf(key: Key): string {
    if (!isKey(key)) throw badKey(key);
    return join(this.#root, key);
  }

  async #run<T>(operation: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw toDirectoryFault(error, operation);
    }
  }
}

function isAbsence(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
}

async function readPart(file: fs.FileHandle, size: number, options: { bytesMax: number; range?: Range }): Promise<Buffer> {
  const { offset, length } = options.range ?? { offset: 0, length: size };
  if (options.range && (length < 1 || offset >= size)) {
    const fix = 'The object is not what its reference says.';
    throw new DatastoreFault('permanent', 'bad-range', `the range ${offset}+${length} lies outside of ${size} bytes`, fix);
  }
  const wanted = Math.min(length, size - offset);
  if (wanted > options.bytesMax) {
    const fix = 'Nothing in this datastore should be that large; see what wrote it.';
    throw new DatastoreFault('permanent', 'too-large', `the object has ${wanted} bytes, the limit here is ${options.bytesMax}`, fix);
  }
  const bytes = Buffer.allocUnsafe(wanted);
  for (let at = 0; at < wanted; ) {
    const { bytesRead } = await file.read(bytes, at, wanted - at, offset + at);
    if (bytesRead === 0)
      throw new DatastoreFault('transient', 'truncated', `the file ended after ${at} of ${wanted} bytes`, 'Check the mount.');
    at += bytesRead;
  }
  return bytes;
}
