import type { Hash, Kind } from '../model/entry.ts';
import type { BytePath } from '../model/path.ts';
import type { StoredContent } from './codec.ts';
import type { Preview } from './preview.ts';

/**
 * The stat of one name, never following a link. `mtimeKey` and `ctimeKey` are microseconds rounded from what the cheap stat call
 * gives: good for equality between two looks through this port, not for publishing.
 */
export interface Stat {
  readonly kind: Kind | 'other';
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeKey: number;
  readonly ctimeKey: number;
}

/** A look that is exact enough to publish: `mtimeUs` is the modification time in whole microseconds, rounded down from nanoseconds. */
export interface PreciseStat extends Stat {
  readonly mtimeUs: number;
  /** Names that lead to the inode. */
  readonly links: number;
}

/**
 * One directory, read in one go. `names` is sorted by bytes; entry i has its stat at `statAt(i)`.
 * Names for which `keep` answered false are not looked at and not listed.
 */
export interface DirectoryListing {
  readonly dev: number;
  readonly names: readonly string[];
  statAt(index: number): Stat;
  /** SHA-1 over names and stats of what is listed: equal digests mean that nothing listed has changed. */
  readonly digest: string;
  /** The newest `ctimeKey` among what is listed, 0 for an empty directory. */
  readonly newestCtimeKey: number;
  /** Names kept, but gone by the time of the look. */
  readonly vanished: readonly string[];
  /** Names that were left out by `keep`. */
  readonly skipped: number;
}

/**
 * - absent: ENOENT, nothing is there. - not-directory: ENOTDIR, or a link where a directory was expected (never followed).
 * - denied: EACCES, EPERM. - io: EIO, ESTALE and every other error: never an absence. - full: ENOSPC, EDQUOT.
 * - read-only: EROFS. - unsupported: the file system cannot hold this name or kind (EILSEQ, EINVAL, ENAMETOOLONG, EOPNOTSUPP).
 */
export type DiskFaultCode = 'absent' | 'not-directory' | 'denied' | 'io' | 'full' | 'read-only' | 'unsupported';

export class DiskFault extends Error {
  override readonly name = 'DiskFault';
  readonly code: DiskFaultCode;

  constructor(code: DiskFaultCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** What an entry's metadata becomes on this disk. An undefined id leaves what the file system gives a new file there. */
export interface DiskMetadata {
  readonly mode: number;
  readonly mtimeUs?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** A small file to be read whole, and its bytes as of the look that found it. */
export interface FileToRead {
  readonly path: BytePath;
  readonly size: number;
}

/** What one opening gave. */
export interface FileRead {
  /** fstat of the descriptor before the first byte and after the last. */
  readonly before: PreciseStat;
  readonly after: PreciseStat;
  /** Null where the file was not as long as was said. */
  readonly content: { readonly hash: Hash; readonly bytes: Buffer } | null;
}

export interface FilesRead {
  /** In order. */
  readonly files: readonly (FileRead | DiskFault)[];
  /** From then on the bytes may change. */
  release(): void;
}

/** A file opened for reading through a walk that follows no link. */
export interface OpenFile {
  /** fstat of the descriptor, taken before the first byte. */
  readonly before: PreciseStat;
  /** Fills `buffer` from the current position; returns the bytes read, 0 at the end. Blocks for small sizes, so keep buffers below some MiB. */
  read(buffer: Buffer): number;
  /** The next read begins this many bytes further on. */
  skip(bytes: number): void;
  /** fstat of the descriptor now. */
  now(): PreciseStat;
  close(): void;
}

/** The next `size` bytes; null when the file ends before. */
export function readExactly(file: OpenFile, size: number): Buffer | null {
  const bytes = Buffer.allocUnsafe(size);
  for (let length = 0; length < size; ) {
    const read = file.read(bytes.subarray(length));
    if (read === 0) return null;
    length += read;
  }
  return bytes;
}

/** A complete, invisible file in the staging area, ready to be put in place. */
export interface Staged {
  readonly name: string;
  /** fstat of the descriptor that wrote it, metadata applied. */
  readonly stat: PreciseStat;
}

/** A content as it is stored, and the files that are to hold it, where each will stand. */
export interface ContentToStage {
  readonly content: StoredContent;
  readonly files: readonly { readonly path: BytePath; readonly metadata: DiskMetadata }[];
}

/** What became of each file, in order; null where the bytes are not the content of that hash and size. */
export type StagedFiles = readonly (Staged | DiskFault)[] | null;

/** A staged file and the name that it gets in its directory. */
export interface NewFile {
  readonly staged: Staged;
  readonly name: string;
}

/** A file in the staging area that is being written. */
export interface StageWriter {
  write(bytes: Buffer): void;
  /** Applies metadata and closes. */
  finish(metadata: DiskMetadata): Staged;
  abort(): void;
}

/**
 * What became of a step on the user's tree.
 * - done. - occupied: something stands where nothing was expected; nothing was changed. - changed: what stands there is not what was
 *   expected; nothing was changed. - absent: nothing stands there. - not-empty: a directory with children.
 * - moved: a directory on the way was moved or replaced meanwhile; the effect may have landed in the moved directory.
 */
export type Outcome = 'done' | 'occupied' | 'changed' | 'absent' | 'not-empty' | 'moved';
export type Placed =
  | { readonly outcome: 'done'; readonly stat: PreciseStat }
  | { readonly outcome: Exclude<Outcome, 'done' | 'not-empty'> };

/** `stats` has the directories whose metadata could be set before they appeared; the others are 0700 until `setMetadata`. */
export type TreePlaced =
  | { readonly outcome: 'done'; readonly stats: ReadonlyMap<BytePath, PreciseStat> }
  | { readonly outcome: 'occupied' | 'moved' };

export type RootState =
  | { readonly state: 'present'; readonly dev: number; readonly ino: number }
  | { readonly state: 'missing' | 'not-directory' | 'unreadable'; readonly message: string };

/** What must still be true of a name before it is replaced or removed: same inode, size, times, mode and owner. */
export type Expected = Pick<Stat, 'kind' | 'ino' | 'size' | 'mtimeKey' | 'ctimeKey'>;

/**
 * The tree of one share below its root. All paths are relative byte paths; every walk opens each directory with O_NOFOLLOW from the
 * root's own descriptor, so a link in the place of a directory is a fault and nothing outside the root is ever read or written.
 * Calls are synchronous where measurement says that a loop of them is fastest. Throws `DiskFault` and nothing else.
 */
export interface ShareTree {
  rootState(): RootState;
  /** Between two cycles: lets go of the directories below the root, so that what is mounted there can be unmounted. */
  rest(): void;
  /** Creates the root directory (not its parents). */
  createRoot(): void;
  /** `keep(name, isDirectory)` is asked before a name is looked at. */
  readDirectory(path: BytePath, keep: (name: string, isDirectory: boolean) => boolean): DirectoryListing;
  /** null when nothing is there (ENOENT under a directory that opens). Other trouble throws. */
  look(path: BytePath): PreciseStat | null;
  readLink(path: BytePath): string;
  open(path: BytePath): OpenFile;
  /** Reads many small files beside this thread, where there is a second one: a call should bring about a MiB, and some may wait. */
  readFiles(files: readonly FileToRead[]): Promise<FilesRead>;

  /** Creates or finds the staging area and its trash, 0700, proved by a real rename into the root; removes leftovers of killed runs. */
  prepareStaging(): void;
  /** Name of the staging area if it lies inside the root (to be excluded), else null. */
  readonly stagingInsideRoot: string | null;
  /** A new file that will stand at `path`: default ACLs and a setgid group are inherited as if it were made there. */
  stage(path: BytePath): StageWriter;
  /**
   * `stage` for whole files of verified content, beside this thread where there is a second one: a call should bring about a MiB. All
   * of it is in memory until the promise resolves. One result for each content, in order.
   */
  stageContents(contents: readonly ContentToStage[]): Promise<readonly StagedFiles[]>;
  discard(staged: Staged): void;
  /**
   * Makes new directories apart, the topmost first and ancestors before descendants: what is staged for them from now on lies in them
   * under its own name. Where it fails, nothing of the tree stays.
   */
  stageTree(paths: readonly BytePath[]): void;
  /** Removes a tree that was not put in place, with what was staged for it. */
  discardTree(top: BytePath): void;
  /** Everything staged so far is on the disk when this resolves: one flush of the file system. */
  flush(): Promise<void>;
  /**
   * What this process has put in place, moved, removed or given other metadata since the last call is on the disk when this resolves, and so
   * is what stands, or stood, at the paths given ('all': whatever anybody has done to the file system). Before that a power cut may undo
   * it, so that no journal may say that it is done.
   */
  flushChanges(also?: 'all' | readonly BytePath[]): Promise<void>;

  /** Puts a staged file where nothing stands (link + unlink: never replaces). */
  placeNew(staged: Staged, path: BytePath): Placed;
  /**
   * `placeNew` for many files of one directory, which is walked to once before and once after all of them: half of the system calls.
   * One result per file, in order; a fault is the result of its own file.
   */
  placeAllNew(directory: BytePath, files: readonly NewFile[]): (Placed | DiskFault)[];
  /**
   * Puts a staged tree where nothing stands, by one rename, with this metadata of its directories; a setgid bit that they have inherited
   * stays, with its group. Unless it is done, the files can still be placed one by one. Only an empty directory that somebody makes
   * in the very moment between look and rename gives way.
   */
  placeTree(top: BytePath, metadata: ReadonlyMap<BytePath, DiskMetadata>): TreePlaced;
  /** Replaces what is `expected`: old → trash under `trashName` by link, check, rename over it. The old file stays readable in the trash. */
  placeOver(staged: Staged, path: BytePath, expected: Expected, trashName: string): Placed;
  /** Moves a file, link or (never followed) other name into the trash if it is what is expected. */
  moveToTrash(path: BytePath, expected: Expected, trashName: string): 'done' | 'changed' | 'absent' | 'moved';
  makeDirectory(path: BytePath, mode: number): Placed;
  /** Only when it is empty. */
  removeDirectory(path: BytePath): 'done' | 'not-empty' | 'absent' | 'changed';
  makeLink(path: BytePath, target: string): Placed;
  /** Replaces a link or file that is `expected` (→ trash) by a new link. */
  replaceByLink(path: BytePath, target: string, expected: Expected, trashName: string): Placed;
  /** chmod, chown, utimes through an own descriptor (lchown for links), if the name is still the expected inode. */
  setMetadata(path: BytePath, ino: number, metadata: Partial<DiskMetadata>): Placed;
  /** Puts a file of the trash back where nothing stands. */
  restoreFromTrash(trashName: string, path: BytePath): Placed;

  lookInTrash(trashName: string): PreciseStat | null;
  openInTrash(trashName: string): OpenFile;
  readLinkInTrash(trashName: string): string;
  removeFromTrash(trashName: string): void;
  listTrash(): readonly string[];

  /** An empty place in the staging area; see Preview. */
  preview(): Preview;

  /**
   * Takes the lock in the staging area, held by the operating system until `release` or death; null when another state holds it. `kept`,
   * this process's lock of before, is what is returned where it still is the lock of this area.
   */
  lockRoot(stateId: string, kept?: RootLock | null): RootLock | null;
}

export interface RootLock {
  /** Inode of the file that is locked. */
  readonly ino: number;
  /** False where another process of the same state holds it, and this one goes along. */
  readonly own: boolean;
  release(): void;
}

/** Names and ids of users and groups on this machine; a decimal string stands for an id without a name. */
export interface Owners {
  /** Only root can give files away; for others owner and group are neither published nor applied. */
  readonly privileged: boolean;
  userName(uid: number): string;
  groupName(gid: number): string;
  /** undefined when this machine does not know the name. */
  userId(name: string): number | undefined;
  groupId(name: string): number | undefined;
}
