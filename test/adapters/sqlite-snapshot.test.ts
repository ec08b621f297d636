import { expect, test } from 'vitest';
import type { Location, RecordRow, VersionRow } from '../../src/ports/journal.ts';
import { newJournal } from './sqlite-fixture.ts';
import { agreed, file, hashOf, hostileNames, want } from './sqlite-rows.ts';

const version = (path: string, number: number, over: Partial<VersionRow> = {}): VersionRow => ({
  ...{ path, version: number, k: 0, op: 'put', entry: file(number), against: 0, atMs: 1, author: 'web01', approved: false, ...over },
});

const record = (sequence: number): RecordRow => ({
  ...{ sequence, hash: hashOf(sequence), id: 'i', authorId: 'a', author: 'a', atMs: 1, kind: 'changes', verdict: 'ok', reason: '' },
  ...{ changeset: '', more: false, puts: 1, deletes: 0, kept: 0, bytes: 1, objectSize: 1, objectModifiedMs: 1, objectTag: '', bodyId: '' },
});

const location = (seed: number, over: Partial<Location> = {}): Location => ({
  ...{ hash: hashOf(seed), size: 1, codec: 'none', record: 0, pack: 'p', offset: seed, length: 1, ...over },
});

test('whole tables are read in the order of their keys, across pages, whatever the names', () => {
  const journal = newJournal();
  const paths = [...hostileNames, ...Array.from({ length: 2500 }, (_, i) => `many/${i}`)];
  const versions = paths.flatMap((path) => [version(path, 1), version(path, 2), version(path, 2, { k: 1, op: 'kept', approved: true })]);
  const locations = Array.from({ length: 2100 }, (_, i) => location(i % 700, { offset: i, record: i % 3 }));
  const records = Array.from({ length: 2000 }, (_, i) => record(i + 1));
  journal.transaction(() => {
    for (const row of [...versions].reverse()) journal.putVersion(row);
    for (const row of [...locations].reverse()) journal.putLocation(row);
    for (const row of [...records].reverse()) journal.putRecord(row, null, null);
  });
  const byPath = (a: VersionRow, b: VersionRow) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.version - b.version || a.k - b.k);
  expect([...journal.allVersions()]).toEqual([...versions].sort(byPath));
  const byHash = (a: Location, b: Location) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : a.record - b.record || a.offset - b.offset);
  expect([...journal.allLocations()]).toEqual([...locations].sort(byHash));
  expect([...journal.allRecords()]).toEqual(records);
});

test('a reader that stops half-way does not block a write', () => {
  const journal = newJournal();
  for (let i = 0; i < 1500; i++) journal.putVersion(version(`path ${i}`, 1));
  for (const row of journal.allVersions()) if (row.path === 'path 5') break;
  journal.putVersion(version('another', 1));
  expect(journal.versions('another')).toHaveLength(1);
});

test('live paths without a version of their own are found, in both tables and at any depth', () => {
  const journal = newJournal();
  for (const path of ['top', 'dir/a', 'dir/known', 'dir/kept only']) journal.putAgreed(agreed(path));
  for (const path of ['wanted', 'dir/sub/wanted']) journal.putWant(want(path));
  // Not live: the log wants it gone.
  journal.putAgreed(agreed('going'));
  journal.putWant(want('going', { entry: null }));
  journal.putVersion(version('dir/known', 1));
  journal.putVersion(version('dir/kept only', 1, { k: 1, op: 'kept' }));
  expect(journal.foldedWithoutVersion().sort()).toEqual(['dir/a', 'dir/kept only', 'dir/sub/wanted', 'top', 'wanted']);
});

test('R-H3: what a snapshot replaces goes, and the base of this disk stays', () => {
  const journal = newJournal();
  journal.putAgreed(agreed('a'));
  journal.putWant(want('b'));
  journal.putNeed(hashOf(1), 1);
  journal.putRecord(record(1), Buffer.from('x'), null);
  journal.putVersion(version('a', 1));
  journal.putLocation(location(1));
  journal.putUpload(location(2), 1);
  journal.putSnapshot({ id: 's', upTo: 1, hash: hashOf(1), record: 2, atMs: 1 });
  journal.putRetired({ kind: 'pack', id: 'p', record: 2, atMs: 1 });
  journal.resetLog();
  expect([journal.records(9), journal.recordBytes(1), [...journal.allVersions()], [...journal.allLocations()]]).toEqual([[], null, [], []]);
  expect([journal.upload(hashOf(2), 0), journal.snapshots(), journal.retired()]).toEqual([null, [], []]);
  expect([journal.agreed('a')?.version, journal.want('b')?.version, journal.needs().size]).toEqual([1, 2, 1]);
});

test('R-L3: a new base knows no snapshot, no retired object and nothing of housekeeping', () => {
  const journal = newJournal();
  const keys = ['inlineFloor', 'horizon', 'housekeptAtMs', 'prunedAtMs', 'historyFromMs', 'loadedSnapshot'] as const;
  for (const key of keys) journal.setMeta(key, '7');
  journal.putSnapshot({ id: 's', upTo: 1, hash: hashOf(1), record: 2, atMs: 1 });
  journal.putRetired({ kind: 'pack', id: 'p', record: 2, atMs: 1 });
  journal.resetBase();
  expect(keys.map((key) => journal.meta(key))).toEqual(keys.map(() => undefined));
  expect([journal.snapshots(), journal.retired()]).toEqual([[], []]);
});

test('the wants of one record are found, in byte order of paths', () => {
  const journal = newJournal();
  for (const [path, number] of [
    ['b', 2],
    ['a', 2],
    ['c', 3],
  ] as const) {
    journal.putWant(want(path, { version: number }));
  }
  expect(journal.wantsOf(2).map(({ path }) => path)).toEqual(['a', 'b']);
  expect(journal.wantsOf(9)).toEqual([]);
});
