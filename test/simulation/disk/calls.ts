import { posix } from 'node:path';
import type { PreciseStat } from '../../../src/ports/filesystem.ts';
import { newInode } from './device.ts';
import type { MemoryDisk, Place } from './memory-disk.ts';
import { type DirectoryNode, Errno, type FileNode, isDirectory, type LinkNode, type Node, type OtherNode, statOf } from './nodes.ts';

/** Asked before each call of one process; what they throw is what the call fails with, and then it has not happened. */
export interface CallHooks {
  /** Before an effect: its name is that of the system call; `path` is absolute, bytes. */
  readonly onEffect?: ((name: string, path: string) => void) | undefined;
  readonly onLook?: ((name: string, path: string) => void) | undefined;
}

const nameBytesMax = 255;
const targetBytesMax = 4095;
const setgid = 0o2000;

/** The system calls of one process on a simulated disk, which root may all do. Throws `Errno`, or what a hook has thrown. */
export class Calls {
  readonly disk: MemoryDisk;
  readonly #hooks: CallHooks;

  constructor(disk: MemoryDisk, hooks: CallHooks = {}) {
    this.disk = disk;
    this.#hooks = hooks;
  }

  // ---- looking ----------------------------------------------------------------------------------------------------------------

  /** lstat; null for ENOENT. */
  look(at: Place, name: string): PreciseStat | null {
    this.#look('lstat', at, name);
    const found = this.disk.seen(at, checked(name));
    return found === null ? null : statOf(found.node, found.mount.device.dev);
  }

  /** fstat of the directory itself. */
  stat({ node, mount }: Place): PreciseStat {
    return statOf(node, mount.device.dev);
  }

  /** fstat of something that was opened in this directory's file system. */
  statOf({ mount }: Place, node: Node): PreciseStat {
    return statOf(node, mount.device.dev);
  }

  /** A directory by its absolute path, links followed. */
  reach(path: string): Place {
    this.#hooks.onLook?.('open', path);
    this.#refuse(path);
    return this.disk.reach(path);
  }

  list(at: Place): { readonly name: string; readonly isDirectory: boolean }[] {
    this.#look('readdir', at, '');
    return [...at.node.children].map(([name, node]) => ({ name, isDirectory: isDirectory(node) }));
  }

  /** openat with O_DIRECTORY and O_NOFOLLOW. */
  enter(at: Place, name: string): Place {
    this.#look('open', at, checked(name));
    return this.disk.enter(at, name);
  }

  /** openat with O_NOFOLLOW. */
  open(at: Place, name: string): Node {
    this.#look('open', at, name);
    const path = posix.join(at.path, name);
    this.#refuse(path);
    const found = this.disk.seen(at, checked(name));
    if (found === null) throw new Errno('ENOENT', path);
    if (found.node.kind === 'link') throw new Errno('ELOOP', path);
    return found.node;
  }

  readLink(at: Place, name: string): string {
    this.#look('readlink', at, name);
    const node = at.node.children.get(checked(name));
    if (node === undefined) throw new Errno('ENOENT', name);
    if (node.kind !== 'link') throw new Errno('EINVAL', name);
    return node.target;
  }

  read(node: FileNode, path: string): Buffer {
    this.#hooks.onLook?.('read', path);
    this.#refuse(path);
    return node.content;
  }

  // ---- names ------------------------------------------------------------------------------------------------------------------

  create(at: Place, name: string, mode: number): FileNode {
    return this.#make<FileNode>('create', at, name, { kind: 'file', content: Buffer.alloc(0), safe: Buffer.alloc(0), mode });
  }

  makeDirectory(at: Place, name: string, mode: number): DirectoryNode {
    return this.#make<DirectoryNode>('mkdir', at, name, {
      kind: 'dir',
      children: new Map(),
      mode: mode | (at.node.mode & setgid),
      links: 2,
    });
  }

  makeLink(at: Place, name: string, target: string): LinkNode {
    if (target === '') throw new Errno('ENOENT', name);
    if (target.includes('\0')) throw new Errno('ERR_INVALID_ARG_VALUE', name);
    if (target.length > targetBytesMax) throw new Errno('ENAMETOOLONG', name);
    return this.#make<LinkNode>('symlink', at, name, { kind: 'link', target, mode: 0o777 });
  }

  makeSocket(at: Place, name: string): OtherNode {
    return this.#make<OtherNode>('mknod', at, name, { kind: 'other', mode: 0o755 });
  }

  link(from: Place, name: string, to: Place, newName: string): void {
    const node = from.node.children.get(checked(name));
    this.#effect('link', to, newName);
    if (node === undefined) throw new Errno('ENOENT', name);
    if (to.node.children.has(checked(newName))) throw new Errno('EEXIST', newName);
    if (from.mount !== to.mount) throw new Errno('EXDEV', newName);
    if (isDirectory(node)) throw new Errno('EPERM', newName);
    const mark = to.mount.device.uncommitted;
    this.#put(to, newName, node);
    this.#touch(to, node, () => {
      node.links++;
    });
    to.mount.device.join(mark);
  }

  unlink(at: Place, name: string): void {
    const node = at.node.children.get(checked(name));
    this.#effect('unlink', at, name);
    if (node === undefined) throw new Errno('ENOENT', name);
    if (isDirectory(node)) throw new Errno('EISDIR', name);
    this.#drop(at, name, node);
  }

  removeDirectory(at: Place, name: string): void {
    const node = at.node.children.get(checked(name));
    this.#effect('rmdir', at, name);
    if (node === undefined) throw new Errno('ENOENT', name);
    if (!isDirectory(node)) throw new Errno('ENOTDIR', name);
    if (this.disk.isMountPoint(node, at.mount)) throw new Errno('EBUSY', name);
    if (node.children.size > 0) throw new Errno('ENOTEMPTY', name);
    this.#drop(at, name, node);
  }

  rename(from: Place, name: string, to: Place, newName: string): void {
    this.#effect('rename', to, newName);
    if (from.mount !== to.mount) throw new Errno('EXDEV', newName);
    const node = from.node.children.get(checked(name));
    if (node === undefined) throw new Errno('ENOENT', name);
    if (this.disk.isMountPoint(node, from.mount)) throw new Errno('EBUSY', name);
    if (isDirectory(node) && isBelow(to.node, node)) throw new Errno('EINVAL', newName);
    const over = to.node.children.get(checked(newName));
    // Two names of one inode: rename does nothing at all.
    if (over === node) return;
    if (over !== undefined) this.#refuseOver(node, over, to, newName);
    const mark = to.mount.device.uncommitted;
    if (over !== undefined) this.#drop(to, newName, over);
    this.#take(from, name);
    this.#put(to, newName, node);
    this.#touch(to, node, () => undefined);
    to.mount.device.join(mark);
  }

  removeAll(at: Place, name: string): void {
    const found = this.disk.seen(at, name);
    if (found === null) return;
    if (!isDirectory(found.node)) return this.unlink(at, name);
    const inner = this.disk.enter(at, name);
    for (const child of [...found.node.children.keys()]) this.removeAll(inner, child);
    this.removeDirectory(at, name);
  }

  // ---- inodes -----------------------------------------------------------------------------------------------------------------

  /** Writes `bytes` from `offset` on. What does not fit any more is not written, and then it throws ENOSPC. */
  write(at: Place, node: FileNode, offset: number, bytes: Buffer): void {
    const { device } = at.mount;
    this.#effect('write', at, '');
    const end = Math.min(offset + bytes.length, node.content.length + Math.max(0, device.bytesMax - device.usedBytes));
    if (end > offset) {
      const content = Buffer.alloc(Math.max(end, node.content.length));
      node.content.copy(content);
      bytes.copy(content, offset, 0, end - offset);
      this.#setContent(at, node, content);
    }
    if (end < offset + bytes.length) throw new Errno('ENOSPC', at.path);
  }

  truncate(at: Place, node: FileNode, size: number): void {
    this.#effect('truncate', at, '');
    const content = Buffer.alloc(size);
    node.content.copy(content);
    this.#setContent(at, node, content);
  }

  chmod(at: Place, node: Node, mode: number): void {
    this.#effect('chmod', at, '');
    this.#touch(at, node, () => {
      node.mode = mode & 0o7777;
    });
  }

  /** As chown(2), it takes setuid and setgid bits from a file. */
  chown(at: Place, node: Node, uid: number | undefined, gid: number | undefined): void {
    this.#effect('chown', at, '');
    this.#touch(at, node, () => {
      node.uid = uid ?? node.uid;
      node.gid = gid ?? node.gid;
      if (node.kind === 'file') node.mode &= ~0o6000;
    });
  }

  setModified(at: Place, node: Node, mtimeUs: number): void {
    this.#effect('utimes', at, '');
    this.#touch(at, node, () => {
      node.mtimeUs = mtimeUs;
    });
  }

  /** fsync of a file: its content is safe, and on a journalled file system everything that was done to metadata before. */
  flush(at: Place, node: Node): void {
    this.#effect('fsync', at, '');
    if (node.kind === 'file') node.safe = null;
    at.mount.device.commit();
  }

  flushAll(at: Place): void {
    this.#effect('syncfs', at, '');
    at.mount.device.flush();
  }

  hold(node: Node): void {
    node.open++;
  }

  letGo(at: Place, node: Node): void {
    node.open = Math.max(0, node.open - 1);
    at.mount.device.free(node);
  }

  // ---- in common --------------------------------------------------------------------------------------------------------------

  #look(call: string, at: Place, name: string): void {
    const path = posix.join(at.path, name);
    this.#hooks.onLook?.(call, path);
    this.#refuse(at.path);
  }

  #refuse(path: string): void {
    const errno = this.disk.refused.get(path);
    if (errno !== undefined) throw new Errno(errno, path);
  }

  #effect(call: string, at: Place, name: string): void {
    this.#hooks.onEffect?.(call, posix.join(at.path, name));
    this.#refuse(at.path);
    if (at.mount.device.readOnly) throw new Errno('EROFS', at.path);
  }

  #make<N extends Node>(call: string, at: Place, name: string, made: Partial<N> & Pick<N, 'kind'>): N {
    this.#effect(call, at, checked(name));
    const { device } = at.mount;
    if (at.node.children.has(name)) throw new Errno('EEXIST', name);
    if (at.node.links === 0) throw new Errno('ENOENT', name);
    if (device.usedBytes >= device.bytesMax) throw new Errno('ENOSPC', name);
    const now = this.disk.stampUs();
    const gid = (at.node.mode & setgid) === 0 ? 0 : at.node.gid;
    const node = { ...newInode(device.takeIno(), 0), ...made, gid, mtimeUs: now, ctimeUs: now } as unknown as N;
    this.#put(at, name, node);
    return node;
  }

  /** A new name; of a directory the parent is one link more. */
  #put(at: Place, name: string, node: Node): void {
    const undo = this.#changing(at.node);
    at.node.children.set(name, node);
    if (isDirectory(node)) at.node.links++;
    at.mount.device.note(() => {
      at.node.children.delete(name);
      undo();
    });
  }

  #take(at: Place, name: string): void {
    const node = at.node.children.get(name) as Node;
    const undo = this.#changing(at.node);
    at.node.children.delete(name);
    if (isDirectory(node)) at.node.links--;
    at.mount.device.note(() => {
      at.node.children.set(name, node);
      undo();
    });
  }

  /** The name goes, and with the last one the inode. */
  #drop(at: Place, name: string, node: Node): void {
    const mark = at.mount.device.uncommitted;
    this.#take(at, name);
    this.#touch(at, node, () => {
      node.links = isDirectory(node) ? 0 : node.links - 1;
    });
    at.mount.device.join(mark);
    at.mount.device.free(node);
  }

  /** What a change of its names makes of a directory; returns how to take it back. */
  #changing(directory: DirectoryNode): () => void {
    const { mtimeUs, ctimeUs, links } = directory;
    directory.mtimeUs = directory.ctimeUs = this.disk.stampUs();
    return () => Object.assign(directory, { mtimeUs, ctimeUs, links });
  }

  /** A change of the inode, with its change time. */
  #touch(at: Place, node: Node, change: () => void): void {
    const { mode, uid, gid, mtimeUs, ctimeUs, links } = node;
    node.ctimeUs = this.disk.stampUs();
    change();
    at.mount.device.note(() => Object.assign(node, { mode, uid, gid, mtimeUs, ctimeUs, links }));
  }

  #setContent(at: Place, node: FileNode, content: Buffer): void {
    const before = node.content;
    const { device } = at.mount;
    const mark = device.uncommitted;
    node.safe ??= before;
    device.grow(content.length - before.length);
    node.content = content;
    device.note(() => {
      node.content = before;
    });
    this.#touch(at, node, () => {
      node.mtimeUs = this.disk.stampUs();
    });
    device.join(mark);
  }

  #refuseOver(node: Node, over: Node, to: Place, name: string): void {
    if (this.disk.isMountPoint(over, to.mount)) throw new Errno('EBUSY', name);
    if (isDirectory(over) && !isDirectory(node)) throw new Errno('EISDIR', name);
    if (!isDirectory(over) && isDirectory(node)) throw new Errno('ENOTDIR', name);
    if (isDirectory(over) && over.children.size > 0) throw new Errno('ENOTEMPTY', name);
  }
}

/** One plain name: nothing here walks on its own. */
function checked(name: string): string {
  if (name.includes('/')) throw new Errno('ENOENT', name);
  if (name.includes('\0')) throw new Errno('ERR_INVALID_ARG_VALUE', name);
  if (name.length > nameBytesMax) throw new Errno('ENAMETOOLONG', name);
  return name;
}

function isBelow(inner: DirectoryNode, outer: DirectoryNode): boolean {
  if (inner === outer) return true;
  for (const child of outer.children.values()) if (isDirectory(child) && isBelow(inner, child)) return true;
  return false;
}
