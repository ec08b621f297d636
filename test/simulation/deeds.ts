import type { BytePath } from '../../src/model/path.ts';
import { type ContentKey, keyOfNode } from './contents.ts';
import type { Node } from './disk/nodes.ts';

interface Write {
  readonly firstUs: number;
  lastUs: number;
  /** How often somebody has put this there; above 1 nothing can be concluded from the content alone. */
  times: number;
}

/**
 * What the users have done, on whatever server: the only source of anything that may be in the log or on a disk. What befalls a disk without
 * anybody's will (a mount that is gone, an old image) is none of it.
 */
export class Deeds {
  readonly #writes = new Map<BytePath, Map<ContentKey, Write>>();
  readonly #deletes = new Map<BytePath, number>();
  /** By name in the trash: where it stood, and what was written into it later, through another name of the same file. */
  readonly #displaced = new Map<string, { path: BytePath | null; readonly late: Set<ContentKey> }>();

  /** What a user's work has made of a tree. */
  note(
    before: ReadonlyMap<BytePath, Node>,
    keysBefore: ReadonlyMap<BytePath, ContentKey>,
    after: ReadonlyMap<BytePath, Node>,
    nowUs: number,
  ): void {
    for (const [path, node] of after) {
      const key = keyOfNode(node);
      if (keysBefore.get(path) !== key || before.get(path) !== node) this.wrote(path, key, nowUs);
    }
    for (const path of before.keys()) if (!after.has(path)) this.deleted(path, nowUs);
  }

  wrote(path: BytePath, key: ContentKey, nowUs: number): void {
    const writes = this.#writes.get(path) ?? new Map<ContentKey, Write>();
    const known = writes.get(key);
    if (known === undefined) writes.set(key, { firstUs: nowUs, lastUs: nowUs, times: 1 });
    else {
      known.lastUs = nowUs;
      known.times++;
    }
    this.#writes.set(path, writes);
  }

  deleted(path: BytePath, nowUs: number): void {
    this.#deletes.set(path, nowUs);
  }

  /** An agent has put what stood at the path into the trash. */
  displaced(trashName: string, path: BytePath): void {
    this.#trashed(trashName).path = path;
  }

  /** Somebody has written into a file that has a name in the trash, by the name that it still has in the tree. */
  wroteDisplaced(trashName: string, key: ContentKey): void {
    this.#trashed(trashName).late.add(key);
  }

  /** Whether somebody put this into what had stood at the path before: no agent can tell by which name. */
  wroteLate(path: BytePath, key: ContentKey): boolean {
    return [...this.#displaced.values()].some((each) => each.path === path && each.late.has(key));
  }

  #trashed(name: string): { path: BytePath | null; readonly late: Set<ContentKey> } {
    const known = this.#displaced.get(name) ?? { path: null, late: new Set<ContentKey>() };
    this.#displaced.set(name, known);
    return known;
  }

  write(path: BytePath, key: ContentKey): Write | null {
    return this.#writes.get(path)?.get(key) ?? null;
  }

  /** When somebody has last deleted it, or moved it away; null for never. */
  lastDeleteUs(path: BytePath): number | null {
    return this.#deletes.get(path) ?? null;
  }
}
