import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, renameSync, rmdirSync } from 'node:fs';
import type { BytePath } from '../model/path.ts';
import { type Area, randomName, roomName } from './disk-area.ts';
import { unless } from './disk-faults.ts';
import { at } from './disk-stat.ts';
import { unlocked } from './disk-unlocked.ts';
import type { OpenDirectory } from './disk-walk.ts';

const setgid = 0o2000;
/** Linux's O_TMPFILE, which Node does not name: a file without a name, gone when it is closed. */
const nameless = 0o20200000;

/**
 * Where to stage a file so that it gets the rights that it would get in its directory. A default ACL and a setgid bit are inherited
 * from the directory in which a file is made, and Node cannot copy an ACL. So a directory is made there, which inherits both, and is
 * moved into the stage at once: files made in it inherit in turn. Verdicts hold for one batch, since rights change between batches.
 */
export class Inheritance {
  readonly #area: Area;
  /** By path of the target directory: the name of a directory in the stage, '' where nothing is inherited. */
  readonly #verdicts = new Map<BytePath, string>();
  #spent: string[] = [];

  constructor(area: Area) {
    this.#area = area;
  }

  /** '' for the stage itself, or the name of a directory in it. `open` is asked once per batch and path. */
  roomFor(path: BytePath, open: () => OpenDirectory): string {
    const known = this.#verdicts.get(path);
    if (known !== undefined) return known;
    const target = open();
    const room = unlocked(target, () => bringRoom(target, this.#area.stage));
    this.#verdicts.set(path, room);
    return room;
  }

  /** Ends the batch. Directories in the stage go once the files in them were placed, and not `tidy`ing while files are on their way there. */
  forget(tidy: boolean): void {
    for (const room of this.#verdicts.values()) if (room !== '') this.#spent.push(room);
    this.#verdicts.clear();
    if (!tidy) return;
    const removed = (room: string) => unless(['ENOTEMPTY', 'EEXIST'], () => removeRoom(this.#area.stage.fd, room)) !== null;
    this.#spent = this.#spent.filter((room) => !removed(room));
  }
}

function bringRoom(target: OpenDirectory, stage: OpenDirectory): string {
  const hasSetgid = (fstatSync(target.fd).mode & setgid) !== 0;
  if (!hasSetgid && passesNothingOn(target)) return '';
  // The umask is ignored exactly where a default ACL stands: elsewhere a directory made under 0777 has no rights at all.
  withUmask(hasSetgid ? 0o077 : 0o777, () => makeRoom(target));
  try {
    if ((lstatSync(at(target.fd, roomName)).mode & 0o777) === 0) {
      rmdirSync(at(target.fd, roomName));
      return '';
    }
    const name = randomName();
    renameSync(at(target.fd, roomName), at(stage.fd, name));
    return name;
  } catch (error) {
    unless(['ENOENT'], () => rmdirSync(at(target.fd, roomName)));
    throw error;
  }
}

/** What a killed run has left there is empty, and inherits what was passed on then. */
function makeRoom(target: OpenDirectory): void {
  const make = () => mkdirSync(at(target.fd, roomName), { mode: 0o700 });
  if (unless(['EEXIST'], () => [make()]) !== null) return;
  rmdirSync(at(target.fd, roomName));
  make();
}

/**
 * A file without a name shows it without touching the directory, and costs a tenth of a directory made and removed. False also where
 * the file system has no such files.
 */
function passesNothingOn(target: OpenDirectory): boolean {
  const open = () => openSync(`/proc/self/fd/${target.fd}`, nameless | constants.O_WRONLY, 0o666);
  const refusals = ['EOPNOTSUPP', 'ENOTSUP', 'EISDIR', 'ENOENT', 'EINVAL', 'ENOSYS'];
  const fd = unless(refusals, () => withUmask(0o777, open));
  if (fd === null) return false;
  try {
    return (fstatSync(fd).mode & 0o777) === 0;
  } finally {
    closeSync(fd);
  }
}

function removeRoom(stageFd: number, room: string): void {
  unless(['ENOENT'], () => rmdirSync(at(stageFd, room)));
}

function withUmask<T>(mask: number, step: () => T): T {
  const before = process.umask(mask);
  try {
    return step();
  } finally {
    process.umask(before);
  }
}
