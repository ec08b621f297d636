import { expect, test } from 'vitest';
import type { Entry } from '../../src/model/entry.ts';
import type { Journal, RecordRow } from '../../src/ports/journal.ts';
import { newJournal } from './sqlite-fixture.ts';
import { agreed, dir, file, hashOf, hostileNames, want } from './sqlite-rows.ts';

function change(journal: Journal, path: string, version: number, entry: Entry | null, k = 0): void {
  const op = k > 0 ? 'kept' : entry === null ? 'delete' : 'put';
  journal.putVersion({ path, version, k, op, entry, against: 0, atMs: version * 1000, author: 'a', approved: false });
}

function record(journal: Journal, sequence: number, over: Partial<RecordRow> = {}): void {
  const about = { sequence, hash: hashOf(1), id: '', authorId: '', author: 'a', atMs: sequence * 1000, kind: 'changes', reason: '' };
  const counts = { puts: 0, deletes: 0, kept: 0, bytes: 0, objectSize: 0, objectModifiedMs: 0, objectTag: '', bodyId: '' };
  journal.putRecord({ ...about, verdict: 'ok', changeset: '', more: false, ...counts, ...over }, null, null);
}

test('the state of a path as of a record: the newest change until then, kept losers aside', () => {
  const journal = newJournal();
  change(journal, 'x', 2, file(2));
  change(journal, 'x', 4, null);
  change(journal, 'x', 6, dir);
  change(journal, 'x', 5, file(5), 1);
  change(journal, 'x', 8, file(8), 1);
  change(journal, 'x!', 1, file(1));
  const at = (sequence: number) => journal.versionAt('x', sequence)?.version ?? null;
  expect([1, 2, 3, 4, 5, 6, 9].map(at)).toEqual([null, 2, 2, 4, 4, 6, 6]);
  expect(journal.versionAt('x', 4)?.entry).toBeNull();
  expect(journal.versionAt('x', 9)?.entry).toEqual(dir);
  change(journal, 'x', 7, file(7));
  expect(journal.lastDirectory('x')?.version).toBe(6);
  expect(journal.lastDirectory('x!')).toBeNull();
});

test('paths that records changed: at and below a directory, once each, in byte order', () => {
  const journal = newJournal();
  for (const [index, path] of ['d', 'd/x', 'd/x/y', 'd-x', 'd0', 'e/d', 'd/ÿ'].entries()) change(journal, path, index + 1, file());
  change(journal, 'd/x', 9, null);
  change(journal, 'd/kept', 9, file(), 1);
  expect(journal.pathsChanged('d', 0, 99)).toEqual(['d', 'd/x', 'd/x/y', 'd/ÿ']);
  expect(journal.pathsChanged('d', 3, 9)).toEqual(['d/x', 'd/ÿ']);
  expect(journal.pathsChanged('', 3, 6)).toEqual(['d-x', 'd0', 'e/d']);
  expect(journal.pathsChanged('', 9, 9)).toEqual([]);
});

test('live children are those of the fold', () => {
  const journal = newJournal();
  for (const name of hostileNames) journal.putAgreed(agreed(`d/${name}`));
  journal.putAgreed(agreed('d'));
  journal.putAgreed(agreed('d/a/deeper'));
  journal.putWant(want('d/a', { entry: null }));
  journal.putWant(want('d/b', { entry: file(9) }));
  journal.putWant(want('d/wanted', { entry: dir }));
  const expected = [...hostileNames.filter((name) => name !== 'a').map((name) => `d/${name}`), 'd/wanted'];
  expect(journal.foldedChildren('d').sort()).toEqual(expected.sort());
  expect(journal.foldedChildren('')).toEqual(['d']);
  expect(journal.foldedChildren('nothing')).toEqual([]);
});

test('the changes of a record, some of them, and how many there are', () => {
  const journal = newJournal();
  for (const path of ['b', 'a', 'd/y', 'd/x', 'd0']) change(journal, path, 3, file());
  change(journal, 'a', 3, file(), 1);
  change(journal, 'a', 4, file());
  const listed = (directory: string, limit: number) => {
    const { count, rows } = journal.changesOf(3, directory, limit);
    return [count, ...rows.map(({ path, k }) => `${path}~${k}`)];
  };
  expect(listed('', 9)).toEqual([6, 'a~0', 'a~1', 'b~0', 'd/x~0', 'd/y~0', 'd0~0']);
  expect(listed('', 2)).toEqual([6, 'a~0', 'a~1']);
  expect(listed('d', 1)).toEqual([2, 'd/x~0']);
  expect(listed('', 0)).toEqual([6]);
});

test('records: of a path, of a changeset, up to a time, the oldest', () => {
  const journal = newJournal();
  expect([journal.oldestRecord(), journal.recordUpTo(9e15)]).toEqual([null, null]);
  for (const sequence of [3, 4, 5, 6]) record(journal, sequence, { changeset: sequence % 2 === 0 ? 'even' : 'odd' });
  record(journal, 8, { changeset: 'even', verdict: 'bad' });
  change(journal, 'd/x', 4, file());
  change(journal, 'd', 6, dir);
  change(journal, 'd', 1, dir);
  change(journal, 'd0', 5, file());
  const numbers = (rows: readonly RecordRow[]) => rows.map((row) => row.sequence);
  expect(numbers(journal.recordsAt('d', 9))).toEqual([6, 4]);
  expect(numbers(journal.recordsAt('d', 1))).toEqual([6]);
  expect(journal.recordsOfChangeset('even')).toEqual([4, 6]);
  expect([2999, 3000, 4999, 9e15].map((atMs) => journal.recordUpTo(atMs)?.sequence)).toEqual([undefined, 3, 4, 8]);
  expect(journal.oldestRecord()?.sequence).toBe(3);
});
