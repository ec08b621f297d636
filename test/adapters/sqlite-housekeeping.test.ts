import { describe, expect, test } from 'vitest';
import type { Journal, Location, RecordRow, VersionRow } from '../../src/ports/journal.ts';
import { newJournal } from './sqlite-fixture.ts';
import { file, hashOf } from './sqlite-rows.ts';

const put = (path: string, version: number, atMs: number, over: Partial<VersionRow> = {}): VersionRow => ({
  ...{ path, version, k: 0, op: 'put' as const, entry: file(version), against: 0, atMs, author: 'a', approved: false },
  ...over,
});
const gone = (path: string, version: number, atMs: number) => put(path, version, atMs, { op: 'delete', entry: null });
const loser = (path: string, version: number, k: number, atMs: number) => put(path, version, atMs, { op: 'kept', k });
const at = (seed: number, pack: string, record: number, offset = 0): Location => ({
  ...{ hash: hashOf(seed), size: seed * 10, codec: 'none' as const, record, pack, offset, length: seed * 10 },
});

describe('R-H2: what leaves the history', () => {
  const left = (rows: readonly VersionRow[], cutoffMs: number): string[] => {
    const journal = newJournal();
    for (const row of rows) journal.putVersion(row);
    const went = journal.pruneVersions(cutoffMs);
    const stay = [...new Set(rows.map(({ path }) => path))].flatMap((path) => journal.versions(path));
    expect(went).toBe(rows.length - stay.length);
    return stay.map(({ path, version, k }) => `${path}@${version}${k > 0 ? `~${k}` : ''}`);
  };

  test.each<[string, VersionRow[], string[]]>([
    ['a live file stays, however old', [put('a', 1, 0)], ['a@1']],
    ['a version counts from the record that superseded it', [put('a', 1, 0), put('a', 2, 100)], ['a@1', 'a@2']],
    ['it goes a retention later', [put('a', 1, 0), put('a', 2, 99)], ['a@2']],
    ['and everything before it', [put('a', 1, 0), put('a', 2, 98), put('a', 3, 99)], ['a@3']],
    ['an old middle goes, a young one stays', [put('a', 1, 0), put('a', 2, 99), put('a', 3, 100)], ['a@2', 'a@3']],
    ['a deletion goes by its own time, and what it deleted', [put('a', 1, 0), gone('a', 2, 99)], []],
    ['a young deletion stays', [put('a', 1, 0), gone('a', 2, 100)], ['a@1', 'a@2']],
    ['a deletion that was undone goes with the version that undid it', [gone('a', 2, 50), put('a', 3, 99)], ['a@3']],
    ['a deletion that was undone lately stays', [gone('a', 2, 50), put('a', 3, 100)], ['a@2', 'a@3']],
    ['a kept loser goes by its own time', [put('a', 1, 0), loser('a', 5, 1, 99), loser('a', 6, 1, 100)], ['a@1', 'a@6~1']],
    ['a kept loser supersedes nothing', [put('a', 1, 0), loser('a', 5, 1, 50), gone('a', 7, 120)], ['a@1', 'a@7']],
    ['other paths are nobody’s business', [put('a', 1, 0), put('ab', 2, 50), put('a/b', 3, 60)], ['a@1', 'ab@2', 'a/b@3']],
  ])('%s', (_, rows, stay) => expect(left(rows, 100)).toEqual(stay));
});

const record = (sequence: number, atMs: number, over: Partial<RecordRow> = {}): RecordRow => ({
  ...{ sequence, hash: hashOf(sequence), id: '', authorId: '', author: '', atMs, kind: 'changes', verdict: 'ok' as const, reason: '' },
  ...{ changeset: '', more: false, puts: 0, deletes: 0, kept: 0, bytes: 0, objectSize: 0, objectModifiedMs: 0, objectTag: '', bodyId: '' },
  ...over,
});

test('records go by age, and only where the log has lost them; their bytes with them', () => {
  const journal = newJournal();
  for (let sequence = 1; sequence <= 6; sequence++) journal.putRecord(record(sequence, sequence * 10), Buffer.from('x'), null);
  expect(journal.pruneRecords(35, 3)).toBe(2);
  expect(journal.records(10).map(({ sequence }) => sequence)).toEqual([6, 5, 4, 3]);
  expect(journal.recordBytes(2)).toBeNull();
  expect(journal.pruneRecords(35, 100)).toBe(1);
});

test('inline places go with their records; retired objects and forgotten uploads by age', () => {
  const journal = newJournal();
  for (const location of [at(1, '', 4), at(1, 'p', 4), at(2, '', 5)]) journal.putLocation(location);
  expect(journal.dropInlineLocations(5)).toBe(1);
  expect([journal.locations(hashOf(1)).length, journal.locations(hashOf(2)).length]).toEqual([1, 1]);
  journal.putRetired({ kind: 'pack', id: 'old', record: 1, atMs: 10 });
  journal.putRetired({ kind: 'pack', id: 'new', record: 1, atMs: 20 });
  journal.putUpload(at(7, 'q', 0), 10);
  journal.putUpload(at(8, 'q', 0), 15);
  journal.forgetObjects(20, 15);
  expect(journal.retired().map(({ id }) => id)).toEqual(['new']);
  expect([journal.upload(hashOf(7), 0), journal.upload(hashOf(8), 0)?.pack]).toEqual([null, 'q']);
});

const standing = (id: string) => ({ id, bytes: id === 'p' ? 100 : 1000 });

describe('R-P2: which pack is the home of what', () => {
  const weighed = (versions: readonly VersionRow[], locations: readonly Location[], listed: readonly string[]): Journal => {
    const journal = newJournal();
    for (const row of versions) journal.putVersion(row);
    for (const location of locations) journal.putLocation(location);
    journal.weighContents(listed.map(standing));
    return journal;
  };
  const homes = (journal: Journal) => Object.fromEntries(journal.packIndex().map(({ id, homeBytes }) => [id, homeBytes]));

  test('of several places the one with least garbage around it, where the bucket still lists it', () => {
    const places = [at(1, 'p', 0), at(2, 'p', 0, 10), at(1, 'q', 0), at(3, 'q', 0, 20), at(4, 'q', 0, 50)];
    const versions = [put('a', 1, 0), put('b', 2, 0), put('c', 3, 0)];
    expect(homes(weighed(versions, places, ['p', 'q']))).toEqual({ p: 30, q: 30 });
    expect(homes(weighed(versions, places, ['q']))).toEqual({ p: 0, q: 40 });
    expect(weighed(versions, places, ['p', 'q']).homeIn('q')).toEqual([at(3, 'q', 0, 20)]);
  });

  test('of equal packs one becomes free', () => {
    const places = ['q', 'r'].flatMap((pack) => [at(1, pack, 0), at(2, pack, 0, 10)]);
    expect(homes(weighed([put('a', 1, 0), put('b', 2, 0)], places, ['q', 'r']))).toEqual({ q: 0, r: 30 });
  });

  test('what no version names is dead; chunks count one by one, the hash of the whole does not', () => {
    const cut = file(9, { chunks: [1, 2].map((seed) => ({ hash: hashOf(seed), size: seed * 10 })) });
    const places = [at(1, 'p', 1), at(2, 'q', 1), at(9, 'r', 1), at(3, 's', 1)];
    expect(homes(weighed([put('a', 1, 0, { entry: cut })], places, ['p', 'q', 'r', 's']))).toEqual({ p: 10, q: 20, r: 0, s: 0 });
  });

  test('what this disk holds or waits for is needed too', () => {
    const journal = newJournal();
    journal.putAgreed({ path: 'x', entry: file(1), version: 1, stamp: null });
    journal.putWant({
      ...{ path: 'y', entry: file(2), version: 2, atMs: 0, approved: false, reason: 'pending', detail: '', attempts: 0 },
    });
    for (const location of [at(1, 'p', 1), at(2, 'p', 1, 10), at(3, 'p', 1, 30)]) journal.putLocation(location);
    journal.weighContents([standing('p')]);
    expect(homes(journal)).toEqual({ p: 30 });
  });

  test('contents that lie only inline in old records', () => {
    const versions = [1, 2, 3, 4, 5].map((seed) => put(`f${seed}`, seed, 0));
    const places = [at(1, '', 1), at(2, '', 2), at(2, '', 9), at(3, '', 3), at(3, 'p', 7), at(4, '', 4), at(4, 'lost', 6), at(6, '', 2)];
    const journal = weighed(versions, places, ['p']);
    expect(journal.homelessInline(5, 100)).toEqual([at(1, '', 1), at(4, '', 4)]);
    expect(journal.homelessInline(9, 100)).toEqual([at(1, '', 1), at(4, '', 4), at(2, '', 9)]);
    expect(journal.homelessInline(9, 1)).toEqual([at(1, '', 1)]);
  });

  test('a second collection replaces the first', () => {
    const journal = weighed([put('a', 1, 0)], [at(1, 'p', 1)], ['p']);
    journal.pruneVersions(0);
    journal.putVersion(put('a', 2, 5));
    journal.pruneVersions(6);
    journal.weighContents([standing('p')]);
    expect(homes(journal)).toEqual({ p: 0 });
  });
});

test('what happened behind a snapshot, and what bodies there are', () => {
  const journal = newJournal();
  journal.putRecord(record(1, 10, { bodyId: 'b1' }), null, null);
  journal.putRecord(record(2, 20, { kind: '', verdict: 'bad' }), null, null);
  journal.putRecord(record(3, 30, { kind: '', verdict: 'bad', bodyId: 'b3' }), null, null);
  expect(journal.lastCareMs()).toBe(0);
  journal.putRecord(record(4, 40, { kind: 'snapshot' }), null, null);
  journal.putRecord(record(5, 50, { kind: 'retire' }), null, null);
  expect([journal.changedSince(0), journal.changedSince(2), journal.changedSince(3)]).toEqual([true, true, false]);
  expect(journal.lastCareMs()).toBe(50);
  expect([...journal.bodies()]).toEqual([
    ['b1', 1],
    ['b3', 3],
  ]);
  expect([journal.opaqueFrom(1), journal.opaqueFrom(3)]).toEqual([[2], []]);
});
