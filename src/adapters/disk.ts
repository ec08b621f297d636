import { mkdirSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type BytePath, fromText, nameOf, parentOf } from '../model/path.ts';
import { DiskFault, type PreciseStat, type ShareTree } from '../ports/filesystem.ts';
import { type Area, clearStage, closeArea, hasAreaInside, insideName, openArea, trashNameOf } from './disk-area.ts';
import { faultFrom, faulting } from './disk-faults.ts';
import { openFile } from './disk-file.ts';
import { Changes } from './disk-flush.ts';
import { lockArea } from './disk-lock.ts';
import { makeDirectory, makeLink, removeDirectory, setMetadata } from './disk-make.ts';
import { moveToTrash, placeAllNew, placeNew, placeOver, replaceByLink, restoreFromTrash, type Site } from './disk-place.ts';
import { openPreview, type PreviewSite } from './disk-preview.ts';
import { type FileReader, readFilesHere } from './disk-read.ts';
import { readMany } from './disk-read-many.ts';
import { readListing } from './disk-scan.ts';
import { Stage } from './disk-stage.ts';
import { at, preciseAt, preciseOf } from './disk-stat.ts';
import { unlocked } from './disk-unlocked.ts';
import { type OpenDirectory, Walk } from './disk-walk.ts';
import { type FileWriter, stagedWords, writeFiles } from './disk-write.ts';
import { makeDirectories } from './make-directories.ts';

/** A share's tree on a real disk. `close` gives up its descriptors; the next call opens them again. */
export interface DiskTree extends ShareTree {
  close(): void;
}

/** Only below a directory that is there: a disk that is not mounted must not look like a new member. */
function createRoot(root: string, existing: string): void {
  statSync(existing);
  makeDirectories(dirname(root), 0o755);
  mkdirSync(root, { mode: 0o755 });
}

/**
 * `root` is absolute, as configured, and may be a link to a directory. `rootState()` begins a cycle: it looks at the configured path
 * anew and forgets every descriptor. `lockRoot` comes before `prepareStaging`, which removes what it takes for leftovers.
 */
export function openShareTree(options: {
  root: string;
  shareName: string;
  fixedPart?: string | undefined;
  write?: FileWriter;
  read?: FileReader;
}): DiskTree {
  const walk = new Walk(options.root);
  const write: FileWriter = options.write ?? (async (...asked) => writeFiles(...asked));
  const staging = new Staging(walk, options.shareName, write);
  const changes = new Changes();
  return {
    ...readingPart(walk, options.read ?? readFilesHere),
    ...stagingPart(staging),
    ...changingPart(walk, staging, changes),
    flushChanges: async (also = []) => await changes.flush(walk, () => staging.site().area, also),
    ...trashPart(staging),
    preview: () => faulting('make a copy of', '', () => openPreview(staging.previewSite(options.root))),
    get stagingInsideRoot() {
      return faulting('look for the staging area in', '', () => staging.nameInside());
    },
    createRoot: () => faulting('create', '', () => createRoot(options.root, options.fixedPart ?? dirname(options.root))),
    rootState: () => {
      staging.close();
      return walk.rootState();
    },
    rest: () => walk.rest(),
    close: () => {
      staging.close();
      walk.close();
    },
  };
}

/** The staging area, opened at the first need of a cycle. */
class Staging {
  readonly #walk: Walk;
  readonly #shareName: string;
  readonly #write: FileWriter;
  #open: { readonly area: Area; readonly stage: Stage } | null = null;
  #inside: string | null | undefined;

  constructor(walk: Walk, shareName: string, write: FileWriter) {
    this.#walk = walk;
    this.#shareName = shareName;
    this.#write = write;
  }

  opened(): { readonly area: Area; readonly stage: Stage } {
    if (this.#open === null) {
      const area = openArea(this.#walk.root(), this.#shareName);
      this.#open = { area, stage: new Stage(area, (path) => nearest(this.#walk, path), this.#write) };
      this.#inside = undefined;
    }
    return this.#open;
  }

  site(): Site {
    return { walk: this.#walk, area: this.opened().area };
  }

  previewSite(configured: string): PreviewSite {
    const { area, stage } = this.opened();
    return { root: this.#walk.root(), configured: fromText(configured), area, taken: (name) => stage.discard(name) };
  }

  /** An area of an earlier run counts too: its trash is no content. */
  nameInside(): string | null {
    if (this.#inside === undefined) this.#inside = hasAreaInside(this.#walk.root()) ? insideName : null;
    return this.#inside;
  }

  close(): void {
    if (this.#open !== null) {
      this.#open.stage.endBatch();
      closeArea(this.#open.area);
    }
    this.#open = null;
    this.#inside = undefined;
  }
}

type ReadingPart = Pick<ShareTree, 'readDirectory' | 'look' | 'readLink' | 'open' | 'readFiles'>;
type StagingPart = Pick<
  ShareTree,
  'prepareStaging' | 'stage' | 'stageContents' | 'stageTree' | 'discardTree' | 'discard' | 'flush' | 'lockRoot'
>;
type TrashPart = Pick<ShareTree, 'lookInTrash' | 'openInTrash' | 'readLinkInTrash' | 'removeFromTrash' | 'listTrash' | 'restoreFromTrash'>;
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

function readingPart(walk: Walk, read: FileReader): ReadingPart {
  const look = (path: BytePath): PreciseStat | null =>
    path === '' ? preciseOf(walk.root().fd) : preciseAt(walk.parent(path).fd, nameOf(path));
  return {
    readDirectory: (path, keep) => faulting('read the directory', path, () => readListing(walk.directory(path), keep)),
    look: (path) => faulting('look at', path, () => look(path)),
    readLink: (path) => faulting('read the link', path, () => readlinkSync(at(walk.parent(path).fd, nameOf(path)), 'latin1')),
    open: (path) => faulting('open', path, () => openFile(walk.parentForReading(path).fd, nameOf(path), path)),
    readFiles: async (files) => await readMany(walk, files, read),
  };
}

function stagingPart(staging: Staging): StagingPart {
  return {
    prepareStaging: () => {
      staging.close();
      faulting('prepare the staging area of', '', () => clearStage(staging.opened().area));
    },
    stage: (path) => faulting('stage a file for', parentOf(path), () => staging.opened().stage.create(path)),
    stageContents: async (contents) => {
      const { stage } = faulting('open the staging area of', '', () => staging.opened());
      return await stage.createAll(contents);
    },
    stageTree: (paths) => faulting('stage the directory', paths[0] ?? '', () => staging.opened().stage.createTree(paths)),
    discardTree: (top) => faulting('discard', 'a staged directory', () => staging.opened().stage.trees.discard(top)),
    discard: (staged) => faulting('discard', stagedWords, () => staging.opened().stage.discard(staged.name)),
    flush: async () => {
      const { stage } = faulting('open the staging area of', '', () => staging.opened());
      await stage.flush();
      faulting('tidy the staging area of', '', () => stage.endBatch());
    },
    lockRoot: (stateId, kept) => faulting('lock', '', () => lockArea(staging.opened().area, stateId, kept ?? null)),
  };
}

/** The directory, or where it will be made: rights are inherited from level to level, so the nearest one that stands passes on the same. */
function nearest(walk: Walk, path: BytePath): OpenDirectory {
  for (let tried = path; ; tried = parentOf(tried)) {
    try {
      return walk.directory(tried);
    } catch (error) {
      const fault = faultFrom(error, 'open', tried);
      if (tried === '' || !(fault instanceof DiskFault) || fault.code === 'io') throw fault;
    }
  }
}

function changingPart(walk: Walk, staging: Staging, changes: Changes): ChangingPart {
  const naming = <T>(doing: string, path: BytePath, step: () => T): T => {
    changes.note(parentOf(path));
    return faulting(doing, path, () => unlocked(walk.parent(path), step));
  };
  return {
    placeNew: (staged, path) => naming('place', path, () => placeNew(staging.site(), staged, path)),
    placeAllNew: (directory, files) => {
      changes.note(directory);
      return placeAllNew(() => staging.site(), directory, files);
    },
    placeTree: (top, metadata) => {
      changes.note(parentOf(top));
      return faulting('place the directory', top, () => staging.opened().stage.trees.place(walk, top, metadata));
    },
    placeOver: (staged, path, expected, trashName) =>
      naming('replace', path, () => placeOver(staging.site(), staged, path, expected, trashName)),
    replaceByLink: (path, target, expected, trashName) =>
      naming('replace', path, () => replaceByLink(staging.site(), path, target, expected, trashName)),
    moveToTrash: (path, expected, trashName) =>
      naming('move to the trash', path, () => moveToTrash(staging.site(), path, expected, trashName)),
    makeDirectory: (path, mode) => naming('make the directory', path, () => makeDirectory(walk, path, mode)),
    removeDirectory: (path) => naming('remove the directory', path, () => removeDirectory(walk, path)),
    makeLink: (path, target) => naming('make the link', path, () => makeLink(walk, path, target)),
    setMetadata: (path, ino, metadata) => {
      changes.note(path);
      return faulting('set the metadata of', path, () => setMetadata(walk, path, ino, metadata));
    },
  };
}

function trashPart(staging: Staging): TrashPart {
  const fd = (): number => staging.opened().area.trash.fd;
  const inTrash = <T>(doing: string, name: string, step: () => T): T => faulting(doing, `trash/${name}`, step);
  return {
    restoreFromTrash: (name, path) => faulting('restore', path, () => restoreFromTrash(staging.site(), name, path)),
    lookInTrash: (name) => inTrash('look at', name, () => preciseAt(fd(), trashNameOf(name))),
    openInTrash: (name) => inTrash('open', name, () => openFile(fd(), trashNameOf(name), `trash/${name}`)),
    readLinkInTrash: (name) => inTrash('read the link', name, () => readlinkSync(at(fd(), trashNameOf(name)), 'latin1')),
    removeFromTrash: (name) => inTrash('remove', name, () => rmSync(at(fd(), trashNameOf(name)), { recursive: true, force: true })),
    listTrash: () => inTrash('list', '', () => readdirSync(`/proc/self/fd/${fd()}`, 'latin1').sort()),
  };
}
