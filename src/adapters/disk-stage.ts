import { spawn } from 'node:child_process';
import { closeSync, constants, fsync, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { BytePath } from '../model/path.ts';
import { DiskFault, type DiskMetadata, type Staged, type StageWriter } from '../ports/filesystem.ts';
import { type Area, randomName } from './disk-area.ts';
import { errnoOf, faultFrom, faulting, unless } from './disk-faults.ts';
import { Inheritance } from './disk-inherit.ts';
import { applyMetadata } from './disk-metadata.ts';
import { at } from './disk-stat.ts';
import type { OpenDirectory } from './disk-walk.ts';

const createFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** Up to here single fsyncs are cheaper than a flush, which also waits for whatever other programs have written. */
const singleFsyncsMax = 16;
const fsyncOf = promisify(fsync);
const ownerMayRead = 0o400;
/** Without the random name: a standing problem must keep its text from run to run. */
export const stagedWords = 'a staged file';

/** The files being staged for one share, and what of them has not been flushed yet. */
export class Stage {
  readonly #area: Area;
  readonly #inheritance: Inheritance;
  readonly #unflushed = new Set<string>();
  readonly #prefix = randomName().slice(0, 24);
  #named = 0;

  constructor(area: Area) {
    this.#area = area;
    this.#inheritance = new Inheritance(area);
  }

  /** A new file that inherits from the directory at `path`, which `open` opens, as if it were made there. */
  create(path: BytePath, open: () => OpenDirectory): StageWriter {
    const room = this.#inheritance.roomFor(path, open);
    const name = room === '' ? this.#newName() : `${room}/${this.#newName()}`;
    const fd = openSync(at(this.#area.stage.fd, name), createFlags, 0o600);
    this.#unflushed.add(name);
    return this.#writer(fd, name);
  }

  discard(name: string): void {
    this.#unflushed.delete(name);
    unless(['ENOENT'], () => unlinkSync(at(this.#area.stage.fd, name)));
  }

  /** Resolves when everything staged so far is on the disk. */
  async flush(): Promise<void> {
    const names = [...this.#unflushed];
    this.#unflushed.clear();
    try {
      if (names.length > singleFsyncsMax && (await syncFileSystem(this.#area.stage.fd))) return;
      for (const name of names) await this.#fsync(name);
    } catch (error) {
      for (const name of names) this.#unflushed.add(name);
      throw faultFrom(error, 'flush the staging area of', '');
    }
  }

  /** The next file looks anew at what its directory passes on. */
  endBatch(): void {
    this.#inheritance.forget();
  }

  /** Chance is asked for once: what follows it only has to differ. */
  #newName(): string {
    this.#named += 1;
    return this.#prefix + this.#named.toString(16).padStart(8, '0');
  }

  #writer(fd: number, name: string): StageWriter {
    let open = true;
    const close = (): void => {
      if (open) closeSync(fd);
      open = false;
    };
    return {
      write: (bytes) => faulting('write', stagedWords, () => writeAll(fd, bytes)),
      finish: (metadata: DiskMetadata): Staged =>
        faulting('finish', stagedWords, () => {
          const stat = applyMetadata(fd, metadata);
          // Whoever is not root cannot open such a file again for the flush.
          if ((metadata.mode & ownerMayRead) === 0) this.#flushNow(fd, name);
          close();
          return { name, stat };
        }),
      abort: () =>
        faulting('discard', stagedWords, () => {
          close();
          this.discard(name);
        }),
    };
  }

  #flushNow(fd: number, name: string): void {
    fsyncSync(fd);
    this.#unflushed.delete(name);
  }

  /** A file that was discarded or placed meanwhile has nothing to flush here. */
  async #fsync(name: string): Promise<void> {
    const fd = unless(['ENOENT'], () =>
      openSync(at(this.#area.stage.fd, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK),
    );
    if (fd === null) return;
    try {
      await fsyncOf(fd);
    } finally {
      closeSync(fd);
    }
  }
}

export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done);
}

/** syncfs(2) by way of coreutils; false when there is no such program. */
function syncFileSystem(fd: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn('sync', ['-f', '/proc/self/fd/3'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
    child.once('error', (error) => (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EACCES' ? resolve(false) : reject(error)));
    child.once('exit', (code) =>
      code === 0 ? resolve(true) : reject(new DiskFault('io', `flushing the file system failed: sync -f exited with ${code}`)),
    );
  });
}
