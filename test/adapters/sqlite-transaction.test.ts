import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { openJournal } from '../../src/adapters/sqlite.ts';
import { journalFile, newJournal } from './sqlite-fixture.ts';
import { agreed, want } from './sqlite-rows.ts';

function put(path: string) {
  return agreed(path, { stamp: null });
}

test('a transaction returns what its work returns, and its effects stay', () => {
  const journal = newJournal();
  const result = journal.transaction(() => {
    journal.putAgreed(put('a'));
    return journal.transaction(() => {
      journal.putAgreed(put('b'));
      return 7;
    });
  });
  expect(result).toBe(7);
  expect(journal.agreedChildren('')).toHaveLength(2);
});

test('a throw takes everything back, digests that were forgotten too', () => {
  const journal = newJournal();
  journal.putDirectoryDigest('', 'x');
  const boom = new Error('boom');
  expect(() =>
    journal.transaction(() => {
      journal.putAgreed(put('a'));
      throw boom;
    }),
  ).toThrow(boom);
  expect(journal.agreed('a')).toBeNull();
  expect(journal.directoryDigest('')).toBe('x');
  journal.transaction(() => journal.putAgreed(put('b')));
  expect(journal.agreed('b')).toEqual(put('b'));
});

test('a throw in a nested transaction rolls the outermost back, even when it is caught between', () => {
  const journal = newJournal();
  const boom = new Error('boom');
  expect(() =>
    journal.transaction(() => {
      journal.putAgreed(put('a'));
      try {
        journal.transaction(() => {
          throw boom;
        });
      } catch {
        // What follows must not be committed alone, so it is refused with the first error.
        expect(() => journal.putAgreed(put('b'))).toThrow(boom);
      }
    }),
  ).toThrow(boom);
  expect(journal.agreedChildren('')).toEqual([]);
});

test('a transaction refuses to wait for a promise', () => {
  const journal = newJournal();
  expect(() => journal.transaction(() => Promise.resolve(journal.putAgreed(put('a'))))).toThrow(TypeError);
  expect(journal.agreed('a')).toBeNull();
});

test('a row that breaks the schema is refused and leaves nothing', () => {
  const journal = newJournal();
  const wrong = { ...put('x'), version: 'text' as unknown as number };
  expect(() =>
    journal.transaction(() => {
      journal.putAgreed(put('a'));
      journal.putAgreed(wrong);
    }),
  ).toThrow(/INTEGER/);
  expect(() => journal.putAgreed(put(''))).toThrow(/CHECK/);
  expect(journal.agreedBelow('')).toEqual([]);
});

test('a flush commits once for all that is new, and not inside a transaction', () => {
  const file = journalFile();
  const journal = newJournal(file);
  const reader = new Database(file, { readonly: true });
  const flushes = () => reader.prepare('SELECT count FROM flush').pluck().get();
  journal.putAgreed(put('a'));
  journal.flush();
  expect(flushes()).toBe(1);
  journal.flush();
  expect(flushes()).toBe(1);
  journal.putAgreed(put('b'));
  journal.flush();
  expect(flushes()).toBe(2);
  reader.close();
  expect(() => journal.transaction(() => journal.flush())).toThrow(/inside a transaction/);
});

test('a journal opened again flushes at least once: the commits of a killed process may still be in memory only', () => {
  const file = journalFile();
  newJournal(file).putAgreed(put('a'));
  const journal = newJournal(file);
  journal.flush();
  const reader = new Database(file, { readonly: true });
  expect(reader.prepare('SELECT count FROM flush').pluck().get()).toBe(1);
  reader.close();
});

test('closing twice is harmless, and what was committed is there again', () => {
  const file = journalFile();
  const journal = openJournal({ file });
  journal.putAgreed(put('a'));
  journal.close();
  journal.close();
  expect(newJournal(file).agreed('a')).toEqual(put('a'));
});

test('a table that was empty is asked again after the first insert, also after a rollback', () => {
  const journal = newJournal();
  journal.transaction(() => {
    expect([journal.want('a'), journal.agreed('a'), journal.folded('a')]).toEqual([null, null, null]);
    journal.putWant(want('a'));
    expect([journal.want('a')?.path, journal.folded('a')?.path]).toEqual(['a', 'a']);
  });
  expect(() =>
    journal.transaction(() => {
      journal.dropWant('a');
      expect(journal.want('a')).toBeNull();
      throw new Error('not to be committed');
    }),
  ).toThrow('not to be committed');
  journal.transaction(() => expect(journal.want('a')?.path).toBe('a'));
});

test('a long transaction pauses between its steps, and is whole or has not been', async () => {
  const journal = newJournal();
  const work = function* () {
    journal.putAgreed(put('a'));
    yield;
    journal.transaction(() => journal.putAgreed(put('b')));
  };
  let pauses = 0;
  expect(await journal.gradually(work, async () => ++pauses > 1)).toBe(false);
  expect([pauses, journal.agreedChildren('')]).toEqual([1, []]);
  expect(await journal.gradually(work, async () => true)).toBe(true);
  expect(journal.agreedChildren('').map(({ path }) => path)).toEqual(['a', 'b']);
});

test('a long transaction that throws, in its work or in a pause, takes everything back; the journal is usable afterwards', async () => {
  const journal = newJournal();
  const failing = function* () {
    journal.putAgreed(put('a'));
    yield;
    throw new Error('boom');
  };
  await expect(journal.gradually(failing, async () => true)).rejects.toThrow('boom');
  await expect(journal.gradually(failing, () => Promise.reject(new Error('in the pause')))).rejects.toThrow('in the pause');
  expect(journal.agreedChildren('')).toEqual([]);
  journal.transaction(() => journal.putAgreed(put('b')));
  expect(journal.agreed('b')).toEqual(put('b'));
});

test('no long transaction begins inside another one', async () => {
  const journal = newJournal();
  const inner = function* () {
    yield;
  };
  await journal.gradually(inner, async () => {
    await expect(journal.gradually(inner, async () => true)).rejects.toThrow('inside another');
    return true;
  });
});
