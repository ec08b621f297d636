import { expect, test } from 'vitest';
import type { Location, Outbox, RecordRow, VersionRow } from '../../src/ports/journal.ts';
import { newJournal } from './sqlite-fixture.ts';
import { dir, file, hashOf, hostileNames, link } from './sqlite-rows.ts';

function record(sequence: number, over: Partial<RecordRow> = {}): RecordRow {
  const counts = { puts: 3, deletes: 2, kept: 1, bytes: 2 ** 41 };
  const object = { objectSize: 0, objectModifiedMs: 0, objectTag: '', bodyId: 'b'.repeat(32) };
  const author = { authorId: 'a'.repeat(32), author: 'web\u00e901' };
  const verdict = { verdict: 'ok' as const, reason: '', changeset: '0123456789abcdef', more: false };
  const head = { sequence, hash: hashOf(sequence), id: `id ${sequence}`, atMs: 1_700_000_000_000, kind: 'changes' };
  return { ...head, ...author, ...verdict, ...counts, ...object, ...over };
}

function version(path: string, number: number, over: Partial<VersionRow> = {}): VersionRow {
  return {
    path,
    version: number,
    k: 0,
    op: 'put',
    entry: file(number),
    against: 0,
    atMs: 1_700_000_000_000 + number,
    author: 'web01',
    approved: true,
    ...over,
  };
}

function location(over: Partial<Location> = {}): Location {
  return { hash: hashOf(1), size: 10, codec: 'brotli', record: 7, pack: 'p'.repeat(32), offset: 100, length: 8, ...over };
}

test('records come back as they were put, newest first', () => {
  const journal = newJournal();
  const rows = [record(3, { verdict: 'bad', reason: 'a path twice', more: true }), record(2), record(1, { verdict: 'skipped' })];
  for (const row of rows) journal.putRecord(row, null, null);
  expect(journal.records(10)).toEqual(rows);
  expect(journal.records(1)).toEqual([rows[0]]);
  expect(journal.records(10, 3)).toEqual(rows.slice(1));
  expect(journal.record(2)).toEqual(record(2));
  expect(journal.record(4)).toBeNull();
});

test('what a listing shows of a record is noted beside it', () => {
  const journal = newJournal();
  journal.putRecord(record(1), Buffer.from('bytes'), Buffer.from('body'));
  journal.setRecordObject(1, 5, 1_700_000_000_999, '"etag"');
  const expected = record(1, { objectSize: 5, objectModifiedMs: 1_700_000_000_999, objectTag: '"etag"' });
  expect(journal.record(1)).toEqual(expected);
  expect(journal.recordBytes(1)).toEqual(Buffer.from('bytes'));
  expect(journal.recordBody(1)).toEqual(Buffer.from('body'));
});

test('the bytes of the newest records are kept, and only those', () => {
  const journal = newJournal();
  for (const sequence of [1, 2, 3, 4]) journal.putRecord(record(sequence), sequence === 3 ? null : Buffer.from([sequence]), null);
  journal.keepRecordBytes(2);
  expect([1, 2, 3, 4].map((sequence) => journal.recordBytes(sequence))).toEqual([null, null, null, Buffer.from([4])]);
  journal.putRecord(record(4, { verdict: 'bad' }), null, null);
  expect(journal.recordBytes(4)).toBeNull();
  journal.putRecord(record(5), Buffer.from('x'), null);
  journal.keepRecordBytes(0);
  expect(journal.recordBytes(5)).toBeNull();
  expect(journal.records(9)).toHaveLength(5);
});

test('versions of a path are listed oldest first, kept losers after the change of their record', () => {
  const journal = newJournal();
  const rows = [
    version('a', 1),
    version('a', 2, { op: 'delete', entry: null }),
    version('a', 10, { entry: link, against: 1 }),
    version('a', 10, { k: 1, op: 'kept', entry: dir, against: 10 }),
    version('a', 10, { k: 2, op: 'kept', against: 10 }),
  ];
  for (const row of [...rows].reverse()) journal.putVersion(row);
  journal.putVersion(version('a/b', 3));
  expect(journal.versions('a')).toEqual(rows);
  expect(journal.versions('nothing')).toEqual([]);
});

test('versions of a record are its changes, whatever their names', () => {
  const journal = newJournal();
  for (const name of hostileNames) for (const number of [1, 2]) journal.putVersion(version(name, number));
  const found = journal.versionsOf(2);
  expect(found.every((row) => row.version === 2)).toBe(true);
  expect(found.map(({ path }) => path)).toEqual([...hostileNames].sort());
});

test('conflicts are the versions that won and the ones that were kept, newest first', () => {
  const journal = newJournal();
  const won = version('a', 5, { against: 4 });
  const kept = version('b', 6, { k: 1, op: 'kept', against: 0 });
  for (const row of [won, kept, version('c', 7), version('d', 8, { op: 'delete', entry: null })]) journal.putVersion(row);
  expect(journal.conflicts(9)).toEqual([kept, won]);
  expect(journal.conflicts(1)).toEqual([kept]);
});

test('J2: earlier content is known by path, hash and size, kept losers included', () => {
  const journal = newJournal();
  journal.putVersion(version('a', 1));
  journal.putVersion(version('a', 2, { op: 'delete', entry: null }));
  journal.putVersion(version('a', 3, { k: 1, op: 'kept' }));
  expect(journal.hadContent('a', hashOf(1), 10)).toBe(true);
  expect(journal.hadContent('a', hashOf(3), 30)).toBe(true);
  expect(journal.hadContent('a', hashOf(1), 11)).toBe(false);
  expect(journal.hadContent('a', hashOf(2), 20)).toBe(false);
  expect(journal.hadContent('b', hashOf(1), 10)).toBe(false);
});

test('J3: a path counts as deleted since a cursor only while its newest version is a later deletion', () => {
  const journal = newJournal();
  journal.putVersion(version('a', 1));
  expect(journal.deletedSince('a', 0)).toBe(false);
  journal.putVersion(version('a', 4, { op: 'delete', entry: null }));
  expect([journal.deletedSince('a', 3), journal.deletedSince('a', 4)]).toEqual([true, false]);
  journal.putVersion(version('a', 5, { k: 1, op: 'kept' }));
  expect(journal.deletedSince('a', 3)).toBe(true);
  journal.putVersion(version('a', 6));
  expect([journal.deletedSince('a', 3), journal.deletedSince('b', 0)]).toEqual([false, false]);
});

test('P2: a content may lie in several places, packs before inline', () => {
  const journal = newJournal();
  const places = [
    location({ record: 5, pack: 'x' }),
    location({ record: 5, pack: 'x', offset: 0 }),
    location({ record: 2, pack: 'z', codec: 'none' }),
    location({ record: 1, pack: '', offset: 0 }),
  ];
  for (const place of places) journal.putLocation(place);
  journal.putLocation(location({ record: 1, pack: '', offset: 0 }));
  expect(journal.locations(hashOf(1))).toEqual([places[2], places[1], places[0], places[3]]);
  expect(journal.locationsOf([hashOf(9), hashOf(1)])).toEqual(new Map([[hashOf(1), journal.locations(hashOf(1))]]));
  journal.dropLocation(location({ record: 5, pack: 'x' }));
  expect(journal.locations(hashOf(1))).toEqual([places[2], places[1], places[3]]);
  for (const place of places) journal.dropLocation(place);
  expect(journal.hasLocation(hashOf(1))).toBe(false);
});

test('P3: an upload of ours counts while it is young enough, and is no location of the log', () => {
  const journal = newJournal();
  journal.putUpload(location(), 1000);
  expect(journal.upload(hashOf(1), 1000)).toEqual(location());
  expect(journal.upload(hashOf(1), 1001)).toBeNull();
  expect(journal.hasLocation(hashOf(1))).toBe(false);
  journal.putUpload(location({ pack: 'newer' }), 2000);
  journal.putUpload(location({ hash: hashOf(2) }), 2000);
  expect(journal.upload(hashOf(1), 1500)?.pack).toBe('newer');
  journal.dropUploads([hashOf(1), hashOf(3)]);
  expect([journal.upload(hashOf(1), 0), journal.upload(hashOf(2), 0)]).toEqual([null, location({ hash: hashOf(2) })]);
});

test('S1: the outbox holds one record, byte by byte', () => {
  const journal = newJournal();
  expect(journal.outbox()).toBeNull();
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const plain: Outbox = { sequence: 4, hash: hashOf(4), bytes, body: null, freeAtMs: 99, notOnDisk: [] };
  journal.putOutbox(plain);
  expect(journal.outbox()).toEqual(plain);
  const split: Outbox = { ...plain, sequence: 5, body: { id: 'b'.repeat(32), bytes: Buffer.alloc(3, 7) }, notOnDisk: hostileNames };
  journal.putOutbox(split);
  expect(journal.outbox()).toEqual(split);
  journal.dropOutbox();
  expect(journal.outbox()).toBeNull();
});

test('B3: needs carry the time of the newest request', () => {
  const journal = newJournal();
  journal.putNeed(hashOf(1), 10);
  journal.putNeed(hashOf(2), 20);
  journal.putNeed(hashOf(1), 30);
  expect([...journal.needs()]).toEqual([
    [hashOf(1), 30],
    [hashOf(2), 20],
  ]);
  journal.dropNeed(hashOf(1));
  expect([...journal.needs().keys()]).toEqual([hashOf(2)]);
});
