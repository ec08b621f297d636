import { expect, test } from 'vitest';
import { type Asked, type Earlier, earlier, knownStates } from '../../src/agent/earlier.ts';
import type { Entry } from '../../src/model/entry.ts';
import type { Journal } from '../../src/ports/journal.ts';
import { newJournal } from '../adapters/sqlite-fixture.ts';
import { agreed, dir, file, hashOf } from '../adapters/sqlite-rows.ts';

/** Records 1 to 9, a second apart; the journal may have forgotten what was superseded before `fromMs`. */
function journalOf(changes: readonly [sequence: number, path: string, entry: Entry | null][], fromMs?: number): Journal {
  const journal = newJournal();
  for (let sequence = 1; sequence <= 9; sequence++) {
    if (fromMs !== undefined && sequence * 1000 < fromMs - 1000) continue;
    const about = {
      sequence,
      hash: hashOf(sequence),
      id: '',
      authorId: '',
      author: 'a',
      atMs: sequence * 1000,
      kind: 'changes',
      reason: '',
    };
    const counts = { puts: 0, deletes: 0, kept: 0, bytes: 0, objectSize: 0, objectModifiedMs: 0, objectTag: '', bodyId: '' };
    journal.putRecord({ ...about, verdict: 'ok', changeset: `c${sequence}`, more: false, ...counts }, null, null);
  }
  for (const [version, path, entry] of changes) {
    const op = entry === null ? 'delete' : 'put';
    journal.putVersion({ path, version, k: 0, op, entry, against: 0, atMs: version * 1000, author: 'a', approved: false });
    if (entry === null) journal.dropAgreed(path);
    else journal.putAgreed(agreed(path, { entry, version }));
  }
  journal.setMeta('cursor', '9');
  if (fromMs !== undefined) journal.setMeta('historyFromMs', String(fromMs));
  return journal;
}

const at = (path: string, atMs: number): Asked => ({ ask: 'time', path, when: { atMs }, exact: false });
const version = (path: string, number: number): Asked => ({ ask: 'version', path, version: number, k: 0, exact: false });

function told(found: Earlier): string {
  if (!found.ok) return found.refusal.no;
  return found.steps
    .map(({ path, entry, base }) => `${path} ${entry?.kind === 'file' ? entry.size : (entry?.kind ?? '-')} on ${base}`)
    .join(', ');
}

const changes: [number, string, Entry | null][] = [
  [1, 'd', dir],
  [2, 'd/x', file(2)],
  [4, 'd/x', file(4)],
  [6, 'd/x', null],
  [6, 'd', null],
  [8, 'y', file(8)],
];

test.each<[asked: Asked, found: string]>([
  [at('d/x', 3999), 'd dir on 0, d/x 20 on 0'],
  [at('d/x', 4000), 'd dir on 0, d/x 40 on 0'],
  [at('d', 2500), 'd dir on 0, d/x 20 on 0'],
  [at('d', 1000), 'd dir on 0'],
  [at('d/x', 1500), 'absent'],
  [at('d/x', 999), 'history'],
  [at('d/x', 6000), 'absent'],
  [at('y', 9000), ''],
  [at('', 5000), 'd dir on 0, d/x 40 on 0'],
  [at('', 20_000), ''],
  [at('', 21_001), 'future'],
  [{ ask: 'time', path: 'd/x', when: { agoMs: 16_001 }, exact: false }, 'd dir on 0, d/x 20 on 0'],
  [{ ask: 'time', path: '', when: { atMs: 3000 }, exact: true }, 'y - on 8, d dir on 0, d/x 20 on 0'],
  [version('d/x', 2), 'd dir on 0, d/x 20 on 0'],
  [version('d/x', 3), 'version'],
  [version('d/x', 6), 'deletion'],
  [version('d', 5), 'd dir on 0, d/x 40 on 0'],
  [version('d', 7), 'version'],
  [version('d', 10), 'version'],
  [version('', 9), ''],
  [{ ask: 'undo', sequence: 6 }, 'd dir on 0, d/x 40 on 0'],
  [{ ask: 'undo', sequence: 8 }, 'y - on 8'],
  [{ ask: 'undo', sequence: 10 }, 'record'],
])('%o', (asked, found) => {
  expect(told(earlier(journalOf(changes), asked, 20_000, new Map()))).toBe(found);
});

test('H2: before the retained history nothing is guessed', () => {
  // As pruned at 5 s: version 2 was superseded at 4 s, version 4 at 6 s.
  const journal = journalOf(
    changes.filter(([sequence]) => sequence !== 2),
    5000,
  );
  expect(knownStates(journal)).toEqual({ oldest: 4, newest: 9, sinceMs: 5000 });
  const found = (asked: Asked) => told(earlier(journal, asked, 20_000, new Map()));
  expect(found(at('d/x', 4999))).toBe('history');
  expect(found(at('d/x', 5000))).toBe('d dir on 0, d/x 40 on 0');
  expect(found(version('d', 3))).toBe('history');
  expect(found(version('d', 4))).toBe('d dir on 0, d/x 40 on 0');
  expect(found({ ask: 'undo', sequence: 4 })).toBe('history');
  expect(found({ ask: 'undo', sequence: 5 })).toBe('');
  expect(found({ ask: 'undo', sequence: 3 })).toBe('record');
});

test('after a quiet month no record is left, and the present is all there is', () => {
  const journal = newJournal();
  journal.setMeta('cursor', '9');
  journal.setMeta('historyFromMs', '1000000');
  expect(knownStates(journal)).toEqual({ oldest: 9, newest: 9, sinceMs: 1_000_000 });
  expect(knownStates(newJournal())).toEqual({ oldest: 0, newest: 0, sinceMs: null });
});
