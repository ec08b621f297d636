import { closeSync, openSync } from 'node:fs';
import { type BytePath, parentOf } from '../model/path.ts';
import { DiskFault, type FileRead, type FilesRead, type FileToRead } from '../ports/filesystem.ts';
import { faulting } from './disk-faults.ts';
import { type FileReader, type FilesOfDirectory, type ReadIntoRoom, roomFor } from './disk-read.ts';
import { at, getStat } from './disk-stat.ts';
import { directoryFlags, type Walk } from './disk-walk.ts';

/** Opens the way to each directory here, once for neighbours; whoever reads has descriptors, and needs no path. */
export async function readMany(walk: Walk, files: readonly FileToRead[], read: FileReader): Promise<FilesRead> {
  const opened: FilesOfDirectory[] = [];
  const closed = new Map<BytePath, DiskFault>();
  try {
    for (const group of byDirectory(files)) {
      const directory = openFor(walk, group[0] as FileToRead);
      if (directory instanceof DiskFault) for (const { path } of group) closed.set(path, directory);
      else opened.push({ directoryFd: directory, files: group });
    }
    const answer = await read(opened);
    const found = filesIn(answer, opened);
    return { files: files.map(({ path }) => closed.get(path) ?? (found.get(path) as FileRead | DiskFault)), release: answer.release };
  } finally {
    for (const { directoryFd } of opened) closeSync(directoryFd);
  }
}

function byDirectory(files: readonly FileToRead[]): FileToRead[][] {
  const groups: FileToRead[][] = [];
  let directory: BytePath | null = null;
  for (const file of files) {
    const parent = parentOf(file.path);
    if (parent === directory) groups.at(-1)?.push(file);
    else groups.push([file]);
    directory = parent;
  }
  return groups;
}

/** A descriptor of its own: whatever is closed meanwhile, the number leads to the directory. */
function openFor(walk: Walk, { path }: FileToRead): number | DiskFault {
  try {
    return faulting('open', path, () => openSync(at(walk.parentForReading(path).fd, '.'), directoryFlags));
  } catch (error) {
    if (error instanceof DiskFault) return error;
    throw error;
  }
}

function filesIn(answer: ReadIntoRoom, directories: readonly FilesOfDirectory[]): Map<BytePath, FileRead | DiskFault> {
  const { before, after, hashes, room } = answer;
  const faults = new Map(answer.faults.map(({ file, code, message }) => [file, new DiskFault(code, message)]));
  const found = new Map<BytePath, FileRead | DiskFault>();
  let [index, offset] = [0, 0];
  for (const { files } of directories) {
    for (const file of files) {
      const hash = hashes[index] as string;
      const content = hash === '' ? null : { hash, bytes: Buffer.from(room.buffer, room.byteOffset + offset, file.size) };
      found.set(file.path, faults.get(index) ?? { before: getStat(before, index), after: getStat(after, index), content });
      offset += roomFor(file);
      index += 1;
    }
  }
  return found;
}
