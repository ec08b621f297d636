import { roomName } from '../../src/adapters/disk-area.ts';
import { contentHash } from '../../src/model/digest.ts';
import type { Entry, Hash } from '../../src/model/entry.ts';
import { type BytePath, join } from '../../src/model/path.ts';
import type { MemoryDisk, Place } from './disk/memory-disk.ts';
import type { FileNode, Node } from './disk/nodes.ts';

/** What stands at a path, without its metadata: equal texts are equal contents, kinds and targets. */
export type ContentKey = string;

const hashes = new WeakMap<Buffer, Hash>();

/** Contents of simulated files are never written in place. */
export function hashOf(content: Buffer): Hash {
  const known = hashes.get(content);
  if (known !== undefined) return known;
  const hash = contentHash(content);
  hashes.set(content, hash);
  return hash;
}

export function keyOfNode(node: Node): ContentKey {
  if (node.kind === 'file') return keyOfFile(node);
  return node.kind === 'link' ? `link ${node.target}` : node.kind;
}

function keyOfFile({ content }: FileNode): ContentKey {
  return `file ${hashOf(content)}`;
}

export function keyOfEntry(entry: Entry | null): ContentKey {
  if (entry === null) return 'absent';
  if (entry.kind === 'file') return `file ${entry.hash}`;
  return entry.kind === 'link' ? `link ${entry.target}` : entry.kind;
}

/** The staging area, should it lie in the root. */
const stagingName = '.flocksync';

/** Everything below a directory of a disk as a user sees it, mounts included; without staging areas. Empty where the directory is not there. */
export function treeBelow(disk: MemoryDisk, root: string): Map<BytePath, Node> {
  const found = new Map<BytePath, Node>();
  const place = reached(disk, root);
  if (place !== null) collect(disk, place, '', found);
  return found;
}

/** Every file and link in the trash directories beside and in the root. */
export function trashOf(disk: MemoryDisk, root: string, share: string): Node[] {
  return namedTrashOf(disk, root, share).map(([, node]) => node);
}

/** The same with their names, which no two files ever share. */
export function namedTrashOf(disk: MemoryDisk, root: string, share: string): [name: string, node: Node][] {
  const beside = `${root.slice(0, root.lastIndexOf('/'))}/.flocksync-${share}/trash`;
  return [beside, `${root}/${stagingName}/trash`].flatMap((path) => {
    const place = reached(disk, path);
    const found = new Map<BytePath, Node>();
    if (place !== null) collect(disk, place, '', found);
    return [...found].filter(([, { kind }]) => kind !== 'dir');
  });
}

function reached(disk: MemoryDisk, path: string): Place | null {
  try {
    return disk.reach(path);
  } catch {
    return null;
  }
}

function collect(disk: MemoryDisk, place: Place, path: BytePath, found: Map<BytePath, Node>): void {
  for (const name of place.node.children.keys()) {
    if ((path === '' && name === stagingName) || name === roomName) continue;
    const seen = disk.seen(place, name);
    if (seen === null) continue;
    const below = join(path, name);
    found.set(below, seen.node);
    if (seen.node.kind === 'dir') collect(disk, disk.enter(place, name), below, found);
  }
}
