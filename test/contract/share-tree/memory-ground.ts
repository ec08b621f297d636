import { posix } from 'node:path';
import type { Random } from '../../../src/ports/random.ts';
import { MemoryDisk } from '../../simulation/disk/memory-disk.ts';
import { openMemoryTree } from '../../simulation/disk/memory-tree.ts';
import type { UserOfDisk } from '../../simulation/disk/user.ts';
import { MemoryUser } from '../../simulation/disk/user.ts';
import type { Ground, Kind } from './ground.ts';

const base = '/srv/web';
const startUs = 1_750_000_000_000_000;
/** Every look at the clock takes that long. */
const stepUs = 1000;

/** The disk of the simulator. */
export const memoryKind: Kind = { name: 'on the simulated disk', privileged: true, open: openGround };

function openGround(): Ground {
  let nowUs = startUs;
  const tick = () => {
    nowUs += stepUs;
    return nowUs;
  };
  const disk = new MemoryDisk({ nowUs: tick });
  const user = new MemoryUser(disk);
  user.makeDirectory(`${base}/root`);
  const open = (root: string) => openMemoryTree({ disk, root: `${base}/${root}`, shareName: 'web', random: countingRandom() });
  return {
    ...{ tree: open('root'), user: basedUser(user), base, another: (root = 'root') => open(root) },
    mount: (path, bytes) => {
      const device = disk.newDevice();
      device.bytesMax = bytes;
      disk.mount(device, `${base}/${path}`);
    },
    bind: (from, path) => disk.mount(`${base}/${from}`, `${base}/${path}`),
    chown: (path, uid, gid) => user.chown(`${base}/${path}`, uid, gid),
  };
}

let named = 0;

/** Different names, and not by chance. */
function countingRandom(): Random {
  const hex = (bytes: number) => {
    named += 1;
    return named.toString(16).padStart(2 * bytes, '0');
  };
  return { hex, fraction: () => 0.5 };
}

function basedUser(user: MemoryUser): UserOfDisk {
  const at = (path: string) => posix.join(base, path);
  return {
    write: (path, text) => user.write(at(path), text),
    append: (path, text) => user.append(at(path), text),
    truncate: (path, size) => user.truncate(at(path), size),
    save: (path, text) => user.save(at(path), text),
    makeDirectory: (path) => user.makeDirectory(at(path)),
    makeLink: (target, path) => user.makeLink(target, at(path)),
    hardLink: (existing, path) => user.hardLink(at(existing), at(path)),
    makeFifo: (path) => user.makeFifo(at(path)),
    rename: (from, to) => user.rename(at(from), at(to)),
    remove: (path) => user.remove(at(path)),
    chmod: (path, mode) => user.chmod(at(path), mode),
    touch: (path, mtimeUs) => user.touch(at(path), mtimeUs),
    read: (path) => user.read(at(path)),
    readLink: (path) => user.readLink(at(path)),
    list: (path) => user.list(at(path)),
    stat: (path) => user.stat(at(path)),
  };
}
