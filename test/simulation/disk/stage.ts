import { roomName } from '../../../src/adapters/disk-area.ts';
import { errnoOf, faultFrom, faulting, unless } from '../../../src/adapters/disk-faults.ts';
import { stagedWords } from '../../../src/adapters/disk-write.ts';
import { decodeBlob } from '../../../src/model/pack.ts';
import { type BytePath, join, nameOf, parentOf } from '../../../src/model/path.ts';
import {
  type ContentToStage,
  DiskFault,
  type DiskMetadata,
  type PreciseStat,
  type Staged,
  type StagedFiles,
  type StageWriter,
  type TreePlaced,
} from '../../../src/ports/filesystem.ts';
import type { Random } from '../../../src/ports/random.ts';
import type { Area } from './area.ts';
import type { Calls } from './calls.ts';
import type { Place } from './memory-disk.ts';
import { Errno, type FileNode, type Node } from './nodes.ts';
import type { Walk } from './walk.ts';

const setgid = 0o2000;
const ownerMayRead = 0o400;
const singleFsyncsMax = 16;
/** What the kernel takes as one path, with room for the way to the stage. */
const stagedNameBytesMax = 4070;
/** A real disk takes the time from a double, in the middle of the microsecond. */
const middle = 0.5;

/** The files being staged for one share, and the new directories that are built in the stage with all that comes into them. */
export class Stage {
  readonly #calls: Calls;
  readonly #area: Area;
  readonly #random: Random;
  readonly #nearest: (path: BytePath) => Place;
  readonly #unflushed = new Set<string>();
  /** By path of the target directory: where files get its group, '' where nothing is inherited. */
  readonly #rooms = new Map<BytePath, string>();
  #spent: string[] = [];
  /** By path of a directory: its name in the stage. */
  readonly #names = new Map<BytePath, string>();
  readonly #trees = new Map<BytePath, readonly BytePath[]>();

  constructor(calls: Calls, area: Area, nearest: (path: BytePath) => Place, random: Random) {
    this.#calls = calls;
    this.#area = area;
    this.#nearest = nearest;
    this.#random = random;
  }

  /** Where a staged name lies. */
  at(name: string): { at: Place; name: string } {
    if (name.length > stagedNameBytesMax) throw new Errno('ENAMETOOLONG', name);
    let at = this.#area.stage;
    for (const directory of parentOf(name) === '' ? [] : parentOf(name).split('/')) at = this.#calls.enter(at, directory);
    return { at, name: nameOf(name) };
  }

  create(path: BytePath): StageWriter {
    const name = this.#nameFor(path);
    return this.#writer(name, this.#made(name));
  }

  createAll(contents: readonly ContentToStage[]): readonly StagedFiles[] {
    const named = contents.map(({ files }) => files.map((file) => this.#nameOrFault(file.path)));
    return contents.map(({ content, files }, which) => {
      const decoded = decodeBlob(content.stored, content.codec, content.hash, content.size);
      if (!decoded.ok) return null;
      return files.map(({ metadata }, at) => {
        const name = named[which]?.[at] as string | DiskFault;
        return name instanceof DiskFault ? name : faultOr(() => this.#whole(name, decoded.bytes, metadata));
      });
    });
  }

  discard(name: string): void {
    this.#unflushed.delete(name);
    unless(['ENOENT'], () => {
      const { at, name: last } = this.at(name);
      this.#calls.unlink(at, last);
    });
  }

  flush(): void {
    const names = [...this.#unflushed];
    this.#unflushed.clear();
    try {
      if (names.length > singleFsyncsMax) this.#calls.flushAll(this.#area.stage);
      else for (const name of names) this.#flushOne(name);
    } catch (error) {
      for (const name of names) this.#unflushed.add(name);
      throw faultFrom(error, 'flush the staging area of', '');
    }
    this.endBatch();
  }

  endBatch(): void {
    for (const room of this.#rooms.values()) if (room !== '') this.#spent.push(room);
    this.#rooms.clear();
    const gone = ['ENOTEMPTY', 'EEXIST'];
    const remove = (room: string) => unless(['ENOENT'], () => this.#calls.removeDirectory(this.#area.stage, room)) ?? true;
    this.#spent = this.#spent.filter((room) => unless(gone, () => remove(room)) === null);
  }

  createTree(paths: readonly BytePath[]): void {
    const [top] = paths;
    if (top === undefined) return;
    const topName = this.#nameFor(top);
    this.#trees.set(top, paths);
    try {
      for (const path of paths) {
        const name = path === top ? topName : this.#nameInTree(path);
        if (name === null) throw new Error('a directory of a tree comes before the one that holds it');
        const { at, name: last } = this.at(name);
        this.#calls.makeDirectory(at, last, 0o700);
        this.#names.set(path, name);
      }
    } catch (error) {
      this.discardTree(top);
      throw error;
    }
  }

  discardTree(top: BytePath): void {
    const name = this.#names.get(top);
    this.#forget(top);
    if (name === undefined) return;
    const { at, name: last } = this.at(name);
    this.#calls.removeAll(at, last);
  }

  placeTree(walk: Walk, top: BytePath, metadata: ReadonlyMap<BytePath, DiskMetadata>): TreePlaced {
    const name = this.#names.get(top);
    if (name === undefined) throw new Error('this tree was not staged');
    const parent = walk.parent(top);
    if (this.#calls.look(parent, nameOf(top)) !== null) return { outcome: 'occupied' };
    const stats = this.#finish(top, metadata);
    if (!this.#movedTo(parent, nameOf(top), name)) return { outcome: 'occupied' };
    this.#forget(top);
    if (!walk.isStillAt(parentOf(top), parent)) return { outcome: 'moved' };
    const stat = stats.has(top) ? this.#calls.look(parent, nameOf(top)) : null;
    if (stat?.kind === 'dir' && stat.ino === stats.get(top)?.ino) stats.set(top, stat);
    else stats.delete(top);
    return { outcome: 'done', stats };
  }

  #finish(top: BytePath, metadata: ReadonlyMap<BytePath, DiskMetadata>): Map<BytePath, PreciseStat> {
    const stats = new Map<BytePath, PreciseStat>();
    for (const path of [...(this.#trees.get(top) ?? [])].reverse()) {
      const name = this.#names.get(path);
      const wanted = metadata.get(path);
      if (name === undefined || wanted === undefined) continue;
      const { at, name: last } = this.at(name);
      const place = this.#calls.enter(at, last);
      stats.set(path, setMetadata(this.#calls, place, place.node, inherited(wanted, place.node.mode)));
    }
    return stats;
  }

  #movedTo(to: Place, newName: string, name: string): boolean {
    const { at, name: last } = this.at(name);
    try {
      this.#calls.rename(at, last, to, newName);
      return true;
    } catch (error) {
      if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return false;
      throw error;
    }
  }

  #forget(top: BytePath): void {
    for (const path of this.#trees.get(top) ?? []) this.#names.delete(path);
    this.#trees.delete(top);
  }

  #nameOrFault(path: BytePath): string | DiskFault {
    return faultOr(() => faulting('stage a file for', parentOf(path), () => this.#nameFor(path)));
  }

  #nameInTree(path: BytePath): string | null {
    const directory = this.#names.get(parentOf(path));
    return directory === undefined ? null : join(directory, nameOf(path));
  }

  #nameFor(path: BytePath): string {
    const inTree = this.#nameInTree(path);
    if (inTree !== null) return inTree;
    const room = this.#roomFor(parentOf(path));
    return room === '' ? this.#random.hex(16) : `${room}/${this.#random.hex(16)}`;
  }

  /** Made where it passes on its group, and moved into the stage at once. */
  #roomFor(directory: BytePath): string {
    const known = this.#rooms.get(directory);
    if (known !== undefined) return known;
    const target = this.#nearest(directory);
    let room = '';
    if ((target.node.mode & setgid) !== 0) {
      unless(['ENOENT'], () => this.#calls.removeDirectory(target, roomName));
      this.#calls.makeDirectory(target, roomName, 0o700);
      room = this.#random.hex(16);
      this.#calls.rename(target, roomName, this.#area.stage, room);
    }
    this.#rooms.set(directory, room);
    return room;
  }

  #made(name: string): FileNode {
    const { at, name: last } = this.at(name);
    const node = this.#calls.create(at, last, 0o600);
    this.#unflushed.add(name);
    return node;
  }

  #whole(name: string, bytes: Buffer, metadata: DiskMetadata): Staged {
    const { stage } = this.#area;
    return faulting('write', stagedWords, () => {
      const node = this.#made(name);
      try {
        this.#calls.write(stage, node, 0, bytes);
        return this.#finished(name, node, metadata);
      } catch (error) {
        this.discard(name);
        throw error;
      }
    });
  }

  #finished(name: string, node: FileNode, metadata: DiskMetadata): Staged {
    const { stage } = this.#area;
    const stat = setMetadata(this.#calls, stage, node, metadata);
    if ((metadata.mode & ownerMayRead) === 0) {
      this.#calls.flush(stage, node);
      this.#unflushed.delete(name);
    }
    return { name, stat };
  }

  #writer(name: string, node: FileNode): StageWriter {
    const { stage } = this.#area;
    return {
      write: (bytes) => faulting('write', stagedWords, () => this.#calls.write(stage, node, node.content.length, bytes)),
      finish: (metadata) => faulting('finish', stagedWords, () => this.#finished(name, node, metadata)),
      abort: () => faulting('discard', stagedWords, () => this.discard(name)),
    };
  }

  #flushOne(name: string): void {
    const found = unless(['ENOENT'], () => this.at(name));
    const node: Node | undefined = found?.at.node.children.get(found.name);
    if (found !== null && node?.kind === 'file') this.#calls.flush(found.at, node);
  }
}

/** Applies what is given, in the order of the real disk, and returns what came of it. */
export function setMetadata(calls: Calls, at: Place, node: Node, { mode, mtimeUs, uid, gid }: Partial<DiskMetadata>): PreciseStat {
  if (uid !== undefined || gid !== undefined) calls.chown(at, node, uid, gid);
  if (mode !== undefined) calls.chmod(at, node, mode);
  if (mtimeUs !== undefined) calls.setModified(at, node, Math.floor(mtimeUs + middle) === mtimeUs ? mtimeUs + middle : mtimeUs);
  return calls.statOf(at, node);
}

function inherited(metadata: DiskMetadata, mode: number): Partial<DiskMetadata> {
  if ((mode & setgid) === 0) return metadata;
  const { gid: _group, ...rest } = metadata;
  return { ...rest, mode: metadata.mode | setgid };
}

function faultOr<T>(step: () => T): T | DiskFault {
  try {
    return step();
  } catch (error) {
    if (error instanceof DiskFault) return error;
    throw error;
  }
}
