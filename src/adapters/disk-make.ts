import { chmodSync, closeSync, constants, fchmodSync, fstatSync, lchownSync, mkdirSync, openSync, rmdirSync, symlinkSync } from 'node:fs';
import { type BytePath, nameOf, parentOf, toText } from '../model/path.ts';
import { DiskFault, type DiskMetadata, type Placed, type Stat } from '../ports/filesystem.ts';
import { roomName } from './disk-area.ts';
import { errnoOf, unless } from './disk-faults.ts';
import { applyMetadata } from './disk-metadata.ts';
import { at, preciseAt, preciseOf, statAt, systemPath } from './disk-stat.ts';
import { directoryFlags, type OpenDirectory, openDirectory, type Walk } from './disk-walk.ts';

const setgid = 0o2000;
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** A new directory with exactly this mode, and with the setgid bit and default ACL that its parent passes on. */
export function makeDirectory(walk: Walk, path: BytePath, mode: number): Placed {
  const parent = walk.parent(path);
  const name = nameOf(path);
  if (unless(['EEXIST'], () => made(() => mkdirSync(at(parent.fd, name), { mode: 0o700 }))) === null) return { outcome: 'occupied' };
  const fd = openSync(at(parent.fd, name), directoryFlags);
  try {
    fchmodSync(fd, (mode & 0o7777) | (fstatSync(fd).mode & setgid));
    return confirmed(walk, path, parent, preciseOf(fd).ino);
  } finally {
    closeSync(fd);
  }
}

export function makeLink(walk: Walk, path: BytePath, target: string): Placed {
  const parent = walk.parent(path);
  const name = nameOf(path);
  if (unless(['EEXIST'], () => made(() => symlinkSync(systemPath(target), at(parent.fd, name)))) === null) return { outcome: 'occupied' };
  const stat = preciseAt(parent.fd, name);
  return stat?.kind === 'link' ? confirmed(walk, path, parent, stat.ino) : { outcome: 'changed' };
}

export function removeDirectory(walk: Walk, path: BytePath): 'done' | 'not-empty' | 'absent' | 'changed' {
  const parent = walk.parent(path);
  try {
    removeEmpty(parent, nameOf(path));
    return 'done';
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return 'absent';
    if (errno === 'ENOTDIR') return 'changed';
    if (errno === 'ENOTEMPTY' || errno === 'EEXIST') return 'not-empty';
    throw error;
  }
}

/** A room that a killed run has left is nothing that would have to stay. */
function removeEmpty(parent: OpenDirectory, name: string): void {
  if (unless(['ENOTEMPTY', 'EEXIST'], () => made(() => rmdirSync(at(parent.fd, name)))) !== null) return;
  const inner = openDirectory(at(parent.fd, name));
  try {
    unless(['ENOENT', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST'], () => rmdirSync(at(inner.fd, roomName)));
  } finally {
    closeSync(inner.fd);
  }
  rmdirSync(at(parent.fd, name));
}

/** Mode, owner and modification time of the very inode that is expected. */
export function setMetadata(walk: Walk, path: BytePath, ino: number, metadata: Partial<DiskMetadata>): Placed {
  const parent = walk.parent(path);
  const name = nameOf(path);
  const before = statAt(parent.fd, name);
  if (before === null) return { outcome: 'absent' };
  if (before.ino !== ino || before.kind === 'other') return { outcome: 'changed' };
  if (before.kind === 'link') ownLink(parent, name, metadata);
  else if (!setByDescriptor(parent, name, before, metadata)) return { outcome: 'changed' };
  return confirmed(walk, path, parent, ino);
}

/** A link has no rights of its own, and its times are no part of an entry. */
function ownLink(parent: OpenDirectory, name: string, metadata: Partial<DiskMetadata>): void {
  const { uid = -1, gid = -1 } = metadata;
  if (uid !== -1 || gid !== -1) lchownSync(at(parent.fd, name), uid, gid);
}

/** False when the name leads to another inode by now. */
function setByDescriptor(parent: OpenDirectory, name: string, before: Stat, metadata: Partial<DiskMetadata>): boolean {
  const readable = unless(['EACCES', 'ELOOP', 'ENXIO'], () => openSync(at(parent.fd, name), openFlags));
  const fd = readable ?? openUnlocked(parent, name, before.ino);
  if (fd === null) return false;
  try {
    if (fstatSync(fd).ino !== before.ino) return false;
    applyMetadata(fd, readable === null ? { mode: before.mode, ...metadata } : metadata);
    return true;
  } finally {
    closeSync(fd);
  }
}

/**
 * An own file without the right to read it cannot be opened by a user who is not root. Its owner may change its mode by name, and then
 * it opens; the look before that keeps the window small in which a stranger's link could be meant.
 */
function openUnlocked(parent: OpenDirectory, name: string, ino: number): number | null {
  const now = statAt(parent.fd, name);
  if (now?.ino !== ino || (now.kind !== 'file' && now.kind !== 'dir')) return null;
  if (now.uid !== process.geteuid?.())
    throw new DiskFault('denied', `cannot open ${toText(name)}: it may not be read and belongs to another user`);
  chmodSync(at(parent.fd, name), now.mode | 0o600);
  return openSync(at(parent.fd, name), openFlags);
}

function confirmed(walk: Walk, path: BytePath, parent: OpenDirectory, ino: number): Placed {
  if (!walk.isStillAt(parentOf(path), parent)) return { outcome: 'moved' };
  const stat = preciseAt(parent.fd, nameOf(path));
  return stat?.ino === ino ? { outcome: 'done', stat } : { outcome: 'changed' };
}

function made(step: () => void): true {
  step();
  return true;
}
