import { randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { fromText, nameBytesMax } from '../model/path.ts';
import { DiskFault } from '../ports/filesystem.ts';
import { errnoOf, unless } from './disk-faults.ts';
import { at, statAt, systemPath } from './disk-stat.ts';
import { directoryFlags, type OpenDirectory, type OpenRoot, openDirectory } from './disk-walk.ts';

export const insideName = '.flocksync';
/** A directory that is made in any directory of the share for a moment; on no member it is content. */
export const roomName = '.flocksync-room';
const proofName = 'proved';

/** The staging area of a share, held by descriptors. */
export interface Area {
  readonly inside: boolean;
  readonly home: OpenDirectory;
  readonly stage: OpenDirectory;
  readonly trash: OpenDirectory;
}

/** Unguessable, and without an extension that a web server would map to a program. */
export function randomName(): string {
  return randomBytes(16).toString('hex');
}

/**
 * Finds or creates the area: beside the root where a rename from there into the root works, else inside it. Nothing but a real rename
 * tells: bind mounts and project quotas refuse it between directories of one device number.
 */
export function openArea(root: OpenRoot, shareName: string): Area {
  const beside = openBeside(root, shareName);
  if (beside !== null) return beside;
  const home = openOwn(root, insideName, root);
  if (home === null) throw nowhere(root);
  return openRooms(home, true, root);
}

function nowhere(root: OpenRoot): DiskFault {
  try {
    accessSync(`/proc/self/fd/${root.fd}`, constants.W_OK);
  } catch (error) {
    if (errnoOf(error) === 'EROFS') return new DiskFault('read-only', 'the root is mounted read-only', error);
  }
  return new DiskFault('denied', `no staging area can be made beside the root or in it, or ${insideName} there belongs to another user`);
}

export function closeArea(area: Area): void {
  for (const directory of [area.stage, area.trash, area.home]) closeSync(directory.fd);
}

/** Removes what killed runs left in the stage. The trash is nobody's leftover. */
export function clearStage(area: Area): void {
  for (const name of readdirSync(`/proc/self/fd/${area.stage.fd}`, 'latin1'))
    rmSync(at(area.stage.fd, name), { recursive: true, force: true });
}

/** Whether a staging area of this or an earlier run lies inside the root. */
export function hasAreaInside(root: OpenRoot): boolean {
  return statAt(root.fd, insideName)?.kind === 'dir';
}

function openBeside(root: OpenRoot, shareName: string): Area | null {
  const name = fromText(`.flocksync-${encodeURIComponent(shareName)}`);
  if (root.realPath === '/' || name.length > nameBytesMax) return null;
  const parentPath = root.realPath.slice(0, root.realPath.lastIndexOf('/')) || '/';
  const parent = unless(['EACCES', 'EPERM'], () => openDirectory(systemPath(parentPath)));
  if (parent === null) return null;
  try {
    return provedBeside(parent, name, root);
  } finally {
    closeSync(parent.fd);
  }
}

function provedBeside(parent: OpenDirectory, name: string, root: OpenRoot): Area | null {
  const existed = statAt(parent.fd, name) !== null;
  const home = openOwn(parent, name, root);
  if (home === null) return null;
  const area = openRooms(home, false, root);
  if (renamesInto(area, root)) return area;
  closeArea(area);
  // Only what this call made goes away again; an older area may hold a trash.
  if (!existed) rmSync(at(parent.fd, name), { recursive: true, force: true });
  return null;
}

function openRooms(home: OpenDirectory, inside: boolean, root: OpenRoot): Area {
  const stage = openOwn(home, 'stage', root);
  const trash = openOwn(home, 'trash', root);
  if (stage !== null && trash !== null) return { inside, home, stage, trash };
  for (const directory of [home, stage, trash]) if (directory !== null) closeSync(directory.fd);
  throw new DiskFault('denied', 'the staging area holds a directory of another user');
}

/**
 * Makes or opens a directory of our own, 0700. Null when it cannot be made, or is not a directory, or belongs to somebody who could
 * put things of his own there: anybody but this user, or for root the owner of the share's root.
 */
function openOwn(parent: OpenDirectory, name: string, root: OpenRoot): OpenDirectory | null {
  const refusals = ['EACCES', 'EPERM', 'EROFS', 'ENAMETOOLONG', 'ENOTDIR', 'ELOOP'];
  unless(['EEXIST', ...refusals], () => mkdirSync(at(parent.fd, name), { mode: 0o700 }));
  const made = unless([...refusals, 'ENOENT'], () => openSync(at(parent.fd, name), directoryFlags));
  if (made === null) return null;
  const { dev, ino, uid, mode } = fstatSync(made);
  const self = process.geteuid?.() ?? 0;
  if (uid !== self && !(self === 0 && uid === fstatSync(root.fd).uid)) {
    closeSync(made);
    return null;
  }
  if ((mode & 0o777) !== 0o700) fchmodSync(made, 0o700);
  return { fd: made, dev, ino };
}

/**
 * A proof leaves a mark, so that a later run, which finds the same root, does not touch the root again: a rename of nothing then tells
 * whether both are still on one mount. What is moved for it is an empty directory, to the one name that is content on no member: a run
 * that is killed in between leaves nothing that anybody could take for a file of the site.
 */
function renamesInto(area: Area, root: OpenRoot): boolean {
  const mark = `${root.dev}:${root.ino}`;
  const name = randomName();
  if (errnoOfRename(area, root, name) !== 'ENOENT') return false;
  if (unless(['ENOENT'], () => readFileSync(at(area.home.fd, proofName), 'utf8')) === mark) return true;
  mkdirSync(at(area.stage.fd, name), { mode: 0o700 });
  const errno = errnoOfRename(area, root, name);
  rmdirSync(errno === undefined ? at(root.fd, insideName) : at(area.stage.fd, name));
  // What stands under that name bars the way only after the kernel has found both on one mount.
  const proved = errno === undefined || ['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errno);
  if (proved) writeFileSync(at(area.home.fd, proofName), mark, { mode: 0o600 });
  return proved;
}

function errnoOfRename(area: Area, root: OpenRoot, name: string): string | undefined {
  try {
    renameSync(at(area.stage.fd, name), at(root.fd, insideName));
    return undefined;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || errno === 'ENOSPC' || errno === 'EDQUOT') throw error;
    return errno;
  }
}

/** The name of a file of the trash, refused when it is anything but one plain name. */
export function trashNameOf(name: string): string {
  if (name === '' || name === '.' || name === '..' || name.includes('/')) {
    throw new DiskFault('unsupported', 'a name in the trash is one plain name');
  }
  return name;
}
