import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { openJournal } from '../../src/adapters/sqlite.ts';
import { JournalFault } from '../../src/ports/journal.ts';
import { journalFile, newJournal } from './sqlite-fixture.ts';
import { agreed } from './sqlite-rows.ts';

/** The code of the fault that the work throws; any other outcome fails the test. */
function faultOf(work: () => unknown): string {
  try {
    work();
  } catch (cause) {
    if (cause instanceof JournalFault) return cause.code;
    throw cause;
  }
  return 'none';
}

function filledJournal(rows = 500): string {
  const file = journalFile();
  const journal = openJournal({ file });
  journal.transaction(() => {
    for (let i = 0; i < rows; i++) journal.putAgreed(agreed(`directory ${i % 20}/name ${i}`));
  });
  journal.close();
  return file;
}

function overwritePage(file: string, page: number, filling: (offset: number) => number): void {
  const bytes = readFileSync(file);
  for (let i = page * 4096; i < (page + 1) * 4096; i++) bytes[i] = filling(i);
  writeFileSync(file, bytes);
}

/** Number, from 0, of a page in the middle of a table. */
function leafPageOf(file: string, table: string): number {
  const raw = new Database(file, { readonly: true });
  const pages = raw.prepare("SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path").pluck().all(table) as number[];
  raw.close();
  return (pages[Math.floor(pages.length / 2)] ?? 0) - 1;
}

test('a new journal is private, complete, and opens again without a change', () => {
  const file = journalFile();
  openJournal({ file }).close();
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const before = readFileSync(file);
  openJournal({ file }).close();
  expect(readFileSync(file).equals(before)).toBe(true);
});

test('a journal that was created but not migrated yet is migrated', () => {
  const file = journalFile();
  const started = new Database(file);
  started.pragma('journal_mode = WAL');
  started.close();
  newJournal(file).putAgreed(agreed('a'));
});

test('the remains of a removed journal are not read as a new one', () => {
  const file = journalFile();
  const kept = openJournal({ file });
  kept.putAgreed(agreed('a'));
  const orphan = journalFile();
  copyFileSync(`${file}-wal`, `${orphan}-wal`);
  kept.close();
  expect(newJournal(orphan).agreed('a')).toBeNull();
});

test('migrations run in order from the version that a journal has', () => {
  const file = journalFile();
  const schemaDirectory = join(dirname(file), 'schema');
  mkdirSync(schemaDirectory);
  const add = (name: string, sql: string) => writeFileSync(join(schemaDirectory, name), sql);
  const first = readFileSync(new URL('../../src/adapters/schema/0001.sql', import.meta.url), 'utf8');
  add('0001.sql', first);
  const old = openJournal({ file, schemaDirectory });
  old.putAgreed(agreed('a'));
  old.close();
  add('0003.sql', 'ALTER TABLE added RENAME TO renamed;');
  add('0002.sql', 'CREATE TABLE added (x TEXT) STRICT; -- a comment at the end');
  const migrated = openJournal({ file, schemaDirectory });
  expect(migrated.agreed('a')).toEqual(agreed('a'));
  migrated.close();
  const raw = new Database(file, { readonly: true });
  expect([raw.pragma('user_version', { simple: true }), raw.prepare('SELECT count(*) FROM renamed').pluck().get()]).toEqual([3, 0]);
  raw.close();
  add('0004.sql', 'CREATE TABLE half (x TEXT) STRICT; SELECT no_such_column FROM half;');
  expect(() => openJournal({ file, schemaDirectory })).toThrow(/no_such_column/);
  const after = new Database(file, { readonly: true });
  expect(after.pragma('user_version', { simple: true })).toBe(3);
  expect(after.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").pluck().get()).toBe(0);
  after.close();
});

test('the journal of a newer program is refused and stays as it is, byte for byte', () => {
  const file = filledJournal();
  const newer = new Database(file);
  newer.pragma('user_version = 9');
  newer.close();
  const before = readFileSync(file);
  for (const readOnly of [false, true]) expect(faultOf(() => openJournal({ file, readOnly }))).toBe('newer');
  expect(readFileSync(file).equals(before)).toBe(true);
});

test('a newer version that stands in the WAL of a killed process only is seen, and the WAL stays', () => {
  const file = filledJournal();
  const newer = new Database(file);
  newer.pragma('user_version = 9');
  const copy = journalFile();
  for (const end of ['', '-wal']) copyFileSync(`${file}${end}`, `${copy}${end}`);
  newer.close();
  const before = ['', '-wal'].map((end) => readFileSync(`${copy}${end}`));
  expect(faultOf(() => openJournal({ file: copy }))).toBe('newer');
  expect(['', '-wal'].map((end) => readFileSync(`${copy}${end}`))).toEqual(before);
});

test('a file that is no journal is damaged', () => {
  const contents = [Buffer.from('hello'), Buffer.alloc(8192), Buffer.alloc(8192, 0xa5), Buffer.alloc(100_000, 'SQLite format 3\0')];
  for (const content of contents) {
    const file = journalFile();
    writeFileSync(file, content);
    expect(faultOf(() => openJournal({ file }))).toBe('damaged');
    expect(readFileSync(file).equals(content)).toBe(true);
  }
});

test("another program's database is damaged as a journal, and is not written to", () => {
  for (const version of [0, 1]) {
    const file = journalFile();
    const foreign = new Database(file);
    foreign.exec(`CREATE TABLE theirs (x); PRAGMA user_version = ${version}`);
    foreign.close();
    const before = readFileSync(file);
    expect(faultOf(() => openJournal({ file }))).toBe('damaged');
    expect(readFileSync(file).equals(before)).toBe(true);
  }
});

test('a journal cut at any page is damaged', () => {
  const file = filledJournal();
  const pages = statSync(file).size / 4096;
  for (const left of [pages - 1, Math.floor(pages / 2), 1, pages - 0.5]) {
    const cut = journalFile();
    copyFileSync(file, cut);
    truncateSync(cut, left * 4096);
    expect([left, faultOf(() => openJournal({ file: cut }))]).toEqual([left, 'damaged']);
  }
});

test('any page overwritten is damage that opening finds in a small journal', () => {
  const file = filledJournal();
  const copy = journalFile();
  const pages = statSync(file).size / 4096;
  const fillings = [() => 0xa5, () => 0, (offset: number) => (offset * 2_654_435_761) >>> 24];
  for (let page = 0; page < pages; page++) {
    for (const filling of fillings) {
      copyFileSync(file, copy);
      overwritePage(copy, page, filling);
      expect([page, faultOf(() => openJournal({ file: copy }))]).toEqual([page, 'damaged']);
    }
  }
});

test('one flipped bit in a key is damage that opening finds in a small journal: its row would be somebody else', () => {
  const file = filledJournal();
  const bytes = readFileSync(file);
  const at = bytes.indexOf('directory 15');
  bytes[at + 'directory 1'.length] = 0x15;
  writeFileSync(file, bytes);
  expect(faultOf(() => openJournal({ file }))).toBe('damaged');
});

test('damage in a large journal is found where it is read, or at opening after an unclean end: never fewer rows', () => {
  const file = filledJournal(25_000);
  expect(statSync(file).size).toBeGreaterThan(4 * 1024 * 1024);
  const leaf = leafPageOf(file, 'agreed');
  overwritePage(file, leaf, (offset) => (offset * 2_654_435_761) >>> 24);
  const journal = newJournal(file);
  expect(faultOf(() => journal.agreedBelow(''))).toBe('damaged');
  expect(faultOf(() => journal.transaction(() => journal.agreedBelow('')))).toBe('damaged');
  journal.close();
  // Killed, and killed with a WAL that somebody has removed since.
  for (const left of ['-wal', '-shm']) {
    for (const other of ['-wal', '-shm']) rmSync(`${file}${other}`, { force: true });
    writeFileSync(`${file}${left}`, Buffer.alloc(64));
    expect([left, faultOf(() => openJournal({ file }))]).toEqual([left, 'damaged']);
  }
});

test('a place where no journal can be is unusable', () => {
  const file = journalFile();
  expect(faultOf(() => openJournal({ file: join(file, 'missing', 'share.db') }))).toBe('unusable');
  expect(faultOf(() => openJournal({ file: dirname(file) }))).toBe('unusable');
  expect(faultOf(() => openJournal({ file, readOnly: true }))).toBe('unusable');
  expect(existsSync(file)).toBe(false);
});

test('a reader beside a writer sees the last commit, and cannot write', () => {
  const file = journalFile();
  const writer = newJournal(file);
  writer.putAgreed(agreed('a'));
  const reader = openJournal({ file, readOnly: true });
  writer.transaction(() => {
    writer.putAgreed(agreed('b'));
    expect(reader.transaction(() => reader.agreedChildren('').map(({ path }) => path))).toEqual(['a']);
  });
  expect(reader.agreedChildren('')).toHaveLength(2);
  expect(faultOf(() => reader.putAgreed(agreed('c')))).toBe('unusable');
  reader.flush();
  reader.close();
  writer.putAgreed(agreed('d'));
  expect(writer.agreedChildren('')).toHaveLength(3);
});

test('a reader refuses a journal that still has to be migrated', () => {
  const file = journalFile();
  const started = new Database(file);
  started.pragma('journal_mode = WAL');
  started.close();
  expect(faultOf(() => openJournal({ file, readOnly: true }))).toBe('unusable');
});
