import { expect, test } from 'vitest';
import { contentHash } from '../../../src/model/digest.ts';
import type { DiskMetadata, ShareTree, Staged } from '../../../src/ports/filesystem.ts';
import { contractOf, done, faultCode, type Ground, type Kind, lookNow, readAll, stagePath, stageText } from './ground.ts';

/** The staging area: where it lies, what goes into it, and what it costs to leave it behind. */
export function staging(kind: Kind): void {
  contractOf('staging', kind, (prepared, testAsRoot) => {
    area(prepared, kind, testAsRoot);
    contents(prepared);
    changes(prepared);
    fullDisk(kind, testAsRoot);
    inheriting(prepared, testAsRoot);
  });
}

function area(prepared: () => Ground, kind: Kind, testAsRoot: typeof test): void {
  test('R-A1: the staging area is beside the root, 0700, and its names have no extension', () => {
    const { tree, user } = prepared();
    expect(tree.stagingInsideRoot).toBeNull();
    for (const path of ['', '/stage', '/trash']) expect((user.stat(`.flocksync-web${path}`)?.mode ?? 0) & 0o777).toBe(0o700);
    const writer = tree.stage('f');
    writer.write(Buffer.from('x'));
    const [name] = user.list(stagePath);
    expect(name).toMatch(/^[0-9a-f]{32}$/);
    expect((user.stat(`${stagePath}/${name}`)?.mode ?? 0) & 0o777).toBe(0o600);
    writer.abort();
    writer.abort();
    expect(user.list(stagePath)).toEqual([]);
  });

  test('leftovers of a killed run go from the stage, not from the trash', () => {
    const { tree, user } = prepared();
    stageText(tree, '', 'left');
    user.makeDirectory(`${stagePath}/room`);
    user.write(`${stagePath}/room/x`, '');
    user.write('root/f', 'kept');
    tree.moveToTrash('f', lookNow(tree, 'f'), 't');
    tree.prepareStaging();
    expect(user.list(stagePath)).toEqual([]);
    expect(tree.listTrash()).toEqual(['t']);
  });

  test('an area that was proved once is found again without touching the root', () => {
    const { tree, user, another } = prepared();
    const before = user.stat('root');
    tree.rootState();
    tree.prepareStaging();
    another().prepareStaging();
    expect(user.stat('root')).toEqual(before);
  });

  test('a link in the place of the staging area is not used', () => {
    const { tree, user } = kind.open();
    user.makeDirectory('elsewhere');
    user.makeLink('elsewhere', '.flocksync-web');
    tree.prepareStaging();
    expect(tree.stagingInsideRoot).toBe('.flocksync');
    expect(user.list('elsewhere')).toEqual([]);
    expect(user.list('root')).toEqual(['.flocksync']);
    done(tree.placeNew(stageText(tree, '', 'x'), 'f'));
  });

  testAsRoot('a staging area of another user is not used, except by root that of the owner of the share', () => {
    const { tree, user, chown } = kind.open();
    user.makeDirectory('.flocksync-web');
    chown('.flocksync-web', 33, 33);
    tree.prepareStaging();
    expect(tree.stagingInsideRoot).toBe('.flocksync');
    user.rename('root/.flocksync', 'unused');
    chown('root', 33, 33);
    tree.rootState();
    tree.prepareStaging();
    expect(tree.stagingInsideRoot).toBeNull();
  });

  testAsRoot('R-A1: a bind mount refuses the rename with equal device numbers, so the area lies inside', () => {
    const { tree, user, bind } = kind.open();
    user.makeDirectory('real');
    bind('real', 'root');
    tree.rootState();
    tree.prepareStaging();
    expect(user.stat('root')?.dev).toBe(user.stat('real')?.dev);
    expect(tree.stagingInsideRoot).toBe('.flocksync');
    expect(user.list('')).toEqual(['real', 'root']);
    done(tree.placeNew(stageText(tree, '', 'x'), 'f'));
    expect(readAll(tree, 'f')).toBe('x');
  });

  testAsRoot('a root that became a mount: the area moves inside, the old trash stays', () => {
    const { tree, user, bind } = prepared();
    user.write('root/f', 'x');
    tree.moveToTrash('f', lookNow(tree, 'f'), 't');
    user.makeDirectory('real');
    bind('real', 'root');
    tree.rootState();
    tree.prepareStaging();
    expect(tree.stagingInsideRoot).toBe('.flocksync');
    expect(user.list('.flocksync-web/trash')).toEqual(['t']);
  });

  testAsRoot('a proof does not outlive a mount of the root onto itself', () => {
    const { tree, bind } = prepared();
    bind('root', 'root');
    tree.rootState();
    tree.prepareStaging();
    expect(tree.stagingInsideRoot).toBe('.flocksync');
  });

  test('R-G4: another state on the same root is refused, the same state is not, and a release frees the root', () => {
    const { tree } = prepared();
    const lock = tree.lockRoot('state-a');
    expect(lock).toMatchObject({ own: true });
    expect(tree.lockRoot('state-b')).toBeNull();
    const again = tree.lockRoot('state-a');
    expect(again).toMatchObject({ own: false });
    again?.release();
    expect(tree.lockRoot('state-b')).toBeNull();
    lock?.release();
    lock?.release();
    const other = tree.lockRoot('state-b');
    expect(other).not.toBeNull();
    other?.release();
  });

  test('R-G4: a lock that is kept goes on, unless its file is another one by now', () => {
    const { tree, user } = prepared();
    const lock = tree.lockRoot('mine');
    expect(tree.lockRoot('mine', lock)).toBe(lock);
    user.remove('.flocksync-web/lock');
    const anew = tree.lockRoot('mine', lock);
    expect(anew?.own).toBe(true);
    expect(anew).not.toBe(lock);
    expect(tree.lockRoot('theirs')).toBeNull();
    for (const each of [lock, anew]) each?.release();
  });
}

function contentOf(text: string) {
  const stored = Buffer.from(text);
  return { stored, codec: 'none' as const, hash: contentHash(stored), size: stored.length };
}

const metadata: DiskMetadata = { mode: 0o640, mtimeUs: 1_600_000_000_000_001 };

function contents(prepared: () => Ground): void {
  test('whole contents are staged for each of their files; bytes that are not the content are told, and nothing of them is made', async () => {
    const { tree, user } = prepared();
    const wrong = { ...contentOf('wrong'), hash: contentHash(Buffer.from('right')) };
    const files = (...paths: string[]) => paths.map((path) => ({ path, metadata }));
    const staged = await tree.stageContents([
      { content: contentOf('twice'), files: files('a', 'b') },
      { content: wrong, files: files('c') },
    ]);
    expect(staged[1]).toBeNull();
    expect(user.list(stagePath)).toHaveLength(2);
    for (const [at, path] of ['a', 'b'].entries()) {
      const stat = done(tree.placeNew(staged[0]?.[at] as Staged, path));
      expect(stat).toMatchObject({ ...metadata, size: 5 });
      expect(readAll(tree, path)).toBe('twice');
    }
    expect(await tree.stageContents([])).toEqual([]);
  });

  test('flush resolves for few and for many staged files, and for files that are gone', async () => {
    const { tree, user } = prepared();
    await tree.flush();
    tree.discard(stageText(tree, '', 'gone'));
    stageText(tree, '', 'one');
    await tree.flush();
    const many = Array.from({ length: 40 }, (_, i) => stageText(tree, '', String(i)));
    await tree.flush();
    for (const staged of many) done(tree.placeNew(staged, `f${staged.name}`));
    expect(user.list(stagePath)).toHaveLength(1);
  });
}

function changes(prepared: () => Ground): void {
  test('what was changed here, and what others have changed, is flushed, whether it still stands or not', async () => {
    const { tree, user, another } = prepared();
    await tree.flushChanges();
    user.makeDirectory('root/d');
    user.write('root/d/f', 'x');
    user.makeLink('nowhere', 'root/l');
    done(tree.makeDirectory('own', 0o755));
    tree.removeDirectory('own');
    await tree.flushChanges(['d/f', 'd', 'l', 'd/gone', 'none/below', 'd/f/below']);
    await tree.flushChanges(Array.from({ length: 40 }, (_, at) => `d/${at}`));
    await tree.flushChanges('all');
    // Who has nothing to stage needs no staging area for it.
    user.remove('.flocksync-web');
    const publisher = another();
    publisher.rootState();
    await publisher.flushChanges(['d/f']);
    expect(user.list('')).toEqual(['root']);
  });
}

function fullDisk(kind: Kind, testAsRoot: typeof test): void {
  function smallDisk(): Ground & { readonly tree: ShareTree } {
    const ground = kind.open();
    ground.mount('root', 262_144);
    ground.tree.rootState();
    ground.tree.prepareStaging();
    return ground;
  }

  testAsRoot('a full disk is told as full, and nothing of the file stays', () => {
    const { tree, user } = smallDisk();
    const writer = tree.stage('f');
    expect(faultCode(() => writer.write(Buffer.alloc(1024 * 1024)))).toBe('full');
    writer.abort();
    done(tree.placeNew(stageText(tree, '', 'small'), 'f'));
    expect(user.list('root')).toEqual(['.flocksync', 'f']);
  });

  testAsRoot('of whole contents, what does not fit is told as full and leaves nothing; what fits is staged', async () => {
    const { tree, user } = smallDisk();
    const asked = ['large', 'small'].map((path) => ({
      content: contentOf('x'.repeat(path === 'large' ? 1024 * 1024 : 10)),
      files: [{ path, metadata }],
    }));
    const [large, small] = await tree.stageContents(asked);
    expect(large?.[0]).toMatchObject({ name: 'DiskFault', code: 'full' });
    expect(user.list('root/.flocksync/stage')).toHaveLength(1);
    done(tree.placeNew(small?.[0] as Staged, 'small'));
  });
}

function inheriting(prepared: () => Ground, testAsRoot: typeof test): void {
  testAsRoot('a setgid directory gives its group to a staged file, whether it stands already or will be made below', async () => {
    const { tree, user, chown } = prepared();
    user.makeDirectory('root/shared');
    chown('root/shared', 0, 50);
    user.chmod('root/shared', 0o2775);
    const staged = [stageText(tree, 'shared', 'x'), stageText(tree, 'shared/later', 'y')];
    expect(staged.map(({ stat }) => stat.gid)).toEqual([50, 50]);
    await tree.flush();
    expect(done(tree.makeDirectory('shared/later', 0o755))).toMatchObject({ gid: 50, mode: 0o2755 });
    done(tree.placeNew(staged[0] as Staged, 'shared/f'));
    done(tree.placeNew(staged[1] as Staged, 'shared/later/f'));
    expect(user.list('root/shared')).toEqual(['f', 'later']);
    tree.rootState();
    expect(user.list(stagePath)).toEqual([]);
  });

  testAsRoot('what a killed run has left in a directory that passes on its group is used up, and keeps no directory from going', () => {
    const { tree, user, chown } = prepared();
    for (const path of ['root/shared', 'root/goes']) {
      user.makeDirectory(path);
      chown(path, 0, 50);
      user.chmod(path, 0o2775);
      user.makeDirectory(`${path}/.flocksync-room`);
    }
    done(tree.placeNew(stageText(tree, 'shared', 'x'), 'shared/f'));
    expect(user.list('root/shared')).toEqual(['f']);
    expect(user.stat('root/shared/f')?.gid).toBe(50);
    expect(tree.removeDirectory('goes')).toBe('done');
    user.makeDirectory('root/stays/.flocksync-room/own');
    expect(tree.removeDirectory('stays')).toBe('not-empty');
    expect(user.list('root/stays/.flocksync-room')).toEqual(['own']);
  });
}
