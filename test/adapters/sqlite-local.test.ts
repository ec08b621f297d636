import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Hold, Intent, ProblemRow, RecordRow, TrashRow } from '../../src/ports/journal.ts';
import { newJournal } from './sqlite-fixture.ts';
import { agreed, dir, file, hashOf, hostileNames, link, want } from './sqlite-rows.ts';

function trashed(name: string, over: Partial<TrashRow> = {}): TrashRow {
  const look = { ino: 2 ** 63, size: 10, mtimeKey: 1_700_000_000_123_456 };
  return { name, path: '\u00ff/a', entry: file(), atMs: 5, why: 'replaced', owed: false, lostTo: 3, ...look, ...over };
}

test('trash comes back as it was put, oldest first', () => {
  const journal = newJournal();
  const rows = [trashed('b', { atMs: 1, entry: link, why: 'join' }), trashed('a', { entry: dir, lostTo: 0 }), trashed('c', { atMs: 9 })];
  for (const row of [...rows].reverse()) journal.putTrash(row);
  expect(journal.trash()).toEqual(rows);
  journal.dropTrash('a');
  expect(journal.trash().map(({ name }) => name)).toEqual(['b', 'c']);
});

test('R2: what is owed stays owed until it is settled', () => {
  const journal = newJournal();
  journal.putTrash(trashed('a', { owed: true, why: 'conflict' }));
  journal.putTrash(trashed('b', { owed: true, atMs: 1 }));
  journal.putTrash(trashed('c'));
  expect(journal.owedTrash().map(({ name }) => name)).toEqual(['b', 'a']);
  journal.settleOwed('b');
  expect(journal.owedTrash()).toEqual([trashed('a', { owed: true, why: 'conflict' })]);
  expect(journal.trash()).toHaveLength(3);
});

test('trash is found by content, the newest first', () => {
  const journal = newJournal();
  journal.putTrash(trashed('old', { atMs: 1 }));
  journal.putTrash(trashed('new', { atMs: 2 }));
  journal.putTrash(trashed('other', { atMs: 3, entry: file(2) }));
  expect(journal.trashByHash(hashOf(1))?.name).toBe('new');
  expect(journal.trashByHash(hashOf(9))).toBeNull();
});

test('I4: intents keep their order until they are cleared', () => {
  const journal = newJournal();
  const step = (path: string, over: Partial<Intent> = {}): Intent => ({
    ...{ path, version: 4, stagedIno: 2 ** 60, trashName: 't' },
    ...over,
  });
  const first = [step('z'), step('a', { stagedIno: 0 }), step('m', { trashName: '' })];
  journal.putIntents(first);
  journal.putIntents([step('b'), step('a')]);
  expect(journal.intents()).toEqual([...first, step('b'), step('a')]);
  journal.clearIntents();
  expect(journal.intents()).toEqual([]);
});

test('problems keep their beginning when they are put again', () => {
  const journal = newJournal();
  const problem: ProblemRow = { key: 'busy:a', code: 'busy', path: 'a', text: 'in use', fix: 'close it', sinceMs: 5, printedMs: 0 };
  const whole: ProblemRow = { ...problem, key: 'full', path: null, sinceMs: 1 };
  journal.putProblem(problem);
  journal.putProblem(whole);
  journal.putProblem({ ...problem, printedMs: 9 });
  expect(journal.problems()).toEqual([whole, { ...problem, printedMs: 9 }]);
  journal.dropProblem('full');
  expect(journal.problems().map(({ key }) => key)).toEqual(['busy:a']);
});

test('G3: a hold carries its paths, is decided, and dies with them', () => {
  const journal = newJournal();
  const hold: Hold = { id: 'h1', kind: 'publisher', sinceMs: 5, state: 'open', detail: '30 of 40 files' };
  const other: Hold = { ...hold, id: 'h2', kind: 'receiver', sinceMs: 1 };
  const paths = [...hostileNames].sort().map((path, index) => ({ path, version: index }));
  journal.putHold(hold, paths);
  journal.putHold(other, [{ path: 'x', version: 1 }]);
  expect(journal.holds()).toEqual([other, hold]);
  expect(journal.holdPaths('h1')).toEqual(paths);
  journal.setHoldState('h1', 'approved');
  expect(journal.holds().map(({ state }) => state)).toEqual(['open', 'approved']);
  journal.putHold(hold, [{ path: 'y', version: 2 }]);
  expect(journal.holdPaths('h1')).toEqual([{ path: 'y', version: 2 }]);
  journal.dropHold('h1');
  expect([journal.holds(), journal.holdPaths('h1'), journal.holdPaths('h2')]).toEqual([[other], [], [{ path: 'x', version: 1 }]]);
});

test('G2: published deletions add up from a moment on, and long past ones are dropped', () => {
  const journal = newJournal();
  const day = 24 * 3600 * 1000;
  expect(journal.deletionsSince(0)).toBe(0);
  journal.noteDeletions(100 * day, 5);
  journal.noteDeletions(100 * day, 2);
  journal.noteDeletions(101 * day, 10);
  expect([journal.deletionsSince(0), journal.deletionsSince(100 * day), journal.deletionsSince(100 * day + 1)]).toEqual([17, 17, 10]);
  journal.noteDeletions(133 * day - 1, 1);
  expect(journal.deletionsSince(0)).toBe(11);
});

test('R4: lingering directories are a set', () => {
  const journal = newJournal();
  journal.setLingering('a/b', true);
  journal.setLingering('a/b', true);
  journal.setLingering('\u00ff', true);
  journal.setLingering('c', false);
  expect([...journal.lingering()]).toEqual(['a/b', '\u00ff']);
  journal.setLingering('a/b', false);
  expect([...journal.lingering()]).toEqual(['\u00ff']);
});

test('meta holds strings until they are set to null', () => {
  const journal = newJournal();
  expect(journal.meta('cursor')).toBeUndefined();
  journal.setMeta('cursor', '41');
  journal.setMeta('cursor', '42');
  journal.setMeta('exclude', '');
  expect([journal.meta('cursor'), journal.meta('exclude')]).toEqual(['42', '']);
  journal.setMeta('cursor', null);
  expect(journal.meta('cursor')).toBeUndefined();
});

test('every key of meta has its meaning in the schema', () => {
  const read = (name: string) => readFileSync(new URL(`../../src/${name}`, import.meta.url), 'utf8');
  const union = /export type MetaKey =([^;]*);/.exec(read('ports/journal.ts'))?.[1] ?? '';
  const keys = [...union.matchAll(/'(\w+)'/g)].map((match) => match[1]);
  expect(keys.length).toBeGreaterThan(10);
  const schema = ['0001.sql', '0002.sql', '0003.sql'].map((name) => read(`adapters/schema/${name}`)).join('\n');
  expect(keys.filter((key) => !new RegExp(`^--   ${key} +\\S`, 'm').test(schema))).toEqual([]);
});

const record: RecordRow = {
  ...{ sequence: 1, hash: hashOf(1), id: 'i', authorId: 'a', author: 'a', atMs: 1, kind: 'changes', verdict: 'ok', reason: '' },
  ...{ changeset: '', more: false, puts: 1, deletes: 0, kept: 0, bytes: 1, objectSize: 1, objectModifiedMs: 1, objectTag: '', bodyId: '' },
};

test('L3: a new base leaves meta, trash and problems, and nothing of the old lineage', () => {
  const journal = newJournal();
  const at = { hash: hashOf(1), size: 1, codec: 'none', record: 1, pack: 'p', offset: 0, length: 1 } as const;
  journal.setMeta('shareId', 's');
  journal.putTrash(trashed('a', { owed: true }));
  journal.putProblem({ key: 'k', code: 'c', path: null, text: '', fix: '', sinceMs: 1, printedMs: 1 });
  journal.noteDeletions(50, 3);
  journal.putAgreed(agreed('a'));
  journal.putDirectoryDigest('', 'x');
  journal.putWant(want('b'));
  journal.putRecord(record, Buffer.from('x'), null);
  journal.putVersion({ path: 'a', version: 1, k: 0, op: 'put', entry: file(), against: 0, atMs: 1, author: 'm', approved: false });
  journal.putLocation(at);
  journal.putUpload(at, 1);
  journal.putNeed(hashOf(1), 1);
  journal.putOutbox({ sequence: 1, hash: hashOf(1), bytes: Buffer.alloc(1), body: null, freeAtMs: 1, notOnDisk: [] });
  journal.putIntents([{ path: 'a', version: 1, stagedIno: 0, trashName: '' }]);
  journal.putHold({ id: 'h', kind: 'publisher', sinceMs: 1, state: 'open', detail: '' }, [{ path: 'a', version: 1 }]);
  journal.setLingering('a', true);
  journal.resetBase();
  expect([journal.meta('shareId'), journal.owedTrash().length, journal.problems().length, journal.deletionsSince(0)]).toEqual([
    's',
    1,
    1,
    3,
  ]);
  expect([journal.foldedCount(), journal.agreedBelow(''), journal.wants(), journal.directoryDigest('')]).toEqual([0, [], [], undefined]);
  expect([journal.records(9), journal.recordBytes(1)]).toEqual([[], null]);
  expect([journal.versions('a'), journal.hasLocation(hashOf(1)), journal.upload(hashOf(1), 0)]).toEqual([[], false, null]);
  expect([journal.needs().size, journal.outbox(), journal.intents(), journal.holds(), journal.lingering().size]).toEqual([
    0,
    null,
    [],
    [],
    0,
  ]);
});
