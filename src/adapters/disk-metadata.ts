import { fchmodSync, fchownSync, futimesSync } from 'node:fs';
import type { DiskMetadata, PreciseStat } from '../ports/filesystem.ts';
import { preciseOf } from './disk-stat.ts';

/** Applies what is given to an own descriptor and returns what the file system made of it. */
export function applyMetadata(fd: number, metadata: Partial<DiskMetadata>): PreciseStat {
  // chown clears setuid and setgid bits, so it comes before chmod.
  if (metadata.uid !== undefined || metadata.gid !== undefined) fchownSync(fd, metadata.uid ?? -1, metadata.gid ?? -1);
  if (metadata.mode !== undefined) fchmodSync(fd, metadata.mode & 0o7777);
  return metadata.mtimeUs === undefined ? preciseOf(fd) : setModified(fd, metadata.mtimeUs);
}

/**
 * Node takes seconds as a double, which is coarser than a microsecond after the year 2106: the middle of the wanted microsecond is
 * tried first, then its neighbourhood. A file system with coarser times keeps what it can, and the stat tells what that is.
 */
function setModified(fd: number, mtimeUs: number): PreciseStat {
  const seconds = Math.floor(mtimeUs / 1_000_000);
  const within = mtimeUs - seconds * 1_000_000;
  // libuv cuts to microseconds towards 1970.
  const outwards = mtimeUs < 0 ? -1 : 1;
  const accessed = Date.now() / 1000;
  let stat: PreciseStat | undefined;
  for (const nudge of [0.5, 0.25, 0.75, 0.01, 0.99]) {
    // As text, because Node silently takes a negative number for the present time.
    futimesSync(fd, accessed, String(seconds + (within + nudge * outwards) / 1_000_000));
    stat = preciseOf(fd);
    if (stat.mtimeUs === mtimeUs || Math.abs(stat.mtimeUs - mtimeUs) > 2) break;
  }
  return stat ?? preciseOf(fd);
}
