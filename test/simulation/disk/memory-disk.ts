import { posix } from 'node:path';
import { type Chance, Device } from './device.ts';
import { type DirectoryNode, Errno, isDirectory, type Node } from './nodes.ts';

/** A directory as it was reached: what is done through it stays in it, wherever its name goes. */
export interface Place {
  readonly node: DirectoryNode;
  readonly mount: Mount;
  /** Absolute, without links, as it was when it was reached. */
  readonly path: string;
}

/** A file system, or a directory of one, that hides the directory it is mounted on. */
export interface Mount {
  readonly device: Device;
  readonly root: DirectoryNode;
  /** Null for the first one. */
  readonly on: DirectoryNode | null;
  readonly under: Mount | null;
  readonly path: string;
}

export interface DiskOptions {
  /** Wall clock of the machine, microseconds. */
  readonly nowUs: () => number;
  /** Two changes within one tick get equal stamps. */
  readonly tickUs?: number;
}

const jiffyUs = 4000;
/** Kernels stamp with nanoseconds: rounding to the nearest microsecond and cutting must not be the same by chance. */
const belowMicrosecond = 0.75;
const linksMax = 40;
const firstDev = 40;

/** The file systems of one simulated server, with the mounts that it has. All of it is in memory and nothing takes time. */
export class MemoryDisk {
  readonly options: DiskOptions;
  readonly #mounts: Mount[];
  #devices = 0;
  /** Locks that processes hold, by the locked inode. */
  readonly locks = new Map<Node, { readonly holder: string }>();
  /** Directories and files that answer every look with this errno, by absolute path. */
  readonly refused = new Map<string, string>();

  constructor(options: DiskOptions, device?: Device) {
    this.options = options;
    const first = device ?? this.newDevice();
    this.#mounts = [{ device: first, root: first.root, on: null, under: null, path: '/' }];
  }

  /** Of the file system's clock, which ticks. */
  stampUs(): number {
    const { nowUs, tickUs = jiffyUs } = this.options;
    return Math.floor(nowUs() / tickUs) * tickUs + belowMicrosecond;
  }

  newDevice(): Device {
    return new Device(firstDev + this.#devices++);
  }

  /** The device on which the path lies, or would lie. */
  deviceOf(path: string): Device {
    for (let tried = path; ; tried = posix.dirname(tried)) {
      try {
        return this.reach(tried).mount.device;
      } catch (error) {
        if (!(error instanceof Errno) || tried === '/') throw error;
      }
    }
  }

  /** Hides the directory. `what`: a device, or the absolute path of a directory (a bind mount). */
  mount(what: Device | string, path: string): void {
    const on = this.reach(path);
    const from = typeof what === 'string' ? this.reach(what) : null;
    const device = from === null ? (what as Device) : from.mount.device;
    this.#mounts.push({ device, root: from?.node ?? device.root, on: on.node, under: on.mount, path: on.path });
  }

  unmount(path: string): void {
    const index = this.#mounts.findLastIndex((mount) => mount.on !== null && mount.path === path);
    if (index < 0) throw new Errno('EINVAL', path);
    this.#mounts.splice(index, 1);
  }

  /** From now on the file system of this path holds no more than that. */
  fullAt(bytes: number, path = '/'): void {
    this.deviceOf(path).bytesMax = bytes;
  }

  /** The first directory of all. */
  top(): Place {
    const [mount] = this.#mounts as [Mount];
    return this.#covered({ node: mount.root, mount, path: '/' });
  }

  /** Whether something is mounted on the directory itself. */
  isMountPoint(node: Node, mount: Mount): boolean {
    return this.#mounts.some(({ on, under }) => on === node && under === mount);
  }

  /** What one looks at by that name: the root of what is mounted there, if something is. */
  seen(at: Place, name: string): { readonly node: Node; readonly mount: Mount } | null {
    const node = at.node.children.get(name);
    if (node === undefined) return null;
    return isDirectory(node) ? this.#covered({ node, mount: at.mount, path: '' }) : { node, mount: at.mount };
  }

  /** One step down, following no link. */
  enter(at: Place, name: string): Place {
    const found = this.seen(at, name);
    const path = posix.join(at.path, name);
    if (found === null) throw new Errno('ENOENT', path);
    if (!isDirectory(found.node)) throw new Errno('ENOTDIR', path);
    return { node: found.node, mount: found.mount, path };
  }

  /** Follows links, as a user's path is meant. Bytes, absolute. */
  reach(path: string, linksLeft = linksMax): Place {
    if (linksLeft === 0) throw new Errno('ELOOP', path);
    let at = this.top();
    const names = path.split('/').filter((name) => name !== '');
    for (const [index, name] of names.entries()) {
      const found = at.node.children.get(name);
      if (found?.kind === 'link') {
        const onwards = posix.join(posix.resolve(at.path, found.target), ...names.slice(index + 1));
        return this.reach(onwards, linksLeft - 1);
      }
      at = this.enter(at, name);
    }
    return at;
  }

  /** The directory at this absolute path; null where there is none. */
  seenAt(path: string): Place | null {
    try {
      return this.reach(path);
    } catch (error) {
      if (error instanceof Errno) return null;
      throw error;
    }
  }

  /** A power cut: the processes are dead, and each file system keeps what it had flushed, and by chance more. */
  crash(chance: Chance): void {
    this.locks.clear();
    for (const device of new Set(this.#mounts.map((mount) => mount.device))) device.crash(chance);
  }

  /** The same disk in another server, as an image of this one or a later restoration: same inode numbers, same times, nothing in flight. */
  copy(options: DiskOptions = this.options): MemoryDisk {
    const devices = new Map(this.#mounts.map(({ device }) => [device, device.clone()]));
    const [first, ...others] = this.#mounts as [Mount, ...Mount[]];
    const copy = new MemoryDisk(options, devices.get(first.device));
    copy.#devices = this.#devices;
    for (const { device, path, root } of others) {
      const clone = devices.get(device) as Device;
      if (root !== device.root) throw new Error('a disk with a bind mount cannot be copied');
      copy.mount(clone, path);
    }
    return copy;
  }

  #covered<T extends { node: DirectoryNode; mount: Mount; path: string }>(place: T): T {
    const over = this.#mounts.findLast(({ on, under }) => on === place.node && under === place.mount);
    return over === undefined ? place : this.#covered({ ...place, node: over.root, mount: over });
  }
}
