import { roomName, trashNameOf } from '../../../src/adapters/disk-area.ts';
import { errnoOf, faulting, unless } from '../../../src/adapters/disk-faults.ts';
import { isExpected, isSameVersion } from '../../../src/adapters/disk-stat.ts';
import { refuseStrange } from '../../../src/adapters/disk-walk.ts';
import { type BytePath, join, nameOf, parentOf } from '../../../src/model/path.ts';
import {
  DiskFault,
  type DiskMetadata,
  type Expected,
  type NewFile,
  type Placed,
  type PreciseStat,
  type Staged,
} from '../../../src/ports/filesystem.ts';
import type { Random } from '../../../src/ports/random.ts';
import type { Area } from './area.ts';
import type { Calls } from './calls.ts';
import type { Place } from './memory-disk.ts';
import { type Stage, setMetadata as setMetadataOf } from './stage.ts';
import type { Walk } from './walk.ts';

/** What the steps on the user's tree need of it. */
export interface Site {
  readonly calls: Calls;
  readonly walk: Walk;
  readonly area: Area;
  readonly stage: Stage;
  readonly random: Random;
}

const setgid = 0o2000;

export function placeNew(site: Site, staged: Staged, path: BytePath): Placed {
  const directory = site.walk.parent(path);
  if (!moveIfFree(site, stagedAt(site, staged.name), directory, nameOf(path))) return { outcome: 'occupied' };
  return placed(site, path, directory, staged.stat);
}

export function placeAllNew(siteOf: () => Site, path: BytePath, files: readonly NewFile[]): (Placed | DiskFault)[] {
  try {
    return faulting('place files in', path, () => placeInto(siteOf(), path, files));
  } catch (error) {
    if (error instanceof DiskFault) return files.map(() => error);
    throw error;
  }
}

function placeInto(site: Site, path: BytePath, files: readonly NewFile[]): (Placed | DiskFault)[] {
  const directory = site.walk.directory(path);
  const attempt = ({ name }: NewFile, step: () => Placed) => faultOr(() => faulting('place', join(path, name), step));
  const put = ({ staged, name }: NewFile): Placed => {
    refuseStrange(join(path, name));
    const free = moveIfFree(site, stagedAt(site, staged.name), directory, name);
    return free ? { outcome: 'done', stat: staged.stat } : { outcome: 'occupied' };
  };
  const landed = files.map((file) => attempt(file, () => put(file)));
  const moved = !site.walk.isStillAt(path, directory);
  return files.map((file, at) => {
    const result = landed[at] as Placed | DiskFault;
    if (result instanceof DiskFault || result.outcome !== 'done') return result;
    return moved ? { outcome: 'moved' } : attempt(file, () => standing(site, directory, file.name, file.staged.stat));
  });
}

export function restoreFromTrash(site: Site, trashName: string, path: BytePath): Placed {
  const name = trashNameOf(trashName);
  const kept = site.calls.look(site.area.trash, name);
  if (kept === null) throw new DiskFault('absent', `the trash holds no ${name}`);
  const directory = site.walk.parent(path);
  if (!moveIfFree(site, { at: site.area.trash, name }, directory, nameOf(path))) return { outcome: 'occupied' };
  return placed(site, path, directory, kept);
}

export function placeOver(site: Site, staged: Staged, path: BytePath, expected: Expected, trashName: string): Placed {
  return replace(site, stagedAt(site, staged.name), staged.stat, path, expected, trashName);
}

export function replaceByLink(site: Site, path: BytePath, target: string, expected: Expected, trashName: string): Placed {
  const { calls, area } = site;
  const name = site.random.hex(16);
  calls.makeLink(area.stage, name, target);
  try {
    const made = calls.look(area.stage, name);
    if (made === null) throw new DiskFault('io', 'a link that was just staged is gone');
    return replace(site, { at: area.stage, name }, made, path, expected, trashName);
  } finally {
    if (calls.look(area.stage, name) !== null) calls.unlink(area.stage, name);
  }
}

export function moveToTrash(site: Site, path: BytePath, expected: Expected, trashName: string): 'done' | 'changed' | 'absent' | 'moved' {
  const { calls, area } = site;
  const directory = site.walk.parent(path);
  const name = nameOf(path);
  const kept = freeTrashName(site, trashName);
  const before = calls.look(directory, name);
  if (before === null) return 'absent';
  if (before.kind === 'dir' || !isExpected(before, expected)) return 'changed';
  if (unless(['ENOENT'], () => did(() => calls.rename(directory, name, area.trash, kept))) === null) return 'absent';
  const taken = calls.look(area.trash, kept);
  if (taken === null || !isSameVersion(taken, expected)) return putBack(site, kept, directory, name);
  return site.walk.isStillAt(parentOf(path), directory) ? 'done' : 'moved';
}

function putBack(site: Site, trashName: string, directory: Place, name: string): 'changed' {
  const { calls, area } = site;
  const taken = calls.look(area.trash, trashName);
  if (taken?.kind !== 'dir') moveIfFree(site, { at: area.trash, name: trashName }, directory, name);
  else if (calls.look(directory, name) === null) calls.rename(area.trash, trashName, directory, name);
  return 'changed';
}

function replace(site: Site, staged: Named, stat: PreciseStat, path: BytePath, expected: Expected, trashName: string): Placed {
  const { calls, area } = site;
  const directory = site.walk.parent(path);
  const name = nameOf(path);
  const kept = freeTrashName(site, trashName);
  const before = calls.look(directory, name);
  if (before === null) return { outcome: 'absent' };
  if (before.kind === 'dir' || !isExpected(before, expected)) return { outcome: 'changed' };
  const trouble = keepInTrash(site, directory, name, expected, kept);
  if (trouble !== null) return { outcome: trouble };
  try {
    calls.rename(staged.at, staged.name, directory, name);
  } catch (error) {
    calls.unlink(area.trash, kept);
    if (errnoOf(error) === 'EISDIR') return { outcome: 'changed' };
    if (errnoOf(error) === 'ENOENT') throw lost(staged.name, error);
    throw error;
  }
  return placed(site, path, directory, stat);
}

function keepInTrash(site: Site, directory: Place, name: string, expected: Expected, trashName: string): 'changed' | 'absent' | null {
  const { calls, area } = site;
  if (unless(['ENOENT'], () => did(() => calls.link(directory, name, area.trash, trashName))) === null) return 'absent';
  const kept = calls.look(area.trash, trashName);
  const now = calls.look(directory, name);
  if (kept !== null && isSameVersion(kept, expected) && now?.ino === kept.ino) return null;
  calls.unlink(area.trash, trashName);
  return now === null ? 'absent' : 'changed';
}

interface Named {
  readonly at: Place;
  readonly name: string;
}

function stagedAt({ stage }: Site, name: string): Named {
  return stage.at(name);
}

function moveIfFree({ calls }: Site, from: Named, to: Place, name: string): boolean {
  try {
    calls.link(from.at, from.name, to, name);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    if (errnoOf(error) === 'ENOENT' && calls.look(from.at, from.name) === null) throw lost(from.name, error);
    throw error;
  }
  calls.unlink(from.at, from.name);
  return true;
}

function placed(site: Site, path: BytePath, directory: Place, wanted: PreciseStat): Placed {
  if (!site.walk.isStillAt(parentOf(path), directory)) return { outcome: 'moved' };
  return standing(site, directory, nameOf(path), wanted);
}

function standing({ calls }: Site, directory: Place, name: string, wanted: PreciseStat): Placed {
  const stat = calls.look(directory, name);
  if (stat === null || stat.ino !== wanted.ino || stat.size !== wanted.size || stat.mtimeUs !== wanted.mtimeUs)
    return { outcome: 'changed' };
  return { outcome: 'done', stat };
}

function lost(name: string, cause: unknown): DiskFault {
  return new DiskFault('io', `the staging area has lost ${name}`, cause);
}

function freeTrashName({ calls, area }: Site, trashName: string): string {
  const name = trashNameOf(trashName);
  if (calls.look(area.trash, name) !== null) throw new DiskFault('io', `the trash already holds ${name}`);
  return name;
}

// ---- directories, links, metadata --------------------------------------------------------------------------------------------------

export function makeDirectory(calls: Calls, walk: Walk, path: BytePath, mode: number): Placed {
  const parent = walk.parent(path);
  const name = nameOf(path);
  if (unless(['EEXIST'], () => did(() => calls.makeDirectory(parent, name, 0o700))) === null) return { outcome: 'occupied' };
  const made = calls.enter(parent, name);
  calls.chmod(made, made.node, (mode & 0o7777) | (made.node.mode & setgid));
  return confirmed(calls, walk, path, parent, made.node.ino);
}

export function makeLink(calls: Calls, walk: Walk, path: BytePath, target: string): Placed {
  const parent = walk.parent(path);
  if (unless(['EEXIST'], () => did(() => calls.makeLink(parent, nameOf(path), target))) === null) return { outcome: 'occupied' };
  const stat = calls.look(parent, nameOf(path));
  return stat?.kind === 'link' ? confirmed(calls, walk, path, parent, stat.ino) : { outcome: 'changed' };
}

export function removeDirectory(calls: Calls, walk: Walk, path: BytePath): 'done' | 'not-empty' | 'absent' | 'changed' {
  const parent = walk.parent(path);
  try {
    removeEmpty(calls, parent, nameOf(path));
    return 'done';
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return 'absent';
    if (errno === 'ENOTDIR') return 'changed';
    if (errno === 'ENOTEMPTY') return 'not-empty';
    throw error;
  }
}

function removeEmpty(calls: Calls, parent: Place, name: string): void {
  if (unless(['ENOTEMPTY'], () => did(() => calls.removeDirectory(parent, name))) !== null) return;
  const inner = calls.enter(parent, name);
  unless(['ENOENT', 'ENOTDIR', 'ENOTEMPTY'], () => calls.removeDirectory(inner, roomName));
  calls.removeDirectory(parent, name);
}

export function setMetadata(calls: Calls, walk: Walk, path: BytePath, ino: number, metadata: Partial<DiskMetadata>): Placed {
  const parent = walk.parent(path);
  const before = calls.look(parent, nameOf(path));
  if (before === null) return { outcome: 'absent' };
  if (before.ino !== ino || before.kind === 'other') return { outcome: 'changed' };
  const found = calls.disk.seen(parent, nameOf(path));
  if (found === null) return { outcome: 'changed' };
  const { uid, gid } = metadata;
  // A link has no rights of its own, and its times are no part of an entry.
  const wanted = before.kind === 'link' ? { uid, gid } : metadata;
  setMetadataOf(calls, { ...parent, mount: found.mount }, found.node, wanted);
  return confirmed(calls, walk, path, parent, ino);
}

function confirmed(calls: Calls, walk: Walk, path: BytePath, parent: Place, ino: number): Placed {
  if (!walk.isStillAt(parentOf(path), parent)) return { outcome: 'moved' };
  const stat = calls.look(parent, nameOf(path));
  return stat?.ino === ino ? { outcome: 'done', stat } : { outcome: 'changed' };
}

function did(step: () => void): true {
  step();
  return true;
}

function faultOr<T>(step: () => T): T | DiskFault {
  try {
    return step();
  } catch (error) {
    if (error instanceof DiskFault) return error;
    throw error;
  }
}
