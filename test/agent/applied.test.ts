import { expect, test } from 'vitest';
import { appliedTo } from '../../src/agent/applied.ts';
import type { Journal } from '../../src/ports/journal.ts';
import { newJournal } from '../adapters/sqlite-fixture.ts';
import { agreed, file, want } from '../adapters/sqlite-rows.ts';

/** A journal at record 9 with one want; `history` are the records that changed its path, a minus marks a deletion. */
function journalWith(
  base: number | null,
  version: number,
  history: readonly number[],
  reason: 'pending' | 'excluded' = 'pending',
  path = 'x',
): Journal {
  const journal = newJournal();
  journal.setMeta('cursor', '9');
  if (base !== null) journal.putAgreed(agreed(path, { version: base }));
  journal.putWant(want(path, { version, reason }));
  for (const each of history) {
    const row = { path, version: Math.abs(each), k: 0, against: 0, atMs: 0, author: 'a', approved: false };
    journal.putVersion(each < 0 ? { ...row, op: 'delete', entry: null } : { ...row, op: 'put', entry: file() });
  }
  return journal;
}

test.each([
  { name: 'one change that waits', base: 3, version: 7, history: [3, 7], expected: 6 },
  { name: 'changes that later ones have hidden since', base: 3, version: 8, history: [3, 5, 8], expected: 4 },
  { name: 'a new path', base: null, version: 7, history: [7], expected: 6 },
  { name: 'a path that came back: its deletion is applied', base: null, version: 8, history: [2, -4, 8], expected: 7 },
  { name: 'a path that came back and was changed again', base: null, version: 8, history: [2, -4, 6, 8], expected: 5 },
])('$name', ({ base, version, history, expected }) => {
  expect(appliedTo(journalWith(base, version, history))).toBe(expected);
});

test('nothing waits: everything is applied; what the config keeps apart counts as applied', () => {
  const journal = newJournal();
  journal.setMeta('cursor', '9');
  expect(appliedTo(journal)).toBe(9);
  expect(appliedTo(journalWith(3, 7, [3, 7], 'excluded'))).toBe(9);
});

test('in a directory as well, and what lost a conflict there was never to be on this disk', () => {
  const journal = journalWith(3, 8, [3, 6, 8], 'pending', 'd/\u00ff/x');
  const loser = { op: 'kept' as const, entry: file(), against: 3, atMs: 0, author: 'a', approved: false };
  journal.putVersion({ ...loser, path: 'd/\u00ff/x', version: 4, k: 1 });
  journal.putVersion({ ...loser, op: 'put', path: 'd/x', version: 2, k: 0 });
  expect(appliedTo(journal)).toBe(5);
});

test('the lowest of several counts', () => {
  const journal = journalWith(3, 7, [3, 7]);
  journal.putWant(want('y', { version: 5 }));
  journal.putWant(want('z', { version: 9 }));
  expect(appliedTo(journal)).toBe(4);
});
