import { comparePaths, nameOf, parentOf } from '../model/path.ts';
import type { Journal, Want, WantReason } from '../ports/journal.ts';
import { type Connection, command, query, type Row, replacing, sparseQuery } from './sqlite-connection.ts';
import { deeperDirectories, entryAt, entryColumns, entryValues, entryWidth, pathOf } from './sqlite-rows.ts';

type WantReads = Pick<Journal, 'want' | 'wants' | 'wantPaths' | 'wantsBelow' | 'wantsOf' | 'oldestDeletion' | 'wantCount'>;
type WantWrites = Pick<Journal, 'putWant' | 'setWantReason' | 'dropWant' | 'dropWantAt'>;

const columns = `dir, name, version, ${entryColumns}, at_ms, approved, reason, detail, attempts`;
const firstEntry = 3;
const afterEntry = firstEntry + entryWidth;

/** What the log wants where disk and log have not met. */
export function wantPart(connection: Connection): WantReads & WantWrites {
  return { ...wantReads(connection), ...wantWrites(connection) };
}

function wantReads(connection: Connection): WantReads {
  const one = sparseQuery(connection, 'want', `SELECT ${columns} FROM want WHERE dir = ? AND name = ?`);
  const all = query(connection, `SELECT ${columns} FROM want`);
  const withReasons = query(connection, `SELECT ${columns} FROM want WHERE reason IN (SELECT value FROM json_each(?))`);
  const ofVersion = query(connection, `SELECT ${columns} FROM want WHERE version = ?`);
  const pathsWithReasons = query(connection, 'SELECT dir, name FROM want WHERE reason IN (SELECT value FROM json_each(?))');
  const children = query(connection, `SELECT ${columns} FROM want WHERE dir = ?`);
  const deeper = query(connection, `SELECT ${columns} FROM want WHERE dir >= ? AND dir < ?`);
  const oldest = query(connection, 'SELECT min(version) FROM want WHERE kind IS NULL');
  const counts = query(connection, 'SELECT count(kind), count(*) - count(kind), total(size) FROM want');
  return {
    want: (path) => {
      const row = one.row(parentOf(path), nameOf(path));
      return row === undefined ? null : wantFrom(row);
    },
    wants: (reasons) => sorted(reasons === undefined ? all.rows() : withReasons.rows(JSON.stringify(reasons))),
    wantPaths: (reasons) => pathsWithReasons.rows(JSON.stringify(reasons)).map(pathOf),
    wantsBelow: (directory) => sorted([...children.rows(directory), ...deeper.rows(...deeperDirectories(directory))]),
    wantsOf: (version) => sorted(ofVersion.rows(version)),
    oldestDeletion: () => oldest.row()?.[0] as number | null,
    wantCount: () => {
      const [puts, deletes, bytes] = counts.row() as readonly [number, number, number];
      return { puts, deletes, bytes };
    },
  };
}

function wantWrites(connection: Connection): WantWrites {
  const put = replacing(connection, 'want', columns);
  const setReason = command(connection, 'UPDATE want SET reason = ?, detail = ?, attempts = ? WHERE dir = ? AND name = ?');
  const drop = command(connection, 'DELETE FROM want WHERE dir = ? AND name = ?');
  const dropAt = command(connection, 'DELETE FROM want WHERE dir = ? AND name = ? AND version = ?');
  return {
    putWant: ({ path, version, entry, atMs, approved, reason, detail, attempts }) => {
      put(parentOf(path), nameOf(path), version, ...entryValues(entry), atMs, approved ? 1 : 0, reason, detail, attempts);
    },
    setWantReason: (path, reason, detail, attempts) => {
      setReason(reason, detail, attempts, parentOf(path), nameOf(path));
    },
    dropWant: (path) => {
      drop(parentOf(path), nameOf(path));
    },
    dropWantAt: (path, version) => {
      dropAt(parentOf(path), nameOf(path), version);
    },
  };
}

function sorted(rows: readonly Row[]): Want[] {
  return rows.map(wantFrom).sort((a, b) => comparePaths(a.path, b.path));
}

function wantFrom(row: Row): Want {
  return {
    path: pathOf(row),
    entry: entryAt(row, firstEntry),
    version: row[2] as number,
    atMs: row[afterEntry] as number,
    approved: row[afterEntry + 1] === 1,
    reason: row[afterEntry + 2] as WantReason,
    detail: row[afterEntry + 3] as string,
    attempts: row[afterEntry + 4] as number,
  };
}
