import { describe, test } from 'vitest';
import type { DiskFaultCode, Expected, Placed, PreciseStat, ShareTree, Staged } from '../../../src/ports/filesystem.ts';
import { DiskFault } from '../../../src/ports/filesystem.ts';
import type { UserOfDisk } from '../../simulation/disk/user.ts';

/** A share, and what people do around it. */
export interface Ground {
  /** The share's tree: its root is `root` below the base, its name is `web`. The staging area is not prepared yet. */
  readonly tree: ShareTree;
  /** Of the directory that holds `root`: paths are relative to it. */
  readonly user: UserOfDisk;
  /** The base, absolute. */
  readonly base: string;
  /** Another process's view of a share, of this one unless told otherwise. */
  another(root?: string): ShareTree;
  /** Hides the directory by another file system of that size. */
  mount(path: string, bytes: number): void;
  /** Hides the directory by another one. */
  bind(from: string, path: string): void;
  chown(path: string, uid: number, gid: number): void;
}

export interface Kind {
  readonly name: string;
  /** Mounts can be made, and files given away. */
  readonly privileged: boolean;
  /** Gone when the test ends. */
  open(): Ground;
}

/** A group of the contract for one kind of tree. `testAsRoot` is for what only root can set up. */
export function contractOf(
  group: string,
  { name, privileged, open }: Kind,
  tests: (prepared: () => Ground, testAsRoot: typeof test) => void,
): void {
  const prepared = () => {
    const ground = open();
    ground.tree.rootState();
    ground.tree.prepareStaging();
    return ground;
  };
  describe(`${group}, ${name}`, () => tests(prepared, (privileged ? test : test.skip) as typeof test));
}

export const trashPath = '.flocksync-web/trash';
export const stagePath = '.flocksync-web/stage';

export function stageText(tree: ShareTree, directory: string, text: string, mode = 0o644): Staged {
  const writer = tree.stage(directory === '' ? 'staged' : `${directory}/staged`);
  writer.write(Buffer.from(text));
  return writer.finish({ mode, mtimeUs: 1_700_000_000_123_456 });
}

export function readAll(tree: ShareTree, path: string): string {
  const file = tree.open(path);
  const buffer = Buffer.alloc(65536);
  const text = buffer.toString('latin1', 0, file.read(buffer));
  file.close();
  return text;
}

export function lookNow(tree: ShareTree, path: string): PreciseStat {
  const stat = tree.look(path);
  if (stat === null) throw new Error(`nothing at ${path}`);
  return stat;
}

export function done(placed: Placed): PreciseStat {
  if (placed.outcome !== 'done') throw new Error(`the outcome is ${placed.outcome}`);
  return placed.stat;
}

/** An expectation that lets `meddle` happen once, just after it was compared in full for the first time. */
export function meddled(expected: Expected, meddle: () => void): Expected {
  let left = 1;
  return {
    ...expected,
    get ctimeKey() {
      if (left-- > 0) meddle();
      return expected.ctimeKey;
    },
  };
}

export function faultCode(step: () => unknown): DiskFaultCode | 'none' {
  try {
    step();
    return 'none';
  } catch (error) {
    if (error instanceof DiskFault) return error.code;
    throw error;
  }
}

export const all = () => true;
