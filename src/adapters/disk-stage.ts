import { closeSync, constants, fsyncSync, openSync, unlinkSync } from 'node:fs';
import type { BytePath } from '../model/path.ts';
import { parentOf } from '../model/path.ts';
import { type ContentToStage, DiskFault, type DiskMetadata, type Staged, type StagedFiles, type StageWriter } from '../ports/filesystem.ts';
import { type Area, randomName } from './disk-area.ts';
import { faultFrom, faulting, unless } from './disk-faults.ts';
import { fsyncOf, singleFsyncsMax, syncFileSystem } from './disk-flush.ts';
import { Inheritance } from './disk-inherit.ts';
import { applyMetadata } from './disk-metadata.ts';
import { at, getStat } from './disk-stat.ts';
import { StagedTrees } from './disk-tree.ts';
import { directoryFlags, type OpenDirectory } from './disk-walk.ts';
import { createStaged, type FileWriter, needsFlushNow, stagedWords, type Written, writeAll } from './disk-write.ts';

/** Opens a directory of the share's tree, or the nearest one above it that stands. */
type OpenNearest = (path: BytePath) => OpenDirectory;

/** The files being staged for one share, and what of them has not been flushed yet. */
export class Stage {
  readonly #area: Area;
  readonly trees: StagedTrees;
  readonly #inheritance: Inheritance;
  readonly #unflushed = new Set<string>();
  readonly #prefix = randomName().slice(0, 24);
  readonly #write: FileWriter;
  readonly #open: OpenNearest;
  #named = 0;
  /** Calls of the writer that have not been answered. */
  #writing = 0;

  constructor(area: Area, open: OpenNearest, write: FileWriter) {
    this.#area = area;
    this.#open = open;
    this.#write = write;
    this.trees = new StagedTrees(area);
    this.#inheritance = new Inheritance(area);
  }

  /** A new file that inherits from the directory of `path`, as if it were made there. */
  create(path: BytePath): StageWriter {
    const name = this.#nameFor(path);
    const fd = createStaged(this.#area.stage.fd, name);
    this.#unflushed.add(name);
    return this.#writer(fd, name);
  }

  async createAll(contents: readonly ContentToStage[]): Promise<readonly StagedFiles[]> {
    const named = contents.map(({ files }) => files.map((file) => this.#nameOrFault(file.path)));
    const asked = contents.map(({ content: { codec, hash, size }, files }, which) => ({
      ...{ codec, hash, size },
      files: files.flatMap(({ metadata }, at) => {
        const name = named[which]?.[at];
        return typeof name === 'string' ? [{ name, metadata }] : [];
      }),
    }));
    // A descriptor of its own: whatever is closed meanwhile, the number leads to the stage.
    const fd = faulting('open the staging area of', '', () => openSync(at(this.#area.stage.fd, '.'), directoryFlags));
    this.#writing += 1;
    try {
      const stored = contents.map(({ content }) => content.stored);
      return this.#taken(named, await this.#write(fd, stored, asked));
    } finally {
      this.#writing -= 1;
      closeSync(fd);
    }
  }

  #taken(named: readonly (readonly (string | DiskFault)[])[], written: Written): readonly StagedFiles[] {
    const wrong = new Set(written.wrong);
    const faults = new Map(written.faults.map(({ file, code, message }) => [file, new DiskFault(code, message)]));
    let file = 0;
    const take = (name: string): Staged | DiskFault => {
      const index = file++;
      const fault = faults.get(index);
      if (fault !== undefined) return fault;
      const stat = getStat(written.stats, index);
      if (!needsFlushNow(stat)) this.#unflushed.add(name);
      return { name, stat };
    };
    return named.map((names, which) => {
      if (!wrong.has(which)) return names.map((name) => (typeof name === 'string' ? take(name) : name));
      file += names.filter((name) => typeof name === 'string').length;
      return null;
    });
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
    this.#inheritance.forget(this.#writing === 0);
  }

  #nameOrFault(path: BytePath): string | DiskFault {
    try {
      return faulting('stage a file for', parentOf(path), () => this.#nameFor(path));
    } catch (error) {
      if (error instanceof DiskFault) return error;
      throw error;
    }
  }

  createTree(paths: readonly BytePath[]): void {
    const [top] = paths;
    if (top !== undefined) this.trees.make(paths, this.#nameFor(top));
  }

  #nameFor(path: BytePath): string {
    const inTree = this.trees.nameFor(path);
    if (inTree !== null) return inTree;
    const directory = parentOf(path);
    const room = this.#inheritance.roomFor(directory, () => this.#open(directory));
    return room === '' ? this.#newName() : `${room}/${this.#newName()}`;
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
          if (needsFlushNow(metadata)) this.#flushNow(fd, name);
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
