import { expect, test } from 'vitest';
import { newJournal } from './sqlite-fixture.ts';
import { agreed, file, hashOf, want } from './sqlite-rows.ts';

const rows = 40_000;
/** Twenty times what it takes on a small machine: only work that grows with the square of the rows exceeds it. */
const msMax = 20_000;

test('a large share is written and folded in time that grows with its rows', { timeout: 2 * msMax }, () => {
  const journal = newJournal();
  const paths = Array.from({ length: rows }, (_, i) => `directory ${String(i % 500)}/${String(i).padStart(6, '0')}`);
  const started = performance.now();
  journal.transaction(() => {
    for (const [i, path] of paths.entries()) {
      const entry = file(i, { hash: hashOf(i) });
      journal.putAgreed(agreed(path, { entry }));
      journal.putVersion({ path, version: 1, k: 0, op: 'put', entry, against: 0, atMs: 1, author: 'web01', approved: false });
      journal.putLocation({ hash: entry.hash, size: 1, codec: 'none', record: 1, pack: 'p', offset: i, length: 1 });
      journal.putWant(want(path, { entry: i % 2 === 0 ? null : entry }));
    }
  });
  expect([...journal.foldedAll()]).toHaveLength(rows / 2);
  expect(journal.foldedCount()).toBe(rows / 2);
  journal.transaction(() => {
    for (const path of paths) journal.dropWant(path);
  });
  expect([...journal.foldedAll()]).toHaveLength(rows);
  expect(performance.now() - started).toBeLessThan(msMax);
});
