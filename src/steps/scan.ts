import { clockTickUs } from '../model/local.ts';
import type { BytePath } from '../model/path.ts';
import { join, parentOf } from '../model/path.ts';
import type { Problem } from '../model/problem.ts';
import { problem } from '../model/problem.ts';
import type { DirectoryListing, ShareTree, Stat } from '../ports/filesystem.ts';
import { DiskFault } from '../ports/filesystem.ts';
import type { Agreed, DiskStamp, Journal } from '../ports/journal.ts';

/** A name whose stat is not the agreed one, or that the journal does not know. */
export interface Found {
  readonly path: BytePath;
  readonly stat: Stat;
  readonly agreed: Agreed | null;
}

export interface Scan {
  readonly found: Found[];
  /** Agreed paths that the walk did not meet: candidates for absence (rule D1), ancestors before descendants. */
  readonly missing: readonly Agreed[];
  /** Subtrees that could not be read or lie on another device: nothing is concluded about them. */
  readonly unknown: readonly BytePath[];
  readonly problems: readonly Problem[];
  /** Names met, excluded ones not counted. */
  readonly entries: number;
  /** False when nothing but excluded names stands at the root. */
  readonly rootHasEntries: boolean;
}

export interface ScanPorts {
  readonly tree: ShareTree;
  readonly journal: Journal;
  /** This machine's clock at the start, microseconds: a stat younger than the tick is not trusted yet (rule D2). */
  readonly nowUs: number;
}

/**
 * Walks the tree once and compares it with the journal's stat cache (rules D1, D2). Reads no content. A directory whose listing has
 * the remembered digest costs no look-up. `excluded` prunes names before they are looked at.
 */
export function scan(ports: ScanPorts, excluded: (path: BytePath, isDirectory: boolean) => boolean): Scan {
  const state = {
    found: [] as Found[],
    missing: [] as Agreed[],
    unknown: [] as BytePath[],
    problems: [] as Problem[],
    digests: [] as [BytePath, string][],
    lingering: new Map<BytePath, Stat>(),
    lingeringKnown: ports.journal.lingering(),
    entries: 0,
    rootHasEntries: false,
    rootDev: 0,
  };
  const pending: BytePath[] = [''];
  ports.journal.transaction(() => {
    for (let dir = pending.pop(); dir !== undefined; dir = pending.pop()) scanDirectory(dir, ports, excluded, state, pending);
    for (const [path, digest] of state.digests) ports.journal.putDirectoryDigest(path, digest);
    settleLingering(ports.journal, state);
  });
  return { ...state };
}

/** Rule R4: a lingering directory counts again from its first child of this share on, and is forgotten once it is gone. */
function settleLingering(journal: Journal, state: State): void {
  if (state.lingeringKnown.size === 0) return;
  const unknown = new Set(state.unknown);
  for (const path of state.lingeringKnown) {
    const stat = state.lingering.get(path);
    if (stat === undefined && !isUnknown(path, unknown)) journal.setLingering(path, false);
    if (stat !== undefined && state.found.some((each) => each.path.startsWith(`${path}/`))) state.found.push({ path, stat, agreed: null });
  }
}

type State = {
  found: Found[];
  missing: Agreed[];
  unknown: BytePath[];
  problems: Problem[];
  digests: [BytePath, string][];
  /** Lingering directories that still stand. */
  lingering: Map<BytePath, Stat>;
  readonly lingeringKnown: ReadonlySet<BytePath>;
  entries: number;
  rootHasEntries: boolean;
  rootDev: number;
};

function scanDirectory(
  dir: BytePath,
  ports: ScanPorts,
  excluded: (path: BytePath, isDirectory: boolean) => boolean,
  state: State,
  pending: BytePath[],
): void {
  const listing = readDirectory(dir, ports, excluded, state);
  if (listing === null) return;
  if (dir === '') state.rootDev = listing.dev;
  // Mounted over since its parent was looked at.
  if (listing.dev !== state.rootDev) return noteMount(dir, state);
  state.entries += listing.names.length;
  if (dir === '') state.rootHasEntries = listing.names.length > 0;
  noteLingering(dir, listing, state);
  const unchanged = listing.vanished.length === 0 && ports.journal.directoryDigest(dir) === listing.digest;
  const clean = unchanged || compareDirectory(dir, listing, ports, state);
  const settledLongAgo = listing.newestCtimeKey < ports.nowUs - clockTickUs;
  if (clean && !unchanged && settledLongAgo) state.digests.push([dir, listing.digest]);
  queueDirectories(dir, listing, state, pending);
}

function noteLingering(dir: BytePath, listing: DirectoryListing, state: State): void {
  if (state.lingeringKnown.size === 0) return;
  for (let i = 0; i < listing.names.length; i++) {
    const path = join(dir, listing.names[i] as string);
    if (state.lingeringKnown.has(path) && listing.statAt(i).kind === 'dir') state.lingering.set(path, listing.statAt(i));
  }
}

function readDirectory(
  dir: BytePath,
  ports: ScanPorts,
  excluded: (path: BytePath, isDirectory: boolean) => boolean,
  state: State,
): DirectoryListing | null {
  try {
    return ports.tree.readDirectory(dir, (name, isDirectory) => !excluded(join(dir, name), isDirectory));
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    const gone = error.code === 'absent' || error.code === 'not-directory';
    if (gone && dir !== '') state.missing.push(...ports.journal.agreedBelow(dir));
    else noteUnreadable(dir, error, state);
    return null;
  }
}

function noteUnreadable(dir: BytePath, fault: DiskFault, state: State): void {
  state.unknown.push(dir);
  state.problems.push(
    problem(
      'unreadable',
      dir,
      `cannot be read completely (${fault.message}); nothing below it is synchronised`,
      'Make it readable for the user that runs flocksync, or exclude it.',
    ),
  );
}

/** True when every listed child equals its agreed row, so that the listing's digest may stand for all of them. */
function compareDirectory(dir: BytePath, listing: DirectoryListing, ports: ScanPorts, state: State): boolean {
  const rows = ports.journal.agreedChildren(dir);
  const { lingering } = state;
  let clean = listing.vanished.length === 0;
  let next = 0;
  for (let i = 0; i < listing.names.length; i++) {
    const path = join(dir, listing.names[i] as string);
    for (let row = rows[next]; row !== undefined && row.path < path; row = rows[++next]) {
      clean = false;
      noteMissing(row, ports, state);
    }
    const row = rows[next]?.path === path ? (rows[next++] as Agreed) : null;
    const stat = listing.statAt(i);
    // Rights and owner of a mount point are those of what is mounted.
    if (stat.kind === 'dir' && stat.dev !== listing.dev) continue;
    if (isClean(row, stat, lingering.has(path))) continue;
    clean = false;
    noteDifference(path, stat, row, ports, state);
  }
  for (let row = rows[next]; row !== undefined; row = rows[++next]) {
    clean = false;
    noteMissing(row, ports, state);
  }
  return clean;
}

function isClean(row: Agreed | null, stat: Stat, lingers: boolean): boolean {
  if (row === null) return stat.kind === 'other' || (stat.kind === 'dir' && lingers);
  if (row.stamp === null || row.stamp.racy || row.entry.kind !== stat.kind) return false;
  return stat.kind === 'dir' ? sameRights(row.stamp, stat) : sameStamp(row.stamp, stat);
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

function noteDifference(path: BytePath, stat: Stat, row: Agreed | null, ports: ScanPorts, state: State): void {
  if (stat.kind === 'other') {
    state.unknown.push(path);
    state.problems.push(
      problem(
        'special-file',
        path,
        'has become a socket, a device or a fifo',
        'Remove it, or exclude the path; the federation keeps the last file.',
      ),
    );
    return;
  }
  state.found.push({ path, stat, agreed: row });
  const kindChanged = row !== null && row.entry.kind === 'dir' && stat.kind !== 'dir';
  if (kindChanged) state.missing.push(...ports.journal.agreedBelow(path));
}

function noteMissing(row: Agreed, ports: ScanPorts, state: State): void {
  state.missing.push(row);
  if (row.entry.kind === 'dir') state.missing.push(...ports.journal.agreedBelow(row.path));
}

function queueDirectories(dir: BytePath, listing: DirectoryListing, state: State, pending: BytePath[]): void {
  for (let i = listing.names.length - 1; i >= 0; i--) {
    const stat = listing.statAt(i);
    if (stat.kind !== 'dir') continue;
    const path = join(dir, listing.names[i] as string);
    if (stat.dev === listing.dev) {
      pending.push(path);
      continue;
    }
    noteMount(path, state);
  }
}

function noteMount(path: BytePath, state: State): void {
  state.unknown.push(path);
  state.problems.push(
    problem(
      'mount-inside',
      path,
      'lies on another device than the directory around it; nothing below it is synchronised',
      'Exclude the path, or make it a share of its own.',
    ),
  );
}

/** True when `path` lies in a subtree about which the scan concludes nothing. */
export function isUnknown(path: BytePath, unknown: ReadonlySet<BytePath>): boolean {
  if (unknown.size === 0) return false;
  for (let at = path; ; at = parentOf(at)) {
    if (unknown.has(at)) return true;
    if (at === '') return false;
  }
}
