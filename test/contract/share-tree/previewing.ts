import { posix } from 'node:path';
import { expect, test } from 'vitest';
import { contractOf, type Ground, type Kind, stageText } from './ground.ts';

const wide = { namesMax: 1000, bytesMax: 1_000_000 };

/** A copy of the share to be judged before anything of it is changed. */
export function previewing(kind: Kind): void {
  contractOf('preview', kind, (prepared) => {
    copying(prepared);
    changing(prepared);
    bounds(prepared);
  });
}

/** A small config directory with the links that such directories have. */
function site(prepared: () => Ground) {
  const made = prepared();
  const { user, base } = made;
  user.makeDirectory('root/sites');
  user.makeDirectory('root/enabled');
  user.write('root/main.conf', 'main');
  user.chmod('root/main.conf', 0o600);
  user.write('root/sites/one', 'one');
  user.makeLink('../sites/one', 'root/enabled/relative');
  user.makeLink(`${base}/root/sites/one`, 'root/enabled/absolute');
  user.makeLink('../../outside', 'root/enabled/leaving');
  user.makeLink('/etc/hostname', 'root/enabled/elsewhere');
  user.write('outside', 'outside');
  const preview = made.tree.preview();
  const copy = posix.relative(base, preview.path);
  return { ...made, preview, of: (path: string) => posix.join(copy, path), copyPath: preview.path };
}

function copying(prepared: () => Ground): void {
  test('everything is copied; links lead where they would lead in its place', async () => {
    const { base, user, preview, of, copyPath } = site(prepared);
    user.chmod('root/sites/one', 0o4755);
    expect(await preview.copy(wide)).toBe(true);
    for (const directory of ['', 'sites', 'enabled']) expect(user.list(of(directory))).toEqual(user.list(posix.join('root', directory)));
    expect(user.readLink(of('enabled/relative'))).toBe('../sites/one');
    expect(user.readLink(of('enabled/absolute'))).toBe(`${copyPath}/sites/one`);
    expect(user.readLink(of('enabled/leaving'))).toBe(`${base}/outside`);
    expect(user.readLink(of('enabled/elsewhere'))).toBe('/etc/hostname');
    expect(user.stat(of('main.conf'))).toMatchObject({ mode: 0o600, mtimeUs: user.stat('root/main.conf')?.mtimeUs });
    expect(user.stat(of('sites/one'))?.mode).toBe(0o755);
  });

  test('what is done to the copy reaches neither the share nor another name of its files', async () => {
    const { user, preview, of } = site(prepared);
    user.hardLink('root/main.conf', 'second name');
    await preview.copy(wide);
    user.write(of('main.conf'), 'spoilt');
    user.chmod(of('sites/one'), 0o000);
    expect([user.read('root/main.conf'), user.read('second name')]).toEqual(['main', 'main']);
    expect((user.stat('root/sites/one')?.mode ?? 0) & 0o777).not.toBe(0);
    preview.discard();
    expect(user.stat(of(''))).toBeNull();
  });
}

function changing(prepared: () => Ground): void {
  test('changes are laid over it; a staged file is moved, once', async () => {
    const { tree, user, preview, of } = site(prepared);
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
    expect([user.read(of('conf.d/link')), user.read(of('conf.d/x'))]).toEqual(['new', 'x']);
    expect(user.list(of(''))).toEqual(['conf.d', 'enabled', 'main.conf']);
    await tree.flush();
  });

  test('nothing is written through a link of the copy, and what finds its place taken is left out', async () => {
    const { base, tree, user, preview, of } = site(prepared);
    user.makeDirectory('victim');
    user.makeLink(`${base}/victim`, 'root/conf.d');
    await preview.copy(wide);
    preview.place(stageText(tree, '', 'x'), 'conf.d/x');
    preview.makeDirectory('conf.d/sub', 0o755);
    preview.makeLink('conf.d/link', 'x');
    preview.remove('conf.d/x');
    preview.place(stageText(tree, '', 'x'), 'sites');
    preview.place(stageText(tree, '', 'x'), 'missing/x');
    expect(user.list('victim')).toEqual([]);
    expect(user.stat(of('sites'))?.kind).toBe('dir');
    expect(() => preview.remove('../outside')).toThrow(/path/);
  });
}

function bounds(prepared: () => Ground): void {
  test('bounds count names and bytes', async () => {
    const { user, tree, preview } = site(prepared);
    preview.discard();
    user.write('root/large', 'x'.repeat(5000));
    const names = user.list('root').length + user.list('root/sites').length + user.list('root/enabled').length;
    for (const [limits, fits] of [
      [{ namesMax: names, bytesMax: 5007 }, true],
      [{ namesMax: names - 1, bytesMax: 5007 }, false],
      [{ namesMax: names, bytesMax: 5006 }, false],
    ] as const) {
      const bounded = tree.preview();
      expect(await bounded.copy(limits)).toBe(fits);
      expect(bounded.digest(limits) !== null).toBe(fits);
      bounded.discard();
    }
  });

  test('the digest stays until something changes, and what a kill leaves behind goes with the stage', async () => {
    const { user, tree, preview, of } = site(prepared);
    const before = preview.digest(wide);
    expect(preview.digest(wide)).toBe(before);
    user.write('root/sites/one', 'two and more');
    expect(preview.digest(wide)).not.toBe(before);
    await preview.copy(wide);
    tree.rootState();
    tree.prepareStaging();
    expect(user.stat(of(''))).toBeNull();
  });
}
