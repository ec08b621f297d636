import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { insideName } from '../../../src/adapters/disk-area.ts';
import { faultFrom, faulting, unless } from '../../../src/adapters/disk-faults.ts';
import { refuseStrange } from '../../../src/adapters/disk-walk.ts';
import { targetWithin } from '../../../src/model/apply-order.ts';
import { type BytePath, nameOf, parentOf } from '../../../src/model/path.ts';
import type { PreciseStat } from '../../../src/ports/filesystem.ts';
import type { Preview, PreviewBounds } from '../../../src/ports/preview.ts';
import type { Calls } from './calls.ts';
import type { Place } from './memory-disk.ts';
import type { Node } from './nodes.ts';
import type { Site } from './place.ts';
import { setMetadata } from './stage.ts';

/** See Preview: a copy of the share in the staging area. */
export function openPreview(site: Site, configured: BytePath, wait: (call: string) => Promise<void>): Preview {
  const { calls, area, walk } = site;
  const name = site.random.hex(16);
  calls.makeDirectory(area.stage, name, 0o700);
  const home = calls.enter(area.stage, name);
  const root = walk.root();
  const link = (path: BytePath, target: string) =>
    inParent(calls, home, path, (at, last) => calls.makeLink(at, last, leadInto(root.path, configured, home.path, parentOf(path), target)));
  return {
    path: Buffer.from(home.path, 'latin1').toString('utf8'),
    digest: (bounds) => faulting('look at', '', () => digestOf(calls, root, bounds)),
    copy: async (bounds) => {
      await wait('copy');
      try {
        return copyTree(calls, root, home, link, bounds);
      } catch (error) {
        throw faultFrom(error, 'copy', '');
      }
    },
    remove: (path) => faulting('remove', path, () => inParent(calls, home, path, (at, last) => removeOne(calls, at, last))),
    makeDirectory: (path, mode) =>
      faulting('make the directory', path, () =>
        inParent(calls, home, path, (at, last) => calls.makeDirectory(at, last, (mode & 0o777) | 0o700)),
      ),
    makeLink: (path, target) => faulting('make the link', path, () => link(path, target)),
    place: (staged, path) =>
      faulting('place', path, () => {
        const from = site.stage.at(staged.name);
        inParent(calls, home, path, (at, last) => calls.rename(from.at, from.name, at, last));
        site.stage.discard(staged.name);
      }),
    discard: () => calls.removeAll(area.stage, name),
  };
}

function removeOne(calls: Calls, at: Place, name: string): void {
  const stat = calls.look(at, name);
  if (stat?.kind === 'dir') calls.removeDirectory(at, name);
  else if (stat !== null) calls.unlink(at, name);
}

function inParent(calls: Calls, home: Place, path: BytePath, work: (at: Place, name: string) => unknown): void {
  refuseStrange(path);
  let reached: Place | null = home;
  for (const name of path.split('/').slice(0, -1)) {
    const at: Place = reached;
    reached = unless(['ENOENT', 'ENOTDIR'], () => calls.enter(at, name));
    if (reached === null) return;
  }
  const at = reached;
  unless(['EEXIST', 'EISDIR', 'ENOTDIR', 'ENOTEMPTY'], () => work(at, nameOf(path)));
}

function leadInto(root: BytePath, configured: BytePath, base: BytePath, directory: BytePath, target: string): string {
  if (!target.startsWith('/')) return targetWithin(directory, target) === null ? posix.join(root, directory, target) : target;
  const absolute = posix.normalize(target);
  for (const prefix of [root, configured]) {
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

function count(walking: Walking, stat: PreciseStat): boolean {
  walking.names += 1;
  walking.bytes += stat.kind === 'file' ? stat.size : 0;
  return walking.names <= walking.bounds.namesMax && walking.bytes <= walking.bounds.bytesMax;
}

function* childrenOf(calls: Calls, at: Place, isRoot: boolean): Generator<{ readonly name: string; readonly stat: PreciseStat }> {
  const names = calls.list(at).map(({ name }) => name);
  for (const name of names.sort()) {
    const stat = isRoot && name === insideName ? null : calls.look(at, name);
    if (stat !== null) yield { name, stat };
  }
}

/** What is mounted below the root is no part of it. */
function enter(calls: Calls, at: Place, name: string): Place | null {
  const inner = calls.enter(at, name);
  return inner.mount.device === at.mount.device ? inner : null;
}

function digestOf(calls: Calls, root: Place, bounds: PreviewBounds): string | null {
  const walking: Walking = { bounds, names: 0, bytes: 0 };
  const hash = createHash('sha256');
  const walk = (at: Place, path: BytePath): boolean => {
    for (const { name, stat } of childrenOf(calls, at, path === '')) {
      if (!count(walking, stat)) return false;
      const { kind, ino, size, mode, uid, gid, mtimeKey, ctimeKey } = stat;
      hash.update(`${path}${name}\0${kind} ${ino} ${size} ${mode} ${uid} ${gid} ${mtimeKey} ${ctimeKey}\0`, 'latin1');
      const inner = kind === 'dir' ? enter(calls, at, name) : null;
      if (inner !== null && !walk(inner, `${path}${name}/`)) return false;
    }
    return true;
  };
  return walk(root, '') ? hash.digest('hex') : null;
}

function copyTree(calls: Calls, root: Place, home: Place, link: (path: BytePath, target: string) => void, bounds: PreviewBounds): boolean {
  const walking: Walking = { bounds, names: 0, bytes: 0 };
  const copy = (from: Place, to: Place, path: BytePath): boolean => {
    for (const { name, stat } of childrenOf(calls, from, path === '')) {
      if (!count(walking, stat)) return false;
      const node = from.node.children.get(name) as Node;
      if (node.kind === 'link') link(path + name, node.target);
      else if (node.kind === 'file') {
        const made = calls.create(to, name, 0o600);
        calls.write(to, made, 0, calls.read(node, posix.join(from.path, name)));
        setMetadata(calls, to, made, { uid: stat.uid, gid: stat.gid, mode: stat.mode & 0o777, mtimeUs: stat.mtimeUs });
      } else if (stat.kind === 'dir') {
        calls.makeDirectory(to, name, stat.mode | 0o700);
        const [source, made] = [enter(calls, from, name), calls.enter(to, name)];
        calls.chown(made, made.node, stat.uid, stat.gid);
        if (source !== null && !copy(source, made, `${path}${name}/`)) return false;
      }
    }
    return true;
  };
  return copy(root, home, '');
}
