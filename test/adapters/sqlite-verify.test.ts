import { expect, test } from 'vitest';
import type { Journal, Location, VersionRow } from '../../src/ports/journal.ts';
import { newJournal } from './sqlite-fixture.ts';
import { agreed, dir, file, hashOf, hostileNames, link } from './sqlite-rows.ts';

const put = (path: string, version: number, atMs: number, over: Partial<VersionRow> = {}): VersionRow => ({
  ...{ path, version, k: 0, op: 'put' as const, entry: file(version), against: 0, atMs, author: 'a', approved: false },
  ...over,
});
const gone = (path: string, version: number, atMs: number) => put(path, version, atMs, { op: 'delete', entry: null });
const loser = (path: string, version: number, k: number, atMs: number) => put(path, version, atMs, { op: 'kept', k });
const at = (seed: number, pack: string, record: number, offset = 0): Location => ({
  ...{ hash: hashOf(seed), size: seed * 10, codec: 'none' as const, record, pack, offset, length: seed * 10 },
});

function holding(versions: readonly VersionRow[], locations: readonly Location[] = []): Journal {
  const journal = newJournal();
  for (const row of versions) journal.putVersion(row);
  for (const location of locations) journal.putLocation(location);
  return journal;
}

/** Contents that are needed at the cut-off of 100, by the seed of their hash. */
function needed(...versions: VersionRow[]): number[] {
  const journal = holding(versions);
  journal.planVerify(100, null);
  return journal.unsound(100).hashes.map((hash) => Number.parseInt(hash, 16));
}

test.each<[string, VersionRow[], number[]]>([
  ['a live file, however old', [put('a', 1, 0)], [1]],
  ['a version that was superseded within the retention', [put('a', 1, 0), put('a', 2, 100)], [1, 2]],
  ['not one that was superseded before', [put('a', 1, 0), put('a', 2, 99)], [2]],
  ['what was deleted within the retention', [put('a', 1, 0), gone('a', 2, 100)], [1]],
  ['not what was deleted before', [put('a', 1, 0), gone('a', 2, 99)], []],
  ['a loser by its own time', [loser('a', 3, 1, 99), loser('a', 4, 1, 100)], [4]],
  ['the same content once', [put('a', 1, 0), put('b', 1, 0)], [1]],
  [
    'no directory, link or empty file',
    [put('a', 1, 0, { entry: dir }), put('b', 2, 0, { entry: link }), put('c', 3, 0, { entry: file(0) })],
    [],
  ],
  [
    'each chunk of a large file',
    [
      put('a', 1, 0, {
        entry: file(9, {
          chunks: [
            { hash: hashOf(5), size: 5 },
            { hash: hashOf(6), size: 6 },
          ],
        }),
      }),
    ],
    [5, 6],
  ],
])('needed: %s', (_, versions, expected) => expect(needed(...versions)).toEqual(expected));

test('places are told pack by pack and record by record; what is sound is needed no more', () => {
  const journal = holding(
    [put('a', 1, 0), put('b', 2, 0), put('c', 3, 0), put('old', 4, 0), put('old', 5, 50)],
    [at(1, 'p', 0), at(2, 'p', 0, 10), at(2, 'q', 0), at(3, '', 7), at(4, 'p', 0, 30), at(5, '', 8)],
  );
  expect(journal.planVerify(100, null)).toEqual({ contents: 4, bytes: 110 });
  expect(journal.plannedPacks()).toEqual([
    { pack: 'p', contents: 2, bytes: 30, end: 30 },
    { pack: 'q', contents: 1, bytes: 20, end: 20 },
  ]);
  expect(journal.plannedIn('p')).toEqual([at(1, 'p', 0), at(2, 'p', 0, 10)]);
  expect(journal.plannedRecords()).toEqual([7, 8]);
  expect(journal.plannedInline(7)).toEqual([at(3, '', 7)]);
  expect(journal.onlyInPacks(['p'])).toEqual([hashOf(1)]);
  expect(journal.onlyInPacks(['p', 'q']).sort()).toEqual([hashOf(1), hashOf(2)]);
  journal.markSound([hashOf(2), hashOf(3)]);
  expect([journal.unsoundIn('p'), journal.unsoundIn('q')]).toEqual([1, 0]);
  expect(journal.unsound(1)).toEqual({ count: 2, hashes: [hashOf(1)] });
  expect(journal.bereft(1)).toEqual({ count: 2, first: [{ path: 'a', version: 1, k: 0, live: true, hash: hashOf(1) }] });
  journal.endVerify();
  expect(journal.planVerify(100, [hashOf(3), hashOf(77)])).toEqual({ contents: 1, bytes: 30 });
});

test('versions that miss content: live ones first, a chunk counts for its file, a version is told once', () => {
  const chunks = [hashOf(5), hashOf(6)].map((hash) => ({ hash, size: 5 }));
  const large = file(9, { chunks });
  const journal = holding([put('z', 1, 0), put('b', 2, 0), put('b', 3, 100), loser('b', 3, 1, 100), put('m', 7, 0, { entry: large })]);
  journal.planVerify(100, null);
  const { count, first } = journal.bereft(10);
  expect(count).toBe(5);
  expect(first.map(({ path, version, k, live }) => [path, version, k, live])).toEqual([
    ['b', 3, 0, true],
    ['m', 7, 0, true],
    ['z', 1, 0, true],
    ['b', 3, 1, false],
    ['b', 2, 0, false],
  ]);
});

test('objects that the journal knows: packs of locations and of own uploads', () => {
  const journal = holding([], [at(1, 'p', 0), at(2, '', 3)]);
  journal.putUpload(at(3, 'u', 0), 1);
  expect(journal.knownObjects()).toEqual({ packs: new Set(['p', 'u']), bodies: new Set() });
});

test('agreed files and live versions page by page, whatever their names', () => {
  const journal = newJournal();
  const paths = hostileNames.flatMap((name) => [name, `d/${name}`, `d/d2/${name}`]);
  for (const [index, path] of paths.entries()) {
    journal.putAgreed(agreed(path, { entry: index % 5 === 0 ? link : file(index + 1) }));
    journal.putVersion(put(path, index + 1, 0));
    if (index % 7 === 0) journal.putVersion(gone(path, index + 500, 0));
  }
  const files: string[] = [];
  for (let page = journal.agreedFilesAfter('', 4); page.length > 0; page = journal.agreedFilesAfter(page.at(-1) as string, 4))
    files.push(...page);
  expect([...files].sort()).toEqual(paths.filter((_, index) => index % 5 !== 0).sort());
  const live: string[] = [];
  for (
    let page = journal.liveVersionsAfter('', 4);
    page.length > 0;
    page = journal.liveVersionsAfter((page.at(-1) as { path: string }).path, 4)
  )
    live.push(...page.map(({ path }) => path));
  expect(live).toEqual(paths.filter((_, index) => index % 7 !== 0).sort());
});
