import fc from 'fast-check';
import { expect, test } from 'vitest';
import { done, lookNow, readAll, stageText } from '../contract/share-tree/ground.ts';
import type { CallHooks } from './disk/calls.ts';
import { MemoryDisk } from './disk/memory-disk.ts';
import { openMemoryTree } from './disk/memory-tree.ts';
import { MemoryUser } from './disk/user.ts';

const root = '/srv/html';
const startUs = 1_750_000_000_000_000;

/** A disk whose clock stands until it is told, with a prepared share on it. */
function bench(hooks: CallHooks = {}) {
  const clock = { nowUs: startUs };
  const disk = new MemoryDisk({ nowUs: () => clock.nowUs });
  const user = new MemoryUser(disk);
  user.makeDirectory(root);
  let named = 0;
  const random = {
    hex: (bytes: number) => {
      named += 1;
      return named.toString(16).padStart(2 * bytes, '0');
    },
    fraction: () => 0,
  };
  const tree = openMemoryTree({ disk, root, shareName: 'webroot', random, ...hooks });
  tree.prepareStaging();
  return { clock, disk, user, tree };
}

/** The same sequence of numbers for the same seed. */
function chanceOf(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test('a power cut keeps a prefix of what was done to names, and nothing from behind a hole in it', () => {
  const lengths = new Set<number>();
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const { disk, tree } = bench();
      disk.deviceOf(root).flush();
      for (let i = 0; i < 10; i++) done(tree.makeDirectory(`d${i}`, 0o755));
      disk.crash(chanceOf(seed));
      const left = new MemoryUser(disk).list(root);
      expect(left).toEqual(Array.from({ length: left.length }, (_, i) => `d${i}`));
      lengths.add(left.length);
    }),
    { numRuns: 200, seed: 1 },
  );
  expect(lengths.size).toBe(11);
});

test('what was flushed survives every power cut; what was only written may be there, as before, cut or zeroed', async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 300; seed++) {
    const { disk, tree, user } = bench();
    const safe = stageText(tree, '', 'flushed');
    await tree.flush();
    done(tree.placeNew(safe, 'safe'));
    const unsafe = stageText(tree, '', 'not flushed');
    done(tree.placeNew(unsafe, 'unsafe'));
    user.makeDirectory('/elsewhere');
    disk.crash(chanceOf(seed));
    expect(user.read(`${root}/safe`)).toBe('flushed');
    const left = user.read(`${root}/unsafe`);
    expect(['not flushed'.startsWith(left), left === '\0'.repeat(11)]).toContain(true);
    seen.add(left === '' ? 'empty' : left === 'not flushed' ? 'whole' : left.startsWith('\0') ? 'zeroed' : 'cut');
  }
  expect([...seen].sort()).toEqual(['cut', 'empty', 'whole', 'zeroed']);
});

test('a rename over a file is one operation: a power cut leaves the old one or the new one', () => {
  const left = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    const { disk } = bench();
    const user = new MemoryUser(disk, { flushes: false });
    new MemoryUser(disk).write(`${root}/f`, 'old');
    user.save(`${root}/f`, 'old');
    disk.crash(chanceOf(seed));
    left.add(user.list(root).join(' '));
    expect(user.list(root)).toContain('f');
  }
  expect(left).toEqual(new Set(['f', '.f.part f']));
});

test('two changes within one tick have equal stamps', () => {
  const { clock, user, tree } = bench();
  user.write(`${root}/f`, 'one');
  const before = lookNow(tree, 'f');
  clock.nowUs += 100;
  user.overwrite(`${root}/f`, 'two');
  expect(lookNow(tree, 'f')).toEqual(before);
  clock.nowUs += 4000;
  user.overwrite(`${root}/f`, 'six');
  expect(lookNow(tree, 'f').ctimeKey).toBeGreaterThan(before.ctimeKey);
});

test('a number of a removed inode is given away, but not while a handle holds it', () => {
  const { user, tree } = bench();
  user.write(`${root}/a`, 'a');
  const { ino } = lookNow(tree, 'a');
  user.remove(`${root}/a`);
  user.write(`${root}/b`, 'b');
  expect(lookNow(tree, 'b').ino).toBe(ino);
  const open = tree.open('b');
  user.remove(`${root}/b`);
  user.write(`${root}/c`, 'c');
  expect(lookNow(tree, 'c').ino).not.toBe(ino);
  open.close();
  user.write(`${root}/d`, 'd');
  expect(lookNow(tree, 'd').ino).toBe(ino);
});

test('a copy goes its own way, with equal stats at first; a restoration has other inodes and change times', () => {
  const { clock, disk, user } = bench();
  user.write(`${root}/f`, 'one');
  user.hardLink(`${root}/f`, `${root}/g`);
  const clone = new MemoryUser(disk.copy());
  expect(clone.stat(`${root}/f`)).toEqual(user.stat(`${root}/f`));
  clone.append(`${root}/g`, ' of the clone');
  expect([user.read(`${root}/f`), clone.read(`${root}/f`)]).toEqual(['one', 'one of the clone']);
  clock.nowUs += 10_000;
  user.copyFrom(clone.disk, root, '/srv/restored');
  expect(user.read('/srv/restored/g')).toBe('one of the clone');
  expect(user.stat('/srv/restored/f')).toMatchObject({ links: 2, mtimeUs: clone.stat(`${root}/f`)?.mtimeUs });
  expect(user.stat('/srv/restored/f')?.ino).not.toBe(user.stat(`${root}/f`)?.ino);
});

test('a device that is mounted hides what was there, and unmounted it is back', () => {
  const { disk, user, tree } = bench();
  user.write(`${root}/f`, 'below');
  disk.mount(disk.newDevice(), root);
  expect(user.list(root)).toEqual([]);
  const mounted = tree.rootState();
  disk.unmount(root);
  const bare = tree.rootState();
  expect(mounted.state === 'present' && bare.state === 'present' && mounted.dev !== bare.dev).toBe(true);
  expect(readAll(tree, 'f')).toBe('below');
});

test('a hook may fail an effect, which then has not happened; a dead process does nothing any more and holds no lock', () => {
  let failing: string | null = null;
  const effects: string[] = [];
  const onEffect = (name: string, path: string) => {
    effects.push(`${name} ${path}`);
    if (name === failing) throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
  };
  const { disk, user, tree } = bench({ onEffect });
  const staged = stageText(tree, '', 'x');
  effects.length = 0;
  failing = 'link';
  expect(() => tree.placeNew(staged, 'f')).toThrow(expect.objectContaining({ name: 'DiskFault', code: 'full' }));
  failing = null;
  expect(user.list(root)).toEqual([]);
  done(tree.placeNew(staged, 'f'));
  expect(effects).toEqual([`link ${root}/f`, `link ${root}/f`, `unlink /srv/.flocksync-webroot/stage/${staged.name}`]);
  expect(tree.lockRoot('one')).toMatchObject({ own: true });
  tree.die(new Error('killed'));
  expect(() => tree.makeDirectory('d', 0o755)).toThrow('killed');
  expect(() => tree.look('f')).toThrow('killed');
  expect(disk.locks.size).toBe(0);
});

test('a refused directory or file is trouble to every look at it, and read-only refuses every effect', () => {
  const { disk, user, tree } = bench();
  user.makeDirectory(`${root}/d`);
  user.write(`${root}/d/f`, 'x');
  disk.refused.set(`${root}/d`, 'EACCES');
  expect(() => tree.readDirectory('d', () => true)).toThrow(expect.objectContaining({ code: 'denied' }));
  expect(() => tree.look('d/f')).toThrow(expect.objectContaining({ code: 'denied' }));
  disk.refused.clear();
  disk.refused.set(`${root}/d/f`, 'EIO');
  expect(() => tree.open('d/f')).toThrow(expect.objectContaining({ code: 'io' }));
  expect(tree.look('d/f')?.size).toBe(1);
  disk.deviceOf(root).readOnly = true;
  expect(() => tree.makeDirectory('e', 0o755)).toThrow(expect.objectContaining({ code: 'read-only' }));
});
