import { linkSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { type BytePath, join, nameOf, parentOf } from '../model/path.ts';
import { DiskFault, type Expected, type NewFile, type Placed, type PreciseStat, type Staged } from '../ports/filesystem.ts';
import { type Area, randomName, trashNameOf } from './disk-area.ts';
import { copyToTrash } from './disk-copy.ts';
import { errnoOf, faulting } from './disk-faults.ts';
import { at, isExpected, isSameVersion, preciseAt, statAt, systemPath } from './disk-stat.ts';
import { unlocked } from './disk-unlocked.ts';
import { type OpenDirectory, refuseStrange, type Walk } from './disk-walk.ts';

/** What the steps on the user's tree need of it. */
export interface Site {
  readonly walk: Walk;
  readonly area: Area;
}

/** What a hard link answers on file systems without them, for files that may not be linked by this user, or that have too many. */
const noLinks = ['EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EMLINK'];

/** Puts a staged file where nothing stands. */
export function placeNew(site: Site, staged: Staged, path: BytePath): Placed {
  const directory = site.walk.parent(path);
  if (!moveIfFree(site.area.stage.fd, staged.name, directory.fd, nameOf(path))) return { outcome: 'occupied' };
  return placed(site, path, directory, staged.stat);
}

/** As `placeNew` for files of one directory; the way to it is proved once before and once after all of them (rule A4). */
export function placeAllNew(siteOf: () => Site, path: BytePath, files: readonly NewFile[]): (Placed | DiskFault)[] {
  try {
    return faulting('place files in', path, () => placeInto(siteOf(), path, files));
  } catch (error) {
    if (error instanceof DiskFault) return files.map(() => error);
    throw error;
  }
}

function placeInto({ walk, area }: Site, path: BytePath, files: readonly NewFile[]): (Placed | DiskFault)[] {
  const directory = walk.directory(path);
  const attempt = ({ name }: NewFile, step: () => Placed) => faultOr(() => faulting('place', join(path, name), step));
  const put = ({ staged, name }: NewFile): Placed => {
    refuseStrange(join(path, name));
    const free = unlocked(directory, () => moveIfFree(area.stage.fd, staged.name, directory.fd, name));
    return free ? { outcome: 'done', stat: staged.stat } : { outcome: 'occupied' };
  };
  const landed = files.map((file) => attempt(file, () => put(file)));
  const moved = !walk.isStillAt(path, directory);
  return files.map((file, at) => {
    const result = landed[at] as Placed | DiskFault;
    if (result instanceof DiskFault || result.outcome !== 'done') return result;
    return moved ? { outcome: 'moved' } : attempt(file, () => standing(directory, file.name, file.staged.stat));
  });
}

function faultOr<T>(step: () => T): T | DiskFault {
  try {
    return step();
  } catch (error) {
    if (error instanceof DiskFault) return error;
    throw error;
  }
}

/** Puts a file of the trash back where nothing stands. */
export function restoreFromTrash(site: Site, trashName: string, path: BytePath): Placed {
  const name = trashNameOf(trashName);
  const kept = preciseAt(site.area.trash.fd, name);
  if (kept === null) throw new DiskFault('absent', `the trash holds no ${name}`);
  const directory = site.walk.parent(path);
  if (!moveIfFree(site.area.trash.fd, name, directory.fd, nameOf(path))) return { outcome: 'occupied' };
  return placed(site, path, directory, kept);
}

/** Replaces what is expected by a staged file; the old one stays in the trash. */
export function placeOver(site: Site, staged: Staged, path: BytePath, expected: Expected, trashName: string): Placed {
  return replace(site, staged.name, staged.stat, path, expected, trashName);
}

/** Replaces what is expected by a new link. */
export function replaceByLink(site: Site, path: BytePath, target: string, expected: Expected, trashName: string): Placed {
  const name = randomName();
  const stageFd = site.area.stage.fd;
  symlinkSync(systemPath(target), at(stageFd, name));
  try {
    const made = preciseAt(stageFd, name);
    if (made === null) throw new DiskFault('io', 'a link that was just staged is gone');
    return replace(site, name, made, path, expected, trashName);
  } finally {
    if (preciseAt(stageFd, name) !== null) unlinkSync(at(stageFd, name));
  }
}

/** Moves what is expected into the trash. */
export function moveToTrash(site: Site, path: BytePath, expected: Expected, trashName: string): 'done' | 'changed' | 'absent' | 'moved' {
  const directory = site.walk.parent(path);
  const name = nameOf(path);
  const kept = freeTrashName(site, trashName);
  const before = statAt(directory.fd, name);
  if (before === null) return 'absent';
  if (before.kind === 'dir' || !isExpected(before, expected)) return 'changed';
  try {
    renameSync(at(directory.fd, name), at(site.area.trash.fd, kept));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'absent';
    throw error;
  }
  const taken = statAt(site.area.trash.fd, kept);
  if (taken === null || !isSameVersion(taken, expected)) return putBack(site, kept, directory, name);
  return site.walk.isStillAt(parentOf(path), directory) ? 'done' : 'moved';
}

/** What came in place of the expected file between look and rename goes back, unless its name was taken again: then the trash keeps it. */
function putBack(site: Site, trashName: string, directory: OpenDirectory, name: string): 'changed' {
  const taken = statAt(site.area.trash.fd, trashName);
  if (taken?.kind !== 'dir') moveIfFree(site.area.trash.fd, trashName, directory.fd, name);
  else if (statAt(directory.fd, name) === null) renameSync(at(site.area.trash.fd, trashName), at(directory.fd, name));
  return 'changed';
}

function replace(site: Site, stagedName: string, staged: PreciseStat, path: BytePath, expected: Expected, trashName: string): Placed {
  const directory = site.walk.parent(path);
  const name = nameOf(path);
  const kept = freeTrashName(site, trashName);
  const before = statAt(directory.fd, name);
  if (before === null) return { outcome: 'absent' };
  if (before.kind === 'dir' || !isExpected(before, expected)) return { outcome: 'changed' };
  const trouble = keepInTrash(site, directory, name, expected, kept);
  if (trouble !== null) return { outcome: trouble };
  try {
    renameSync(at(site.area.stage.fd, stagedName), at(directory.fd, name));
  } catch (error) {
    unlinkSync(at(site.area.trash.fd, kept));
    if (errnoOf(error) === 'EISDIR') return { outcome: 'changed' };
    if (errnoOf(error) === 'ENOENT') throw lost(stagedName, error);
    throw error;
  }
  return placed(site, path, directory, staged);
}

/** The old version is in the trash under its own inode, or else as a copy; null when that is done and the name still leads to it. */
function keepInTrash(
  site: Site,
  directory: OpenDirectory,
  name: string,
  expected: Expected,
  trashName: string,
): 'changed' | 'absent' | null {
  const trashFd = site.area.trash.fd;
  try {
    linkSync(at(directory.fd, name), at(trashFd, trashName));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'absent';
    if (!noLinks.includes(errnoOf(error) ?? '')) throw error;
    return copyToTrash(directory.fd, name, expected, trashFd, trashName) ? null : 'changed';
  }
  const kept = statAt(trashFd, trashName);
  const now = statAt(directory.fd, name);
  if (kept !== null && isSameVersion(kept, expected) && now?.ino === kept.ino) return null;
  unlinkSync(at(trashFd, trashName));
  return now === null ? 'absent' : 'changed';
}

/** Never replaces: a link fails where a name stands. Without hard links a look has to do, and a race with a new file is possible. */
function moveIfFree(fromFd: number, from: string, toFd: number, to: string): boolean {
  try {
    linkSync(at(fromFd, from), at(toFd, to));
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    if (errnoOf(error) === 'ENOENT' && statAt(fromFd, from) === null) throw lost(from, error);
    if (!noLinks.includes(errnoOf(error) ?? '')) throw error;
    if (statAt(toFd, to) !== null) return false;
    renameSync(at(fromFd, from), at(toFd, to));
    return true;
  }
  unlinkSync(at(fromFd, from));
  return true;
}

/** Looks again, from the root, at what was put in place. */
function placed(site: Site, path: BytePath, directory: OpenDirectory, wanted: PreciseStat): Placed {
  if (!site.walk.isStillAt(parentOf(path), directory)) return { outcome: 'moved' };
  return standing(directory, nameOf(path), wanted);
}

function standing(directory: OpenDirectory, name: string, wanted: PreciseStat): Placed {
  const stat = preciseAt(directory.fd, name);
  if (stat === null || stat.ino !== wanted.ino || stat.size !== wanted.size || stat.mtimeUs !== wanted.mtimeUs)
    return { outcome: 'changed' };
  return { outcome: 'done', stat };
}

/** Our own file is gone: trouble, which must not be taken for an absence at the path. */
function lost(name: string, cause: unknown): DiskFault {
  return new DiskFault('io', `the staging area has lost ${name}`, cause);
}

/** A name of the trash is used once: what an earlier, killed attempt left there is not overwritten. */
function freeTrashName(site: Site, trashName: string): string {
  const name = trashNameOf(trashName);
  if (statAt(site.area.trash.fd, name) !== null) throw new DiskFault('io', `the trash already holds ${name}`);
  return name;
}
