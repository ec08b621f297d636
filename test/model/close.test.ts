import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Closed, CloseView, Publication } from '../../src/model/close.ts';
import { close, inTheWay } from '../../src/model/close.ts';
import type { DirEntry, Entry, Kind } from '../../src/model/entry.ts';
import { sameEntry } from '../../src/model/entry.ts';
import { ancestorsOf, isWithin } from '../../src/model/path.ts';

type Tree = Readonly<Record<string, Entry>>;

const directory: DirEntry = { kind: 'dir', mode: 0o700, owner: null, group: null };
const forced: DirEntry = { kind: 'dir', mode: 0o755, owner: null, group: null };
const link: Entry = { kind: 'link', target: 't', owner: null, group: null };
const f = (hash: string): Entry => ({ kind: 'file', mode: 0o644, mtimeUs: 1, size: 1, hash, chunks: null, owner: null, group: null });

/** Versions of the log's entries are all 5. */
function view(folded: Tree, local: Readonly<Record<string, DirEntry>> = {}): CloseView {
  return {
    folded: (path) => (folded[path] === undefined ? null : { entry: folded[path], version: 5 }),
    foldedBelow: (path) => Object.keys(folded).filter((other) => other !== path && isWithin(other, path)),
    localDirectory: (path) => local[path] ?? null,
  };
}

function plan(folded: Tree, wanted: Readonly<Record<string, Entry | null>>): Map<string, Publication> {
  const one = (path: string, entry: Entry | null): Publication => ({
    path,
    entry,
    base: folded[path] === undefined ? 0 : 5,
    beats: 0,
    onDisk: true,
  });
  return new Map(Object.entries(wanted).map(([path, entry]) => [path, one(path, entry)]));
}

interface Row {
  readonly name: string;
  readonly folded: Tree;
  readonly local?: Readonly<Record<string, DirEntry>>;
  readonly planned: Readonly<Record<string, Entry | null>>;
  /** What is published in the end. */
  readonly published: Readonly<Record<string, Entry | null>>;
  /** Version that a forced directory beats, by path. */
  readonly beats?: Readonly<Record<string, number>>;
  readonly withdrawn?: Readonly<Record<string, string>>;
  readonly displaced?: readonly string[];
}

const rows: readonly Row[] = [
  { name: 'nothing planned', folded: { a: directory }, planned: {}, published: {} },
  { name: 'a file in a live directory', folded: { a: directory }, planned: { 'a/b': f('1') }, published: { 'a/b': f('1') } },
  { name: 'a file at the root', folded: {}, planned: { a: f('1') }, published: { a: f('1') } },
  {
    name: 'ancestors that the log lost are forced, as they are on this disk',
    folded: {},
    local: { a: directory },
    planned: { 'a/b/c': f('1') },
    published: { a: directory, 'a/b': forced, 'a/b/c': f('1') },
  },
  {
    name: 'a file of the log above a local edit becomes a directory and is named as beaten',
    folded: { a: f('1') },
    local: { a: directory },
    planned: { 'a/b': f('2') },
    published: { a: directory, 'a/b': f('2') },
    beats: { a: 5 },
  },
  {
    name: 'a link of the log above a local edit',
    folded: { a: link },
    local: { a: directory },
    planned: { 'a/b': f('2') },
    published: { a: directory, 'a/b': f('2') },
    beats: { a: 5 },
  },
  {
    name: 'an empty directory forces its ancestors too',
    folded: {},
    planned: { 'a/b': directory },
    published: { a: forced, 'a/b': directory },
  },
  {
    name: 'a directory whose planned kind is a directory stays as planned',
    folded: { a: f('1') },
    local: { a: directory },
    planned: { a: directory, 'a/b': f('2') },
    published: { a: directory, 'a/b': f('2') },
  },
  {
    name: 'a change of mode of a live directory',
    folded: { a: forced, 'a/b': f('1') },
    planned: { a: directory },
    published: { a: directory },
  },
  {
    name: 'a whole directory goes',
    folded: { a: directory, 'a/b': directory, 'a/b/c': f('1') },
    planned: { a: null, 'a/b': null, 'a/b/c': null },
    published: { a: null, 'a/b': null, 'a/b/c': null },
  },
  {
    name: 'a survivor (excluded here, or edited elsewhere) keeps all directories above it',
    folded: { a: directory, 'a/b': directory, 'a/b/c': f('1'), 'a/b/d': f('2') },
    planned: { a: null, 'a/b': null, 'a/b/d': null },
    published: { 'a/b/d': null },
    withdrawn: { a: 'a/b', 'a/b': 'a/b/c' },
  },
  {
    name: 'a survivor that is changed by the same changeset',
    folded: { a: directory, 'a/b': f('1') },
    planned: { a: null, 'a/b': f('2') },
    published: { 'a/b': f('2') },
    withdrawn: { a: 'a/b' },
  },
  {
    name: 'a survivor that is created by the same changeset: the directory is not published again',
    folded: { a: directory },
    planned: { a: null, 'a/b': f('2') },
    published: { 'a/b': f('2') },
    withdrawn: { a: 'a/b' },
  },
  {
    name: 'a neighbour whose name begins alike is no descendant',
    folded: { a: directory, 'a!': f('1'), 'a.b': f('1'), ab: f('1') },
    planned: { a: null },
    published: { a: null },
  },
  {
    name: 'a file replaces a directory that is empty by then',
    folded: { a: directory, 'a/b': f('1') },
    planned: { a: f('2'), 'a/b': null },
    published: { a: f('2'), 'a/b': null },
  },
  {
    name: 'a file that would replace a directory which survives is displaced',
    folded: { a: directory, 'a/b': f('1'), 'a/c': f('1') },
    planned: { a: f('2'), 'a/c': null },
    published: { 'a/c': null },
    displaced: ['a'],
  },
  {
    name: 'a link that would replace a directory which survives is displaced',
    folded: { a: directory, 'a/b': f('1') },
    planned: { a: link },
    published: {},
    displaced: ['a'],
  },
  {
    name: 'a planned file below which a merge survives is displaced, never dropped',
    folded: { a: f('1') },
    planned: { a: f('2'), 'a/b': f('3') },
    published: { a: forced, 'a/b': f('3') },
    displaced: ['a'],
  },
  {
    name: 'a planned deletion below which an edit survives becomes the directory',
    folded: { a: f('1') },
    local: { a: directory },
    planned: { a: null, 'a/b': f('3') },
    published: { a: directory, 'a/b': f('3') },
    withdrawn: { a: 'a/b' },
  },
];

const entries = (publications: Closed['publications']) => Object.fromEntries([...publications].map(([path, { entry }]) => [path, entry]));

describe('R3: the closing pass', () => {
  test.each(rows)('$name', ({ folded, local, planned, published, beats = {}, withdrawn = {}, displaced = [] }) => {
    const closed = close(plan(folded, planned), view(folded, local));
    expect(entries(closed.publications)).toEqual(published);
    expect(Object.fromEntries(closed.withdrawn)).toEqual(withdrawn);
    expect(closed.displaced.map(({ path }) => path)).toEqual(displaced);
    for (const { path, base, beats: beaten, onDisk, entry } of closed.publications.values()) {
      expect([path, base, beaten]).toEqual([path, folded[path] === undefined ? 0 : 5, beats[path] ?? 0]);
      expect([path, onDisk]).toEqual([path, entry !== forced && !sameEntry(entry, forced)]);
    }
  });
});

const names = ['a', 'a/b', 'a/b/c', 'a/b/d', 'a/e', 'a!', 'f', 'f/g', 'f/g/h', 'f/g/h/i'];
const anyEntry = fc.constantFrom<Entry>(directory, forced, f('1'), f('2'), link);
const anyTree: fc.Arbitrary<Tree> = fc.dictionary(fc.constantFrom(...names), fc.oneof(anyEntry, fc.constant(directory))).map((raw) => {
  const tree: Record<string, Entry> = {};
  for (const path of Object.keys(raw).sort()) {
    if (ancestorsOf(path).every((ancestor) => tree[ancestor]?.kind === 'dir')) tree[path] = raw[path] as Entry;
  }
  return tree;
});
const anyPlan = fc.dictionary(fc.constantFrom(...names), fc.option(anyEntry, { freq: 2 }));
const anyLocal = fc.dictionary(fc.constantFrom(...names), fc.constant(directory));

/** Only what `reconcile` may ask for: no deletion of what is absent, nothing that equals the fold. */
function sensible(folded: Tree, wanted: Readonly<Record<string, Entry | null>>): Map<string, Publication> {
  return new Map([...plan(folded, wanted)].filter(([path, { entry }]) => !sameEntry(entry, folded[path] ?? null)));
}

function applied(folded: Tree, publications: Closed['publications']): Tree {
  const after: Record<string, Entry> = { ...folded };
  for (const [path, { entry }] of publications) {
    if (entry === null) delete after[path];
    else after[path] = entry;
  }
  return after;
}

function law(holds: (closed: Closed, folded: Tree, planned: Map<string, Publication>, seen: CloseView) => void) {
  fc.assert(
    fc.property(anyTree, anyPlan, anyLocal, (folded, wanted, local) => {
      const planned = sensible(folded, wanted);
      const seen = view(folded, local);
      holds(close(planned, seen), folded, planned, seen);
    }),
    { numRuns: 4000 },
  );
}

describe('R3: laws', () => {
  test('the fold with the publications applied is well-formed', () => {
    law(({ publications }, folded) => {
      const after = applied(folded, publications);
      for (const path of Object.keys(after)) {
        for (const ancestor of ancestorsOf(path)) expect([path, ancestor, after[ancestor]?.kind]).toEqual([path, ancestor, 'dir']);
      }
    });
  });

  test('closing twice is closing once', () => {
    law((closed, _folded, _planned, seen) => {
      const again = close(closed.publications, seen);
      expect(again).toEqual({ publications: closed.publications, withdrawn: new Map(), displaced: [] });
    });
  });

  test('nothing equals the fold, is there twice, or has a wrong base', () => {
    law(({ publications }, folded) => {
      for (const [path, { path: own, entry, base }] of publications) {
        expect(own).toBe(path);
        expect(sameEntry(entry, folded[path] ?? null)).toBe(false);
        expect(base).toBe(folded[path] === undefined ? 0 : 5);
      }
    });
  });

  test('everything planned is published unchanged, withdrawn or displaced, and a survivor justifies what is withdrawn', () => {
    law((closed, folded, planned) => {
      const after = applied(folded, closed.publications);
      for (const [path, publication] of planned) {
        const displaced = closed.displaced.includes(publication);
        const withdrawn = closed.withdrawn.has(path);
        expect([displaced, withdrawn, closed.publications.get(path) === publication].filter(Boolean)).toHaveLength(1);
        if (displaced) expect([null, 'dir']).not.toContain(publication.entry?.kind ?? null);
        if (withdrawn) expect(publication.entry).toBe(null);
        if (displaced || withdrawn) expect(after[path]?.kind).toBe('dir');
        if (displaced || withdrawn) expect(Object.keys(after).some((other) => other !== path && isWithin(other, path))).toBe(true);
      }
    });
  });

  test('what is added beyond the plan are directories above something that lives', () => {
    law((closed, folded, planned) => {
      const after = applied(folded, closed.publications);
      for (const [path, { entry }] of closed.publications) {
        if (planned.has(path)) continue;
        expect(entry?.kind).toBe('dir');
        expect(Object.keys(after).some((other) => other !== path && isWithin(other, path))).toBe(true);
      }
    });
  });

  test('the plan is left as it was', () => {
    const planned = plan({ a: directory, 'a/b': f('1') }, { a: f('2'), 'c/d': f('3') });
    const copy = new Map(planned);
    close(planned, view({ a: directory, 'a/b': f('1') }));
    expect(planned).toEqual(copy);
  });
});

describe('R3, J6: deviations in the way of what is applied', () => {
  const way = (wants: Readonly<Record<string, Entry | null>>, disk: Readonly<Record<string, Kind>>) => [
    ...inTheWay(new Map(Object.entries(wants)), {
      kind: (path) => disk[path] ?? null,
      below: (path) => Object.keys(disk).filter((other) => other !== path && isWithin(other, path)),
    }),
  ];
  test('a drifted file above', () => expect(way({ 'a/b/c': f('1') }, { a: 'dir', 'a/b': 'file' })).toEqual(['a/b']));
  test('a drifted link above', () => expect(way({ 'a/b': f('1') }, { a: 'link' })).toEqual(['a']));
  test('a directory above that was deleted here', () => expect(way({ 'a/b/c': f('1') }, {})).toEqual(['a/b', 'a']));
  test('what has a want of its own is not listed', () => expect(way({ a: directory, 'a/b': f('1') }, { a: 'file' })).toEqual([]));
  test('everything below what becomes a file', () => {
    expect(way({ a: f('1') }, { a: 'dir', 'a/b': 'dir', 'a/b/c': 'link', 'a!': 'file' })).toEqual(['a/b', 'a/b/c']);
  });
  test('nothing needs the place of a deleted directory', () => expect(way({ a: null }, { a: 'dir', 'a/b': 'file' })).toEqual([]));
  test('a directory for a directory', () => expect(way({ a: directory }, { a: 'dir', 'a/b': 'file' })).toEqual([]));
});
