import type { BytePath } from '../model/path.ts';
import { ancestorsOf, isWithin, join, nameOf, parentOf } from '../model/path.ts';
import type { Problem } from '../model/problem.ts';
import { type Scope, wholeScope } from '../model/scope.ts';
import type { DirectoryListing, Stat } from '../ports/filesystem.ts';
import { DiskFault } from '../ports/filesystem.ts';
import type { Agreed } from '../ports/journal.ts';
import {
  compareListing,
  type Excluded,
  type Found,
  isSettledLongAgo,
  newPart,
  noteAllMissing,
  noteMount,
  noteUnreadable,
  type Part,
  type ScanPorts,
} from './scan/part.ts';

export type { Found } from './scan/part.ts';

export interface Scan {
  readonly found: Found[];
  /** Agreed paths that the walk did not meet: candidates for absence (rule D1), ancestors before descendants. */
  readonly missing: readonly Agreed[];
  /** Subtrees that could not be read or lie on another device: nothing is concluded about them. */
  readonly unknown: readonly BytePath[];
  readonly problems: readonly Problem[];
  /** Directories in which something was not as the journal knows it. */
  readonly unclean: ReadonlySet<BytePath>;
  /** False when nothing but excluded names stands at the root. */
  readonly rootHasEntries: boolean;
  /** True for what this look could see: that it found nothing there means something. */
  covers(path: BytePath): boolean;
}

/**
 * Walks the tree, or the part of it that `scope` names, and compares it with the journal's stat cache (rules D1, D2). Reads no content.
 * A directory whose listing has the remembered digest costs no look-up. `excluded` prunes names before they are looked at.
 */
export function scan(ports: ScanPorts, excluded: Excluded, scope: Scope = wholeScope): Scan {
  const scanning = new Scanning(ports, excluded, scope);
  while (scanning.walkOn());
  return scanning.ended();
}

/** Names that are looked at in one go: a tenth of a second on a slow disk. */
const namesAtOnce = 2000;

/**
 * A look under way: a whole one is walked bit by bit, by `walkOn`; directories in which something moves meanwhile can be looked at once
 * more, before it ends.
 */
export class Scanning {
  readonly #ports: ScanPorts;
  readonly #excluded: Excluded;
  readonly #scope: Scope;
  /** By the directory that was listed, where it may be listed again; only where there is something to tell. */
  readonly #parts = new Map<BytePath, Part>();
  readonly #found: Found[] = [];
  readonly #missing: Agreed[] = [];
  readonly #unknown = new Set<BytePath>();
  readonly #problems = new Map<string, Problem>();
  readonly #closed = new Set<BytePath>();
  /** Directories listed, and whether everything below them was; a whole look need not know. */
  readonly #listed = new Map<BytePath, boolean>();
  /** Directories that are walked into although their names and inodes say nothing new. */
  readonly #descend = new Set<BytePath>();
  readonly #lingeringKnown: ReadonlySet<BytePath>;
  /** Lingering directories that still stand. */
  readonly #lingering = new Map<BytePath, Stat>();
  /** Directories that were not as the journal knows them; the next look wants to see them again. */
  readonly #unclean = new Set<BytePath>();
  #rootHasEntries = false;
  #rootDev = 0;
  #nowUs: number;
  /** Of a whole look. */
  readonly #rest: Visit[] = [];
  #names = 0;

  constructor(ports: ScanPorts, excluded: Excluded, scope: Scope) {
    this.#ports = ports;
    this.#excluded = excluded;
    this.#scope = scope;
    this.#lingeringKnown = ports.journal.lingering();
    this.#nowUs = ports.nowUs;
    if (scope.kind === 'whole') this.#rest.push({ dir: '', deep: true });
    ports.journal.transaction(() => {
      if (scope.kind === 'below') return this.#lookBelow(scope.paths);
      if (scope.kind !== 'directories') return;
      this.#walk('', false);
      this.#lookInside(scope.paths, false);
      this.#lookInside(scope.subtrees, true);
    });
  }

  /** Looks at some more of a whole tree; false when there is nothing left. Call it until then, or forget the look. */
  walkOn(): boolean {
    this.#names = 0;
    this.#ports.journal.transaction(() => this.#walkSome(this.#rest, namesAtOnce));
    return this.#rest.length > 0;
  }

  /** Candidates so far, each a difference or an absence. */
  get size(): number {
    let size = 0;
    for (const part of this.#parts.values()) size += part.found.length + part.missing.length;
    return size;
  }

  /** Looks at these directories as they are now; what it saw in them before is forgotten. Only for a look at directories. */
  lookAgain(directories: ReadonlySet<BytePath>, nowUs: number): void {
    this.#nowUs = nowUs;
    this.#ports.journal.transaction(() => this.#lookInside(directories, false));
  }

  /** Called once. */
  ended(): Scan {
    // In the order of a walk, also where a directory was looked at again: who publishes in parts has a directory before what it holds.
    for (const dir of [...this.#parts.keys()].sort()) this.#sum(this.#parts.get(dir) as Part);
    this.#parts.clear();
    const unknown = this.#unknown;
    // A part of the tree may have been read although the way there may not be: a whole look would not have met it.
    const isOpen = ({ path }: { readonly path: BytePath }) => !isUnknown(parentOf(path), unknown);
    const partly = this.#scope.kind !== 'whole' && unknown.size > 0;
    const scan = {
      ...{ found: partly ? this.#found.filter(isOpen) : this.#found, missing: partly ? this.#missing.filter(isOpen) : this.#missing },
      ...{ unknown: [...unknown], problems: [...this.#problems.values()], unclean: this.#unclean, rootHasEntries: this.#rootHasEntries },
      covers: this.#covering(),
    };
    this.#ports.journal.transaction(() => this.#settleLingering(scan, unknown));
    return scan;
  }

  #sum(part: Part): void {
    for (const each of part.found) this.#found.push(each);
    for (const each of part.missing) {
      this.#missing.push(each);
      // It may come back with all that it held, and look as if nothing had been.
      if (each.entry.kind === 'dir') this.#unclean.add(each.path);
    }
    for (const each of part.unknown) this.#unknown.add(each);
    for (const each of part.problems) this.#problems.set(`${each.code} ${each.path}`, each);
    for (const each of part.closed) this.#closed.add(each);
  }

  // ---- which directories -----------------------------------------------------------------------------------------------------

  /** Where the base knows no such directory, the look begins above it and takes in everything that is new on the way. */
  #lookInside(paths: ReadonlySet<BytePath>, deep: boolean): void {
    const { journal } = this.#ports;
    const starts = new Map<BytePath, boolean>();
    for (const path of [...paths].sort()) {
      if (path !== '' && this.#excluded(path, true)) continue;
      let at = path;
      for (; at !== '' && !this.#listed.has(at) && journal.agreed(at)?.entry.kind !== 'dir'; at = parentOf(at)) this.#descend.add(at);
      starts.set(at, starts.get(at) === true || (deep && at === path));
    }
    for (const [start, isWhole] of starts) this.#walk(start, isWhole);
  }

  #walk(start: BytePath, deep: boolean): void {
    const pending: Visit[] = [];
    this.#scanDirectory({ dir: start, deep }, pending);
    this.#walkSome(pending, Number.POSITIVE_INFINITY);
  }

  #walkSome(pending: Visit[], namesMax: number): void {
    for (let visit = pending.pop(); visit !== undefined; visit = this.#names < namesMax ? pending.pop() : undefined) {
      const known = this.#listed.get(visit.dir);
      if (known === undefined || (visit.deep && !known)) this.#scanDirectory(visit, pending);
    }
  }

  #scanDirectory({ dir, deep }: Visit, pending: Visit[]): void {
    const { journal } = this.#ports;
    const part = newPart();
    this.#parts.delete(dir);
    this.#unclean.delete(dir);
    const listing = this.#list(dir, deep, part, pending);
    if (listing !== null) {
      this.#names += listing.names.length;
      this.#noteLingering(dir, listing);
      const unchanged = listing.vanished.length === 0 && journal.directoryDigest(dir) === listing.digest;
      const clean = unchanged || compareListing(dir, listing, journal.agreedChildren(dir), this.#ports, this.#lingering, part);
      if (clean && !unchanged && isSettledLongAgo(listing, this.#nowUs)) journal.putDirectoryDigest(dir, listing.digest);
      this.#queueDirectories(dir, deep, listing, part, pending);
    }
    this.#keep(dir, part, listing === null || listing.vanished.length > 0);
  }

  #keep(dir: BytePath, part: Part, isRestless: boolean): void {
    const isEmpty = part.found.length + part.missing.length + part.unknown.length === 0;
    if (this.#scope.kind !== 'directories') this.#sum(part);
    else if (!isEmpty) this.#parts.set(dir, part);
    if (isRestless || !isEmpty) this.#unclean.add(dir);
  }

  /** Null where it cannot be listed; what that means is in `part`, or is found out one level up. */
  #list(dir: BytePath, deep: boolean, part: Part, pending: Visit[]): DirectoryListing | null {
    const listing = this.#read(dir, part, pending);
    if (listing === null) return null;
    if (dir === '') {
      this.#rootDev = listing.dev;
      this.#rootHasEntries = listing.names.length > 0;
    }
    if (listing.dev === this.#rootDev) {
      if (this.#scope.kind !== 'whole') this.#listed.set(dir, deep);
      return listing;
    }
    // Mounted over since its parent was looked at, or something above it is.
    if (this.#isListed(parentOf(dir))) noteMount(dir, part);
    else pending.push({ dir: parentOf(dir), deep: false });
    return null;
  }

  #read(dir: BytePath, part: Part, pending: Visit[]): DirectoryListing | null {
    const { tree, journal } = this.#ports;
    try {
      return tree.readDirectory(dir, (name, isDirectory) => !this.#excluded(join(dir, name), isDirectory));
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      const gone = error.code === 'absent' || error.code === 'not-directory';
      if (!gone || dir === '') noteUnreadable(dir, error, part);
      // Nothing is concluded below a directory that is gone, unless the nearest one that stands was looked at.
      else if (this.#isListed(parentOf(dir))) noteAllMissing(dir, journal, part);
      else pending.push({ dir: parentOf(dir), deep: false });
      return null;
    }
  }

  #isListed(dir: BytePath): boolean {
    return this.#scope.kind !== 'directories' || this.#listed.has(dir);
  }

  #queueDirectories(dir: BytePath, deep: boolean, listing: DirectoryListing, part: Part, pending: Visit[]): void {
    // Of one that may not be entered any more nobody hears anything.
    const otherRights = new Set(part.found.map(({ path }) => path));
    for (let i = listing.names.length - 1; i >= 0; i--) {
      const stat = listing.statAt(i);
      if (stat.kind !== 'dir') continue;
      const path = join(dir, listing.names[i] as string);
      if (stat.dev !== listing.dev) noteMount(path, part);
      else if (deep || part.strange.has(path) || this.#descend.has(path)) pending.push({ dir: path, deep: true });
      else if (otherRights.has(path)) pending.push({ dir: path, deep: false });
    }
  }

  // ---- one path --------------------------------------------------------------------------------------------------------------

  /** The way there is taken in as far as it is new, and everything below. */
  #lookBelow(paths: readonly BytePath[]): void {
    this.#noteRoot();
    const chosen = paths.filter((path) => !paths.some((other) => other !== path && isWithin(path, other)));
    for (const path of new Set(chosen)) {
      const part = newPart();
      const way = [...ancestorsOf(path).reverse(), path];
      const stands = way.every((step) => step === '' || this.#lookAtStep(step, path, part));
      this.#keep(parentOf(path), part, false);
      if (stands) this.#walk(path, true);
    }
  }

  #noteRoot(): void {
    const part = newPart();
    this.#list('', false, part, []);
    this.#keep('', part, false);
  }

  /** True where it is a directory of this file system. */
  #lookAtStep(step: BytePath, path: BytePath, part: Part): boolean {
    const { journal } = this.#ports;
    const listing = this.#readStep(step, part);
    if (listing === null) return false;
    const row = journal.agreed(step);
    const stat = listing.names.length > 0 ? listing.statAt(0) : null;
    this.#noteLingering(parentOf(step), listing);
    if (stat?.kind === 'dir' && stat.dev !== listing.dev) {
      noteMount(step, part);
      return false;
    }
    if (step === path) {
      compareListing(parentOf(step), listing, row === null ? [] : [row], this.#ports, this.#lingering, part);
    } else if (stat?.kind === 'dir') {
      // One that lingers counts again once something is found in it.
      if (row?.entry.kind !== 'dir' && !this.#lingering.has(step)) part.found.push({ path: step, stat, agreed: row });
    } else if (stat?.kind === 'other') {
      compareListing(parentOf(step), listing, row === null ? [] : [row], this.#ports, this.#lingering, part);
    } else {
      const gone = journal.agreed(path);
      if (gone !== null) part.missing.push(gone);
      noteAllMissing(path, journal, part);
    }
    return stat?.kind === 'dir';
  }

  /** A listing of the directory around `step` that shows nothing else. */
  #readStep(step: BytePath, part: Part): DirectoryListing | null {
    const name = nameOf(step);
    try {
      return this.#ports.tree.readDirectory(parentOf(step), (each, isDirectory) => each === name && !this.#excluded(step, isDirectory));
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      // What has gone since its parent showed it is for another look to say.
      if (error.code !== 'absent' && error.code !== 'not-directory') noteUnreadable(parentOf(step), error, part);
      return null;
    }
  }

  // ---- the end ---------------------------------------------------------------------------------------------------------------

  #covering(): Scan['covers'] {
    const scope = this.#scope;
    const closed = this.#closed;
    const isClosed = (path: BytePath) => closed.size > 0 && ancestorsOf(path).some((each) => closed.has(each));
    if (scope.kind === 'whole') return () => true;
    if (scope.kind === 'below') return (path) => scope.paths.some((each) => isWithin(path, each));
    return (path) => this.#listed.has(parentOf(path)) || isClosed(path);
  }

  #noteLingering(dir: BytePath, listing: DirectoryListing): void {
    if (this.#lingeringKnown.size === 0) return;
    for (let i = 0; i < listing.names.length; i++) {
      const path = join(dir, listing.names[i] as string);
      if (!this.#lingeringKnown.has(path)) continue;
      if (listing.statAt(i).kind === 'dir') this.#lingering.set(path, listing.statAt(i));
      else this.#lingering.delete(path);
    }
  }

  /** Rule R4: a lingering directory counts again from its first child of this share on, and is forgotten once it is gone. */
  #settleLingering({ found, covers }: Scan, unknown: ReadonlySet<BytePath>): void {
    const again: Found[] = [];
    const gone = new Set<BytePath>();
    for (const path of [...this.#lingeringKnown].sort()) {
      const stat = this.#lingering.get(path);
      if (stat === undefined && (covers(path) || gone.has(parentOf(path))) && !isUnknown(path, unknown)) gone.add(path);
      if (stat !== undefined && found.some((each) => each.path.startsWith(`${path}/`))) again.push({ path, stat, agreed: null });
    }
    for (const path of gone) this.#ports.journal.setLingering(path, false);
    found.unshift(...again);
  }
}

interface Visit {
  readonly dir: BytePath;
  /** With everything below it. */
  readonly deep: boolean;
}

/** True when `path` lies in a subtree about which the scan concludes nothing. */
export function isUnknown(path: BytePath, unknown: ReadonlySet<BytePath>): boolean {
  if (unknown.size === 0) return false;
  for (let at = path; ; at = parentOf(at)) {
    if (unknown.has(at)) return true;
    if (at === '') return false;
  }
}
