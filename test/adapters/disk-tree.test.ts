import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { DiskTree } from '../../src/adapters/disk.ts';
import type { DiskMetadata } from '../../src/ports/filesystem.ts';
import { bench, faultCode, isRoot, lookNow, mount, readAll } from './disk-fixture.ts';

const stageOf = (base: string) => readdirSync(join(base, '.flocksync-web/stage'));
const hasAcl = isRoot && spawnSync('setfacl', ['--version']).status === 0;

function stageAt(tree: DiskTree, path: string, mode = 0o644) {
  const writer = tree.stage(path);
  writer.write(Buffer.from(path));
  return writer.finish({ mode, mtimeUs: 1_700_000_000_123_456 });
}

const rights = (modes: Record<string, number>) =>
  new Map<string, DiskMetadata>(Object.entries(modes).map(([path, mode]) => [path, { mode }]));

test('R-A1: a tree is invisible below an unguessable name, then there in full with all rights; its files are those that were staged', () => {
  const { tree, base, root } = bench();
  tree.stageTree(['d', 'd/e']);
  const staged = ['d/f.php', 'd/e/g'].map((path) => stageAt(tree, path));
  expect(readdirSync(root)).toEqual([]);
  const [name] = stageOf(base);
  expect(name).toMatch(/^[0-9a-f]{32}$/);
  expect(lstatSync(join(base, '.flocksync-web/stage', String(name))).mode & 0o777).toBe(0o700);
  const placed = tree.placeTree('d', rights({ d: 0o711, 'd/e': 0o750 }));
  expect(placed.outcome).toBe('done');
  const stats = placed.outcome === 'done' ? placed.stats : new Map();
  for (const path of ['d', 'd/e']) expect(stats.get(path)).toEqual(lookNow(tree, path));
  expect([lookNow(tree, 'd').mode, lookNow(tree, 'd/e').mode]).toEqual([0o711, 0o750]);
  expect(staged.map(({ stat }) => stat)).toEqual([lookNow(tree, 'd/f.php'), lookNow(tree, 'd/e/g')]);
  expect(readAll(tree, 'd/e/g')).toBe('d/e/g');
  expect(stageOf(base)).toEqual([]);
});

test('a tree replaces nothing: no file, link or directory; what was staged for it is placed one by one', () => {
  const { tree, base, root } = bench();
  writeFileSync(join(root, 'f'), 'here');
  symlinkSync('nowhere', join(root, 'l'));
  mkdirSync(join(root, 'd'));
  for (const path of ['f', 'l', 'd']) {
    tree.stageTree([path]);
    const staged = stageAt(tree, `${path}/x`);
    expect(tree.placeTree(path, rights({ [path]: 0o755 }))).toEqual({ outcome: 'occupied' });
    if (path === 'd') expect(tree.placeNew(staged, 'd/x')).toMatchObject({ outcome: 'done' });
    tree.discardTree(path);
  }
  expect(readAll(tree, 'd/x')).toBe('d/x');
  expect(readdirSync(root).sort()).toEqual(['d', 'f', 'l']);
  expect(stageOf(base)).toEqual([]);
});

test('what takes the name between look and rename stays, unless it is an empty directory', () => {
  const { tree, root } = bench();
  const meddling = (meddle: () => void) => {
    const metadata = rights({ d: 0o755 });
    metadata.get = (path) => {
      meddle();
      return { mode: path === 'd' ? 0o755 : 0o700 };
    };
    return metadata;
  };
  tree.stageTree(['d']);
  expect(
    tree.placeTree(
      'd',
      meddling(() => writeFileSync(join(root, 'd'), 'first')),
    ),
  ).toEqual({ outcome: 'occupied' });
  expect(readAll(tree, 'd')).toBe('first');
  tree.discardTree('d');
  tree.stageTree(['e']);
  const makeFull = () => {
    mkdirSync(join(root, 'e'));
    writeFileSync(join(root, 'e/own'), 'own');
  };
  expect(tree.placeTree('e', meddling(makeFull))).toEqual({ outcome: 'occupied' });
  expect(readAll(tree, 'e/own')).toBe('own');
});

test('R-A4: a tree that landed in a directory which had moved away is told', () => {
  const { tree, root } = bench();
  mkdirSync(join(root, 'a'));
  tree.stageTree(['a/d']);
  const metadata = rights({ 'a/d': 0o755 });
  metadata.get = () => {
    if (existsSync(join(root, 'a'))) renameSync(join(root, 'a'), join(root, 'moved'));
    return { mode: 0o755 };
  };
  expect(tree.placeTree('a/d', metadata)).toEqual({ outcome: 'moved' });
  expect(readdirSync(join(root, 'moved'))).toEqual(['d']);
});

test.skipIf(!isRoot)('a mount on the way is trouble, not an effect somewhere else', () => {
  const { tree, root } = bench();
  mkdirSync(join(root, 'm'));
  mount('-t', 'tmpfs', '-o', 'size=64k', 'flocksync', join(root, 'm'));
  tree.stageTree(['m/d']);
  expect(faultCode(() => tree.placeTree('m/d', rights({ 'm/d': 0o755 })))).toBe('io');
  expect(readdirSync(join(root, 'm'))).toEqual([]);
});

test('of a tree that cannot be made nothing stays', () => {
  const { tree, base } = bench();
  const tooDeep = [
    'd',
    ...Array.from(
      { length: 30 },
      (_, at) =>
        `d/${Array(at + 1)
          .fill('n'.repeat(200))
          .join('/')}`,
    ),
  ];
  expect(faultCode(() => tree.stageTree(tooDeep))).toBe('unsupported');
  expect(stageOf(base)).toEqual([]);
  stageAt(tree, 'd/f');
  expect(stageOf(base)[0]).toMatch(/^[0-9a-f]{32}$/);
});

test.skipIf(!isRoot)('a setgid bit goes down a tree with its group', () => {
  const { tree, base, root } = bench();
  mkdirSync(join(root, 'shared'));
  chownSync(join(root, 'shared'), 0, 50);
  chmodSync(join(root, 'shared'), 0o2775);
  tree.stageTree(['shared/d', 'shared/d/e']);
  expect(stageAt(tree, 'shared/d/e/f').stat.gid).toBe(50);
  const metadata = new Map(['shared/d', 'shared/d/e'].map((path) => [path, { mode: 0o755, uid: 0, gid: 0 }]));
  expect(tree.placeTree('shared/d', metadata).outcome).toBe('done');
  for (const path of ['shared/d', 'shared/d/e']) expect(lookNow(tree, path)).toMatchObject({ mode: 0o2755, gid: 50 });
  tree.rootState();
  expect(stageOf(base)).toEqual([]);
});

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
