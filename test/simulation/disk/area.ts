import { posix } from 'node:path';
import { insideName } from '../../../src/adapters/disk-area.ts';
import { errnoOf, unless } from '../../../src/adapters/disk-faults.ts';
import { fromText, nameBytesMax } from '../../../src/model/path.ts';
import { DiskFault, type RootLock } from '../../../src/ports/filesystem.ts';
import type { Random } from '../../../src/ports/random.ts';
import type { Calls } from './calls.ts';
import type { Place } from './memory-disk.ts';
import type { FileNode, Node } from './nodes.ts';

const proofName = 'proved';
const lockName = 'lock';
const holderName = 'holder';

/** The staging area of a share, made by the same system calls as on a real disk. */
export interface Area {
  readonly inside: boolean;
  readonly home: Place;
  readonly stage: Place;
  readonly trash: Place;
}

export function openArea(calls: Calls, root: Place, shareName: string, random: Random): Area {
  const beside = openBeside(calls, root, shareName, random);
  if (beside !== null) return beside;
  const home = openOwn(calls, root, insideName, root);
  if (home === null) {
    if (root.mount.device.readOnly) throw new DiskFault('read-only', 'the root is mounted read-only');
    throw new DiskFault('denied', `no staging area can be made beside the root or in it, or ${insideName} there belongs to another user`);
  }
  return openRooms(calls, home, true, root);
}

export function clearStage(calls: Calls, { stage }: Area): void {
  for (const { name } of calls.list(stage)) calls.removeAll(stage, name);
}

export function hasAreaInside(calls: Calls, root: Place): boolean {
  return calls.look(root, insideName)?.kind === 'dir';
}

function openBeside(calls: Calls, root: Place, shareName: string, random: Random): Area | null {
  const name = fromText(`.flocksync-${encodeURIComponent(shareName)}`);
  if (root.path === '/' || name.length > nameBytesMax) return null;
  const parent = unless(['EACCES', 'EPERM'], () => calls.reach(posix.dirname(root.path)));
  if (parent === null) return null;
  const existed = calls.look(parent, name) !== null;
  const home = openOwn(calls, parent, name, root);
  if (home === null) return null;
  const area = openRooms(calls, home, false, root);
  if (renamesInto(calls, area, root, random)) return area;
  if (!existed) calls.removeAll(parent, name);
  return null;
}

function openRooms(calls: Calls, home: Place, inside: boolean, root: Place): Area {
  const stage = openOwn(calls, home, 'stage', root);
  const trash = openOwn(calls, home, 'trash', root);
  if (stage !== null && trash !== null) return { inside, home, stage, trash };
  throw new DiskFault('denied', 'the staging area holds a directory of another user');
}

function openOwn(calls: Calls, parent: Place, name: string, root: Place): Place | null {
  const refusals = ['EACCES', 'EPERM', 'EROFS', 'ENAMETOOLONG', 'ENOTDIR', 'ELOOP'];
  unless(['EEXIST', ...refusals], () => calls.makeDirectory(parent, name, 0o700));
  const made = unless([...refusals, 'ENOENT'], () => calls.enter(parent, name));
  if (made === null) return null;
  const { uid, mode } = made.node;
  if (uid !== 0 && uid !== root.node.uid) return null;
  if ((mode & 0o777) !== 0o700) calls.chmod(made, made.node, 0o700);
  return made;
}

function renamesInto(calls: Calls, area: Area, root: Place, random: Random): boolean {
  const { dev, ino } = calls.stat(root);
  const mark = `${dev}:${ino}`;
  const name = random.hex(16);
  if (errnoOfRename(calls, area, root, name) !== 'ENOENT') return false;
  if (contentOf(calls, area.home, proofName) === mark) return true;
  calls.makeDirectory(area.stage, name, 0o700);
  const errno = errnoOfRename(calls, area, root, name);
  calls.removeDirectory(errno === undefined ? root : area.stage, errno === undefined ? insideName : name);
  const proved = errno === undefined || ['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errno);
  if (proved) writeWhole(calls, area.home, proofName, mark);
  return proved;
}

function errnoOfRename(calls: Calls, area: Area, root: Place, name: string): string | undefined {
  try {
    calls.rename(area.stage, name, root, insideName);
    return undefined;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || errno === 'ENOSPC' || errno === 'EDQUOT') throw error;
    return errno;
  }
}

/** The lock of one process on the root; the death of the process, or a power cut, takes it from the disk. */
export function lockArea(calls: Calls, { home }: Area, stateId: string, kept: RootLock | null): RootLock | null {
  const { locks } = calls.disk;
  if (kept?.own && kept.ino === calls.look(home, lockName)?.ino) return kept;
  if (calls.look(home, lockName) === null) calls.create(home, lockName, 0o600);
  const node = home.node.children.get(lockName) as Node;
  const held = locks.get(node);
  if (held !== undefined) return held.holder === stateId ? { ino: 0, own: false, release: () => undefined } : null;
  const mine = { holder: stateId };
  locks.set(node, mine);
  if (contentOf(calls, home, holderName) !== stateId) writeWhole(calls, home, holderName, stateId);
  const release = (): void => {
    if (locks.get(node) === mine) locks.delete(node);
  };
  return { ino: node.ino, own: true, release };
}

function contentOf(calls: Calls, at: Place, name: string): string | null {
  const node = at.node.children.get(name);
  return node?.kind === 'file' ? calls.read(node, posix.join(at.path, name)).toString() : null;
}

function writeWhole(calls: Calls, at: Place, name: string, text: string): void {
  const node = (at.node.children.get(name) as FileNode | undefined) ?? calls.create(at, name, 0o600);
  if (node.content.length > 0) calls.truncate(at, node, 0);
  calls.write(at, node, 0, Buffer.from(text));
}
