import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DirEntry, type Entry, sameEntry } from '../../src/model/entry.ts';
import { ancestorsOf, type BytePath, parentOf } from '../../src/model/path.ts';
import { changeBetween, type PresentView, type Return, undone, wayBack } from '../../src/model/travel.ts';

const dir: DirEntry = { kind: 'dir', mode: 0o755, owner: null, group: null };
const link: Entry = { kind: 'link', target: 't', owner: null, group: null };
const file = (content: string, mode = 0o644): Entry => {
  return { kind: 'file', mode, mtimeUs: 1, size: content.length, hash: content, chunks: null, owner: null, group: null };
};
const words: Readonly<Record<string, Entry>> = { d: dir, l: link, 1: file('1'), 2: file('2'), 3: file('3') };

/** `d d d/x 1`: a path and what stands there, in turn. */
function tree(text: string): Map<BytePath, Entry | null> {
  const parts = text.split(' ').filter((part) => part !== '');
  const found = new Map<BytePath, Entry | null>();
  for (let at = 0; at < parts.length; at += 2) found.set(parts[at] ?? '', words[parts[at + 1] ?? ''] ?? null);
  return found;
}

function viewOf(present: ReadonlyMap<BytePath, Entry | null>, lastDirectory: DirEntry | null = null): PresentView {
  return {
    present: (path) => {
      const entry = present.get(path) ?? null;
      return entry === null ? null : { entry, version: 7 };
    },
    children: (directory) => [...present.keys()].filter((path) => parentOf(path) === directory && present.get(path) !== null),
    lastDirectory: () => lastDirectory,
  };
}

function told({ steps, obstacles }: Return): string {
  const letter = (entry: Entry | null) => Object.entries(words).find(([, one]) => entry !== null && sameEntry(one, entry))?.[0] ?? '-';
  return [
    ...steps.map(({ path, entry }) => `${path}=${letter(entry)}`),
    ...obstacles.map(({ path, why, at }) => `${path} ${why} ${at}`),
  ].join(', ');
}

describe('the way back', () => {
  test.each<[name: string, present: string, wished: string, steps: string]>([
    ['nothing differs', 'x 1', 'x 1 y -', ''],
    ['content', 'x 1', 'x 2', 'x=2'],
    ['a deletion', 'x 1', 'x -', 'x=-'],
    ['a creation, with the directories around it', '', 'a/b/x 1', 'a=d, a/b=d, a/b/x=1'],
    ['parents before children, links last', '', 'b/y 1 a l b d', 'b=d, b/y=1, a=l'],
    ['children before parents when they go', 'd d d/e d d/e/x 1 y 1', 'd - d/e - d/e/x - y -', 'y=-, d/e/x=-, d/e=-, d=-'],
    [
      'a directory with something newer in it stays, and so do those around it',
      'd d d/e d d/e/x 1 d/e/new 2',
      'd - d/e - d/e/x -',
      'd/e/x=-, d filled d/e, d/e filled d/e/new',
    ],
    ['a file where a directory stands', 'x d x/new 1', 'x 1', 'x filled x/new'],
    ['the same, with what is in it', 'x d x/new 1', 'x 1 x/new -', 'x/new=-, x=1'],
    ['a directory where a file stands', 'x 1', 'x d x/y 2', 'x=d, x/y=2'],
    ['below a file that stays', 'x 1', 'x/y/z 2 w 1', 'w=1, x/y/z under x'],
    ['below a link that stays', 'x l', 'x/y 2', 'x/y under x'],
    ['below what is to be a link', 'x d', 'x l x/y 2', 'x=l, x/y under x'],
    ['below a directory that was to go, which is then kept', 'd d', 'd - d/x 1', 'd/x=1'],
    ['below a file that was to go', 'd 1', 'd - d/x 1', 'd=-, d/x under d'],
  ])('%s', (_, present, wished, steps) => {
    expect(told(wayBack(tree(wished), viewOf(tree(present))))).toBe(steps);
  });

  test('a step names what stands there now, 0 where nothing does', () => {
    const { steps } = wayBack(tree('x 2 y 1 z -'), viewOf(tree('x 1 z 3')));
    expect(steps.map(({ path, base, before }) => [path, base, before])).toEqual([
      ['z', 7, file('3')],
      ['x', 7, file('1')],
      ['y', 0, null],
    ]);
  });

  test('metadata alone is a difference, an owner that nobody knew is none', () => {
    expect(wayBack(new Map([['x', file('1', 0o600)]]), viewOf(tree('x 1'))).steps).toHaveLength(1);
    expect(wayBack(new Map([['x', { ...file('1'), owner: 'www' }]]), viewOf(tree('x 1'))).steps).toHaveLength(0);
  });

  test('directories around it come back as they were last', () => {
    const last: DirEntry = { kind: 'dir', mode: 0o750, owner: 'www', group: null };
    expect(wayBack(tree('a/x 1'), viewOf(new Map(), last)).steps[0]).toMatchObject({ path: 'a', entry: last });
    expect(wayBack(tree('a/x 1'), viewOf(new Map())).steps[0]).toMatchObject({ path: 'a', entry: { mode: 0o755 } });
  });

  test('R-L2: after each step the tree is well formed, and without obstacles the wishes are fulfilled', () => {
    const names = fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    const wishes = fc.dictionary(names, fc.constantFrom('d', 'l', '1', '2', '-'));
    fc.assert(
      fc.property(fc.dictionary(names, fc.constantFrom('d', 'l', '1')), wishes, (planted, wanted) => {
        const now = wellFormed(planted);
        const wished = new Map(Object.entries(wanted).map(([path, word]) => [path, words[word] ?? null]));
        const { steps, obstacles } = wayBack(wished, viewOf(now));
        const after = new Map(now);
        for (const { path, entry } of steps) {
          if (entry === null) after.delete(path);
          else after.set(path, entry);
          expectWellFormed(after);
        }
        const left = new Set(obstacles.map(({ path }) => path));
        for (const [path, entry] of wished) {
          // A directory that was to go stays where something below it was wished for.
          const kept =
            entry === null && after.get(path)?.kind === 'dir' && [...wished.keys()].some((other) => ancestorsOf(other).includes(path));
          if (!left.has(path) && !kept) expect(sameEntry(after.get(path) ?? null, entry), path).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

function wellFormed(planted: Readonly<Record<string, string>>): Map<BytePath, Entry> {
  const now = new Map<BytePath, Entry>();
  for (const path of Object.keys(planted).sort()) {
    if (ancestorsOf(path).every((at) => now.get(at)?.kind === 'dir')) now.set(path, words[planted[path] ?? ''] ?? dir);
  }
  return now;
}

function expectWellFormed(entries: ReadonlyMap<BytePath, Entry>): void {
  for (const path of entries.keys()) for (const at of ancestorsOf(path)) expect(entries.get(at)?.kind, `${at} above ${path}`).toBe('dir');
}

describe('undone', () => {
  const history = (text: string) =>
    text.split(' ').map((part) => ({ version: Number(part.slice(0, -1)), entry: words[part.slice(-1)] ?? null }));
  test.each<[changes: string, changeset: number[], before: string, changedBy: number]>([
    ['11 52', [5], '1', 0],
    ['51', [5], '-', 0],
    ['11 5-', [5], '1', 0],
    ['11 4- 52', [5], '-', 0],
    ['11 52 63', [5], '1', 6],
    ['11 52 6-', [5], '1', 6],
    ['11 52 63', [5, 6], '1', 0],
    ['51 62', [5, 6], '-', 0],
    ['11 52 61 73', [5, 7], '1', 0],
    ['11 52 63 71', [5, 6], '1', 7],
  ])('%s without %s was %s', (changes, changeset, before, changedBy) => {
    expect(undone(history(changes), new Set(changeset))).toEqual({ entry: words[before] ?? null, changedBy });
  });
});

test.each<[Entry | null, Entry | null, string | null]>([
  [null, null, null],
  [null, dir, 'added'],
  [link, null, 'deleted'],
  [file('1'), file('1'), null],
  [file('1'), file('2'), 'changed'],
  [file('1'), file('1', 0o600), 'changed'],
  [file('1'), link, 'replaced'],
])('the change between two entries %#', (before, after, change) => {
  expect(changeBetween(before, after)).toBe(change);
});
