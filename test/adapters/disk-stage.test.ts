import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { done, stageText } from '../contract/share-tree/ground.ts';
import { bench, isRoot } from './disk-fixture.ts';

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
