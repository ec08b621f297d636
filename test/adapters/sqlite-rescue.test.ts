import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openJournal } from '../../src/adapters/sqlite.ts';
import { noteDamage, openOrSetAside, remainsOf } from '../../src/adapters/sqlite-rescue.ts';
import { removeShareState, journalFile as shareJournal } from '../../src/adapters/state-directory.ts';
import { systemRandom } from '../../src/adapters/system.ts';
import type { Config } from '../../src/config-types.ts';
import type { Journal, TrashRow } from '../../src/ports/journal.ts';
import { journalFile } from './sqlite-fixture.ts';
import { agreed, file as fileEntry } from './sqlite-rows.ts';

const trashed: TrashRow = {
  ...{ name: 'aa', path: 'x', entry: fileEntry(), atMs: 5, why: 'conflict', owed: true, lostTo: 7, ino: 1, size: 10, mtimeKey: 3 },
};

function opened(file: string): { journal: Journal; events: string[] } {
  const events: string[] = [];
  const journal = openOrSetAside(file, systemRandom, events);
  onTestFinished(() => journal.close());
  return { journal, events };
}

function filled(): string {
  const file = journalFile();
  const journal = openJournal({ file });
  journal.transaction(() => {
    for (let i = 0; i < 500; i++) journal.putAgreed(agreed(`directory ${i % 20}/name ${i}`));
    journal.putTrash(trashed);
    journal.putTrash({ ...trashed, name: 'bb', owed: false });
  });
  journal.close();
  return file;
}

/** Fills every page of the table but its root with noise. */
function breakTable(file: string, table: string): void {
  const raw = new Database(file, { readonly: true });
  const pages = raw.prepare('SELECT pageno FROM dbstat WHERE name = ?').pluck().all(table) as number[];
  raw.close();
  const bytes = readFileSync(file);
  for (const page of pages) bytes.fill(0xa5, (page - 1) * 4096, page * 4096);
  writeFileSync(file, bytes);
}

const besides = (file: string) => readdirSync(dirname(file)).filter((name) => name !== basename(file) && !/-(wal|shm)$/.test(name));

test('R-J3: a damaged journal is set aside, told, and its trash index is taken over as far as it can be read', () => {
  const file = filled();
  breakTable(file, 'agreed');
  const { journal, events } = opened(file);
  expect(events).toEqual([expect.stringMatching(/the journal was damaged \(.*\); it was set aside as .* could still be read$/)]);
  expect(journal.agreedCount().files).toBe(0);
  // What it lost to is a record of the log before the rebuild.
  expect(journal.trash()).toEqual([
    { ...trashed, lostTo: 0 },
    { ...trashed, name: 'bb', owed: false },
  ]);
  expect(besides(file)).toHaveLength(1);
});

test('R-J3: where the trash index is damaged too, the rest of the rebuild is the same', () => {
  const file = filled();
  breakTable(file, 'trash');
  const { journal, events } = opened(file);
  expect(events[0]).toMatch(/is rebuilt from the bucket$/);
  expect(journal.trash()).toEqual([]);
});

test('damage that a cycle has met is believed at the next opening, which need not find it', () => {
  const file = filled();
  noteDamage(file, 'met in the middle');
  expect(statSync(`${file}.damaged`).mode & 0o777).toBe(0o600);
  const first = opened(file);
  expect(first.events[0]).toContain('met in the middle');
  expect(first.journal.agreedCount().files).toBe(0);
  first.journal.putAgreed(agreed('new'));
  first.journal.close();
  const second = opened(file);
  expect([second.events, second.journal.agreedCount().files]).toEqual([[], 1]);
});

test('a mark of a journal that is gone says nothing of the next one', () => {
  const file = journalFile();
  noteDamage(file, 'of another');
  expect(opened(file).events).toEqual([]);
  expect(besides(file)).toEqual([]);
});

test('what was set aside goes with the share that is forgotten', () => {
  const state = dirname(journalFile());
  const config = { state } as Config;
  const file = shareJournal(config, 'webroot');
  for (const other of [file, shareJournal(config, 'webroot2')]) {
    writeFileSync(other, 'no journal');
    opened(other).journal.close();
  }
  removeShareState(config, 'webroot');
  expect(readdirSync(state).every((name) => name.startsWith('webroot2.journal'))).toBe(true);
  expect(remainsOf(shareJournal(config, 'webroot2')).length).toBeGreaterThan(0);
});

test('only the newest journal that was set aside is kept', () => {
  const file = filled();
  for (let damage = 0; damage < 3; damage++) {
    truncateSync(file, 100);
    opened(file).journal.close();
  }
  const kept = remainsOf(file).filter((name) => !/-(wal|shm)$/.test(name));
  expect(kept.map((name) => statSync(name).size)).toEqual([100]);
});
