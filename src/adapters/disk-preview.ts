import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { posix } from 'node:path';
import { targetWithin } from '../model/apply-order.ts';
import { type BytePath, nameOf, parentOf } from '../model/path.ts';
import type { Stat } from '../ports/filesystem.ts';
import type { Preview, PreviewBounds } from '../ports/preview.ts';
import { type Area, insideName, randomName } from './disk-area.ts';
import { faultFrom, faulting, unless } from './disk-faults.ts';
import { applyMetadata } from './disk-metadata.ts';
import { at, preciseOf, statAt, systemPath } from './disk-stat.ts';
import { type OpenDirectory, type OpenRoot, openDirectory, refuseStrange } from './disk-walk.ts';

/** What the copy is made of. `discard` forgets a staged file that was taken. */
export interface PreviewSite {
  readonly root: OpenRoot;
  /** As the config names the root, bytes. */
  readonly configured: BytePath;
  readonly area: Area;
  readonly taken: (stagedName: string) => void;
}

/** The copy lies in the stage, so that what a kill leaves of it goes with the other leftovers. */
export function openPreview(site: PreviewSite): Preview {
  const name = randomName();
  mkdirSync(at(site.area.stage.fd, name), { mode: 0o700 });
  const home = openDirectory(at(site.area.stage.fd, name));
  const base = readlinkSync(`/proc/self/fd/${home.fd}`, 'latin1');
  const link = (path: BytePath, target: string) =>
    inParent(home, path, (place) => symlinkSync(systemPath(leadInto(site, base, parentOf(path), target)), place));
  return {
    path: Buffer.from(base, 'latin1').toString('utf8'),
    digest: (bounds) => faulting('look at', '', () => digestOf(site, bounds)),
    copy: (bounds) => copyTree(site, home, link, bounds).catch((error: unknown) => Promise.reject(faultFrom(error, 'copy', ''))),
    remove: (path) => faulting('remove', path, () => inParent(home, path, removeOne)),
    makeDirectory: (path, mode) =>
      faulting('make the directory', path, () => inParent(home, path, (place) => mkdirSync(place, { mode: (mode & 0o777) | 0o700 }))),
    makeLink: (path, target) => faulting('make the link', path, () => link(path, target)),
    place: (staged, path) =>
      faulting('place', path, () => {
        inParent(home, path, (place) => renameSync(at(site.area.stage.fd, staged.name), place));
        site.taken(staged.name);
      }),
    discard: () => {
      closeSync(home.fd);
      unless(['EACCES', 'EPERM', 'EBUSY', 'ENOTEMPTY'], () => rmSync(at(site.area.stage.fd, name), { recursive: true, force: true }));
    },
  };
}

function removeOne(place: string | Buffer): void {
  const stat = lstatSync(place, { throwIfNoEntry: false });
  if (stat?.isDirectory()) unless(['ENOTEMPTY', 'EEXIST'], () => rmdirSync(place));
  else if (stat !== undefined) unlinkSync(place);
}

/**
 * Through real directories alone: a link that stands in the copy leads out of it. What has no such way, or finds its place taken, would
 * not be applied either, so nothing is done.
 */
function inParent(home: OpenDirectory, path: BytePath, work: (place: string | Buffer) => void): void {
  refuseStrange(path);
  let reached = home;
  try {
    for (const name of path.split('/').slice(0, -1)) {
      const next = unless(['ENOENT', 'ENOTDIR', 'ELOOP'], () => openDirectory(at(reached.fd, name)));
      if (next === null) return;
      if (reached !== home) closeSync(reached.fd);
      reached = next;
    }
    unless(['EEXIST', 'EISDIR', 'ENOTDIR', 'ENOTEMPTY'], () => work(at(reached.fd, nameOf(path))));
  } finally {
    if (reached !== home) closeSync(reached.fd);
  }
}

/** A link of the share as the copy needs it. */
function leadInto({ root, configured }: PreviewSite, base: BytePath, directory: BytePath, target: string): string {
  if (!target.startsWith('/')) {
    const leaves = targetWithin(directory, target) === null;
    return leaves ? posix.join(root.realPath, directory, target) : target;
  }
  const absolute = posix.normalize(target);
  for (const prefix of [root.realPath, configured]) {
    if (absolute === prefix) return base;
    if (absolute.startsWith(`${prefix}/`)) return base + absolute.slice(prefix.length);
  }
  return target;
}

interface Walking {
  readonly bounds: PreviewBounds;
  names: number;
  bytes: number;
}

/** False once it is too much. */
function count(walking: Walking, stat: Stat): boolean {
  walking.names += 1;
  walking.bytes += stat.kind === 'file' ? stat.size : 0;
  return walking.names <= walking.bounds.namesMax && walking.bytes <= walking.bounds.bytesMax;
}

/** Names in byte order with their stats; the staging area is no content. */
function* childrenOf(directory: OpenDirectory, isRoot: boolean): Generator<{ readonly name: string; readonly stat: Stat }> {
  for (const name of readdirSync(`/proc/self/fd/${directory.fd}`, 'latin1').sort()) {
    const stat = isRoot && name === insideName ? null : statAt(directory.fd, name);
    if (stat !== null) yield { name, stat };
  }
}

/** Nothing is followed, and what is mounted below the root is no part of it. */
function enter(directory: OpenDirectory, name: string, root: OpenRoot): OpenDirectory | null {
  const inner = unless(['ENOENT', 'ENOTDIR', 'ELOOP'], () => openDirectory(at(directory.fd, name)));
  if (inner === null || inner.dev === root.dev) return inner;
  closeSync(inner.fd);
  return null;
}

function digestOf({ root }: PreviewSite, bounds: PreviewBounds): string | null {
  const walking: Walking = { bounds, names: 0, bytes: 0 };
  const hash = createHash('sha256');
  const walk = (directory: OpenDirectory, path: BytePath): boolean => {
    for (const { name, stat } of childrenOf(directory, path === '')) {
      if (!count(walking, stat)) return false;
      const { kind, ino, size, mode, uid, gid, mtimeKey, ctimeKey } = stat;
      hash.update(`${path}${name}\0${kind} ${ino} ${size} ${mode} ${uid} ${gid} ${mtimeKey} ${ctimeKey}\0`, 'latin1');
      const inner = kind === 'dir' ? enter(directory, name, root) : null;
      if (inner !== null && !within(inner, () => walk(inner, `${path}${name}/`))) return false;
    }
    return true;
  };
  return walk(root, '') ? hash.digest('hex') : null;
}

function within<T>(directory: OpenDirectory, work: () => T): T {
  try {
    return work();
  } finally {
    closeSync(directory.fd);
  }
}

/** Other work has its turn after each directory. */
async function copyTree(
  { root }: PreviewSite,
  home: OpenDirectory,
  link: (path: BytePath, target: string) => void,
  bounds: PreviewBounds,
): Promise<boolean> {
  const walking: Walking = { bounds, names: 0, bytes: 0 };
  const copy = async (from: OpenDirectory, to: OpenDirectory, path: BytePath): Promise<boolean> => {
    await new Promise((resolve) => setImmediate(resolve));
    for (const { name, stat } of childrenOf(from, path === '')) {
      if (!count(walking, stat)) return false;
      if (stat.kind === 'file') copyFile(from, to, name);
      else if (stat.kind === 'link') copyLink(from, name, stat, (target) => link(path + name, target), to);
      else if (stat.kind === 'dir') {
        mkdirSync(at(to.fd, name), { mode: stat.mode | 0o700 });
        const [source, made] = [enter(from, name, root), openDirectory(at(to.fd, name))];
        try {
          own(made.fd, stat);
          if (source !== null && !(await copy(source, made, `${path}${name}/`))) return false;
        } finally {
          for (const directory of [source, made]) if (directory !== null) closeSync(directory.fd);
        }
      }
    }
    return true;
  };
  return await copy(root, home, '');
}

/** Where the file system can, the copy shares the bytes until one of the two is written to. */
function copyFile(from: OpenDirectory, to: OpenDirectory, name: string): void {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const source = unless(['ENOENT', 'ELOOP', 'ENXIO'], () => openSync(at(from.fd, name), flags));
  if (source === null) return;
  try {
    if (!fstatSync(source).isFile()) return;
    copyFileSync(`/proc/self/fd/${source}`, at(to.fd, name), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    const { mode, mtimeUs, uid, gid } = preciseOf(source);
    const copied = openSync(at(to.fd, name), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      own(copied, { uid, gid });
      applyMetadata(copied, { mode: mode & 0o777, mtimeUs });
    } finally {
      closeSync(copied);
    }
  } finally {
    closeSync(source);
  }
}

function copyLink(from: OpenDirectory, name: string, { uid, gid }: Stat, make: (target: string) => void, to: OpenDirectory): void {
  const target = unless(['ENOENT', 'EINVAL'], () => readlinkSync(at(from.fd, name), 'latin1'));
  if (target === null) return;
  make(target);
  unless(['EPERM'], () => lchownSync(at(to.fd, name), uid, gid));
}

function own(fd: number, { uid, gid }: Pick<Stat, 'uid' | 'gid'>): void {
  unless(['EPERM'], () => applyMetadata(fd, { uid, gid }));
}
