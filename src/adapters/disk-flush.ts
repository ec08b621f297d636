import { spawn } from 'node:child_process';
import { closeSync, constants, fsync, openSync } from 'node:fs';
import { promisify } from 'node:util';
import { type BytePath, nameOf, parentOf } from '../model/path.ts';
import { DiskFault } from '../ports/filesystem.ts';
import type { Area } from './disk-area.ts';
import { errnoOf, faultFrom } from './disk-faults.ts';
import { at } from './disk-stat.ts';
import { directoryFlags, type Walk } from './disk-walk.ts';

/** Up to here single fsyncs are cheaper than a flush, which also waits for whatever other programs have written. */
export const singleFsyncsMax = 16;
export const fsyncOf = promisify(fsync);

/** What was changed below the root and is not flushed: directories whose names are others, files and directories with other metadata. */
export class Changes {
  readonly #paths = new Set<BytePath>();

  note(path: BytePath): void {
    this.#paths.add(path);
  }

  /** What has gone meanwhile is flushed with the directory that it went from. */
  async flush(walk: Walk, areaOf: () => Area, also: 'all' | readonly BytePath[]): Promise<void> {
    const own = [...this.#paths];
    const others = also === 'all' ? [] : also.flatMap((path) => [path, parentOf(path)]);
    const paths = [...new Set([...own, ...others])];
    if (paths.length === 0 && also !== 'all') return;
    this.#paths.clear();
    try {
      await flushPaths(walk, own.length > 0 ? areaOf() : null, paths, also === 'all');
    } catch (error) {
      for (const path of own) this.#paths.add(path);
      throw faultFrom(error, 'flush', '');
    }
  }
}

async function flushPaths(walk: Walk, area: Area | null, paths: readonly BytePath[], all: boolean): Promise<void> {
  const whole = all || paths.length > singleFsyncsMax;
  if (whole && (await syncFileSystem(walk.root().fd))) return;
  const open = area === null ? [] : [openSync(at(area.trash.fd, '.'), directoryFlags)];
  try {
    for (const path of paths) {
      const fd = openAt(() => (path === '' ? at(walk.root().fd, '.') : at(walk.parent(path).fd, nameOf(path))));
      if (fd !== null) open.push(fd);
    }
    for (const fd of open) await fsyncOf(fd);
  } finally {
    for (const fd of open) closeSync(fd);
  }
}

/** Null for what is no file or directory any more, or is closed to this user. */
function openAt(place: () => string | Buffer): number | null {
  try {
    return openSync(place(), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const gone =
      error instanceof DiskFault ? error.code !== 'io' : ['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'ENXIO'].includes(errnoOf(error) ?? '');
    if (gone) return null;
    throw error;
  }
}

/** syncfs(2) by way of coreutils; false when there is no such program. */
export function syncFileSystem(fd: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn('sync', ['-f', '/proc/self/fd/3'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
    child.once('error', (error) => (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EACCES' ? resolve(false) : reject(error)));
    child.once('exit', (code) =>
      code === 0 ? resolve(true) : reject(new DiskFault('io', `flushing the file system failed: sync -f exited with ${code}`)),
    );
  });
}
