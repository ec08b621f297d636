import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openShareTree } from '../../src/adapters/disk.ts';
import { contentHash } from '../../src/model/digest.ts';
import type { Staged } from '../../src/ports/filesystem.ts';
import { bench, done, faultCode, isRoot, lookNow, mount, readAll, stageText } from './disk-fixture.ts';

const hasAcl = isRoot && works('setfacl', '--version');

function works(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

const aclOf = (path: string) => execFileSync('getfacl', ['-cp', path], { encoding: 'utf8' });
const stageOf = (base: string) => readdirSync(join(base, '.flocksync-web/stage'));

test('R-A1: the staging area is beside the root, 0700, and its names have no extension', () => {
  const { tree, base } = bench();
  expect(tree.stagingInsideRoot).toBeNull();
  for (const path of ['', 'stage', 'trash']) expect(lstatSync(join(base, '.flocksync-web', path)).mode & 0o777).toBe(0o700);
  const writer = tree.stage('f');
  writer.write(Buffer.from('x'));
  const [name] = stageOf(base);
  expect(name).toMatch(/^[0-9a-f]{32}$/);
  expect(lstatSync(join(base, '.flocksync-web/stage', String(name))).mode & 0o777).toBe(0o600);
  writer.abort();
  writer.abort();
  expect(stageOf(base)).toEqual([]);
});

test('leftovers of a killed run go from the stage, not from the trash', () => {
  const { tree, base, root } = bench();
  stageText(tree, '', 'left');
  mkdirSync(join(base, '.flocksync-web/stage/room'));
  writeFileSync(join(base, '.flocksync-web/stage/room/x'), '');
  writeFileSync(join(root, 'f'), 'kept');
  tree.moveToTrash('f', lookNow(tree, 'f'), 't');
  tree.prepareStaging();
  expect(stageOf(base)).toEqual([]);
  expect(tree.listTrash()).toEqual(['t']);
});

test('an area that was proved once is found again without touching the root', () => {
  const { root, tree } = bench();
  const before = lstatSync(root, { bigint: true }).ctimeNs;
  tree.rootState();
  tree.prepareStaging();
  const second = openShareTree({ root, shareName: 'web' });
  second.prepareStaging();
  second.close();
  expect(lstatSync(root, { bigint: true }).ctimeNs).toBe(before);
});

test('a link in the place of the staging area is not used', () => {
  const { tree, base, root } = bench({ prepare: false });
  mkdirSync(join(base, 'elsewhere'));
  symlinkSync('elsewhere', join(base, '.flocksync-web'));
  tree.prepareStaging();
  expect(tree.stagingInsideRoot).toBe('.flocksync');
  expect(readdirSync(join(base, 'elsewhere'))).toEqual([]);
  expect(readdirSync(root)).toEqual(['.flocksync']);
  done(tree.placeNew(stageText(tree, '', 'x'), 'f'));
});

test.skipIf(!isRoot)('a staging area of another user is not used, except by root that of the owner of the share', () => {
  const { tree, base, root } = bench({ prepare: false });
  mkdirSync(join(base, '.flocksync-web'));
  chownSync(join(base, '.flocksync-web'), 33, 33);
  tree.prepareStaging();
  expect(tree.stagingInsideRoot).toBe('.flocksync');
  renameSync(join(root, '.flocksync'), join(base, 'unused'));
  chownSync(root, 33, 33);
  tree.rootState();
  tree.prepareStaging();
  expect(tree.stagingInsideRoot).toBeNull();
});

test.skipIf(!isRoot)('R-A1: a bind mount refuses the rename with equal device numbers, so the area lies inside', () => {
  const { tree, base, root } = bench({ prepare: false });
  mkdirSync(join(base, 'real'));
  mount('--bind', join(base, 'real'), root);
  tree.rootState();
  tree.prepareStaging();
  expect(lstatSync(base).dev).toBe(lstatSync(root).dev);
  expect(tree.stagingInsideRoot).toBe('.flocksync');
  expect(readdirSync(base).sort()).toEqual(['real', 'root']);
  done(tree.placeNew(stageText(tree, '', 'x'), 'f'));
  expect(readAll(tree, 'f')).toBe('x');
});

test.skipIf(!isRoot)('a root that became a mount: the area moves inside, the old trash stays', () => {
  const { tree, base, root } = bench();
  writeFileSync(join(root, 'f'), 'x');
  tree.moveToTrash('f', lookNow(tree, 'f'), 't');
  tree.close();
  mkdirSync(join(base, 'real'));
  mount('--bind', join(base, 'real'), root);
  tree.rootState();
  tree.prepareStaging();
  expect(tree.stagingInsideRoot).toBe('.flocksync');
  expect(readdirSync(join(base, '.flocksync-web/trash'))).toEqual(['t']);
});

test.skipIf(!isRoot)('a proof does not outlive a mount of the root onto itself', () => {
  const { tree, root } = bench();
  tree.close();
  mount('--bind', root, root);
  tree.prepareStaging();
  expect(tree.stagingInsideRoot).toBe('.flocksync');
});

test.skipIf(!isRoot)('a mount below the root is trouble, not an effect somewhere else', () => {
  const { tree, root } = bench();
  mkdirSync(join(root, 'm'));
  mount('-t', 'tmpfs', '-o', 'size=64k', 'flocksync', join(root, 'm'));
  expect(faultCode(() => tree.placeNew(stageText(tree, 'm', 'x'), 'm/f'))).toBe('io');
  expect(readdirSync(join(root, 'm'))).toEqual([]);
  expect(faultCode(() => tree.removeDirectory('m'))).toBe('io');
});

test.skipIf(!isRoot)('a full disk is told as full, and nothing of the file stays', () => {
  const full = bench({ prepare: false });
  mount('-t', 'tmpfs', '-o', 'size=256k', 'flocksync', full.root);
  full.tree.rootState();
  full.tree.prepareStaging();
  const writer = full.tree.stage('f');
  expect(faultCode(() => writer.write(Buffer.alloc(1024 * 1024)))).toBe('full');
  writer.abort();
  done(full.tree.placeNew(stageText(full.tree, '', 'small'), 'f'));
  expect(readdirSync(full.root).sort()).toEqual(['.flocksync', 'f']);
});

test.skipIf(!isRoot)('of whole contents, what does not fit is told as full and leaves nothing; what fits is staged', async () => {
  const full = bench({ prepare: false });
  mount('-t', 'tmpfs', '-o', 'size=256k', 'flocksync', full.root);
  full.tree.rootState();
  full.tree.prepareStaging();
  const staging = ['large', 'small'].map((name) => {
    const stored = Buffer.alloc(name === 'large' ? 1024 * 1024 : 10, 'x');
    const content = { stored, codec: 'none' as const, hash: contentHash(stored), size: stored.length };
    return { content, files: [{ path: name, metadata: { mode: 0o644 } }] };
  });
  const [large, small] = await full.tree.stageContents(staging);
  expect(large?.[0]).toMatchObject({ name: 'DiskFault', code: 'full' });
  expect(readdirSync(join(full.root, '.flocksync/stage'))).toHaveLength(1);
  done(full.tree.placeNew(small?.[0] as Staged, 'small'));
});

test('flush resolves for few and for many staged files, and for files that are gone', async () => {
  const { tree, base } = bench();
  await tree.flush();
  tree.discard(stageText(tree, '', 'gone'));
  stageText(tree, '', 'one');
  await tree.flush();
  const many = Array.from({ length: 40 }, (_, i) => stageText(tree, '', String(i)));
  await tree.flush();
  for (const staged of many) done(tree.placeNew(staged, `f${staged.name}`));
  expect(stageOf(base)).toHaveLength(1);
});

test.skipIf(!isRoot)('a setgid directory gives its group to a staged file, whether it stands already or will be made below', async () => {
  const { tree, base, root } = bench();
  mkdirSync(join(root, 'shared'));
  chownSync(join(root, 'shared'), 0, 50);
  chmodSync(join(root, 'shared'), 0o2775);
  const staged = [stageText(tree, 'shared', 'x'), stageText(tree, 'shared/later', 'y')];
  expect(staged.map(({ stat }) => stat.gid)).toEqual([50, 50]);
  await tree.flush();
  expect(done(tree.makeDirectory('shared/later', 0o755))).toMatchObject({ gid: 50, mode: 0o2755 });
  done(tree.placeNew(staged[0] as never, 'shared/f'));
  done(tree.placeNew(staged[1] as never, 'shared/later/f'));
  expect(readdirSync(join(root, 'shared')).sort()).toEqual(['f', 'later']);
  tree.rootState();
  expect(stageOf(base)).toEqual([]);
});

test.skipIf(!hasAcl)('a default ACL gives a staged file the rights of one made in place', () => {
  const { tree, root, base } = bench();
  mkdirSync(join(root, 'd'));
  execFileSync('setfacl', ['-d', '-m', 'u:33:rwx,g:34:r-x,o::-', join(root, 'd')]);
  writeFileSync(join(root, 'd/in-place'), '', { mode: 0o660 });
  done(tree.placeNew(stageText(tree, 'd', 'x', 0o660), 'd/staged'));
  expect(aclOf(join(root, 'd/in-place'))).toContain('user:www-data:rwx');
  expect(aclOf(join(root, 'd/staged'))).toBe(aclOf(join(root, 'd/in-place')));
  mkdirSync(join(root, 'd/sub-in-place'), { mode: 0o770 });
  done(tree.makeDirectory('d/sub-made', 0o770));
  expect(aclOf(join(root, 'd/sub-made'))).toBe(aclOf(join(root, 'd/sub-in-place')));
  expect(done(tree.placeNew(stageText(tree, 'd/sub-made', 'x', 0o604), 'd/sub-made/f')).mode).toBe(0o604);
  expect(readdirSync(join(root, 'd')).sort()).toEqual(['in-place', 'staged', 'sub-in-place', 'sub-made']);
  tree.rootState();
  expect(stageOf(base)).toEqual([]);
});

test.skipIf(!hasAcl)('a default ACL that is set between two batches is seen', async () => {
  const { tree, root } = bench();
  mkdirSync(join(root, 'd'));
  done(tree.placeNew(stageText(tree, 'd', 'x'), 'd/before'));
  execFileSync('setfacl', ['-d', '-m', 'u:33:rwx', join(root, 'd')]);
  await tree.flush();
  done(tree.placeNew(stageText(tree, 'd', 'x'), 'd/after'));
  expect(aclOf(join(root, 'd/before'))).not.toContain('www-data');
  expect(aclOf(join(root, 'd/after'))).toContain('www-data');
});
