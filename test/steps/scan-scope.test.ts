import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parentOf } from '../../src/model/path.ts';
import type { Scope } from '../../src/model/scope.ts';
import type { ShareTree } from '../../src/ports/filesystem.ts';
import type { Journal } from '../../src/ports/journal.ts';
import { stampOf } from '../../src/steps/collate/finding.ts';
import { Scanning, scan } from '../../src/steps/scan.ts';
import { type Bench, bench } from '../adapters/disk-fixture.ts';
import { newJournal } from '../adapters/sqlite-fixture.ts';

const excluded = (path: string) => path.split('/').includes('out');
const later = () => Date.now() * 1000 + 60_000_000;

function look({ tree, journal }: { tree: ShareTree; journal: Journal }, scope?: Scope) {
  const { found, missing, unknown, problems, covers, unclean } = scan({ tree, journal, nowUs: later() }, excluded, scope);
  const text = [
    ...found.map(({ path, stat }) => `${path} ${stat.kind}`),
    ...new Set(missing.map(({ path }) => `${path} missing`)),
    ...unknown.map((path) => `${path} unknown`),
    ...problems.map(({ code, path }) => `${path} ${code}`),
  ];
  return { seen: text.sort(), covers, unclean, unknown };
}

function inside(...paths: string[]): Scope {
  return { kind: 'directories', paths: new Set(paths), subtrees: new Set() };
}

/** Everything that stands is agreed, as after a cycle. */
function agree({ tree, journal }: { tree: ShareTree; journal: Journal }): void {
  for (const { path } of scan({ tree, journal, nowUs: later() }, excluded).missing) journal.dropAgreed(path);
  for (const { path, stat } of scan({ tree, journal, nowUs: later() }, excluded).found) {
    const now = tree.look(path);
    if (now === null) throw new Error(`${path} has gone`);
    const rights = { mode: stat.mode, owner: null, group: null };
    const entry =
      stat.kind === 'dir'
        ? { kind: 'dir' as const, ...rights }
        : stat.kind === 'link'
          ? { kind: 'link' as const, target: 't', owner: null, group: null }
          : { kind: 'file' as const, ...rights, mtimeUs: 0, size: stat.size, hash: '0'.repeat(64), chunks: null };
    journal.putAgreed({ path, entry, version: 1, stamp: stampOf(now, later()) });
  }
  // So that the digests of clean directories stand.
  scan({ tree, journal, nowUs: later() }, excluded);
}

function member() {
  const made: Bench = bench();
  const here = (path: string) => join(made.root, path);
  return { ...made, journal: newJournal(), here };
}

function tree({ here }: { here: (path: string) => string }, ...paths: string[]): void {
  for (const path of paths) {
    if (path.endsWith('/')) mkdirSync(here(path), { recursive: true });
    else {
      mkdirSync(here(parentOf(path)), { recursive: true });
      writeFileSync(here(path), path);
    }
  }
}

test('only the directories that are named are compared, a known directory in them is not walked into', () => {
  const web = member();
  tree(web, 'a/b/deep', 'a/file', 'c/other');
  agree(web);
  tree(web, 'a/b/new', 'a/new', 'c/new');
  expect(look(web, inside('a')).seen).toEqual(['a/new file']);
  expect(look(web, inside('a/b', 'c')).seen).toEqual(['a/b/new file', 'c/new file']);
  expect(look(web, inside()).seen).toEqual([]);
});

test('a new directory is walked into completely, by whichever of its directories it is named', () => {
  const web = member();
  tree(web, 'a/file');
  agree(web);
  tree(web, 'a/x/y/z/file', 'a/x/empty/', 'a/unnamed');
  const all = ['a/unnamed file', 'a/x dir', 'a/x/empty dir', 'a/x/y dir', 'a/x/y/z dir', 'a/x/y/z/file file'];
  for (const path of ['a', 'a/x', 'a/x/y', 'a/x/y/z']) expect(look(web, inside(path)).seen).toEqual(all);
});

test('a directory that was replaced by another one is walked into completely', () => {
  const web = member();
  tree(web, 'a/b/c/one', 'spare/b/c/two', 'spare/b/c/d/three');
  agree(web);
  renameSync(web.here('a/b'), web.here('spare/old'));
  renameSync(web.here('spare/b'), web.here('a/b'));
  expect(look(web, inside('a')).seen).toEqual([
    'a/b dir',
    'a/b/c dir',
    'a/b/c/d dir',
    'a/b/c/d/three file',
    'a/b/c/one missing',
    'a/b/c/two file',
  ]);
});

test('R-D1: below a directory that is gone, nothing is concluded before the nearest one that stands was looked at', () => {
  const web = member();
  tree(web, 'a/b/c/one', 'a/b/two', 'z');
  agree(web);
  rmSync(web.here('a/b'), { recursive: true });
  expect(look(web, inside('a/b/c')).seen).toEqual(['a/b missing', 'a/b/c missing', 'a/b/c/one missing', 'a/b/two missing']);
  // Elsewhere, and nothing is here any more: a disk that came over it.
  const mounted = {
    ...web.tree,
    readDirectory: (path: string, keep: (name: string, isDirectory: boolean) => boolean) => {
      const listing = web.tree.readDirectory(path, keep);
      const over = (dev: number) => dev + 1;
      if (path === 'a') return { ...listing, dev: over(listing.dev) };
      if (path !== '') return listing;
      return {
        ...listing,
        statAt: (index: number) => ({ ...listing.statAt(index), dev: listing.names[index] === 'a' ? over(listing.dev) : listing.dev }),
      };
    },
  };
  expect(look({ tree: mounted, journal: web.journal }, inside('a/b/c')).seen).toEqual(['a mount-inside', 'a unknown']);
});

test('a directory that became a file or a link is no directory that went', () => {
  const web = member();
  tree(web, 'a/b/c/one', 'd/e/two');
  agree(web);
  rmSync(web.here('a/b'), { recursive: true });
  rmSync(web.here('d'), { recursive: true });
  writeFileSync(web.here('a/b'), '');
  symlinkSync('/etc', web.here('d'));
  expect(look(web, inside('a/b/c', 'd/e')).seen).toEqual(look(web).seen);
  expect(look(web, inside('d/e')).seen).toEqual(['d link', 'd/e missing', 'd/e/two missing']);
});

test('what a look covers is what it could have seen', () => {
  const web = member();
  tree(web, 'a/b/file', 'a/gone/deep/file', 'c/file');
  agree(web);
  rmSync(web.here('a/gone'), { recursive: true });
  const { covers } = look(web, inside('a'));
  expect(['top', 'a/b', 'a/nothing', 'a/gone/deep/file'].map(covers)).toEqual([true, true, true, true]);
  expect(['a/b/file', 'c/file'].map(covers)).toEqual([false, false]);
});

test('below a path: that, and what is new on the way, and nothing else', () => {
  const web = member();
  tree(web, 'a/old/file', 'a/other', 'z');
  agree(web);
  tree(web, 'a/new/2026/11/file', 'a/new/2025/file', 'a/new/2026/file', 'a/also');
  chmodSync(web.here('a'), 0o700);
  rmSync(web.here('z'));
  const below = (...paths: string[]) => look(web, { kind: 'below', paths }).seen;
  expect(below('a/new/2026')).toEqual([
    'a/new dir',
    'a/new/2026 dir',
    'a/new/2026/11 dir',
    'a/new/2026/11/file file',
    'a/new/2026/file file',
  ]);
  expect(below('a/new/2026/file')).toEqual(['a/new dir', 'a/new/2026 dir', 'a/new/2026/file file']);
  expect(below('a/also', 'a/also', 'z')).toEqual(['a/also file', 'z missing']);
  expect(below('a/old')).toEqual([]);
  expect(below('nothing/here')).toEqual([]);
  expect(below('')).toEqual(look(web).seen);
});

test('below a path that is gone with the directories around it, only what it held is missing', () => {
  const web = member();
  tree(web, 'a/b/c/one', 'a/b/d/two', 'a/three', 'z');
  agree(web);
  rmSync(web.here('a'), { recursive: true });
  expect(look(web, { kind: 'below', paths: ['a/b/c'] }).seen).toEqual(['a/b/c missing', 'a/b/c/one missing']);
  writeFileSync(web.here('a'), '');
  expect(look(web, { kind: 'below', paths: ['a/b/c'] }).seen).toEqual(['a/b/c missing', 'a/b/c/one missing']);
});

test('R-R4: a lingering directory outside of what was looked at stays lingering; with a child it counts again', () => {
  const web = member();
  tree(web, 'a/b/out/file', 'c/file');
  agree(web);
  web.journal.dropAgreed('a/b');
  web.journal.setLingering('a/b', true);
  expect(look(web).seen).toEqual([]);
  rmSync(web.here('c/file'));
  look(web, inside('c'));
  expect([...web.journal.lingering()]).toEqual(['a/b']);
  tree(web, 'a/b/child');
  expect(look(web, inside('a/b')).seen).toEqual(['a/b dir', 'a/b/child file']);
  web.journal.setLingering('a/b', true);
  rmSync(web.here('a/b'), { recursive: true });
  expect(look(web, inside('a/b')).seen).toEqual([]);
  expect([...web.journal.lingering()]).toEqual([]);
  tree(web, 'x/y/out/file');
  for (const path of ['x', 'x/y']) web.journal.setLingering(path, true);
  rmSync(web.here('x'), { recursive: true });
  look(web, inside(''));
  tree(web, 'x/y/');
  expect(look(web, inside('')).seen).toEqual(['x dir', 'x/y dir']);
});

test('a socket in place of a directory says nothing of what was in it', () => {
  const web = member();
  tree(web, 'a/b/c/one');
  agree(web);
  rmSync(web.here('a/b'), { recursive: true });
  execFileSync('mkfifo', [web.here('a/b')]);
  for (const scope of [inside('a'), inside('a/b/c'), { kind: 'below' as const, paths: ['a/b/c'] }])
    expect(look(web, scope).seen).toEqual(['a/b special-file', 'a/b unknown']);
});

test('a look under way sees what comes meanwhile, where it is told of it', () => {
  const web = member();
  tree(web, 'a/one', 'b/two');
  agree(web);
  tree(web, 'a/new/first', 'b/passing');
  const looking = new Scanning({ tree: web.tree, journal: web.journal, nowUs: later() }, excluded, inside('a', 'b'));
  tree(web, 'a/new/second', 'a/new/deeper/third', 'a/unheard');
  rmSync(web.here('b/passing'));
  rmSync(web.here('b/two'));
  looking.lookAgain(new Set(['a/new', 'b', 'a/new/deeper']), later());
  const { found, missing } = looking.ended();
  const names = ['a/new', 'a/new/deeper', 'a/new/deeper/third', 'a/new/first', 'a/new/second'];
  expect(found.map(({ path }) => path).sort()).toEqual(names);
  expect(missing.map(({ path }) => path)).toEqual(['b/two']);
});

test('a directory comes before what it holds, whenever it was looked at', () => {
  const web = member();
  tree(web, 'a/one', 'b/c/two');
  agree(web);
  rmSync(web.here('b'), { recursive: true });
  agree(web);
  tree(web, 'a/x/y/file', 'a/x/file', 'b/c/three');
  for (const path of ['b/c', 'b']) web.journal.setLingering(path, true);
  const looking = new Scanning({ tree: web.tree, journal: web.journal, nowUs: later() }, excluded, inside('a', 'b/c'));
  for (const dir of ['a/x', 'a', '']) looking.lookAgain(new Set([dir]), later());
  const order = looking.ended().found.map(({ path }) => path);
  expect(order.length).toBe(7);
  for (const path of order) if (order.includes(parentOf(path))) expect(order.indexOf(parentOf(path))).toBeLessThan(order.indexOf(path));
});

test('a file that is to be looked at again is no reason to look at all that is around it', () => {
  const web = member();
  tree(web, 'file', 'a/b/one');
  agree(web);
  tree(web, 'a/b/unheard', 'new/deep/two');
  const subtrees = (...paths: string[]): Scope => ({ kind: 'directories', paths: new Set(), subtrees: new Set(paths) });
  expect(look(web, subtrees('file')).seen).toEqual(['new dir', 'new/deep dir', 'new/deep/two file']);
  expect(look(web, subtrees('a')).seen).toContain('a/b/unheard file');
});

test('a directory that goes and comes back as it was is seen to be back, with all that it holds', () => {
  const web = member();
  tree(web, 'a/b/c/d/file', 'a/b/file', 'e/');
  agree(web);
  renameSync(web.here('a/b'), web.here('e/b'));
  const gone = look(web, inside('a', 'e'));
  expect(gone.seen).toContain('a/b/c/d/file missing');
  renameSync(web.here('e/b'), web.here('a/b'));
  const back = look(web, { kind: 'directories', paths: new Set([...gone.unclean, 'a', 'e']), subtrees: new Set() });
  expect(back.seen).toEqual([]);
  expect(['a/b', 'a/b/file', 'a/b/c', 'a/b/c/d', 'a/b/c/d/file'].map(back.covers)).toEqual([true, true, true, true, true]);
});

// ---- a law -------------------------------------------------------------------------------------------------------------------

const names = ['a', 'b', 'out'] as const;
const path = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const edit = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('write' as const), path }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('mkdir' as const), path }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), path }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('move' as const), path, to: path }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('chmod' as const), path }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('link' as const), path }) },
);
type Edit = { do: 'write' | 'mkdir' | 'remove' | 'move' | 'chmod' | 'link'; path: string; to?: string };

/** As new: cheaper than another one for each run. */
function reset({ root, journal }: ReturnType<typeof member>): void {
  for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
  journal.resetBase();
}

let stroke = 1;

/** The directories in which making this path makes a name: the nearest one that stands, and what is new below it. */
function touched(root: string, path: string): string[] {
  const above = path.split('/').map((_, i, parts) => parts.slice(0, i).join('/'));
  const standing = above.filter((each) => existsSync(join(root, each)));
  return [standing.at(-1) ?? '', parentOf(path)];
}

/** Carries the edit out; returns the directories that events would name. */
function carryOut(root: string, { do: what, path, to }: Edit): string[] {
  const at = join(root, path);
  const dirty = [...touched(root, path), ...(to === undefined ? [] : touched(root, to))];
  try {
    if (what === 'write') {
      mkdirSync(join(at, '..'), { recursive: true });
      writeFileSync(at, 'x'.repeat(stroke++));
      utimesSync(at, stroke, stroke);
    } else if (what === 'mkdir') mkdirSync(at, { recursive: true });
    else if (what === 'move') {
      mkdirSync(join(root, parentOf(to ?? '')), { recursive: true });
      renameSync(at, join(root, to ?? ''));
    } else if (what === 'chmod') chmodSync(at, (statSync(at).mode & 0o7777) ^ 0o010);
    else rmSync(at, { recursive: true });
    if (what === 'link') symlinkSync('elsewhere', at);
  } catch {
    // It came to nothing, or to its first half; what it touched is named all the same.
  }
  return dirty;
}

test('a look at the directories that changed finds what a whole look finds', () => {
  const web = member();
  fc.assert(
    fc.property(fc.array(path, { maxLength: 12 }), fc.array(edit, { minLength: 1, maxLength: 8 }), (before, edits) => {
      reset(web);
      for (const each of before) carryOut(web.root, { do: 'write', path: each });
      agree(web);
      const dirty = new Set(edits.flatMap((each) => carryOut(web.root, each)));
      const partial = look(web, inside(...dirty));
      const whole = look(web);
      expect(partial.seen).toEqual(whole.seen);
    }),
    { numRuns: 100 },
  );
});

test('what a look leaves open is enough for the next one, though nothing has been agreed on in between', () => {
  const web = member();
  const steps = fc.array(fc.array(edit, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(path, { maxLength: 12 }), steps, (before, edits) => {
      reset(web);
      for (const each of before) carryOut(web.root, { do: 'write', path: each });
      agree(web);
      let open: { readonly paths: ReadonlySet<string>; readonly subtrees: ReadonlySet<string> } = { paths: new Set(), subtrees: new Set() };
      for (const step of edits) {
        const dirty = step.flatMap((each) => carryOut(web.root, each));
        const partial = look(web, { kind: 'directories', paths: new Set([...dirty, ...open.paths]), subtrees: open.subtrees });
        expect(partial.seen).toEqual(look(web).seen);
        open = { paths: partial.unclean, subtrees: new Set(partial.unknown) };
      }
    }),
    { numRuns: 100 },
  );
});

test('a look at any directories finds nothing that a whole look does not find', () => {
  const web = member();
  fc.assert(
    fc.property(
      fc.array(path, { maxLength: 12 }),
      fc.array(edit, { minLength: 1, maxLength: 8 }),
      fc.array(path),
      (before, edits, looked) => {
        reset(web);
        for (const each of before) carryOut(web.root, { do: 'write', path: each });
        agree(web);
        for (const each of edits) carryOut(web.root, each);
        const whole = new Set(look(web).seen);
        for (const scope of [inside(...looked), { kind: 'below' as const, paths: looked }]) {
          const { seen, covers } = look(web, scope);
          expect(seen.filter((each) => !whole.has(each))).toEqual([]);
          const covered = [...whole].filter((each) => covers(each.slice(0, each.lastIndexOf(' '))));
          expect(covered.filter((each) => !seen.includes(each))).toEqual([]);
        }
      },
    ),
    { numRuns: 100 },
  );
});
