import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { DiskTree } from '../../src/adapters/disk.ts';
import type { DiskMetadata } from '../../src/ports/filesystem.ts';
import { lookNow } from '../contract/share-tree/ground.ts';
import { bench, isRoot } from './disk-fixture.ts';

const hasAcl = isRoot && spawnSync('setfacl', ['--version']).status === 0;

function stageAt(tree: DiskTree, path: string, mode = 0o644) {
  const writer = tree.stage(path);
  writer.write(Buffer.from(path));
  return writer.finish({ mode, mtimeUs: 1_700_000_000_123_456 });
}

const rights = (modes: Record<string, number>) =>
  new Map<string, DiskMetadata>(Object.entries(modes).map(([path, mode]) => [path, { mode }]));

test.skipIf(!hasAcl)('a default ACL goes down a tree as if it had been made in place', () => {
  const { tree, root } = bench();
  mkdirSync(join(root, 'd'));
  execFileSync('setfacl', ['-d', '-m', 'u:33:rwx,g:34:r-x,o::-', join(root, 'd')]);
  for (const path of ['in-place', 'in-place/e']) mkdirSync(join(root, 'd', path), { mode: 0o770 });
  writeFileSync(join(root, 'd/in-place/e/f'), '', { mode: 0o660 });
  tree.stageTree(['d/apart', 'd/apart/e']);
  stageAt(tree, 'd/apart/e/f', 0o660);
  expect(tree.placeTree('d/apart', rights({ 'd/apart': 0o770, 'd/apart/e': 0o770 })).outcome).toBe('done');
  const aclOf = (path: string) => execFileSync('getfacl', ['-cp', join(root, 'd', path)], { encoding: 'utf8' });
  for (const path of ['', '/e', '/e/f']) expect(aclOf(`apart${path}`)).toBe(aclOf(`in-place${path}`));
  expect(aclOf('apart/e/f')).toContain('user:www-data:rwx');
});

test.skipIf(!isRoot)(
  'rights that keep out their own owner are left for later: what is below may still have to be placed one by one',
  () => {
    const base = mkdtempSync(join(tmpdir(), 'flocksync-disk-'));
    mkdirSync(join(base, 'root'));
    for (const path of ['.', 'root']) chownSync(join(base, path), 33, 33);
    process.seteuid?.(33);
    try {
      const { tree } = bench({ base });
      tree.stageTree(['d', 'd/e']);
      stageAt(tree, 'd/e/f');
      const placed = tree.placeTree('d', rights({ d: 0o755, 'd/e': 0o555 }));
      expect(placed.outcome === 'done' && [...placed.stats.keys()]).toEqual(['d']);
      expect([lookNow(tree, 'd').mode, lookNow(tree, 'd/e').mode]).toEqual([0o755, 0o700]);
    } finally {
      process.seteuid?.(0);
    }
  },
);
