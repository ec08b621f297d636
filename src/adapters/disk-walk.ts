import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, realpathSync } from 'node:fs';
import { type BytePath, nameOf, parentOf, pathFault, toText } from '../model/path.ts';
import { DiskFault, type RootState } from '../ports/filesystem.ts';
import { errnoOf, faultFrom, unless } from './disk-faults.ts';
import { at, systemPath } from './disk-stat.ts';

export const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const cachedDirectoriesMax = 64;
/**
 * For reading, a way that was proved this recently is taken again: what is read is compared with the look that named it, so a
 * directory that moved in between shows the same file or none, and proving it for every file would double the cost of a look.
 */
const readingTrustMs = 10;

/** A directory held by its descriptor: what is done through it stays in it, wherever its name goes. */
export interface OpenDirectory {
  readonly fd: number;
  readonly dev: number;
  readonly ino: number;
}

export interface OpenRoot extends OpenDirectory {
  /** Absolute, without links, as it was when the root was opened. */
  readonly realPath: BytePath;
}

/**
 * Opens directories below the root, component by component and without following links. Descriptors are kept for the next call, and
 * each use of a kept one is proved by two looks: the absolute path still leads to the same inode, and the kernel still calls the
 * descriptor by that path (so no link was put in the way of a directory that has moved).
 */
export class Walk {
  readonly #configured: string;
  readonly #open = new Map<BytePath, OpenDirectory>();
  #provedPath: BytePath | null = null;
  #provedAtMs = 0;
  #root: OpenRoot | null = null;

  /** `root` is absolute, as text. */
  constructor(root: string) {
    this.#configured = root;
  }

  /** Forgets everything and looks at the configured path anew. */
  rootState(): RootState {
    this.close();
    try {
      const realPath = realpathSync.native(this.#configured, { encoding: 'buffer' }).toString('latin1');
      this.#root = { ...openDirectory(systemPath(realPath)), realPath };
      return { state: 'present', dev: this.#root.dev, ino: this.#root.ino };
    } catch (error) {
      const fault = faultFrom(error, 'open', '');
      if (!(fault instanceof DiskFault)) throw fault;
      const state = fault.code === 'absent' ? 'missing' : fault.code === 'not-directory' ? 'not-directory' : 'unreadable';
      return { state, message: `cannot open ${this.#configured}: ${errnoOf(error)}` };
    }
  }

  /** The root, opened when it is not yet. A root that is not there is trouble, never an absence of what it should hold. */
  root(): OpenRoot {
    if (this.#root !== null) return this.#root;
    const state = this.rootState();
    if (this.#root === null) throw new DiskFault('io', state.state === 'present' ? 'the root is closed' : state.message);
    return this.#root;
  }

  /** Throws `absent` or `not-directory` when the path does not lead through directories only. The result is valid until the next call. */
  directory(path: BytePath): OpenDirectory {
    if (path === '') return this.root();
    const known = this.#open.get(path);
    if (known !== undefined && this.#isAt(path, known)) return this.#keep(path, known);
    this.#drop(path);
    const parent = this.directory(parentOf(path));
    return this.#keep(path, openDirectory(at(parent.fd, nameOf(path))));
  }

  /** As `parent`, for opening a file to read it. */
  parentForReading(path: BytePath): OpenDirectory {
    refuseStrange(path);
    const directory = parentOf(path);
    const known = this.#open.get(directory);
    const nowMs = performance.now();
    if (known !== undefined && this.#provedPath === directory && nowMs - this.#provedAtMs < readingTrustMs) return known;
    const proved = this.directory(directory);
    this.#provedPath = directory;
    this.#provedAtMs = nowMs;
    return proved;
  }

  /** The directory that holds `path`. Refuses what is no path below the root. */
  parent(path: BytePath): OpenDirectory {
    refuseStrange(path);
    return this.directory(parentOf(path));
  }

  /** Whether `path` leads, by a fresh look, to the very directory that was worked in. */
  isStillAt(path: BytePath, directory: OpenDirectory): boolean {
    return this.#isAt(path, directory) || (this.#rootIsInPlace() && this.#walkAgain(path, directory));
  }

  /** Keeps the root alone. */
  rest(): void {
    for (const directory of this.#open.values()) closeSync(directory.fd);
    this.#open.clear();
    this.#provedPath = null;
  }

  close(): void {
    this.rest();
    if (this.#root !== null) closeSync(this.#root.fd);
    this.#root = null;
  }

  #keep(path: BytePath, directory: OpenDirectory): OpenDirectory {
    this.#open.delete(path);
    this.#open.set(path, directory);
    const [oldest] = this.#open.keys();
    if (this.#open.size > cachedDirectoriesMax && oldest !== undefined) this.#drop(oldest);
    return directory;
  }

  #drop(path: BytePath): void {
    const known = this.#open.get(path);
    if (known === undefined) return;
    this.#open.delete(path);
    closeSync(known.fd);
  }

  #isAt(path: BytePath, directory: OpenDirectory): boolean {
    const { realPath } = this.root();
    const absolute = path === '' ? realPath : `${realPath === '/' ? '' : realPath}/${path}`;
    return isInode(absolute, directory) && unless(['ENAMETOOLONG'], () => currentPath(directory.fd)) === absolute;
  }

  #rootIsInPlace(): boolean {
    const root = this.root();
    return isInode(root.realPath, root);
  }

  #walkAgain(path: BytePath, directory: OpenDirectory): boolean {
    let reached: OpenDirectory = this.root();
    try {
      for (const name of path === '' ? [] : path.split('/')) {
        const next = openDirectory(at(reached.fd, name));
        if (reached.fd !== this.root().fd) closeSync(reached.fd);
        reached = next;
      }
      return reached.dev === directory.dev && reached.ino === directory.ino;
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return false;
    } finally {
      if (reached.fd !== this.root().fd) closeSync(reached.fd);
    }
  }
}

/** Throws `unsupported` for what is no path below the root. */
export function refuseStrange(path: BytePath): void {
  const fault = pathFault(path);
  if (fault !== undefined) throw new DiskFault('unsupported', `the path "${toText(path)}" ${fault}`);
}

/** Opens without following a link in the last component. Throws the system's error. */
export function openDirectory(path: string | Buffer): OpenDirectory {
  const fd = openSync(path, directoryFlags);
  const { dev, ino } = fstatSync(fd);
  return { fd, dev, ino };
}

function currentPath(fd: number): BytePath {
  return readlinkSync(`/proc/self/fd/${fd}`, 'latin1');
}

function isInode(absolute: BytePath, directory: OpenDirectory): boolean {
  const now = unless(['ENOTDIR', 'ELOOP', 'EACCES', 'ENAMETOOLONG'], () => lstatSync(systemPath(absolute), { throwIfNoEntry: false }));
  return now?.dev === directory.dev && now.ino === directory.ino;
}
