import { expect, test } from 'vitest';
import type { DiskMetadata, ShareTree } from '../../../src/ports/filesystem.ts';
import { contractOf, faultCode, type Ground, type Kind, lookNow, readAll, stagePath } from './ground.ts';

/** New directories that are built apart, with all that comes into them. */
export function trees(kind: Kind): void {
  contractOf('trees', kind, (prepared, testAsRoot) => {
    appearing(prepared);
    meddling(prepared);
    asRoot(prepared, testAsRoot);
  });
}

function stageAt(tree: ShareTree, path: string, mode = 0o644) {
  const writer = tree.stage(path);
  writer.write(Buffer.from(path));
  return writer.finish({ mode, mtimeUs: 1_700_000_000_123_456 });
}

const rights = (modes: Record<string, number>) =>
  new Map<string, DiskMetadata>(Object.entries(modes).map(([path, mode]) => [path, { mode }]));

function appearing(prepared: () => Ground): void {
  test('R-A1: a tree is invisible below an unguessable name, then there in full with all rights; its files are those that were staged', () => {
    const { tree, user } = prepared();
    tree.stageTree(['d', 'd/e']);
    const staged = ['d/f.php', 'd/e/g'].map((path) => stageAt(tree, path));
    expect(user.list('root')).toEqual([]);
    const [name] = user.list(stagePath);
    expect(name).toMatch(/^[0-9a-f]{32}$/);
    expect((user.stat(`${stagePath}/${name}`)?.mode ?? 0) & 0o777).toBe(0o700);
    const placed = tree.placeTree('d', rights({ d: 0o711, 'd/e': 0o750 }));
    expect(placed.outcome).toBe('done');
    const stats = placed.outcome === 'done' ? placed.stats : new Map();
    for (const path of ['d', 'd/e']) expect(stats.get(path)).toEqual(lookNow(tree, path));
    expect([lookNow(tree, 'd').mode, lookNow(tree, 'd/e').mode]).toEqual([0o711, 0o750]);
    expect(staged.map(({ stat }) => stat)).toEqual([lookNow(tree, 'd/f.php'), lookNow(tree, 'd/e/g')]);
    expect(readAll(tree, 'd/e/g')).toBe('d/e/g');
    expect(user.list(stagePath)).toEqual([]);
  });

  test('a tree replaces nothing: no file, link or directory; what was staged for it is placed one by one', () => {
    const { tree, user } = prepared();
    user.write('root/f', 'here');
    user.makeLink('nowhere', 'root/l');
    user.makeDirectory('root/d');
    for (const path of ['f', 'l', 'd']) {
      tree.stageTree([path]);
      const staged = stageAt(tree, `${path}/x`);
      expect(tree.placeTree(path, rights({ [path]: 0o755 }))).toEqual({ outcome: 'occupied' });
      if (path === 'd') expect(tree.placeNew(staged, 'd/x')).toMatchObject({ outcome: 'done' });
      tree.discardTree(path);
    }
    expect(readAll(tree, 'd/x')).toBe('d/x');
    expect(user.list('root')).toEqual(['d', 'f', 'l']);
    expect(user.list(stagePath)).toEqual([]);
  });

  test('of a tree that cannot be made nothing stays', () => {
    const { tree, user } = prepared();
    const inner = Array.from(
      { length: 30 },
      (_, at) =>
        `d/${Array(at + 1)
          .fill('n'.repeat(200))
          .join('/')}`,
    );
    expect(faultCode(() => tree.stageTree(['d', ...inner]))).toBe('unsupported');
    expect(user.list(stagePath)).toEqual([]);
    stageAt(tree, 'd/f');
    expect(user.list(stagePath)[0]).toMatch(/^[0-9a-f]{32}$/);
  });
}

function meddling(prepared: () => Ground): void {
  test('what takes the name between look and rename stays, unless it is an empty directory', () => {
    const { tree, user } = prepared();
    const meddling = (meddle: () => void) => {
      const metadata = rights({ d: 0o755 });
      metadata.get = (path) => {
        meddle();
        return { mode: path === 'd' ? 0o755 : 0o700 };
      };
      return metadata;
    };
    tree.stageTree(['d']);
    const makeFile = meddling(() => user.write('root/d', 'first'));
    expect(tree.placeTree('d', makeFile)).toEqual({ outcome: 'occupied' });
    expect(readAll(tree, 'd')).toBe('first');
    tree.discardTree('d');
    tree.stageTree(['e']);
    const makeFull = () => {
      user.makeDirectory('root/e');
      user.write('root/e/own', 'own');
    };
    expect(tree.placeTree('e', meddling(makeFull))).toEqual({ outcome: 'occupied' });
    expect(readAll(tree, 'e/own')).toBe('own');
  });

  test('R-A4: a tree that landed in a directory which had moved away is told', () => {
    const { tree, user } = prepared();
    user.makeDirectory('root/a');
    tree.stageTree(['a/d']);
    const metadata = rights({ 'a/d': 0o755 });
    metadata.get = () => {
      if (user.stat('root/a') !== null) user.rename('root/a', 'root/moved');
      return { mode: 0o755 };
    };
    expect(tree.placeTree('a/d', metadata)).toEqual({ outcome: 'moved' });
    expect(user.list('root/moved')).toEqual(['d']);
  });
}

function asRoot(prepared: () => Ground, testAsRoot: typeof test): void {
  testAsRoot('a mount on the way is trouble, not an effect somewhere else', () => {
    const { tree, user, mount } = prepared();
    user.makeDirectory('root/m');
    mount('root/m', 65_536);
    tree.stageTree(['m/d']);
    expect(faultCode(() => tree.placeTree('m/d', rights({ 'm/d': 0o755 })))).toBe('io');
    expect(user.list('root/m')).toEqual([]);
  });

  testAsRoot('a setgid bit goes down a tree with its group', () => {
    const { tree, user, chown } = prepared();
    user.makeDirectory('root/shared');
    chown('root/shared', 0, 50);
    user.chmod('root/shared', 0o2775);
    tree.stageTree(['shared/d', 'shared/d/e']);
    expect(stageAt(tree, 'shared/d/e/f').stat.gid).toBe(50);
    const metadata = new Map(['shared/d', 'shared/d/e'].map((path) => [path, { mode: 0o755, uid: 0, gid: 0 }]));
    expect(tree.placeTree('shared/d', metadata).outcome).toBe('done');
    for (const path of ['shared/d', 'shared/d/e']) expect(lookNow(tree, path)).toMatchObject({ mode: 0o2755, gid: 50 });
    tree.rootState();
    expect(user.list(stagePath)).toEqual([]);
  });
}
