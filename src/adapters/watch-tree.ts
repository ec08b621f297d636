import { type BytePath, join } from '../model/path.ts';
import type { WatchTrouble, WholeReason } from '../ports/watch.ts';
import { Walk } from './disk-walk.ts';
import { compileExcludes, type Excluded } from './excludes.ts';
import { type Branch, Branches, pathOf, type Visit } from './watch-branch.ts';
import { type Limit, limitTrouble } from './watch-limit.ts';
import { isDirectory } from './watch-list.ts';
import { type Listen, listenToDirectory, self } from './watch-listen.ts';
import type { Beating, Pulse } from './watch-pulse.ts';

/** More than these are no hint any more: naming them would cost more than looking at everything. */
export const dirtyDirectoriesMax = 50_000;
/** Names that wait to be looked at; beyond, everything is walked anew. */
const namesMax = 100_000;
const namesPerStep = 100;
/** After a walk through everything the next one waits so many times as long as it took. */
const pauseFactor = { overflow: 3, limit: 20 };
const pauseMsMin = { overflow: 1000, limit: 30_000 };
/** What may not be watched is tried again, so many a second. */
const triedPerTick = 50;

export interface TreeWatchOptions {
  /** Absolute, as text; may be a link to a directory. */
  readonly root: string;
  readonly exclude: readonly string[];
  readonly pulse: Pulse;
  /** What the first walk through everything is an answer to. */
  readonly reason: WholeReason;
  /** Called when `take` brings something new. */
  readonly onNews: () => void;
  readonly listen?: Listen | undefined;
}

/** What has gathered, and how things stand. */
export interface Gathered {
  readonly directories: readonly BytePath[];
  readonly whole: WholeReason | null;
  readonly standing: number;
  readonly trouble: WatchTrouble | null;
}

interface Limited {
  readonly by: Limit;
  readonly standing: number;
  readonly needed: number;
}

interface Place {
  readonly dev: number;
  readonly ino: number;
}

/**
 * One watch of the kernel for each directory of a share. Events say where to look, and the look decides: a watch is set before its
 * directory is listed, and a directory is named after its watch stands. No link is followed; what is excluded or lies on another
 * device is left alone.
 */
export class TreeWatch implements Beating {
  readonly #root: string;
  readonly #excluded: Excluded;
  readonly #pulse: Pulse;
  readonly #onNews: () => void;
  readonly #walk: Walk;
  readonly #branches: Branches;
  /** The directory that stood at the root's path; null while there is none. */
  #place: Place | null = null;
  /** Names to be looked at. */
  readonly #touched = new Map<Branch, Set<string>>();
  #names = 0;
  #visits: Visit[] = [];
  /** A walk through everything is under way. */
  #walking: { readonly reason: WholeReason; readonly startedMs: number } | null = null;
  #overflowed = false;
  /** By performance.now(): when everything may be walked through again. */
  #dueMs = { overflow: 0, limit: 0 };
  readonly #dirty = new Set<Branch>();
  #whole: WholeReason | null = null;
  #trouble: WatchTrouble | null = null;
  #limitTold: Limited | null = null;
  #news = false;

  constructor(options: TreeWatchOptions) {
    this.#root = options.root;
    this.#excluded = compileExcludes(options.exclude);
    this.#pulse = options.pulse;
    this.#onNews = options.onNews;
    this.#walk = new Walk(options.root);
    this.#branches = new Branches({
      walk: this.#walk,
      excluded: this.#excluded,
      listen: options.listen ?? listenToDirectory,
      hear: (branch) => (event, name) => this.#hear(branch, event === 'rename', name ?? self),
      closeSoon: (listening) => this.#pulse.closeSoon(listening),
      // A walk through everything is followed by a look at everything.
      onWatched: (branch) => this.#walking === null && this.#markDirty(branch),
    });
    this.#pulse.add(this);
    this.#place = placeOf(this.#root);
    if (this.#place !== null) this.#walkAll(options.reason);
  }

  /** Empties what has gathered. */
  take(): Gathered {
    const directories = [...this.#dirty].filter(({ gone }) => !gone).map(pathOf);
    const gathered = { directories, whole: this.#whole, standing: this.#branches.standing, trouble: this.#trouble };
    this.#dirty.clear();
    this.#whole = null;
    this.#news = false;
    return gathered;
  }

  get hasNews(): boolean {
    return this.#news;
  }

  close(): void {
    this.#pulse.remove(this);
    this.#forgetTree();
  }

  // ---- the pulse -------------------------------------------------------------------------------------------------------------

  work(deadlineMs: number): boolean {
    let more = this.#hasWork() && this.#isInPlace();
    while (more) {
      this.#step();
      more = this.#hasWork();
      if (performance.now() >= deadlineMs) break;
    }
    if (!more) this.#rest();
    if (this.#news) this.#onNews();
    return more;
  }

  overflowed(): void {
    this.#overflowed = true;
    this.#walkAgainIfDue(performance.now());
  }

  tick(nowMs: number): void {
    const place = placeOf(this.#root);
    if (!isSamePlace(place, this.#place)) this.#changeRoot(place);
    this.#walkAgainIfDue(nowMs);
    this.#visits.push(...this.#branches.refused(triedPerTick));
    if (this.#hasWork() || this.#news) this.#pulse.wake(this);
  }

  // ---- the root --------------------------------------------------------------------------------------------------------------

  /** Whether the root's path still leads to what is watched; only then anything is looked at. */
  #isInPlace(): boolean {
    const root = this.#branches.open('');
    const place = root === 'absent' || root === 'closed' ? null : root;
    if (isSamePlace(place, this.#place)) return true;
    this.#changeRoot(place);
    return this.#hasWork();
  }

  #changeRoot(place: Place | null): void {
    this.#forgetTree();
    this.#place = place;
    if (place === null) this.#tellWhole('root');
    else this.#walkAll('root');
  }

  #forgetTree(): void {
    this.#branches.clear();
    this.#visits = [];
    this.#forgetNames();
    this.#walking = null;
    this.#walk.close();
  }

  #forgetNames(): void {
    this.#touched.clear();
    this.#names = 0;
  }

  // ---- what is to be done ----------------------------------------------------------------------------------------------------

  #hasWork(): boolean {
    return this.#touched.size > 0 || this.#visits.length > 0;
  }

  #step(): void {
    const [touched] = this.#touched;
    if (touched !== undefined) return this.#lookAtNames(...touched);
    const visit = this.#visits.pop();
    if (visit !== undefined) this.#visits.push(...this.#branches.visit(visit));
  }

  #walkAll(reason: WholeReason): void {
    this.#walking = { reason, startedMs: performance.now() };
    this.#overflowed = false;
    this.#branches.forgetLimit();
    this.#visits = [{ parent: null, name: '', deep: true }];
    this.#pulse.wake(this);
  }

  #walkAgainIfDue(nowMs: number): void {
    if (this.#walking !== null || this.#place === null) return;
    if (this.#overflowed && nowMs >= this.#dueMs.overflow) this.#walkAll('overflow');
    else if (this.#branches.limited !== null && nowMs >= this.#dueMs.limit) this.#walkAll('limit');
  }

  /** Nothing is left to do for now. The root's descriptor would keep its file system from being unmounted. */
  #rest(): void {
    this.#walk.close();
    if (this.#walking !== null) {
      const { reason, startedMs } = this.#walking;
      const nowMs = performance.now();
      const afterMs = (why: 'overflow' | 'limit') => nowMs + Math.max(pauseMsMin[why], (nowMs - startedMs) * pauseFactor[why]);
      this.#dueMs = { overflow: afterMs('overflow'), limit: afterMs('limit') };
      this.#walking = null;
      this.#tellWhole(reason);
    }
    this.#noteTrouble();
  }

  /** Said anew only where a figure has moved by a tenth: what changes with every directory would be told without end. */
  #noteTrouble(): void {
    const { limited, standing } = this.#branches;
    const now = limited === null ? null : { by: limited.by, standing, needed: standing + limited.directories };
    const before = this.#limitTold;
    const isSame = now === null || before === null ? now === before : now.by === before.by && isNear(now, before);
    if (isSame) return;
    this.#limitTold = now;
    this.#trouble = now === null ? null : limitTrouble(now.by, now.standing, now.needed);
    this.#news = true;
  }

  // ---- events ----------------------------------------------------------------------------------------------------------------

  #hear(branch: Branch, renamed: boolean, name: string): void {
    this.#pulse.heard();
    if (branch.gone) return;
    if (name === self) branch.suspect = true;
    else if (!this.#dirty.has(branch) && this.#isLeftOut(join(pathOf(branch), name))) return;
    this.#markDirty(branch);
    if (renamed || branch.children?.get(name)?.listening === null) this.#touch(branch, name);
    this.#pulse.wake(this);
  }

  /** Whatever kind of thing has this name. */
  #isLeftOut(path: BytePath): boolean {
    return this.#excluded(path, false) && this.#excluded(path, true);
  }

  #touch(branch: Branch, name: string): void {
    const names = this.#touched.get(branch) ?? new Set();
    if (names.size === 0) this.#touched.set(branch, names);
    if (names.has(name)) return;
    names.add(name);
    if (++this.#names <= namesMax) return;
    this.#forgetNames();
    this.overflowed();
  }

  #markDirty(branch: Branch): void {
    this.#news = true;
    if (this.#whole !== null) return;
    this.#dirty.add(branch);
    if (this.#dirty.size > dirtyDirectoriesMax) this.#tellWhole('overflow');
  }

  #tellWhole(reason: WholeReason): void {
    this.#whole = reason;
    this.#dirty.clear();
    this.#news = true;
  }

  // ---- looks -----------------------------------------------------------------------------------------------------------------

  #lookAtNames(branch: Branch, names: Set<string>): void {
    const now = [...names].slice(0, namesPerStep);
    for (const name of now) names.delete(name);
    this.#names -= now.length;
    if (names.size === 0) this.#touched.delete(branch);
    if (branch.gone) return;
    if (now.includes(self)) this.#visits.push({ parent: branch.parent, name: branch.name, deep: false });
    const directory = this.#branches.open(pathOf(branch));
    // Another directory, or none: the parent's own events tell of that.
    if (directory === 'absent' || directory === 'closed' || directory.ino !== branch.ino) return;
    for (const name of now) if (name !== self) this.#lookAtName(branch, directory.fd, name);
  }

  #lookAtName(branch: Branch, fd: number, name: string): void {
    const child = branch.children?.get(name);
    const stands = isDirectory(fd, name);
    if (stands === true) this.#visits.push({ parent: branch, name, deep: false });
    else if (stands === false && child !== undefined) this.#branches.cut(child);
  }
}

/** The root's own directory, if it can be read. */
function placeOf(root: string): Place | null {
  const walk = new Walk(root);
  const found = walk.rootState();
  walk.close();
  return found.state === 'present' ? found : null;
}

function isSamePlace(a: Place | null, b: Place | null): boolean {
  return a?.dev === b?.dev && a?.ino === b?.ino;
}

function isNear(a: Limited, b: Limited): boolean {
  const moved = (one: number, other: number) => Math.abs(one - other) > other / 10;
  return !moved(a.standing, b.standing) && !moved(a.needed, b.needed);
}
