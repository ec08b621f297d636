import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { type BytePath, join, nameOf, parentOf } from '../model/path.ts';
import type { DiskMetadata, PreciseStat, TreePlaced } from '../ports/filesystem.ts';
import type { Area } from './disk-area.ts';
import { errnoOf } from './disk-faults.ts';
import { applyMetadata } from './disk-metadata.ts';
import { at, preciseAt, statAt } from './disk-stat.ts';
import { unlocked } from './disk-unlocked.ts';
import { directoryFlags, type Walk } from './disk-walk.ts';

const setgid = 0o2000;
const ownerRights = 0o700;

/** New directories that are built in the stage with all that comes into them, to appear by one rename. */
export class StagedTrees {
  readonly #area: Area;
  /** By path of a directory: its name in the stage. */
  readonly #names = new Map<BytePath, string>();
  /** The directories of each tree by its top, ancestors first. */
  readonly #trees = new Map<BytePath, readonly BytePath[]>();

  constructor(area: Area) {
    this.#area = area;
  }

  /** The name in the stage of what will stand at `path`, where its directory is being built here. */
  nameFor(path: BytePath): string | null {
    const directory = this.#names.get(parentOf(path));
    return directory === undefined ? null : join(directory, nameOf(path));
  }

  /** `topName` is unguessable, and in a room where rights are inherited as they will be in place. */
  make(paths: readonly BytePath[], topName: string): void {
    const [top = ''] = paths;
    this.#trees.set(top, paths);
    try {
      for (const path of paths) {
        const name = path === top ? topName : this.nameFor(path);
        if (name === null) throw new Error('a directory of a tree comes before the one that holds it');
        mkdirSync(at(this.#area.stage.fd, name), { mode: ownerRights });
        this.#names.set(path, name);
      }
    } catch (error) {
      this.discard(top);
      throw error;
    }
  }

  discard(top: BytePath): void {
    const name = this.#names.get(top);
    this.#forget(top);
    if (name !== undefined) rmSync(at(this.#area.stage.fd, name), { recursive: true, force: true });
  }

  place(walk: Walk, top: BytePath, metadata: ReadonlyMap<BytePath, DiskMetadata>): TreePlaced {
    const name = this.#names.get(top);
    if (name === undefined) throw new Error('this tree was not staged');
    const parent = walk.parent(top);
    if (statAt(parent.fd, nameOf(top)) !== null) return { outcome: 'occupied' };
    const stats = this.#finish(top, metadata);
    if (!unlocked(parent, () => movedTo(parent.fd, nameOf(top), this.#area.stage.fd, name))) return { outcome: 'occupied' };
    this.#forget(top);
    if (!walk.isStillAt(parentOf(top), parent)) return { outcome: 'moved' };
    // The rename has moved the change time of the top alone.
    const stat = stats.has(top) ? preciseAt(parent.fd, nameOf(top)) : null;
    if (stat?.kind === 'dir' && stat.ino === stats.get(top)?.ino) stats.set(top, stat);
    else stats.delete(top);
    return { outcome: 'done', stats };
  }

  /** Children first. What its owner could not enter any more waits: its files may yet have to be placed one by one. */
  #finish(top: BytePath, metadata: ReadonlyMap<BytePath, DiskMetadata>): Map<BytePath, PreciseStat> {
    const stats = new Map<BytePath, PreciseStat>();
    const isRoot = process.geteuid?.() === 0;
    for (const path of [...(this.#trees.get(top) ?? [])].reverse()) {
      const name = this.#names.get(path);
      const wanted = metadata.get(path);
      if (name === undefined || wanted === undefined || (!isRoot && (wanted.mode & ownerRights) !== ownerRights)) continue;
      const fd = openSync(at(this.#area.stage.fd, name), directoryFlags);
      try {
        stats.set(path, applyMetadata(fd, inherited(wanted, fstatSync(fd).mode)));
      } finally {
        closeSync(fd);
      }
    }
    return stats;
  }

  #forget(top: BytePath): void {
    for (const path of this.#trees.get(top) ?? []) this.#names.delete(path);
    this.#trees.delete(top);
  }
}

/** False where something stands; an error of ours otherwise. */
function movedTo(toFd: number, to: string, stageFd: number, name: string): boolean {
  try {
    renameSync(at(stageFd, name), at(toFd, to));
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

function inherited(metadata: DiskMetadata, mode: number): Partial<DiskMetadata> {
  if ((mode & setgid) === 0) return metadata;
  const { gid: _group, ...rest } = metadata;
  return { ...rest, mode: metadata.mode | setgid };
}
