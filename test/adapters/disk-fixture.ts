import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { type DiskTree, openShareTree } from '../../src/adapters/disk.ts';
import type { DiskFaultCode, Expected, Placed, PreciseStat, Staged } from '../../src/ports/filesystem.ts';
import { DiskFault } from '../../src/ports/filesystem.ts';

export const isRoot = process.geteuid?.() === 0;

export interface Bench {
  /** Absolute; holds `root` and, beside it, the staging area. */
  readonly base: string;
  readonly root: string;
  readonly tree: DiskTree;
}

const open: Bench[] = [];
const mounts: string[] = [];

/** A share in a fresh temporary directory, with its staging area ready unless told otherwise. Removed after the test. */
export function bench(options: { prepare?: boolean; base?: string } = {}): Bench {
  const base = options.base ?? mkdtempSync(join(tmpdir(), 'flocksync-disk-'));
  const root = join(base, 'root');
  mkdirSync(root, { recursive: true });
  const made = { base, root, tree: openShareTree({ root, shareName: 'web' }) };
  open.push(made);
  made.tree.rootState();
  if (options.prepare !== false) made.tree.prepareStaging();
  return made;
}

export function mount(...args: string[]): void {
  execFileSync('mount', args, { stdio: 'pipe' });
  mounts.push(String(args.at(-1)));
}

afterEach(() => {
  for (const { tree } of open) tree.close();
  for (const target of mounts.splice(0).reverse()) execFileSync('umount', ['-l', target], { stdio: 'pipe' });
  for (const { base } of open.splice(0)) rmSync(base, { recursive: true, force: true });
});

export function stageText(tree: DiskTree, directory: string, text: string, mode = 0o644): Staged {
  const writer = tree.stage(join(directory, 'staged'));
  writer.write(Buffer.from(text));
  return writer.finish({ mode, mtimeUs: 1_700_000_000_123_456 });
}

export function readAll(tree: DiskTree, path: string): string {
  const file = tree.open(path);
  const buffer = Buffer.alloc(65536);
  const text = buffer.toString('latin1', 0, file.read(buffer));
  file.close();
  return text;
}

export function lookNow(tree: DiskTree, path: string): PreciseStat {
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
