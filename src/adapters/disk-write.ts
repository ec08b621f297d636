import { closeSync, constants, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { decodeBlob } from '../model/pack.ts';
import type { Codec } from '../model/record.ts';
import { DiskFault, type DiskFaultCode, type DiskMetadata, type PreciseStat } from '../ports/filesystem.ts';
import { faulting, unless } from './disk-faults.ts';
import { applyMetadata } from './disk-metadata.ts';
import { at, putStat, statWidth } from './disk-stat.ts';

const createFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const ownerMayRead = 0o400;
/** Without the random name: a standing problem must keep its text from run to run. */
export const stagedWords = 'a staged file';

/** A content and the files that get it; their names are relative to the stage. */
export interface ContentFiles {
  readonly codec: Codec;
  readonly hash: string;
  readonly size: number;
  readonly files: readonly { readonly name: string; readonly metadata: DiskMetadata }[];
}

/** What became of the files of all contents, in a form that travels between threads at little cost. */
export interface Written {
  /** `statWidth` numbers for each file in order; zeros where it has none. */
  readonly stats: Float64Array<ArrayBuffer>;
  /** Indexes of contents that are not what their hash and size say: none of their files was made. */
  readonly wrong: readonly number[];
  /** By index of the file. */
  readonly faults: readonly { readonly file: number; readonly code: DiskFaultCode; readonly message: string }[];
}

/** Writes into the stage that `directoryFd` holds. */
export type FileWriter = (directoryFd: number, stored: readonly Buffer[], contents: readonly ContentFiles[]) => Promise<Written>;

/** Throws nothing for trouble with a single file. */
export function writeFiles(directoryFd: number, stored: readonly Buffer[], contents: readonly ContentFiles[]): Written {
  const stats = new Float64Array(contents.reduce((sum, { files }) => sum + files.length, 0) * statWidth);
  const wrong: number[] = [];
  const faults: { file: number; code: DiskFaultCode; message: string }[] = [];
  let file = 0;
  for (const [which, { codec, hash, size, files }] of contents.entries()) {
    const decoded = decodeBlob(stored[which] as Buffer, codec, hash, size);
    if (!decoded.ok) wrong.push(which);
    for (const { name, metadata } of files) {
      const index = file++;
      if (!decoded.ok) continue;
      try {
        putStat(
          stats,
          index,
          faulting('write', stagedWords, () => writeFile(directoryFd, name, decoded.bytes, metadata)),
        );
      } catch (error) {
        if (!(error instanceof DiskFault)) throw error;
        faults.push({ file: index, code: error.code, message: error.message });
      }
    }
  }
  return { stats, wrong, faults };
}

function writeFile(directoryFd: number, name: string, bytes: Buffer, metadata: DiskMetadata): PreciseStat {
  const fd = createStaged(directoryFd, name);
  try {
    writeAll(fd, bytes);
    const stat = applyMetadata(fd, metadata);
    if (needsFlushNow(metadata)) fsyncSync(fd);
    return stat;
  } catch (error) {
    unless(['ENOENT'], () => unlinkSync(at(directoryFd, name)));
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** A new file in the stage, 0600. */
export function createStaged(directoryFd: number, name: string): number {
  return openSync(at(directoryFd, name), createFlags, 0o600);
}

/** Whoever is not root cannot open such a file again for the flush. */
export function needsFlushNow({ mode }: Pick<DiskMetadata, 'mode'>): boolean {
  return (mode & ownerMayRead) === 0;
}

export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done);
}
