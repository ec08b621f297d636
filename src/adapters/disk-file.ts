import { closeSync, constants, openSync, readSync } from 'node:fs';
import { type BytePath, toText } from '../model/path.ts';
import { DiskFault, type OpenFile } from '../ports/filesystem.ts';
import { faulting } from './disk-faults.ts';
import { at, preciseOf } from './disk-stat.ts';

/** A fifo or device must not be waited for, a link not be followed. */
const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Opens a regular file for reading. Anything else at that name is `io`: it is there, and it is not what was looked at before. */
export function openFile(directoryFd: number, name: string, path: BytePath): OpenFile {
  const fd = openSync(at(directoryFd, name), flags);
  const before = preciseOf(fd);
  if (before.kind !== 'file') {
    closeSync(fd);
    throw new DiskFault(
      'io',
      `cannot open ${toText(path)}: expected a file, found ${before.kind === 'dir' ? 'a directory' : 'something else'}`,
    );
  }
  let [open, position] = [true, 0];
  const read = (buffer: Buffer) => {
    const length = readSync(fd, buffer, 0, buffer.length, position);
    position += length;
    return length;
  };
  return {
    before,
    read: (buffer) => faulting('read', path, () => read(buffer)),
    skip: (bytes) => {
      position += bytes;
    },
    now: () => faulting('look at', path, () => preciseOf(fd)),
    close: () => {
      if (open) closeSync(fd);
      open = false;
    },
  };
}
