import { posix } from 'node:path';
import { errnoOf, faultFrom } from '../../../src/adapters/disk-faults.ts';
import { refuseStrange } from '../../../src/adapters/disk-walk.ts';
import { type BytePath, nameOf, parentOf } from '../../../src/model/path.ts';
import { DiskFault, type PreciseStat, type RootState } from '../../../src/ports/filesystem.ts';
import type { Calls } from './calls.ts';
import type { Place } from './memory-disk.ts';

/** Opens directories below the root of a share, component by component and without following links. */
export class Walk {
  readonly calls: Calls;
  readonly #configured: BytePath;
  #root: Place | null = null;

  constructor(calls: Calls, configured: BytePath) {
    this.calls = calls;
    this.#configured = configured;
  }

  rootState(): RootState {
    this.close();
    try {
      this.#root = this.calls.reach(this.#configured);
      const { dev, ino } = this.calls.stat(this.#root);
      return { state: 'present', dev, ino };
    } catch (error) {
      const fault = faultFrom(error, 'open', '');
      if (!(fault instanceof DiskFault)) throw fault;
      const state = fault.code === 'absent' ? 'missing' : fault.code === 'not-directory' ? 'not-directory' : 'unreadable';
      return { state, message: `cannot open ${this.#configured}: ${errnoOf(error)}` };
    }
  }

  root(): Place {
    if (this.#root !== null) return this.#root;
    const state = this.rootState();
    if (this.#root === null) throw new DiskFault('io', state.state === 'present' ? 'the root is closed' : state.message);
    return this.#root;
  }

  directory(path: BytePath): Place {
    let at = this.root();
    for (const name of path === '' ? [] : path.split('/')) at = this.calls.enter(at, name);
    return at;
  }

  parent(path: BytePath): Place {
    refuseStrange(path);
    return this.directory(parentOf(path));
  }

  look(path: BytePath): PreciseStat | null {
    return path === '' ? this.calls.stat(this.root()) : this.calls.look(this.parent(path), nameOf(path));
  }

  /** Whether `path` leads, by a fresh look, to the very directory that was worked in. */
  isStillAt(path: BytePath, directory: Place): boolean {
    try {
      const root = this.root();
      if (reachStrictly(this.calls, root.path).node !== root.node) return false;
      const reached = this.directory(path);
      return reached.node === directory.node && reached.mount === directory.mount;
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return false;
    }
  }

  close(): void {
    this.#root = null;
  }
}

/** No link is followed, not even above the root: then the root is elsewhere by now. */
function reachStrictly(calls: Calls, absolute: string): Place {
  let at = calls.disk.top();
  for (const name of posix.normalize(absolute).split('/')) if (name !== '') at = calls.enter(at, name);
  return at;
}
