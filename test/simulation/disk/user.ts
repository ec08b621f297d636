import { posix } from 'node:path';
import type { PreciseStat } from '../../../src/ports/filesystem.ts';
import { Calls } from './calls.ts';
import type { MemoryDisk, Place } from './memory-disk.ts';
import { Errno, type FileNode, isDirectory, type Node, statOf } from './nodes.ts';

/** What people and their programs do to files. Paths are absolute byte paths; links on the way are followed. */
export interface UserOfDisk {
  /** Writes in place, or makes the file, as a shell's redirection does. */
  write(path: string, text: string | Buffer): void;
  append(path: string, text: string | Buffer): void;
  truncate(path: string, size: number): void;
  /** Writes a new file beside the old one and renames it over it, as editors and rsync do. */
  save(path: string, text: string | Buffer): void;
  /** With all directories on the way. */
  makeDirectory(path: string): void;
  makeLink(target: string, path: string): void;
  hardLink(existing: string, path: string): void;
  /** A fifo: neither file, nor directory, nor link. */
  makeFifo(path: string): void;
  rename(from: string, to: string): void;
  /** With everything below; nothing where nothing is. */
  remove(path: string): void;
  chmod(path: string, mode: number): void;
  /** Sets the modification time, whole microseconds. */
  touch(path: string, mtimeUs: number): void;
  read(path: string): string;
  readLink(path: string): string;
  /** Names in byte order. */
  list(path: string): string[];
  /** The link itself, where it is one; null where nothing is. */
  stat(path: string): PreciseStat | null;
}

/** A user on a simulated disk; `flushes`: what was done is safe from a power cut at once, as if some time had passed. */
export class MemoryUser implements UserOfDisk {
  readonly disk: MemoryDisk;
  readonly #calls: Calls;
  readonly #flushes: boolean;

  constructor(disk: MemoryDisk, { flushes = true }: { readonly flushes?: boolean } = {}) {
    this.disk = disk;
    this.#calls = new Calls(disk);
    this.#flushes = flushes;
  }

  write(path: string, text: string | Buffer): void {
    this.#writing(path, (at, node) => {
      if (node.content.length > 0) this.#calls.truncate(at, node, 0);
      this.#calls.write(at, node, 0, bytesOf(text));
    });
  }

  append(path: string, text: string | Buffer): void {
    this.#writing(path, (at, node) => this.#calls.write(at, node, node.content.length, bytesOf(text)));
  }

  /** Of equal length or longer, from the beginning, as databases and some editors write. */
  overwrite(path: string, text: string | Buffer): void {
    this.#changing(path, (at, node) => this.#calls.write(at, fileAt(node, path), 0, bytesOf(text)));
  }

  truncate(path: string, size: number): void {
    this.#changing(path, (at, node) => this.#calls.truncate(at, fileAt(node, path), size));
  }

  save(path: string, text: string | Buffer): void {
    const { at, name } = this.#locate(path);
    const old = at.node.children.get(name);
    const temporary = temporaryName(name);
    this.write(posix.join(at.path, temporary), text);
    try {
      if (old?.kind === 'file') this.#calls.chmod(at, at.node.children.get(temporary) as Node, old.mode);
      this.#calls.rename(at, temporary, at, name);
    } catch (error) {
      this.#calls.unlink(at, temporary);
      throw error;
    }
    this.#settle(at);
  }

  makeDirectory(path: string): void {
    const { at, name } = this.#locate(path, true);
    if (this.disk.seenAt(path) === null) this.#calls.makeDirectory(at, name, 0o755);
    this.#settle(at);
  }

  makeLink(target: string, path: string): void {
    this.#naming(path, (at, name) => this.#calls.makeLink(at, name, target));
  }

  hardLink(existing: string, path: string): void {
    const from = this.#locate(existing);
    this.#naming(path, (at, name) => this.#calls.link(from.at, from.name, at, name));
  }

  makeFifo(path: string): void {
    this.#naming(path, (at, name) => this.#calls.makeSocket(at, name));
  }

  rename(from: string, to: string): void {
    const source = this.#locate(from);
    this.#naming(to, (at, name) => this.#calls.rename(source.at, source.name, at, name));
    this.#settle(source.at);
  }

  remove(path: string): void {
    if (this.disk.seenAt(posix.dirname(path)) !== null) this.#naming(path, (at, name) => this.#calls.removeAll(at, name));
  }

  chmod(path: string, mode: number): void {
    this.#changing(path, (at, node) => this.#calls.chmod(at, node, mode));
  }

  chown(path: string, uid: number, gid: number): void {
    this.#changing(path, (at, node) => this.#calls.chown(at, node, uid, gid));
  }

  touch(path: string, mtimeUs: number): void {
    this.#changing(path, (at, node) => this.#calls.setModified(at, node, mtimeUs));
  }

  read(path: string): string {
    return this.bytes(path).toString('latin1');
  }

  bytes(path: string): Buffer {
    return fileAt(this.#found(path).node, path).content;
  }

  readLink(path: string): string {
    const { at, name } = this.#locate(path);
    return this.#calls.readLink(at, name);
  }

  list(path: string): string[] {
    return [...this.disk.reach(path).node.children.keys()].sort();
  }

  stat(path: string): PreciseStat | null {
    if (path === '/') return statOf(this.disk.top().node, this.disk.top().mount.device.dev);
    try {
      const { at, name } = this.#locate(path);
      return this.#calls.look(at, name);
    } catch (error) {
      if (error instanceof Errno && error.code === 'ENOENT') return null;
      throw error;
    }
  }

  /** As `cp -a`: other inodes and change times, everything else the same. From any disk, and never over something. */
  copyFrom(disk: MemoryDisk, from: string, to: string): void {
    const source = disk.reach(from);
    this.makeDirectory(to);
    const copied = new Map<Node, { at: Place; name: string }>();
    const copy = (old: Place, at: Place): void => {
      for (const name of old.node.children.keys()) this.#copyOne(disk, old, at, name, copied, copy);
      this.#likeness(at, at.node, old.node);
    };
    const target = this.disk.reach(to);
    copy(source, target);
    this.#settle(target);
  }

  #copyOne(
    disk: MemoryDisk,
    old: Place,
    at: Place,
    name: string,
    copied: Map<Node, { at: Place; name: string }>,
    copy: (old: Place, at: Place) => void,
  ): void {
    const node = disk.seen(old, name)?.node as Node;
    const known = copied.get(node);
    if (known !== undefined) return this.#calls.link(known.at, known.name, at, name);
    copied.set(node, { at, name });
    if (node.kind === 'dir') {
      this.#calls.makeDirectory(at, name, node.mode);
      return copy(disk.enter(old, name), this.disk.enter(at, name));
    }
    if (node.kind === 'link') this.#calls.makeLink(at, name, node.target);
    else if (node.kind === 'other') this.#calls.makeSocket(at, name);
    else this.#calls.write(at, this.#calls.create(at, name, node.mode), 0, node.content);
    this.#likeness(at, at.node.children.get(name) as Node, node);
  }

  #likeness(at: Place, node: Node, { uid, gid, mode, mtimeUs }: Node): void {
    this.#calls.chown(at, node, uid, gid);
    this.#calls.chmod(at, node, mode);
    this.#calls.setModified(at, node, mtimeUs);
  }

  #locate(path: string, makesWay = false): { at: Place; name: string } {
    const parent = posix.dirname(path);
    if (makesWay && parent !== '/') this.makeDirectory(parent);
    return { at: this.disk.reach(parent), name: posix.basename(path) };
  }

  /** Where a path leads to, links followed, whether or not something stands there. */
  #destination(path: string, linksLeft = 40): { at: Place; name: string; node: Node | null } {
    if (linksLeft === 0) throw new Errno('ELOOP', path);
    const { at, name } = this.#locate(path);
    const node = this.disk.seen(at, name)?.node ?? null;
    return node?.kind === 'link' ? this.#destination(posix.resolve(at.path, node.target), linksLeft - 1) : { at, name, node };
  }

  #found(path: string): { at: Place; node: Node } {
    const { at, node } = this.#destination(path);
    if (node === null) throw new Errno('ENOENT', path);
    return { at, node };
  }

  #writing(path: string, work: (at: Place, node: FileNode) => void): void {
    const { at, name, node } = this.#destination(path);
    const written = fileAt(node ?? this.#calls.create(at, name, 0o644), path);
    try {
      work(at, written);
    } finally {
      // What a full disk has taken of it stands there as well.
      this.#settle(at, written);
    }
  }

  #naming(path: string, work: (at: Place, name: string) => void): void {
    const { at, name } = this.#locate(path);
    work(at, name);
    this.#settle(at);
  }

  #changing(path: string, work: (at: Place, node: Node) => void): void {
    const { at, node } = this.#found(path);
    work(at, node);
    this.#settle(at, node);
  }

  /** Metadata of one file system is committed in order, so that of other processes before it is safe as well; contents of others are not. */
  #settle(at: Place, written: Node | null = null): void {
    if (!this.#flushes) return;
    if (written?.kind === 'file') written.safe = null;
    at.mount.device.commit();
  }
}

/** Of what is written before it takes the place of a file. */
export function temporaryName(name: string): string {
  return `.${name.slice(0, 200)}.part`;
}

function fileAt(node: Node, path: string): FileNode {
  if (isDirectory(node)) throw new Errno('EISDIR', path);
  if (node.kind !== 'file') throw new Errno('EINVAL', path);
  return node;
}

function bytesOf(text: string | Buffer): Buffer {
  return typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
}
