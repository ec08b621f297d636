import { cloneOf, type DirectoryNode, type FileNode, type Node, nodesBelow } from './nodes.ts';

/** Uniform in [0, 1): all chance of a simulated disk comes from here. */
export type Chance = () => number;

const rootIno = 2;
const firstIno = 11;

/**
 * One file system. It keeps its metadata as journalled file systems do: what was done since the last commit survives a power cut as a
 * prefix of its order; a flush commits. Contents are apart from that: until they are flushed they may be lost, cut or zeroed.
 */
export class Device {
  readonly dev: number;
  readonly root: DirectoryNode;
  /** Bytes of all files together; beyond them a write fails with ENOSPC. */
  bytesMax = Number.POSITIVE_INFINITY;
  readOnly = false;
  /** Numbers of removed inodes are given to new ones, the lowest first, as ext4 does; else never, as btrfs does. */
  reusesInodes = true;
  #usedBytes = 0;
  #nextIno = firstIno;
  #freeInos: number[] = [];
  #uncommitted: (() => void)[] = [];

  constructor(dev: number, root?: DirectoryNode) {
    this.dev = dev;
    this.root = root ?? { ...newInode(rootIno, 0o755), kind: 'dir', children: new Map(), links: 2 };
    this.#count();
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  takeIno(): number {
    const reused = this.reusesInodes ? this.#freeInos.shift() : undefined;
    return reused ?? this.#nextIno++;
  }

  /** Nothing leads to the inode any more. */
  free(node: Node): void {
    if (node.links > 0 || node.open > 0) return;
    if (node.kind === 'file') this.#usedBytes -= node.content.length;
    this.#freeInos.push(node.ino);
    this.#freeInos.sort((a, b) => a - b);
  }

  grow(bytes: number): void {
    this.#usedBytes += bytes;
  }

  /** Remembers how to take back what was just done to metadata. */
  note(undo: () => void): void {
    this.#uncommitted.push(undo);
  }

  /** What was noted since `uncommitted` was that much is one operation, of which all survives or nothing. */
  join(mark: number): void {
    const parts = this.#uncommitted.splice(mark).reverse();
    if (parts.length === 0) return;
    this.#uncommitted.push(() => {
      for (const undo of parts) undo();
    });
  }

  /** What was done to names, sizes, rights and times is safe; contents are not by that. */
  commit(): void {
    this.#uncommitted = [];
  }

  /** syncfs: everything is safe. */
  flush(): void {
    this.commit();
    for (const node of nodesBelow(this.root)) if (node.kind === 'file') node.safe = null;
  }

  /** Metadata operations that a power cut could undo. */
  get uncommitted(): number {
    return this.#uncommitted.length;
  }

  /** A power cut: a prefix of what was done to metadata survives, and of unflushed contents what chance leaves. */
  crash(chance: Chance): void {
    const survive = Math.floor(chance() * (this.#uncommitted.length + 1));
    for (const undo of this.#uncommitted.splice(survive).reverse()) undo();
    this.commit();
    for (const node of nodesBelow(this.root)) if (node.kind === 'file' && node.safe !== null) loseContent(node, node.safe, chance);
    this.#count();
  }

  clone(): Device {
    const clone = new Device(this.dev, cloneOf(this.root));
    clone.bytesMax = this.bytesMax;
    clone.readOnly = this.readOnly;
    clone.reusesInodes = this.reusesInodes;
    return clone;
  }

  /** Room and numbers in use, from what is there. */
  #count(): void {
    const used = new Set<number>([rootIno]);
    this.#usedBytes = 0;
    for (const node of nodesBelow(this.root)) {
      used.add(node.ino);
      node.open = 0;
      if (node.kind === 'file') this.#usedBytes += node.content.length;
    }
    this.#nextIno = Math.max(firstIno, this.#nextIno, ...[...used].map((ino) => ino + 1));
    this.#freeInos = [];
    for (let ino = firstIno; ino < this.#nextIno; ino++) if (!used.has(ino)) this.#freeInos.push(ino);
  }
}

export function newInode(ino: number, mode: number) {
  return { ino, mode, uid: 0, gid: 0, mtimeUs: 0, ctimeUs: 0, links: 1, open: 0 };
}

/** Whole, as it was before, cut anywhere between the two lengths, or of full length with zeros where nothing had been written. */
function loseContent(node: FileNode, safe: Buffer, chance: Chance): void {
  const written = node.content;
  const kind = Math.floor(chance() * 4);
  if (kind === 1) node.content = safe;
  else if (kind === 2) {
    const shortest = Math.min(safe.length, written.length);
    node.content = written.subarray(0, shortest + Math.floor(chance() * (written.length - shortest + 1)));
  } else if (kind === 3) {
    node.content = Buffer.alloc(written.length);
    safe.copy(node.content, 0, 0, Math.min(safe.length, written.length));
  }
  node.safe = null;
}
