import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { type DiskTree, openShareTree } from '../../src/adapters/disk.ts';

export const isRoot = process.geteuid?.() === 0;

export interface Bench {
  /** Absolute; holds `root` and, beside it, the staging area. */
  readonly base: string;
  readonly root: string;
  readonly tree: DiskTree;
}

const open: Bench[] = [];

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

afterEach(() => {
  for (const { tree } of open) tree.close();
  for (const { base } of open.splice(0)) rmSync(base, { recursive: true, force: true });
});
