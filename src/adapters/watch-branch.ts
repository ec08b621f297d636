import { type BytePath, join, pathFault } from '../model/path.ts';
import { DiskFault } from '../ports/filesystem.ts';
import { errnoOf, faultFrom } from './disk-faults.ts';
import type { OpenDirectory, Walk } from './disk-walk.ts';
import type { Excluded } from './excludes.ts';
import { type Limit, limitOf } from './watch-limit.ts';
import { directoriesIn } from './watch-list.ts';
import type { Hear, Listen, Listening } from './watch-listen.ts';

/** A directory of a watched tree. Kept small: there may be a hundred thousand. */
export interface Branch {
  readonly parent: Branch | null;
  /** '' for the root. */
  readonly name: string;
  readonly ino: number;
  /** null where it is not watched: no right to read it, another device, or the kernel gives no more watches. */
  listening: Listening | null;
  children: Map<string, Branch> | null;
  /** Its own watch told of it, so it may be another directory by now, even with the same inode number. */
  suspect: boolean;
  /** No longer part of the tree. */
  gone: boolean;
}

/** Where a directory may be, which is to be watched with everything below it. */
export interface Visit {
  /** null for the root. */
  readonly parent: Branch | null;
  readonly name: string;
  /** Known directories below are visited too, and watched anew. */
  readonly deep: boolean;
}

export interface BranchesOptions {
  readonly walk: Walk;
  readonly excluded: Excluded;
  readonly listen: Listen;
  readonly hear: (branch: Branch) => Hear;
  readonly closeSoon: (listening: Listening) => void;
  /** A watch stands that stood not before, or may not have. */
  readonly onWatched: (branch: Branch) => void;
}

export function pathOf({ parent, name }: Branch): BytePath {
  return parent === null ? '' : join(pathOf(parent), name);
}

/** The directories of one tree, and which of them are watched. */
export class Branches {
  readonly #options: BranchesOptions;
  #top: Branch | null = null;
  #standing = 0;
  /** Not watched because of a limit, or for another reason that may go away. */
  readonly #limited = new Set<Branch>();
  readonly #refused = new Set<Branch>();
  #limit: Limit | null = null;

  constructor(options: BranchesOptions) {
    this.#options = options;
  }

  get standing(): number {
    return this.#standing;
  }

  /** How many directories could not be watched because of which limit. */
  get limited(): { readonly by: Limit; readonly directories: number } | null {
    return this.#limited.size === 0 || this.#limit === null ? null : { by: this.#limit, directories: this.#limited.size };
  }

  /** Before a walk through everything, which counts anew. */
  forgetLimit(): void {
    this.#limit = null;
    this.#limited.clear();
  }

  /** Directories that may not be watched, to be tried again; each call begins where the last one ended. */
  refused(max: number): Visit[] {
    const next = [...this.#refused].slice(0, max);
    for (const branch of next) {
      this.#refused.delete(branch);
      this.#refused.add(branch);
    }
    return next.map(({ parent, name }) => ({ parent, name, deep: false }));
  }

  /** Looks at one place, and watches what is there; returns where to look next. */
  visit({ parent, name, deep }: Visit): Visit[] {
    if (parent?.gone === true) return [];
    const path = parent === null ? '' : join(pathOf(parent), name);
    // What is too deep for a share is none of it.
    if (path !== '' && (pathFault(path) !== undefined || this.#options.excluded(path, true))) return [];
    const found = this.open(path);
    const known = (parent === null ? this.#top : parent.children?.get(name)) ?? null;
    // Gone since it was seen: the event of that is on its way.
    if (found === 'absent') return [];
    if (found === 'closed' || found.dev !== this.#options.walk.root().dev) {
      this.#refuse(parent, name, known, found === 'closed' ? null : found.ino);
      return [];
    }
    const same = known !== null && known.ino === found.ino;
    if (same && !deep && !known.suspect && known.listening !== null) return [];
    if (known !== null && !same) this.cut(known);
    const branch = same ? known : this.#add(parent, name, found.ino);
    return this.#watch(branch, found.fd, { deep, fresh: !same });
  }

  /** The open directory; valid until the next call. */
  open(path: BytePath): OpenDirectory | 'absent' | 'closed' {
    try {
      return this.#options.walk.directory(path);
    } catch (error) {
      const fault = faultFrom(error, 'open', path);
      if (!(fault instanceof DiskFault)) throw fault;
      return fault.code === 'absent' || fault.code === 'not-directory' ? 'absent' : 'closed';
    }
  }

  /** The branch and everything below it are no longer watched. */
  cut(branch: Branch): void {
    if (branch === this.#top) this.#top = null;
    branch.parent?.children?.delete(branch.name);
    const left = [branch];
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      next.gone = true;
      for (const child of next.children?.values() ?? []) left.push(child);
      next.children = null;
      this.#deafen(next);
      this.#limited.delete(next);
      this.#refused.delete(next);
    }
  }

  clear(): void {
    if (this.#top !== null) this.cut(this.#top);
  }

  #add(parent: Branch | null, name: string, ino: number): Branch {
    const branch: Branch = { parent, name, ino, listening: null, children: null, suspect: false, gone: false };
    if (parent === null) this.#top = branch;
    else {
      parent.children ??= new Map();
      parent.children.set(name, branch);
    }
    return branch;
  }

  /** What stands there may not be entered. A watch that stands on the same directory stays. `ino` is null where it is not known. */
  #refuse(parent: Branch | null, name: string, known: Branch | null, ino: number | null): void {
    const same = known !== null && (ino ?? known.ino) === known.ino;
    if (same && (known.listening === null || (ino === null && !known.suspect))) return;
    if (known !== null) this.cut(known);
    this.#refused.add(this.#add(parent, name, ino ?? 0));
  }

  #watch(branch: Branch, fd: number, { deep, fresh }: { deep: boolean; fresh: boolean }): Visit[] {
    const watched = this.#listenTo(branch, fd);
    if (watched) this.#options.onWatched(branch);
    // Below what a limit keeps from being watched, directories are counted.
    else if (!fresh && !deep) return [];
    const names = new Set(this.#namesIn(fd));
    for (const child of [...(branch.children?.values() ?? [])]) if (!names.has(child.name)) this.cut(child);
    const next: Visit[] = [];
    for (const name of names) if (deep || branch.children?.has(name) !== true) next.push({ parent: branch, name, deep });
    return next;
  }

  #listenTo(branch: Branch, fd: number): boolean {
    const { listen, hear } = this.#options;
    // A limit that was met is not tried again before everything is walked through anew.
    if (branch.listening === null && this.#limited.size > 0) {
      this.#limited.add(branch);
      return false;
    }
    let listening: Listening | null = null;
    try {
      listening = listen(fd, hear(branch));
    } catch (error) {
      this.#noteRefusal(branch, error);
    }
    this.#deafen(branch);
    if (listening === null) return false;
    branch.listening = listening;
    branch.suspect = false;
    this.#standing++;
    this.#limited.delete(branch);
    this.#refused.delete(branch);
    return true;
  }

  #noteRefusal(branch: Branch, error: unknown): void {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    const limit = limitOf(errno);
    if (limit === null) this.#refused.add(branch);
    else {
      this.#limit = limit;
      this.#limited.add(branch);
    }
  }

  #deafen(branch: Branch): void {
    if (branch.listening === null) return;
    this.#options.closeSoon(branch.listening);
    branch.listening = null;
    this.#standing--;
  }

  #namesIn(fd: number): string[] {
    try {
      return directoriesIn(fd);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return [];
    }
  }
}
