import { createHash } from 'node:crypto';
import { closeSync, constants, lstatSync, openSync, readdirSync } from 'node:fs';
import type { DirectoryListing, Stat } from '../ports/filesystem.ts';
import { unless } from './disk-faults.ts';
import { kindOf, systemPath, timeKey } from './disk-stat.ts';
import type { OpenDirectory } from './disk-walk.ts';

type Keep = (name: string, isDirectory: boolean) => boolean;
const kinds: readonly Stat['kind'][] = ['file', 'dir', 'link', 'other'];
const cellsPerName = 9;
/** Linux's O_PATH, which Node does not name: a descriptor that only stands for a place needs no right to read it. */
const pathOnly = 0o10000000;

/** Names and stats of one open directory. Throws the system's error when any part of it could not be looked at. */
export function readListing(directory: OpenDirectory, keep: Keep): DirectoryListing {
  const asked = askedNames(directory.fd, keep);
  const names = asked.names.sort();
  const looked = within(directory.fd, (prefix) => lookAtAll(names, prefix, asked.askAgain));
  const { cells } = looked;
  return {
    dev: directory.dev,
    names: looked.names,
    statAt: (index) => decode(cells, index),
    digest: digestOf(looked.names, cells),
    newestCtimeKey: newestOf(cells),
    vanished: looked.vanished,
    skipped: asked.skipped + looked.skipped,
  };
}

interface Asked {
  readonly names: string[];
  readonly skipped: number;
  /** Set where the file system does not tell kinds with names, so that a name has to be looked at before it can be asked about. */
  readonly askAgain: Keep | null;
}

function askedNames(fd: number, keep: Keep): Asked {
  const path = `/proc/self/fd/${fd}`;
  // Without kinds from the file system Node looks at each name itself, by its text: that fails for names that are not ASCII.
  const entries = unless(['ENOENT'], () => readdirSync(path, { encoding: 'latin1', withFileTypes: true }));
  if (entries === null) return { names: readdirSync(path, 'latin1'), skipped: 0, askAgain: keep };
  const names: string[] = [];
  for (const entry of entries) if (keep(entry.name, entry.isDirectory())) names.push(entry.name);
  return { names, skipped: entries.length - names.length, askAgain: null };
}

interface Looked {
  readonly names: readonly string[];
  readonly cells: Float64Array;
  readonly vanished: readonly string[];
  readonly skipped: number;
}

function lookAtAll(names: readonly string[], prefix: string, askAgain: Keep | null): Looked {
  const cells = new Float64Array(names.length * cellsPerName);
  const found: string[] = [];
  const vanished: string[] = [];
  for (const name of names) {
    const stats = lstatSync(systemPath(prefix + name), { throwIfNoEntry: false });
    if (stats === undefined) vanished.push(name);
    else if (askAgain === null || askAgain(name, stats.isDirectory())) {
      const base = found.push(name) * cellsPerName - cellsPerName;
      cells[base] = kinds.indexOf(kindOf(stats.mode));
      cells[base + 1] = stats.dev;
      cells[base + 2] = stats.ino;
      cells[base + 3] = stats.size;
      cells[base + 4] = stats.mode & 0o7777;
      cells[base + 5] = stats.uid;
      cells[base + 6] = stats.gid;
      cells[base + 7] = timeKey(stats.mtimeMs);
      cells[base + 8] = timeKey(stats.ctimeMs);
    }
  }
  const skipped = names.length - found.length - vanished.length;
  return { names: found, cells: cells.subarray(0, found.length * cellsPerName), vanished, skipped };
}

function decode(cells: Float64Array, index: number): Stat {
  const base = index * cellsPerName;
  const cell = (offset: number): number => {
    const value = cells[base + offset];
    if (value === undefined) throw new RangeError(`no name ${index} in this directory`);
    return value;
  };
  return {
    kind: kinds[cell(0)] ?? 'other',
    dev: cell(1),
    ino: cell(2),
    size: cell(3),
    mode: cell(4),
    uid: cell(5),
    gid: cell(6),
    mtimeKey: cell(7),
    ctimeKey: cell(8),
  };
}

function digestOf(names: readonly string[], cells: Float64Array): string {
  const bytes = Buffer.from(cells.buffer, cells.byteOffset, cells.byteLength);
  return createHash('sha1').update(names.join('\0'), 'latin1').update('\0').update(bytes).digest('hex');
}

function newestOf(cells: Float64Array): number {
  let newest = 0;
  for (let i = cellsPerName - 1; i < cells.length; i += cellsPerName) newest = Math.max(newest, cells[i] ?? 0);
  return newest;
}

/**
 * A look relative to the working directory costs half of one through /proc, so the process stands in the directory meanwhile, and
 * returns to where it was: paths that a person gives are relative to that.
 */
function within<T>(fd: number, look: (prefix: string) => T): T {
  const home = standingPlace();
  if (home === null) return look(`/proc/self/fd/${fd}/`);
  try {
    process.chdir(`/proc/self/fd/${fd}`);
    return look('./');
  } finally {
    process.chdir(`/proc/self/fd/${home}`);
    closeSync(home);
  }
}

/** A descriptor of the working directory; null when there would be no way back into it, or in a worker thread, which has none of its own. */
function standingPlace(): number | null {
  const refusals = ['EACCES', 'EPERM', 'ENOENT', 'ESTALE', 'ERR_WORKER_UNSUPPORTED_OPERATION'];
  const home = unless(refusals, () => openSync('.', pathOnly | constants.O_DIRECTORY));
  if (home === null) return null;
  if (unless(refusals, () => process.chdir(`/proc/self/fd/${home}`)) !== null) return home;
  closeSync(home);
  return null;
}
