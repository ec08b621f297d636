import { clockTickUs } from '../../model/local.ts';
import type { BytePath } from '../../model/path.ts';
import { join } from '../../model/path.ts';
import type { Problem } from '../../model/problem.ts';
import { problem } from '../../model/problem.ts';
import type { DirectoryListing, DiskFault, ShareTree, Stat } from '../../ports/filesystem.ts';
import type { Agreed, DiskStamp, Journal } from '../../ports/journal.ts';

/** A name whose stat is not the agreed one, or that the journal does not know. */
export interface Found {
  readonly path: BytePath;
  readonly stat: Stat;
  readonly agreed: Agreed | null;
}

export interface ScanPorts {
  readonly tree: ShareTree;
  readonly journal: Journal;
  /** This machine's clock at the start, microseconds: a stat younger than the tick is not trusted yet (rule D2). */
  readonly nowUs: number;
}

export type Excluded = (path: BytePath, isDirectory: boolean) => boolean;

/** What one listing came to. */
export interface Part {
  readonly found: Found[];
  /** Agreed paths that are not there, with everything below them. */
  readonly missing: Agreed[];
  readonly unknown: BytePath[];
  readonly problems: Problem[];
  /** Directories that are new here, or others than those that the journal knows by these names. */
  readonly strange: Set<BytePath>;
  /** Paths below which nothing of the base can stand any more. */
  readonly closed: BytePath[];
}

export function newPart(): Part {
  return { found: [], missing: [], unknown: [], problems: [], strange: new Set(), closed: [] };
}

/**
 * Compares a listing with the journal's children of the directory (rules D1, D2). True when every listed child equals its agreed row, so
 * that the listing's digest may stand for all of them.
 */
export function compareListing(
  dir: BytePath,
  listing: DirectoryListing,
  rows: readonly Agreed[],
  { journal }: ScanPorts,
  lingering: { has(path: BytePath): boolean },
  part: Part,
): boolean {
  let clean = listing.vanished.length === 0;
  let next = 0;
  for (let i = 0; i < listing.names.length; i++) {
    const path = join(dir, listing.names[i] as string);
    for (let row = rows[next]; row !== undefined && row.path < path; row = rows[++next]) {
      clean = false;
      noteMissing(row, journal, part);
    }
    const row = rows[next]?.path === path ? (rows[next++] as Agreed) : null;
    const stat = listing.statAt(i);
    // Rights and owner of a mount point are those of what is mounted.
    if (stat.kind === 'dir' && stat.dev !== listing.dev) continue;
    if (stat.kind === 'dir' && !isSameDirectory(row, stat)) part.strange.add(path);
    if (isClean(row, stat, lingering.has(path))) continue;
    clean = false;
    noteDifference(path, stat, row, journal, part);
  }
  for (let row = rows[next]; row !== undefined; row = rows[++next]) {
    clean = false;
    noteMissing(row, journal, part);
  }
  return clean;
}

/** A digest taken within the clock's tick of a change could stand for what comes later in the same tick. */
export function isSettledLongAgo(listing: DirectoryListing, nowUs: number): boolean {
  return listing.newestCtimeKey < nowUs - clockTickUs;
}

function isSameDirectory(row: Agreed | null, stat: Stat): boolean {
  return row !== null && row.entry.kind === 'dir' && row.stamp?.ino === stat.ino;
}

function isClean(row: Agreed | null, stat: Stat, lingers: boolean): boolean {
  if (row === null) return stat.kind === 'other' || (stat.kind === 'dir' && lingers);
  if (row.stamp === null || row.stamp.racy || row.entry.kind !== stat.kind) return false;
  return stat.kind === 'dir' ? row.stamp.ino === stat.ino && sameRights(row.stamp, stat) : sameStamp(row.stamp, stat);
}

function sameRights(stamp: DiskStamp, stat: Stat): boolean {
  return stamp.mode === stat.mode && stamp.uid === stat.uid && stamp.gid === stat.gid;
}

function sameStamp(stamp: DiskStamp, stat: Stat): boolean {
  return (
    stamp.ino === stat.ino &&
    stamp.size === stat.size &&
    stamp.mtimeKey === stat.mtimeKey &&
    stamp.ctimeKey === stat.ctimeKey &&
    sameRights(stamp, stat)
  );
}

function noteDifference(path: BytePath, stat: Stat, row: Agreed | null, journal: Journal, part: Part): void {
  if (stat.kind === 'other') {
    part.unknown.push(path);
    part.problems.push(
      problem(
        'special-file',
        path,
        'has become a socket, a device or a fifo',
        'Remove it, or exclude the path; the federation keeps the last file.',
      ),
    );
    return;
  }
  part.found.push({ path, stat, agreed: row });
  const kindChanged = row !== null && row.entry.kind === 'dir' && stat.kind !== 'dir';
  if (kindChanged) noteAllMissing(path, journal, part);
}

function noteMissing(row: Agreed, journal: Journal, part: Part): void {
  part.missing.push(row);
  if (row.entry.kind === 'dir') noteAllMissing(row.path, journal, part);
}

/** Everything of the base below a path that is no directory any more. */
export function noteAllMissing(path: BytePath, journal: Journal, part: Part): void {
  part.closed.push(path);
  for (const row of journal.agreedBelow(path)) part.missing.push(row);
}

export function noteMount(path: BytePath, part: Part): void {
  part.unknown.push(path);
  part.problems.push(
    problem(
      'mount-inside',
      path,
      'lies on another device than the directory around it; nothing below it is synchronised',
      'Exclude the path, or make it a share of its own.',
    ),
  );
}

export function noteUnreadable(dir: BytePath, fault: DiskFault, part: Part): void {
  part.unknown.push(dir);
  part.problems.push(
    problem(
      'unreadable',
      dir,
      `cannot be read completely (${fault.message}); nothing below it is synchronised`,
      'Make it readable for the user that runs flocksync, or exclude it.',
    ),
  );
}
