import type { BytePath } from '../../src/model/path.ts';
import type { ShareTree } from '../../src/ports/filesystem.ts';
import type { Chronicle } from './chronicle.ts';
import { type ContentKey, keyOfNode, namedTrashOf, treeBelow } from './contents.ts';
import type { Deeds } from './deeds.ts';
import type { MemoryDisk } from './disk/memory-disk.ts';
import type { Node } from './disk/nodes.ts';
import type { ObservedLog } from './observed-log.ts';
import { Violation } from './violation.ts';

export interface WitnessParts {
  readonly name: string;
  readonly disk: () => MemoryDisk;
  readonly root: string;
  readonly share: string;
  readonly deeds: Deeds;
  readonly log: () => ObservedLog;
  readonly nowMs: () => number;
  readonly trashMs: number;
  readonly chronicle: Chronicle;
}

interface Sight {
  readonly tree: ReadonlyMap<BytePath, Node>;
  readonly keys: ReadonlyMap<BytePath, ContentKey>;
}

/** Calls of the port that may change what is in the root. */
const changing = [
  ...['placeNew', 'placeAllNew', 'placeTree', 'placeOver', 'moveToTrash', 'makeDirectory', 'removeDirectory', 'makeLink'],
  ...['replaceByLink', 'setMetadata', 'restoreFromTrash', 'prepareStaging', 'createRoot', 'discard', 'discardTree'],
] as const satisfies readonly (keyof ShareTree)[];

/**
 * Looks at one server's disk around every call by which an agent changes it: what goes has to be in the trash, what comes has to be something
 * that a user has put at that very path, and the place of what is replaced is never empty (promises 1 and 2, rule A2).
 */
export class Witness {
  readonly #parts: WitnessParts;
  /** Paths that users touched while a call of an agent was under way. */
  #touched: Set<BytePath> | null = null;
  /** What the disk showed before the call of an agent that is under way. */
  #underWay: Sight | null = null;
  #sight: Sight | null = null;
  /** Since when a displaced file is in the trash, bucket time, ms. */
  readonly #displacedMs = new WeakMap<Node, number>();

  constructor(parts: WitnessParts) {
    this.#parts = parts;
  }

  /** The tree as it is now. */
  see(): Sight {
    const tree = treeBelow(this.#parts.disk(), this.#parts.root);
    return { tree, keys: new Map([...tree].map(([path, node]) => [path, keyOfNode(node)])) };
  }

  /** What somebody does on this server; `deliberate` is false for what befalls the disk. Returns the paths that differ now. */
  user(deliberate: boolean, nowUs: number, work: () => void): readonly BytePath[] {
    const before = this.see();
    work();
    const after = this.see();
    if (deliberate) {
      this.#parts.deeds.note(before.tree, before.keys, after.tree, nowUs);
      this.#noteLateWrites(before, after);
      const placed = new Set(
        [...before.keys].filter(([path, key]) => this.#underWay !== null && this.#underWay.keys.get(path) !== key).map(([path]) => path),
      );
      this.#parts.chronicle.wrote(this.#parts.name, before.keys, after.keys, { meant: true, placed });
    } else this.#parts.chronicle.reset(this.#parts.name);
    this.#sight = null;
    const touched = differing(before, after);
    for (const path of touched) this.#touched?.add(path);
    return touched;
  }

  /** Hard links: what an agent has put into the trash may have another name in the tree, and is written to by that one. */
  #noteLateWrites(before: Sight, after: Sight): void {
    const written = new Map<Node, ContentKey>();
    for (const [path, node] of after.tree) {
      const key = after.keys.get(path) ?? '';
      if (node.kind === 'file' && before.tree.get(path) === node && before.keys.get(path) !== key) written.set(node, key);
    }
    if (written.size === 0) return;
    for (const [name, node] of this.#trash()) {
      const key = written.get(node);
      if (key !== undefined) this.#parts.deeds.wroteDisplaced(name, key);
    }
  }

  #trash(): [name: string, node: Node][] {
    return namedTrashOf(this.#parts.disk(), this.#parts.root, this.#parts.share);
  }

  /** The port, watched. */
  watched(tree: ShareTree): ShareTree {
    const calls = tree as unknown as Record<string, (...values: never[]) => unknown>;
    const made: Record<string, unknown> = {};
    for (const name of changing)
      made[name] = (...values: never[]) => this.#around(name, () => (calls[name] as (...values: never[]) => unknown)(...values));
    made.removeFromTrash = (name: string) => {
      this.#judgePruning(name);
      tree.removeFromTrash(name);
    };
    return new Proxy(tree, { get: (target, name) => made[name as string] ?? Reflect.get(target, name) });
  }

  /** The disk was changed behind everybody's back; `before` is what it showed. */
  forget(before: Sight): void {
    const { chronicle, name } = this.#parts;
    this.#sight = null;
    chronicle.reset(name);
    chronicle.wrote(name, before.keys, this.see().keys, { meant: false, placed: new Set() });
  }

  /** After a power cut: what is visible must be whole (promise 2). */
  assertWhole(): void {
    const { tree, keys } = this.see();
    for (const [path, node] of tree) if (node.kind === 'file') this.#assertKnown('the power cut', path, keys.get(path) ?? '');
  }

  #around<T>(name: string, work: () => T): T {
    const before = this.#sight ?? this.see();
    const [outer, outerSight] = [this.#touched, this.#underWay];
    this.#touched = new Set();
    this.#underWay = before;
    try {
      return work();
    } finally {
      const touched = this.#touched;
      this.#touched = outer;
      this.#underWay = outerSight;
      for (const path of touched) outer?.add(path);
      const after = this.see();
      this.#sight = after;
      this.#compare(name, before, after, touched);
    }
  }

  #compare(name: string, before: Sight, after: Sight, touched: ReadonlySet<BytePath>): void {
    const isTouched = (path: BytePath) =>
      touched.has(path) || [...touched].some((each) => path.startsWith(`${each}/`) || each.startsWith(`${path}/`));
    for (const [path, key] of after.keys) {
      if (before.keys.get(path) !== key && !isTouched(path)) this.#assertKnown(name, path, key);
    }
    this.#parts.chronicle.showed(this.#parts.name, before.keys, after.keys, isTouched);
    let trash: readonly (readonly [name: string, node: Node])[] | null = null;
    for (const [path, node] of before.tree) {
      const key = before.keys.get(path) ?? '';
      if (node.kind === 'file' && after.tree.get(path) !== node) {
        trash ??= this.#trash();
        for (const [trashName, each] of trash) if (each === node) this.#parts.deeds.displaced(trashName, path);
      }
      if (node.kind === 'dir' || after.keys.get(path) === key || isTouched(path)) continue;
      trash ??= this.#trash();
      const kept = trash.find(([, each]) => keyOfNode(each) === key)?.[1];
      if (kept === undefined && node.kind !== 'other')
        throw new Violation(`${this.#parts.name}: ${name} has removed ${show(path)}, which is not in the trash (${key.slice(0, 14)})`);
      if (kept !== undefined && !this.#displacedMs.has(kept)) this.#displacedMs.set(kept, this.#parts.nowMs());
    }
  }

  #assertKnown(what: string, path: BytePath, key: ContentKey): void {
    if (this.#parts.deeds.write(path, key) === null)
      throw new Violation(`${this.#parts.name}: after ${what} ${show(path)} shows what nobody has put there (${key.slice(0, 20)})`);
  }

  /** Rule H4: only by age, or where it is elsewhere. */
  #judgePruning(name: string): void {
    const { disk, root, share, log, nowMs, trashMs } = this.#parts;
    const node = nodeInTrash(disk(), root, share, name);
    if (node === null || node.kind === 'dir' || node.links > 1) return;
    const key = keyOfNode(node);
    const sinceMs = this.#displacedMs.get(node);
    if (sinceMs === undefined || nowMs() - sinceMs >= trashMs) return;
    const isElsewhere =
      [...log().versions.values()].some((versions) => versions.some((version) => version.key === key)) ||
      [...this.see().keys.values()].includes(key);
    if (!isElsewhere) throw new Violation(`${this.#parts.name}: ${name} is removed from the trash before its time, and nobody else has it`);
  }
}

function nodeInTrash(disk: MemoryDisk, root: string, share: string, name: string): Node | null {
  for (const home of [`${root.slice(0, root.lastIndexOf('/'))}/.flocksync-${share}/trash`, `${root}/.flocksync/trash`]) {
    try {
      const node = disk.reach(home).node.children.get(name);
      if (node !== undefined) return node;
    } catch {
      // That one is not in use.
    }
  }
  return null;
}

function differing(before: Sight, after: Sight): BytePath[] {
  const paths = new Set([...before.tree.keys(), ...after.tree.keys()]);
  return [...paths].filter((path) => before.tree.get(path) !== after.tree.get(path) || before.keys.get(path) !== after.keys.get(path));
}

export function show(path: BytePath): string {
  return JSON.stringify(path);
}
