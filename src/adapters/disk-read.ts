import { contentHash } from '../model/digest.ts';
import type { BytePath } from '../model/path.ts';
import { nameOf } from '../model/path.ts';
import type { FileToRead, OpenFile } from '../ports/filesystem.ts';
import { DiskFault, type DiskFaultCode } from '../ports/filesystem.ts';
import { faulting } from './disk-faults.ts';
import { openFile } from './disk-file.ts';
import { putStat, statWidth } from './disk-stat.ts';

/** Files of one directory, which a descriptor holds. */
export interface FilesOfDirectory {
  readonly directoryFd: number;
  readonly files: readonly FileToRead[];
}

/** What became of the files of all directories, in a form that travels between threads at little cost. */
export interface Read {
  /** `statWidth` numbers for each file: before its first byte was read, and after its last; zeros where it was not opened. */
  readonly before: Float64Array<ArrayBuffer>;
  readonly after: Float64Array<ArrayBuffer>;
  /** Of each content; '' where the file was not as long as was said. */
  readonly hashes: readonly string[];
  /** By index of the file. */
  readonly faults: readonly { readonly file: number; readonly code: DiskFaultCode; readonly message: string }[];
}

/** The bytes lie in `room` one after the other; `release` gives it back. */
export interface ReadIntoRoom extends Read {
  readonly room: Uint8Array;
  release(): void;
}

export type FileReader = (directories: readonly FilesOfDirectory[]) => Promise<ReadIntoRoom>;

/** Where the content of each file lies in the room. One byte more than announced, so that a longer file shows. */
export function roomFor({ size }: FileToRead): number {
  return size + 1;
}

export function roomForAll(directories: readonly FilesOfDirectory[]): number {
  return directories.reduce((sum, { files }) => sum + files.reduce((bytes, file) => bytes + roomFor(file), 0), 0);
}

/** Throws nothing for trouble with a single file. */
export function readFiles(room: Uint8Array, directories: readonly FilesOfDirectory[]): Read {
  const count = directories.reduce((sum, { files }) => sum + files.length, 0);
  const read = { before: new Float64Array(count * statWidth), after: new Float64Array(count * statWidth) };
  const hashes: string[] = [];
  const faults: { file: number; code: DiskFaultCode; message: string }[] = [];
  let offset = 0;
  for (const { directoryFd, files } of directories) {
    for (const file of files) {
      const index = hashes.length;
      const piece = Buffer.from(room.buffer, room.byteOffset + offset, roomFor(file));
      offset += roomFor(file);
      try {
        hashes.push(faulting('open', file.path, () => readFile(directoryFd, file.path, piece, read, index)));
      } catch (error) {
        if (!(error instanceof DiskFault)) throw error;
        hashes.push('');
        faults.push({ file: index, code: error.code, message: error.message });
      }
    }
  }
  return { ...read, hashes, faults };
}

/** The content's hash, or '' when the file is shorter or longer than `piece` expects. */
function readFile(
  directoryFd: number,
  path: BytePath,
  piece: Buffer,
  { before, after }: Pick<Read, 'before' | 'after'>,
  index: number,
): string {
  const file = openFile(directoryFd, nameOf(path), path);
  try {
    putStat(before, index, file.before);
    const length = file.before.size === piece.length - 1 ? fill(file, piece) : -1;
    const hash = length === piece.length - 1 ? contentHash(piece.subarray(0, length)) : '';
    putStat(after, index, file.now());
    return hash;
  } finally {
    file.close();
  }
}

function fill(file: OpenFile, piece: Buffer): number {
  let length = 0;
  while (length < piece.length) {
    const got = file.read(length === 0 ? piece : piece.subarray(length));
    if (got === 0) break;
    length += got;
  }
  return length;
}

/** In this thread. */
export async function readFilesHere(directories: readonly FilesOfDirectory[]): Promise<ReadIntoRoom> {
  const room = Buffer.allocUnsafe(roomForAll(directories));
  return { ...readFiles(room, directories), room, release: () => {} };
}
