import { expect, test } from 'vitest';
import { contentHash } from '../../src/model/digest.ts';
import type { Entry } from '../../src/model/entry.ts';
import type { Location } from '../../src/ports/journal.ts';
import { newJournal } from '../adapters/sqlite-fixture.ts';
import { changes, follow, startMs } from './snapshot-of.ts';

const file = (text: string): Entry => ({
  ...{ kind: 'file', mode: 0o644, mtimeUs: 1, owner: null, group: null, size: text.length, hash: contentHash(text), chunks: null },
});
const snapshotId = 'a'.repeat(32);
const [packOne, packTwo] = ['6'.repeat(32), '7'.repeat(32)];
const covering = (upTo: number, id = snapshotId) => ({ kind: 'snapshot', id, upTo, previousHash: contentHash(`record ${upTo}`) }) as const;

function inline(text: string, record: number): Location {
  return { hash: contentHash(text), size: 1, codec: 'none', record, pack: '', offset: 0, length: 1 };
}

test('R-P2: inline content of records that a snapshot covers is no place for new changes to rely on, but one to read from', () => {
  const journal = newJournal();
  for (const text of ['1', '2']) follow(journal, changes({ op: 'put', path: text, base: 0, entry: file(text) }));
  journal.putLocation(inline('1', 1));
  journal.putLocation(inline('2', 2));
  expect([journal.hasLocation(contentHash('1')), journal.hasLocation(contentHash('2'))]).toEqual([true, true]);
  follow(journal, covering(1));
  expect([journal.hasLocation(contentHash('1')), journal.hasLocation(contentHash('2'))]).toEqual([false, true]);
  expect(journal.locations(contentHash('1'))).toEqual([inline('1', 1)]);
  journal.putLocation({ ...inline('1', 0), pack: packOne });
  expect(journal.hasLocation(contentHash('1'))).toBe(true);
  expect(journal.snapshots()).toEqual([{ id: snapshotId, upTo: 1, hash: contentHash('record 1'), record: 3, atMs: startMs + 3000 }]);
});

test('an older snapshot that is announced later does not lower what is covered', () => {
  const journal = newJournal();
  for (let sequence = 1; sequence <= 4; sequence++) follow(journal, { kind: 'need', hashes: [] });
  follow(journal, covering(4));
  follow(journal, covering(2, 'b'.repeat(32)));
  expect(journal.meta('inlineFloor')).toBe('4');
  expect(journal.snapshots().map(({ upTo }) => upTo)).toEqual([2, 4]);
});

test('R-P3: nothing relies on a retired pack any more, neither as a place nor as an upload of mine', () => {
  const journal = newJournal();
  for (const pack of [packOne, packTwo]) {
    journal.putLocation({ ...inline('both', 0), pack });
    journal.putLocation({ ...inline(`only in ${pack}`, 0), pack });
    journal.putUpload({ ...inline(`mine in ${pack}`, 0), pack }, startMs);
  }
  journal.putLocation(inline('inline', 1));
  follow(journal, { kind: 'need', hashes: [] });
  follow(journal, covering(1));
  follow(journal, { kind: 'retire', packs: [packOne], bodies: ['8'.repeat(32)], snapshots: [snapshotId] });
  expect(journal.locations(contentHash('both')).map(({ pack }) => pack)).toEqual([packTwo]);
  const known = [packOne, packTwo].map((pack) => [
    journal.hasLocation(contentHash(`only in ${pack}`)),
    journal.upload(contentHash(`mine in ${pack}`), 0) !== null,
  ]);
  expect(known).toEqual([
    [false, false],
    [true, true],
  ]);
  expect(journal.locations(contentHash('inline'))).toHaveLength(1);
  expect(journal.snapshots()).toEqual([]);
  const at = { record: 3, atMs: startMs + 3000 };
  expect(journal.retired()).toEqual([
    { kind: 'body', id: '8'.repeat(32), ...at },
    { kind: 'pack', id: packOne, ...at },
    { kind: 'snapshot', id: snapshotId, ...at },
  ]);
});

test('R-G3: an approval in the log stays with the versions of that record, and lets through what is held or waits', () => {
  const journal = newJournal();
  const paths = ['held', 'excluded', 'other'];
  for (const path of paths) follow(journal, changes({ op: 'put', path, base: 0, entry: file('1') }));
  follow(journal, changes({ op: 'delete', path: 'held', base: 1 }, { op: 'delete', path: 'excluded', base: 2 }));
  follow(journal, changes({ op: 'delete', path: 'other', base: 3, approved: true }));
  journal.setWantReason('held', 'held', 'too many', 0);
  journal.setWantReason('excluded', 'excluded', '', 0);
  follow(journal, { kind: 'approve', record: 4 });
  const approved = (path: string) => journal.versions(path).map((row) => [row.version, row.approved]);
  expect(approved('held')).toEqual([
    [1, false],
    [4, true],
  ]);
  expect(approved('other')).toEqual([
    [3, false],
    [5, true],
  ]);
  expect(journal.want('held')).toMatchObject({ approved: true, reason: 'pending' });
  expect(journal.want('excluded')).toMatchObject({ approved: false, reason: 'excluded' });
});
