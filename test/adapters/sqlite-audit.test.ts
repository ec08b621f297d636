import { expect, test } from 'vitest';
import type { Journal } from '../../src/ports/journal.ts';
import type { AuditRow } from '../../src/ports/journal-audit.ts';
import { newJournal } from './sqlite-fixture.ts';
import { file, hashOf } from './sqlite-rows.ts';

type Put = Omit<AuditRow, 'author'>;

function put(path: string, over: Partial<Put> = {}): Put {
  return { atMs: 1000, path, op: 'put', kind: 'file', size: 10, version: 7, ...over };
}

function paths(journal: Journal, limit = 100, path?: string): string[] {
  return journal.audits(limit, path).map((row) => row.path);
}

function knowRecord(journal: Journal, sequence: number, author: string): void {
  const about = { sequence, hash: hashOf(1), id: '', authorId: '', author, atMs: 0, kind: 'changes', verdict: 'ok' as const, reason: '' };
  const counts = { changeset: '', more: false, puts: 0, deletes: 0, kept: 0, bytes: 0, objectSize: 0, objectModifiedMs: 0, objectTag: '' };
  journal.putRecord({ ...about, ...counts, bodyId: '' }, null, null);
}

test('rows come newest first, with who wrote the record', () => {
  const journal = newJournal();
  knowRecord(journal, 7, 'web01');
  // The record was pruned, the history of the path was not.
  journal.putVersion({ path: 'old', version: 3, k: 0, op: 'put', entry: file(), against: 0, atMs: 0, author: 'web02', approved: false });
  journal.putAudit(put('new'));
  journal.putAudit(put('old', { op: 'delete', kind: 'dir', size: null, version: 3 }));
  journal.putAudit(put('joined', { op: 'delete', kind: null, version: 0 }));
  expect(journal.audits(2)).toEqual([
    { ...put('joined', { op: 'delete', kind: null, version: 0 }), author: '' },
    { ...put('old', { op: 'delete', kind: 'dir', size: null, version: 3 }), author: 'web02' },
  ]);
  expect(journal.audits(9).at(-1)).toEqual({ ...put('new'), author: 'web01' });
});

test('a path means itself and what is below it', () => {
  const journal = newJournal();
  for (const path of ['d', 'd/x', 'd/x/y', 'd-x', 'd0', 'd.x', 'e/d/x', 'd/\u00ff']) journal.putAudit(put(path));
  expect(paths(journal, 100, 'd')).toEqual(['d/\u00ff', 'd/x/y', 'd/x', 'd']);
  expect(paths(journal, 1, 'd/x')).toEqual(['d/x/y']);
  expect(paths(journal)).toHaveLength(8);
});

test('old rows go, and all but the newest of too many; in several steps where they are many', () => {
  const journal = newJournal();
  expect(journal.pruneAudit(1000, 10)).toBe(0);
  journal.transaction(() => {
    for (let i = 0; i < 50_000; i++) journal.putAudit(put(`p${i}`, { atMs: i }));
  });
  expect(journal.pruneAudit(45_000, 100_000)).toBe(45_000);
  expect([paths(journal, 1), paths(journal, 9999).at(-1), paths(journal, 9999).length]).toEqual([['p49999'], 'p45000', 5000]);
  expect(journal.pruneAudit(45_000, 100_000)).toBe(0);
  expect(journal.pruneAudit(0, 3)).toBe(4997);
  expect(paths(journal)).toEqual(['p49999', 'p49998', 'p49997']);
  expect(journal.pruneAudit(50_000, 3)).toBe(3);
  expect(paths(journal)).toEqual([]);
});
