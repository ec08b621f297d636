import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { contentHash } from '../../src/model/digest.ts';
import type { Scope } from '../../src/model/scope.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { memberIn, type TestMember } from './member.ts';

function put({ root }: TestMember, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function read({ root }: TestMember, path: string): string | null {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : null;
}

function below(...paths: string[]): Scope {
  return { kind: 'below', paths };
}

const asked = (...paths: string[]) => ({ only: 'publish' as const, scope: below(...paths) });

test('R-R4: a look at a path in a lingering directory does not bring that back', async () => {
  const home = temporaryDirectory();
  const [a, b] = [memberIn(home, 'a'), memberIn(home, 'b', { config: { exclude: ['*.log'] } })];
  for (const path of ['d/file', 'keep']) put(a, path, '');
  await a.cycle();
  await b.cycle();
  put(b, 'd/own.log', '');
  rmSync(join(a.root, 'd'), { recursive: true });
  await a.cycle();
  await b.cycle();
  await b.cycle();
  expect(b.journal.lingering().has('d')).toBe(true);
  for (const path of ['d/nothing', 'd/own.log', 'd']) expect((await b.cycle(asked(path))).counts.published).toBe(0);
  expect((await b.cycle()).counts.published).toBe(0);
  put(b, 'd/new', 'x');
  expect((await b.cycle(asked('d/new'))).counts.published).toBe(2);
  expect((await b.cycle()).counts.published).toBe(0);
});

test('R-J1: what is published first of a share that is being seeded does not make others displace the rest', async () => {
  const home = temporaryDirectory();
  const [a, b] = [memberIn(home, 'a'), memberIn(home, 'b')];
  for (const member of [a, b]) for (const path of ['asked/one', 'rest/two']) put(member, path, path);
  await a.cycle(asked('asked'));
  expect(a.journal.folded('asked/one')).not.toBeNull();
  await b.cycle();
  expect(read(b, 'rest/two')).toBe('rest/two');
  await a.cycle();
  await b.cycle();
  expect(b.journal.trash()).toEqual([]);
});

test('R-P4: a link that has to wait for its changeset is said to wait', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  put(a, 'first', '');
  await a.cycle();
  a.journal.setMeta('openChangeset', 'aaaaaaaaaaaaaaaa');
  symlinkSync('first', join(a.root, 'link'));
  expect(await a.cycle(asked('link'))).toMatchObject({ unfinished: true, counts: { published: 0 } });
  expect(await a.cycle()).toMatchObject({ unfinished: false, counts: { published: 1 } });
});

test('R-G2: what is held out of sight counts once', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  for (let i = 0; i < 50; i++) for (const dir of ['one', 'two']) put(a, `${dir}/${i}`, `${i} ${dir}`);
  await a.cycle();
  await a.cycle();
  for (let i = 0; i < 21; i++) rmSync(join(a.root, `one/${i}`));
  expect((await a.cycle()).held).toBe(true);
  rmSync(join(a.root, 'two/0'));
  const outcome = await a.cycle(asked('two'));
  expect([outcome.held, outcome.counts.deleted]).toEqual([true, 0]);
});

test('R-G2: a hold outlives a large new tree that is published in parts', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  for (let i = 0; i < 50; i++) put(a, `one/${i}`, `${i}`);
  put(a, 'keep', '');
  await a.cycle();
  rmSync(join(a.root, 'one'), { recursive: true });
  expect((await a.cycle()).held).toBe(true);
  const holds = a.journal.holds();
  for (let i = 0; i < 9000; i++) put(a, `new/${i % 100}/${i}`, '');
  const outcome = await a.cycle(asked('new'));
  expect([outcome.held, outcome.counts.deleted]).toEqual([true, 0]);
  expect(a.journal.holds()).toEqual(holds);
});

test('R-A2: a cycle that is told to stop leaves the second look at what it displaced to the next one', async () => {
  const home = temporaryDirectory();
  const [a, b] = [memberIn(home, 'a'), memberIn(home, 'b', { config: { settleMs: 300 } })];
  put(a, 'x', 'x1');
  await a.cycle();
  await b.cycle();
  put(a, 'x', 'x2, longer');
  await a.cycle();
  const writer = openSync(join(b.root, 'x'), 'r+');
  const stop = new AbortController();
  const { tree } = b.agent.ports;
  const placeOver = tree.placeOver.bind(tree);
  tree.placeOver = (...call) => {
    setTimeout(() => stop.abort(), 50);
    return placeOver(...call);
  };
  await b.cycle({ signal: stop.signal });
  tree.placeOver = placeOver;
  expect(read(b, 'x')).toBe('x2, longer');
  writeSync(writer, 'written late', 0);
  closeSync(writer);
  await b.cycle();
  const kept = b.journal.versions('x').filter((row) => row.op === 'kept');
  expect(kept.map(({ entry }) => entry?.kind === 'file' && entry.hash)).toEqual([contentHash(Buffer.from('written late'))]);
});

test('R-G1: a root that is another one than before is looked at as a whole, wherever the look was to go', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  put(a, 'd/e/f', '');
  await a.cycle();
  await a.cycle();
  renameSync(a.root, join(home, 'aside'));
  mkdirSync(a.root);
  renameSync(join(home, 'aside/d'), join(a.root, 'd'));
  put(a, 'd/e/unheard', '');
  const outcome = await a.cycle({ scope: { kind: 'directories', paths: new Set(), subtrees: new Set() }, log: 'known' });
  expect([outcome.sawEverything, outcome.counts.published]).toEqual([true, 1]);
});

test('R-D2: a directory that comes and goes all the time is published with what it holds, or not at all', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a', { config: { mode: 'lightweight' } });
  put(a, 'keep', '');
  await a.cycle();
  await a.cycle();
  for (let n = 0; n < 8; n++) {
    put(a, `lock/by ${n}`, '');
    await a.cycle({ scope: { kind: 'directories', paths: new Set(['', 'lock']), subtrees: new Set() }, log: 'known' });
    expect(a.journal.folded(`lock/by ${n}`)).not.toBeNull();
    rmSync(join(a.root, 'lock'), { recursive: true });
    await a.cycle({ scope: { kind: 'directories', paths: new Set(['', 'lock']), subtrees: new Set() }, log: 'known' });
    expect(a.journal.folded('lock')).toBeNull();
  }
});

test('R-D2: a file that is published again and again may become a directory', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a', { config: { mode: 'lightweight' } });
  put(a, 'keep', '');
  await a.cycle();
  const look = async () => await a.cycle({ scope: { kind: 'directories', paths: new Set(['', 'x']), subtrees: new Set() }, log: 'known' });
  for (let n = 0; n < 8; n++) {
    put(a, 'x', `${n}`);
    await look();
  }
  rmSync(join(a.root, 'x'));
  put(a, 'x/file', '');
  await look();
  expect(a.journal.folded('x/file')).not.toBeNull();
  for (let n = 0; n < 8; n++) {
    put(a, 'x/y', `${n}`);
    await look();
  }
});

test('R-R3: what stands in a new directory that was not seen waits for it, so that nobody makes up its rights', async () => {
  const home = temporaryDirectory();
  const [a, b] = [memberIn(home, 'a'), memberIn(home, 'b')];
  put(a, 'keep', '');
  await a.cycle();
  put(a, 'd/e/f', '');
  for (const dir of ['d', 'd/e']) chmodSync(join(a.root, dir), 0o700);
  const { tree } = a.agent.ports;
  const { look } = tree;
  // Removed, and made again a moment later.
  tree.look = (path) => (path === 'd' ? null : look(path));
  await a.cycle();
  for (const path of ['d', 'd/e', 'd/e/f']) expect(a.journal.folded(path)).toBeNull();
  tree.look = look;
  expect((await a.cycle()).counts.published).toBe(3);
  await b.cycle();
  for (const { root } of [a, b]) for (const dir of ['d', 'd/e']) expect(statSync(join(root, dir)).mode & 0o777).toBe(0o700);
});

test('R-D1: what is gone because something was mounted over it since the scan is no absence', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  for (const path of ['d/e/f', 'd/g', 'keep']) put(a, path, path);
  await a.cycle();
  const { tree } = a.agent.ports;
  const { look } = tree;
  rmSync(join(a.root, 'd/e'), { recursive: true });
  rmSync(join(a.root, 'd/g'));
  tree.look = (path) => {
    const stat = look(path);
    return stat !== null && path === 'd' ? { ...stat, dev: stat.dev + 1 } : stat;
  };
  const hidden = await a.cycle();
  expect([hidden.counts.deleted, a.journal.agreed('d/e/f') === null]).toEqual([0, false]);
  tree.look = look;
  expect((await a.cycle()).counts.deleted).toBe(3);
});

test('all of the root is below it', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  put(a, 'first', '');
  await a.cycle();
  put(a, 'd/e/f', '');
  rmSync(join(a.root, 'first'));
  expect((await a.cycle(asked(''))).counts).toMatchObject({ published: 3, deleted: 1 });
});
