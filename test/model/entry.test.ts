import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DirEntry, Entry, FileEntry, LinkEntry } from '../../src/model/entry.ts';
import { chunksOf, metadataDifference, sameContent, sameEntry, withAttributes } from '../../src/model/entry.ts';

const file = (more: Partial<FileEntry> = {}): FileEntry => ({
  kind: 'file',
  mode: 0o644,
  mtimeUs: 1,
  size: 4,
  hash: 'a',
  chunks: null,
  owner: 'root',
  group: 'root',
  ...more,
});
const dir = (more: Partial<DirEntry> = {}): DirEntry => ({ kind: 'dir', mode: 0o755, owner: 'root', group: 'root', ...more });
const link = (more: Partial<LinkEntry> = {}): LinkEntry => ({ kind: 'link', target: 't', owner: 'root', group: 'root', ...more });
const halves = [
  { hash: 'x', size: 2 },
  { hash: 'y', size: 2 },
];

describe('chunks', () => {
  test('one chunk is the file itself', () => expect(chunksOf(file())).toEqual([{ hash: 'a', size: 4 }]));
  test('several are listed', () => expect(chunksOf(file({ chunks: halves }))).toEqual(halves));
  test('an empty file has none', () => expect(chunksOf(file({ size: 0 }))).toEqual([]));
});

describe('R1: equal content', () => {
  const different: readonly (Entry | null)[] = [null, file(), file({ hash: 'b' }), file({ size: 5 }), dir(), link(), link({ target: 'u' })];
  test('each of these is equal to itself only', () => {
    different.forEach((a, i) => {
      different.forEach((b, j) => {
        expect([a, b, sameContent(a, b)]).toEqual([a, b, i === j]);
      });
    });
  });
  test('metadata and cutting into chunks are no content', () => {
    expect(sameContent(file(), file({ mode: 0, mtimeUs: 9, owner: 'x', group: null, chunks: halves }))).toBe(true);
    expect(sameContent(dir(), dir({ mode: 0 }))).toBe(true);
    expect(sameContent(link(), link({ owner: 'x' }))).toBe(true);
  });
});

describe('metadata', () => {
  test.each([
    { name: 'none', a: file(), b: file(), expected: [] },
    {
      name: 'all',
      a: file(),
      b: file({ mode: 0o600, mtimeUs: 2, owner: 'x', group: 'y' }),
      expected: ['mode', 'mtimeUs', 'owner', 'group'],
    },
    { name: 'setuid', a: file(), b: file({ mode: 0o4644 }), expected: ['mode'] },
    { name: 'an unknown owner differs from nothing', a: file({ owner: null }), b: file({ owner: 'x', group: null }), expected: [] },
    { name: 'of directories', a: dir(), b: dir({ mode: 0o700, group: 'y' }), expected: ['mode', 'group'] },
    { name: 'of links only owner and group', a: link(), b: link({ owner: 'x', target: 'u' }), expected: ['owner'] },
    { name: 'times before 1970', a: file({ mtimeUs: -1 }), b: file(), expected: ['mtimeUs'] },
  ])('difference: $name', ({ a, b, expected }) => {
    expect(metadataDifference(a, b)).toEqual(expected);
    expect(metadataDifference(b, a)).toEqual(expected);
    expect(sameEntry(a, b)).toBe(sameContent(a, b) && expected.length === 0);
  });

  test('absence equals only absence', () => {
    expect(sameEntry(null, null)).toBe(true);
    expect(sameEntry(null, dir())).toBe(false);
    expect(sameEntry(dir(), null)).toBe(false);
  });

  test('attributes are taken where both kinds have them, and nothing else is', () => {
    expect(withAttributes(file(), file({ mode: 0o600, mtimeUs: 2, hash: 'b' }), ['mode'])).toEqual(file({ mode: 0o600 }));
    expect(withAttributes(link(), file({ mode: 0o600, owner: 'x' }), ['mode', 'mtimeUs', 'owner'])).toEqual(link({ owner: 'x' }));
    expect(withAttributes(file(), link({ group: 'x' }), ['mode', 'group'])).toEqual(file({ group: 'x' }));
  });

  test('taking every difference leaves none', () => {
    const names = fc.constantFrom(null, 'root', 'www');
    const mode = fc.nat({ max: 0o7777 });
    const any = fc.record({ mode, mtimeUs: fc.integer(), owner: names, group: names }).map((more) => file(more));
    fc.assert(
      fc.property(any, any, (a, b) => {
        const before = structuredClone(a);
        expect(metadataDifference(withAttributes(a, b, metadataDifference(a, b)), b)).toEqual([]);
        expect(a).toEqual(before);
      }),
    );
  });
});
