import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bench, isRoot, stageText } from './disk-fixture.ts';

const wide = { namesMax: 1000, bytesMax: 1_000_000 };

/** A small config directory with the links that such directories have. */
function site() {
  const made = bench();
  const { root } = made;
  mkdirSync(join(root, 'sites'));
  mkdirSync(join(root, 'enabled'));
  writeFileSync(join(root, 'main.conf'), 'main', { mode: 0o600 });
  writeFileSync(join(root, 'sites', 'one'), 'one');
  symlinkSync('../sites/one', join(root, 'enabled', 'relative'));
  symlinkSync(join(root, 'sites', 'one'), join(root, 'enabled', 'absolute'));
  symlinkSync('../../outside', join(root, 'enabled', 'leaving'));
  symlinkSync('/etc/hostname', join(root, 'enabled', 'elsewhere'));
  writeFileSync(join(made.base, 'outside'), 'outside');
  return made;
}

test('everything is copied; links lead where they would lead in its place', async () => {
  const { root, base, tree } = site();
  chmodSync(join(root, 'sites', 'one'), 0o4755);
  const preview = tree.preview();
  expect(await preview.copy(wide)).toBe(true);
  expect(readdirSync(preview.path, { recursive: true }).sort()).toEqual(readdirSync(root, { recursive: true }).sort());
  const of = (path: string) => join(preview.path, path);
  for (const name of ['relative', 'absolute']) expect(realpathSync(of(`enabled/${name}`))).toBe(realpathSync(of('sites/one')));
  expect(realpathSync(of('enabled/leaving'))).toBe(realpathSync(join(base, 'outside')));
  expect(readlinkSync(of('enabled/elsewhere'))).toBe('/etc/hostname');
  expect(statSync(of('main.conf')).mode & 0o7777).toBe(0o600);
  expect(statSync(of('sites/one')).mode & 0o7777).toBe(0o755);
  const microseconds = (path: string) => statSync(path, { bigint: true }).mtimeNs / 1000n;
  expect(microseconds(of('main.conf'))).toBe(microseconds(join(root, 'main.conf')));
});

test('what is done to the copy reaches neither the share nor another name of its files', async () => {
  const { root, base, tree } = site();
  linkSync(join(root, 'main.conf'), join(base, 'second name'));
  const preview = tree.preview();
  await preview.copy(wide);
  writeFileSync(join(preview.path, 'main.conf'), 'spoilt');
  chmodSync(join(preview.path, 'sites', 'one'), 0o000);
  expect(readFileSync(join(root, 'main.conf'), 'utf8')).toBe('main');
  expect(readFileSync(join(base, 'second name'), 'utf8')).toBe('main');
  expect(statSync(join(root, 'sites', 'one')).mode & 0o777).not.toBe(0);
  preview.discard();
  expect(existsSync(preview.path)).toBe(false);
});

test('changes are laid over it; a staged file is moved, once', async () => {
  const { tree } = site();
  const preview = tree.preview();
  await preview.copy(wide);
  preview.remove('main.conf');
  preview.place(stageText(tree, '', 'new'), 'main.conf');
  preview.makeDirectory('conf.d', 0o755);
  preview.place(stageText(tree, '', 'x'), 'conf.d/x');
  preview.makeLink('conf.d/link', '../main.conf');
  preview.remove('sites/one');
  preview.remove('sites');
  preview.remove('enabled');
  preview.remove('nothing/there');
  const of = (path: string) => join(preview.path, path);
  expect([readFileSync(of('conf.d/link'), 'utf8'), readFileSync(of('conf.d/x'), 'utf8')]).toEqual(['new', 'x']);
  expect(readdirSync(preview.path).sort()).toEqual(['conf.d', 'enabled', 'main.conf']);
  await tree.flush();
});

test('nothing is written through a link of the copy, and what finds its place taken is left out', async () => {
  const { base, root, tree } = site();
  mkdirSync(join(base, 'victim'));
  symlinkSync(join(base, 'victim'), join(root, 'conf.d'));
  const preview = tree.preview();
  await preview.copy(wide);
  preview.place(stageText(tree, '', 'x'), 'conf.d/x');
  preview.makeDirectory('conf.d/sub', 0o755);
  preview.makeLink('conf.d/link', 'x');
  preview.remove('conf.d/x');
  preview.place(stageText(tree, '', 'x'), 'sites');
  preview.place(stageText(tree, '', 'x'), 'missing/x');
  expect(readdirSync(join(base, 'victim'))).toEqual([]);
  expect(lstatSync(join(preview.path, 'sites')).isDirectory()).toBe(true);
  expect(() => preview.remove('../outside')).toThrow(/path/);
});

test('bounds count names and bytes', async () => {
  const { root, tree } = site();
  writeFileSync(join(root, 'large'), Buffer.alloc(5000));
  const names = readdirSync(root, { recursive: true }).length;
  for (const [bounds, fits] of [
    [{ namesMax: names, bytesMax: 5007 }, true],
    [{ namesMax: names - 1, bytesMax: 5007 }, false],
    [{ namesMax: names, bytesMax: 5006 }, false],
  ] as const) {
    const preview = tree.preview();
    expect(await preview.copy(bounds)).toBe(fits);
    expect(preview.digest(bounds) !== null).toBe(fits);
    preview.discard();
  }
});

test('the digest stays until something changes, and what a kill leaves behind goes with the stage', async () => {
  const { root, tree } = site();
  const preview = tree.preview();
  const before = preview.digest(wide);
  expect(preview.digest(wide)).toBe(before);
  writeFileSync(join(root, 'sites', 'one'), 'two');
  expect(preview.digest(wide)).not.toBe(before);
  await preview.copy(wide);
  tree.rootState();
  tree.prepareStaging();
  expect(existsSync(preview.path)).toBe(false);
});

test.skipIf(isRoot)('a file that cannot be read is no absence (needs a user other than root)', async () => {
  const { root, tree } = site();
  chmodSync(join(root, 'main.conf'), 0);
  await expect(tree.preview().copy(wide)).rejects.toMatchObject({ name: 'DiskFault', code: 'denied' });
});
