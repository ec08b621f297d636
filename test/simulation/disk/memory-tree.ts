import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { insideName, trashNameOf } from '../../../src/adapters/disk-area.ts';
import { faultFrom, faulting, unless } from '../../../src/adapters/disk-faults.ts';
import { contentHash } from '../../../src/model/digest.ts';
import { type BytePath, join, nameOf, parentOf, toText } from '../../../src/model/path.ts';
import {
  type DirectoryListing,
  DiskFault,
  type FileRead,
  type FileToRead,
  type OpenFile,
  type PreciseStat,
  type ShareTree,
  type Stat,
} from '../../../src/ports/filesystem.ts';
import type { Random } from '../../../src/ports/random.ts';
import { type Area, clearStage, hasAreaInside, lockArea, openArea } from './area.ts';
import { type CallHooks, Calls } from './calls.ts';
import type { MemoryDisk, Place } from './memory-disk.ts';
import type { FileNode } from './nodes.ts';
import {
  makeDirectory,
  makeLink,
  moveToTrash,
  placeAllNew,
  placeNew,
  placeOver,
  removeDirectory,
  replaceByLink,
  restoreFromTrash,
  type Site,
  setMetadata,
} from './place.ts';
import { openPreview } from './preview.ts';
import { Stage } from './stage.ts';
import { Walk } from './walk.ts';

export interface MemoryTreeOptions extends CallHooks {
  readonly disk: MemoryDisk;
  /** Absolute byte path, as configured. */
  readonly root: BytePath;
  readonly shareName: string;
  /** Names of staged files come from here. */
  readonly random: Random;
  /** The part of a pattern that must exist before a root is created; the root's parent when left out. */
  readonly fixedPart?: string;
  /** Awaited by every call that answers with a promise, before it does anything. */
  readonly wait?: (call: string) => Promise<void>;
}

/** One process's view of a share on a simulated disk. */
export interface MemoryTree extends ShareTree {
  close(): void;
  /** The process is dead: its locks and handles are the disk's no more, and every call from now on throws what is given. */
  die(why: Error): void;
}

/** The share's tree on a simulated disk: the same calls in the same order as the real adapter, so that a kill finds the same gaps. */
export function openMemoryTree(options: MemoryTreeOptions): MemoryTree {
  const life = new Life(options);
  const { calls, walk, staging, wait } = life;
  return {
    ...lookingPart(life),
    ...stagingPart(life),
    ...changingPart(life),
    flushChanges: async (also = []) => await life.flushChanges(also),
    ...trashPart(life),
    preview: () => faulting('make a copy of', '', () => openPreview(staging.site(), options.root, wait)),
    get stagingInsideRoot() {
      return faulting('look for the staging area in', '', () => (hasAreaInside(calls, walk.root()) ? insideName : null));
    },
    createRoot: () => faulting('create', '', () => createRoot(calls, options)),
    rootState: () => {
      staging.close();
      return walk.rootState();
    },
    rest: () => undefined,
    close: () => {
      staging.close();
      walk.close();
    },
    die: (why) => life.die(why),
  };
}

/** What one process holds of the disk. */
class Life {
  readonly calls: Calls;
  readonly walk: Walk;
  readonly staging: Staging;
  readonly wait: (call: string) => Promise<void>;
  readonly #open = new Set<{ readonly at: Place; readonly node: FileNode }>();
  readonly #locks: { release(): void }[] = [];
  #death: Error | null = null;
  /** Something was done that a power cut could undo. */
  #changed = false;

  constructor({ disk, root, shareName, random, onEffect, onLook, wait = async () => undefined }: MemoryTreeOptions) {
    this.calls = new Calls(disk, { onEffect: this.#living(onEffect), onLook: this.#living(onLook) });
    this.walk = new Walk(this.calls, root);
    this.staging = new Staging(this.calls, this.walk, shareName, random);
    this.wait = async (call) => {
      await wait(call);
      if (this.#death !== null) throw this.#death;
    };
  }

  changing<T>(doing: string, path: BytePath, step: () => T): T {
    this.#changed = true;
    return faulting(doing, path, step);
  }

  async flushChanges(also: 'all' | readonly BytePath[]): Promise<void> {
    if (!this.#changed && also.length === 0) return;
    await this.wait('flushChanges');
    faulting('flush', '', () => {
      const root = this.walk.root();
      if (also === 'all') this.calls.flushAll(root);
      else {
        for (const path of also) this.#flushOne(path);
        this.calls.flush(root, root.node);
      }
    });
    this.#changed = false;
  }

  /** What is no file any more is flushed with its directory. */
  #flushOne(path: BytePath): void {
    const at = unless(['ENOENT', 'ENOTDIR'], () => this.walk.parent(path));
    const node = at?.node.children.get(nameOf(path));
    if (at !== null && node?.kind === 'file') this.calls.flush(at, node);
  }

  lock(stateId: string, kept: ReturnType<ShareTree['lockRoot']>): ReturnType<ShareTree['lockRoot']> {
    const lock = lockArea(this.calls, this.staging.opened().area, stateId, kept);
    if (lock !== null && lock !== kept) this.#locks.push(lock);
    return lock;
  }

  openFile(at: Place, name: string, path: BytePath): OpenFile {
    const node = this.calls.open(at, name);
    if (node.kind !== 'file') {
      const found = node.kind === 'dir' ? 'a directory' : 'something else';
      throw new DiskFault('io', `cannot open ${toText(path)}: expected a file, found ${found}`);
    }
    return this.#handle(at, node, path);
  }

  die(why: Error): void {
    for (const { at, node } of this.#open) this.calls.letGo(at, node);
    this.#open.clear();
    for (const lock of this.#locks) lock.release();
    this.#death = why;
  }

  #handle(at: Place, node: FileNode, path: BytePath): OpenFile {
    const { calls } = this;
    const before = calls.statOf(at, node);
    const handle = { at, node };
    calls.hold(node);
    this.#open.add(handle);
    let position = 0;
    const read = (buffer: Buffer) => {
      const length = calls.read(node, posix.join(at.path, nameOf(path))).copy(buffer, 0, position);
      position += length;
      return length;
    };
    return {
      before,
      read: (buffer) => faulting('read', path, () => read(buffer)),
      skip: (bytes) => {
        position += bytes;
      },
      now: () => calls.statOf(at, node),
      close: () => {
        if (this.#open.delete(handle)) calls.letGo(at, node);
      },
    };
  }

  #living(hook: ((name: string, path: string) => void) | undefined) {
    return (name: string, path: string): void => {
      if (this.#death !== null) throw this.#death;
      hook?.(name, path);
    };
  }
}

/** The staging area, opened at the first need of a cycle. */
class Staging {
  readonly #calls: Calls;
  readonly #walk: Walk;
  readonly #shareName: string;
  readonly #random: Random;
  #open: { readonly area: Area; readonly stage: Stage } | null = null;

  constructor(calls: Calls, walk: Walk, shareName: string, random: Random) {
    this.#calls = calls;
    this.#walk = walk;
    this.#shareName = shareName;
    this.#random = random;
  }

  opened(): { readonly area: Area; readonly stage: Stage } {
    if (this.#open === null) {
      const area = openArea(this.#calls, this.#walk.root(), this.#shareName, this.#random);
      this.#open = { area, stage: new Stage(this.#calls, area, (path) => nearest(this.#walk, path), this.#random) };
    }
    return this.#open;
  }

  site(): Site {
    return { calls: this.#calls, walk: this.#walk, random: this.#random, ...this.opened() };
  }

  close(): void {
    this.#open?.stage.endBatch();
    this.#open = null;
  }
}

function nearest(walk: Walk, path: BytePath): Place {
  for (let tried = path; ; tried = parentOf(tried)) {
    try {
      return walk.directory(tried);
    } catch (error) {
      const fault = faultFrom(error, 'open', tried);
      if (tried === '' || !(fault instanceof DiskFault) || fault.code === 'io') throw fault;
    }
  }
}

function createRoot(calls: Calls, { root, fixedPart }: MemoryTreeOptions): void {
  calls.reach(fixedPart ?? posix.dirname(root));
  const make = (path: string): void => {
    const parent = posix.dirname(path);
    if (calls.disk.seenAt(parent) === null) make(parent);
    calls.makeDirectory(calls.reach(parent), posix.basename(path), 0o755);
  };
  make(root);
}

type Keep = (name: string, isDirectory: boolean) => boolean;

function lookingPart(life: Life): Pick<ShareTree, 'readDirectory' | 'look' | 'readLink' | 'open' | 'readFiles'> {
  const { calls, walk, wait } = life;
  const open = (path: BytePath) => faulting('open', path, () => life.openFile(walk.parent(path), nameOf(path), path));
  return {
    readDirectory: (path, keep) => faulting('read the directory', path, () => readListing(calls, walk.directory(path), keep)),
    look: (path) => faulting('look at', path, () => walk.look(path)),
    readLink: (path) => faulting('read the link', path, () => calls.readLink(walk.parent(path), nameOf(path))),
    open,
    readFiles: async (files) => {
      await wait('readFiles');
      return { files: files.map((file) => readWhole(file, open)), release: () => undefined };
    },
  };
}

function readWhole({ path, size }: FileToRead, open: (path: BytePath) => OpenFile): FileRead | DiskFault {
  let file: OpenFile | null = null;
  try {
    file = open(path);
    const { before } = file;
    const room = Buffer.alloc(size + 1);
    const complete = before.size === size && file.read(room) === size;
    const bytes = room.subarray(0, size);
    return { before, after: file.now(), content: complete ? { hash: contentHash(bytes), bytes } : null };
  } catch (error) {
    if (error instanceof DiskFault) return error;
    throw error;
  } finally {
    file?.close();
  }
}

function readListing(calls: Calls, directory: Place, keep: Keep): DirectoryListing {
  const listed = calls.list(directory);
  const asked = listed.filter(({ name, isDirectory }) => keep(name, isDirectory)).map(({ name }) => name);
  const looked = asked.sort().map((name) => ({ name, stat: calls.look(directory, name) }));
  const found = looked.filter((each): each is { name: string; stat: PreciseStat } => each.stat !== null);
  const stats: Stat[] = found.map(({ stat: { mtimeUs: _exact, links: _links, ...cheap } }) => cheap);
  const names = found.map(({ name }) => name);
  return {
    dev: directory.mount.device.dev,
    names,
    statAt: (index) => {
      const stat = stats[index];
      if (stat === undefined) throw new RangeError(`no name ${index} in this directory`);
      return stat;
    },
    digest: createHash('sha1')
      .update(JSON.stringify([names, stats]))
      .digest('hex'),
    newestCtimeKey: Math.max(0, ...stats.map(({ ctimeKey }) => ctimeKey)),
    vanished: looked.filter(({ stat }) => stat === null).map(({ name }) => name),
    skipped: listed.length - asked.length,
  };
}

type StagingPart = Pick<
  ShareTree,
  'prepareStaging' | 'stage' | 'stageContents' | 'stageTree' | 'discardTree' | 'discard' | 'flush' | 'lockRoot'
>;

function stagingPart(life: Life): StagingPart {
  const { calls, staging, wait } = life;
  return {
    prepareStaging: () => {
      staging.close();
      faulting('prepare the staging area of', '', () => clearStage(calls, staging.opened().area));
    },
    stage: (path) => faulting('stage a file for', parentOf(path), () => staging.opened().stage.create(path)),
    stageContents: async (contents) => {
      await wait('stageContents');
      return faulting('open the staging area of', '', () => staging.opened().stage.createAll(contents));
    },
    stageTree: (paths) => faulting('stage the directory', paths[0] ?? '', () => staging.opened().stage.createTree(paths)),
    discardTree: (top) => faulting('discard', 'a staged directory', () => staging.opened().stage.discardTree(top)),
    discard: (staged) => faulting('discard', 'a staged file', () => staging.opened().stage.discard(staged.name)),
    flush: async () => {
      await wait('flush');
      faulting('open the staging area of', '', () => staging.opened().stage.flush());
    },
    lockRoot: (stateId, kept) => faulting('lock', '', () => life.lock(stateId, kept ?? null)),
  };
}

type ChangingPart = Pick<
  ShareTree,
  | 'placeNew'
  | 'placeAllNew'
  | 'placeTree'
  | 'placeOver'
  | 'moveToTrash'
  | 'makeDirectory'
  | 'removeDirectory'
  | 'makeLink'
  | 'replaceByLink'
  | 'setMetadata'
>;

function changingPart(life: Life): ChangingPart {
  const { calls, walk, staging } = life;
  const site = () => staging.site();
  const faulting = <T>(doing: string, path: BytePath, step: () => T): T => life.changing(doing, path, step);
  return {
    placeNew: (staged, path) => faulting('place', path, () => placeNew(site(), staged, path)),
    placeAllNew: (directory, files) => life.changing('place files in', directory, () => placeAllNew(site, directory, files)),
    placeTree: (top, metadata) => faulting('place the directory', top, () => staging.opened().stage.placeTree(walk, top, metadata)),
    placeOver: (staged, path, expected, trashName) => faulting('replace', path, () => placeOver(site(), staged, path, expected, trashName)),
    replaceByLink: (path, target, expected, trashName) =>
      faulting('replace', path, () => replaceByLink(site(), path, target, expected, trashName)),
    moveToTrash: (path, expected, trashName) => faulting('move to the trash', path, () => moveToTrash(site(), path, expected, trashName)),
    makeDirectory: (path, mode) => faulting('make the directory', path, () => makeDirectory(calls, walk, path, mode)),
    removeDirectory: (path) => faulting('remove the directory', path, () => removeDirectory(calls, walk, path)),
    makeLink: (path, target) => faulting('make the link', path, () => makeLink(calls, walk, path, target)),
    setMetadata: (path, ino, metadata) => faulting('set the metadata of', path, () => setMetadata(calls, walk, path, ino, metadata)),
  };
}

type TrashPart = Pick<ShareTree, 'restoreFromTrash' | 'lookInTrash' | 'openInTrash' | 'readLinkInTrash' | 'removeFromTrash' | 'listTrash'>;

function trashPart(life: Life): TrashPart {
  const { calls, staging } = life;
  const trash = () => staging.opened().area.trash;
  const inTrash = <T>(doing: string, name: string, step: () => T): T => faulting(doing, join('trash', name), step);
  return {
    restoreFromTrash: (name, path) => faulting('restore', path, () => restoreFromTrash(staging.site(), name, path)),
    lookInTrash: (name) => inTrash('look at', name, () => calls.look(trash(), trashNameOf(name))),
    openInTrash: (name) => inTrash('open', name, () => life.openFile(trash(), trashNameOf(name), join('trash', name))),
    readLinkInTrash: (name) => inTrash('read the link', name, () => calls.readLink(trash(), trashNameOf(name))),
    removeFromTrash: (name) => inTrash('remove', name, () => calls.removeAll(trash(), trashNameOf(name))),
    listTrash: () =>
      inTrash('list', '', () =>
        calls
          .list(trash())
          .map(({ name }) => name)
          .sort(),
      ),
  };
}
