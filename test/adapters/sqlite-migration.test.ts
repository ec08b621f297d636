import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { projectRoot } from '../source.ts';
import { journalFile, newJournal } from './sqlite-fixture.ts';
import { file as fileEntry, hashOf, hostileNames } from './sqlite-rows.ts';

const schemaDirectory = join(projectRoot, 'src/adapters/schema');
const files = readdirSync(schemaDirectory)
  .filter((name) => name.endsWith('.sql'))
  .sort();
const newest = files.length;
const golden = (version: number) => join(projectRoot, `test/golden/journal-${version}.sql`);
const earlier = Array.from({ length: newest - 1 }, (_, at) => at + 1);

/** Columns that a later version has dropped, by the version that did. */
const dropped: Readonly<Record<string, readonly string[]>> = {
  intent: ['kind', 'mode', 'mtime_us', 'size', 'hash', 'chunks', 'owner', 'group_name', 'target'],
};

type Rows = Readonly<Record<string, readonly Record<string, unknown>[]>>;

/** A journal as that version left it. */
function journalOf(version: number): string {
  const file = journalFile();
  const raw = new Database(file);
  raw.pragma('journal_mode = WAL');
  raw.exec(readFileSync(golden(version), 'utf8'));
  raw.close();
  return file;
}

function schemaOf(raw: Database.Database): unknown[] {
  return raw.prepare('SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name').all();
}

function tablesOf(file: string): Rows {
  const raw = new Database(file, { readonly: true });
  const names = raw.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all() as string[];
  const rows = Object.fromEntries(names.map((name) => [name, raw.prepare(`SELECT * FROM ${name}`).all() as Record<string, unknown>[]]));
  raw.close();
  return rows;
}

test.each(earlier)('the files that build version %i were not edited since', (version) => {
  expect(existsSync(golden(version)), `keep a journal of version ${version} as ${golden(version)}`).toBe(true);
  const left = new Database(journalOf(version), { readonly: true });
  const built = new Database(':memory:');
  for (const name of files.slice(0, version)) built.exec(readFileSync(join(schemaDirectory, name), 'utf8'));
  expect(schemaOf(left)).toEqual(schemaOf(built));
  expect(left.pragma('user_version', { simple: true })).toBe(version);
  left.close();
  built.close();
});

test.each(earlier)('a journal of version %i keeps every row, and every table had some', (version) => {
  const file = journalOf(version);
  const before = tablesOf(file);
  newJournal(file);
  const after = tablesOf(file);
  for (const [table, rows] of Object.entries(before)) {
    expect(rows.length, table).toBeGreaterThan(0);
    const gone = dropped[table] ?? [];
    const kept = rows.map((row) => Object.fromEntries(Object.entries(row).filter(([column]) => !gone.includes(column))));
    expect(after[table]?.length, table).toBe(rows.length);
    expect(after[table], table).toMatchObject(kept);
  }
  const raw = new Database(file, { readonly: true });
  expect([raw.pragma('user_version', { simple: true }), raw.pragma('quick_check', { simple: true })]).toEqual([newest, 'ok']);
  raw.close();
});

test.each(earlier)('what version %i left is read as it was meant', (version) => {
  const journal = newJournal(journalOf(version));
  expect(journal.agreedChildren('d')).toHaveLength(hostileNames.length);
  expect(journal.want('gone')).toMatchObject({ entry: null, approved: true, reason: 'held', version: 8 });
  expect(journal.versions('x').map(({ version, k, op, approved }) => [version, k, op, approved])).toEqual([
    [1, 0, 'put', false],
    [2, 0, 'put', false],
    [2, 1, 'kept', false],
    [8, 0, 'delete', false],
  ]);
  expect(journal.record(8)).toMatchObject({ author: 'web02', kind: 'changes', bodyId: '' });
  expect(journal.recordBody(8)?.toString()).toBe('a body');
  expect(journal.outbox()).toMatchObject({ sequence: 10, notOnDisk: ['m', 'd/ÿ'] });
  expect(journal.intents()).toEqual([
    { path: 'w', version: 2, stagedIno: 77, trashName: '' },
    { path: 'x', version: 8, stagedIno: 0, trashName: 'aa' },
  ]);
  expect(journal.owedTrash().map(({ name }) => name)).toEqual(['bb']);
  expect(journal.trashByHash(hashOf(2))).toMatchObject({ name: 'aa', entry: fileEntry(2), ino: 2 ** 60 });
  expect(journal.locations(hashOf(1)).map(({ pack }) => pack)).toEqual(['ef'.repeat(16), '']);
  expect(journal.holdPaths('ab').map(({ path }) => path)).toEqual(['d/x', 'gone']);
  expect(journal.audits(10).map(({ path, op }) => `${op} ${path}`)).toEqual(version === 1 ? [] : ['delete gone', 'put d/x']);
  journal.putHold({ id: 'ef', kind: 'check', sinceMs: 7, state: 'open', detail: 'no' }, [{ path: 'x', version: 8 }]);
  expect(journal.holds().map(({ id, kind }) => `${id} ${kind}`)).toEqual(['ab receiver', 'cd publisher', 'ef check']);
  journal.dropHold('ef');
  expect(journal.holdPaths('ef')).toEqual([]);
});
