import type { PreciseStat } from '../../../src/ports/filesystem.ts';

/** What a system call of the simulated disk fails with; `code` is the symbolic errno ('ENOENT'), as node:fs has it. */
export class Errno extends Error {
  override readonly name = 'Errno';
  readonly code: string;

  constructor(code: string, path = '') {
    super(`${code}: ${path}`);
    this.code = code;
  }
}

interface Inode {
  readonly ino: number;
  /** Permission bits, 0 to 0o7777. */
  mode: number;
  uid: number;
  gid: number;
  /** Microseconds with a fraction, as a file system keeps nanoseconds. */
  mtimeUs: number;
  ctimeUs: number;
  /** Names that lead here; of a directory only its own name and its subdirectories are counted. */
  links: number;
  /** Handles that hold it: its number is not given away before they are closed. */
  open: number;
}

export interface FileNode extends Inode {
  readonly kind: 'file';
  /** Never written to in place: a write makes another buffer, so that copies of a disk can share it. */
  content: Buffer;
  /** What a power cut leaves at least; null where that is `content`. */
  safe: Buffer | null;
}

export interface DirectoryNode extends Inode {
  readonly kind: 'dir';
  readonly children: Map<string, Node>;
}

export interface LinkNode extends Inode {
  readonly kind: 'link';
  readonly target: string;
}

/** A socket, fifo or device. */
export interface OtherNode extends Inode {
  readonly kind: 'other';
}

export type Node = FileNode | DirectoryNode | LinkNode | OtherNode;

export function isDirectory(node: Node | null): node is DirectoryNode {
  return node?.kind === 'dir';
}

/** As large as the directory block of most file systems. */
const directoryBytes = 4096;

function sizeOf(node: Node): number {
  if (node.kind === 'file') return node.content.length;
  if (node.kind === 'link') return node.target.length;
  return node.kind === 'dir' ? directoryBytes : 0;
}

export function statOf(node: Node, dev: number): PreciseStat {
  const { kind, ino, mode, uid, gid, mtimeUs, ctimeUs, links } = node;
  // Zero is added because -0 is not 0 to a comparison of objects.
  const keys = { mtimeKey: Math.round(mtimeUs) + 0, ctimeKey: Math.round(ctimeUs) + 0, mtimeUs: Math.floor(mtimeUs) };
  return { kind, dev, ino, size: sizeOf(node), mode, uid, gid, ...keys, links };
}

/** Depth first, each inode once. */
export function* nodesBelow(directory: DirectoryNode, seen = new Set<Node>()): Generator<Node> {
  for (const node of directory.children.values()) {
    if (seen.has(node)) continue;
    seen.add(node);
    yield node;
    if (node.kind === 'dir') yield* nodesBelow(node, seen);
  }
}

/** The same tree on another disk: hard links stay hard links, numbers and times stay, contents are shared. */
export function cloneOf(directory: DirectoryNode, clones = new Map<Node, Node>()): DirectoryNode {
  const clone: DirectoryNode = { ...directory, open: 0, children: new Map() };
  for (const [name, node] of directory.children) {
    const known = clones.get(node);
    const made = known ?? (node.kind === 'dir' ? cloneOf(node, clones) : settledClone(node));
    clones.set(node, made);
    clone.children.set(name, made);
  }
  return clone;
}

function settledClone(node: Exclude<Node, DirectoryNode>): Node {
  return node.kind === 'file' ? { ...node, open: 0, safe: null } : { ...node, open: 0 };
}
