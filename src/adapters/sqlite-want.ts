import type { NewFile } from '../model/apply-order.ts';
import { type BytePath, comparePaths, nameOf, parentOf } from '../model/path.ts';
import type { Journal, Want, WantReason } from '../ports/journal.ts';
import { type Connection, command, query, type Row, replacing, sparseQuery } from './sqlite-connection.ts';
import { deeperDirectories, entryAt, entryColumns, entryValues, entryWidth, pathOf } from './sqlite-rows.ts';

type WantReads = Pick<Journal, 'want' | 'wants' | 'wantPaths' | 'wantsBelow' | 'wantsOf' | 'oldestDeletion' | 'oldestUnseen' | 'wantCount'>;
type WantWrites = Pick<Journal, 'putWant' | 'setWantReason' | 'dropWant' | 'dropWantAt'>;

const columns = `dir, name, version, ${entryColumns}, at_ms, approved, reason, detail, attempts`;
const firstEntry = 3;
const afterEntry = firstEntry + entryWidth;

const wholePath = "CASE want.dir WHEN '' THEN want.name ELSE want.dir || '/' || want.name END";

/** Without a base the disk shows the absence that the last deletion left. */
const oldestUnseen = `SELECT min(coalesce((
    SELECT min(version) FROM version WHERE path = ${wholePath} AND k = 0 AND version < want.version AND version > coalesce(
      (SELECT version FROM agreed WHERE dir = want.dir AND name = want.name),
      (SELECT max(version) FROM version WHERE path = ${wholePath} AND k = 0 AND op = 'delete' AND version < want.version), 0)
  ), want.version)) FROM want WHERE reason IN (SELECT value FROM json_each(?))`;

/** Whole paths, and sizes of new files alone. */
const wantPaths = `SELECT ${wholePath}, CASE kind WHEN 'file' THEN iif(EXISTS (SELECT 1 FROM agreed WHERE dir = want.dir AND name = want.name), NULL, size) END
  FROM want WHERE reason IN (SELECT value FROM json_each(?))`;

function apart(rows: readonly Row[]): ReturnType<Journal['wantPaths']> {
  const newFiles: NewFile[] = [];
  const others: BytePath[] = [];
  for (const [path, size] of rows as [BytePath, number | null][]) {
    if (size === null) others.push(path);
    else newFiles.push({ path, size });
  }
  return { newFiles, others };
}

/** What the log wants where disk and log have not met. */
export function wantPart(connection: Connection): WantReads & WantWrites {
  return { ...wantReads(connection), ...wantWrites(connection) };
}

function wantReads(connection: Connection): WantReads {
  const one = sparseQuery(connection, 'want', `SELECT ${columns} FROM want WHERE dir = ? AND name = ?`);
  const all = query(connection, `SELECT ${columns} FROM want`);
  const withReasons = query(connection, `SELECT ${columns} FROM want WHERE reason IN (SELECT value FROM json_each(?))`);
  const ofVersion = query(connection, `SELECT ${columns} FROM want WHERE version = ?`);
  const pathsWithReasons = query(connection, wantPaths);
  const children = query(connection, `SELECT ${columns} FROM want WHERE dir = ?`);
  const deeper = query(connection, `SELECT ${columns} FROM want WHERE dir >= ? AND dir < ?`);
  const oldest = query(connection, 'SELECT min(version) FROM want WHERE kind IS NULL');
  const unseen = query(connection, oldestUnseen);
  const counts = query(connection, 'SELECT count(kind), count(*) - count(kind), total(size) FROM want');
  return {
    want: (path) => {
      const row = one.row(parentOf(path), nameOf(path));
      return row === undefined ? null : wantFrom(row);
    },
    wants: (reasons) => sorted(reasons === undefined ? all.rows() : withReasons.rows(JSON.stringify(reasons))),
    wantPaths: (reasons) => apart(pathsWithReasons.rows(JSON.stringify(reasons))),
    wantsBelow: (directory) => sorted([...children.rows(directory), ...deeper.rows(...deeperDirectories(directory))]),
    wantsOf: (version) => sorted(ofVersion.rows(version)),
    oldestDeletion: () => oldest.row()?.[0] as number | null,
    oldestUnseen: (reasons) => unseen.row(JSON.stringify(reasons))?.[0] as number | null,
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
      if (!connection.isEmpty('want')) drop(parentOf(path), nameOf(path));
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
