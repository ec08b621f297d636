import { join } from '../model/path.ts';
import type { TravelJournal } from '../ports/journal-travel.ts';
import { type Connection, type Query, query, type Row, type Value } from './sqlite-connection.ts';
import { recordColumns, recordFrom, versionColumns, versionFrom } from './sqlite-log.ts';

/** The states of earlier times, out of the changes of each path and the records. */
export function travelPart(connection: Connection): TravelJournal {
  return { ...pathPart(connection), ...recordTravelPart(connection) };
}

type PathPart = Pick<TravelJournal, 'versionAt' | 'pathsChanged' | 'foldedChildren' | 'lastDirectory' | 'changesOf'>;

/** A path and everything below it: '0' follows '/' in byte order. */
const withinSql = '(path = ? OR (path > ? AND path < ?))';
const within = (directory: string): Value[] => [directory, `${directory}/`, `${directory}0`];

function pathPart(connection: Connection): PathPart {
  const at = query(
    connection,
    `SELECT ${versionColumns} FROM version WHERE path = ? AND k = 0 AND version <= ? ORDER BY version DESC LIMIT 1`,
  );
  const lastDirectory = query(
    connection,
    `SELECT ${versionColumns} FROM version WHERE path = ? AND k = 0 AND kind = 'dir' ORDER BY version DESC LIMIT 1`,
  );
  const changed = query(
    connection,
    'SELECT DISTINCT path FROM version INDEXED BY version_by_record WHERE version > ? AND version <= ? AND k = 0 ORDER BY path',
  );
  // The plus keeps the index of records away: a directory is smaller than what the whole share went through.
  const changedWithin = query(
    connection,
    `SELECT DISTINCT path FROM version WHERE ${withinSql} AND +version > ? AND +version <= ? AND k = 0 ORDER BY path`,
  );
  const children = query(
    connection,
    `SELECT dir, name FROM want WHERE dir = ? AND kind IS NOT NULL
    UNION
    SELECT dir, name FROM agreed WHERE dir = ? AND NOT EXISTS (SELECT 1 FROM want WHERE want.dir = agreed.dir AND want.name = agreed.name)`,
  );
  const one = (row: Row | undefined) => (row === undefined ? null : versionFrom(row));
  return {
    versionAt: (path, sequence) => one(at.row(path, sequence)),
    lastDirectory: (path) => one(lastDirectory.row(path)),
    pathsChanged: (directory, after, upTo) => {
      const rows = directory === '' ? changed.rows(after, upTo) : changedWithin.rows(...within(directory), after, upTo);
      return rows.map((row) => row[0] as string);
    },
    foldedChildren: (directory) => children.rows(directory, directory).map((row) => join(row[0] as string, row[1] as string)),
    changesOf: changesPart(connection),
  };
}

function changesPart(connection: Connection): PathPart['changesOf'] {
  const whole = 'FROM version WHERE version = ?';
  const part = `FROM version INDEXED BY version_by_record WHERE version = ? AND ${withinSql}`;
  const counting = { whole: query(connection, `SELECT count(*) ${whole}`), part: query(connection, `SELECT count(*) ${part}`) };
  const listing = (from: string): Query => query(connection, `SELECT ${versionColumns} ${from} ORDER BY path, k LIMIT ?`);
  const first = { whole: listing(whole), part: listing(part) };
  return (sequence, directory, limit) => {
    const which = directory === '' ? 'whole' : 'part';
    const values: Value[] = directory === '' ? [sequence] : [sequence, ...within(directory)];
    return { count: counting[which].row(...values)?.[0] as number, rows: first[which].rows(...values, limit).map(versionFrom) };
  };
}

function recordTravelPart(connection: Connection): Omit<TravelJournal, keyof PathPart> {
  const at = query(
    connection,
    `SELECT ${recordColumns} FROM record WHERE sequence IN (SELECT version FROM version WHERE ${withinSql}) ORDER BY sequence DESC LIMIT ?`,
  );
  const ofChangeset = query(connection, "SELECT sequence FROM record WHERE changeset = ? AND verdict = 'ok' ORDER BY sequence");
  const upTo = query(connection, `SELECT ${recordColumns} FROM record WHERE at_ms <= ? ORDER BY sequence DESC LIMIT 1`);
  const oldest = query(connection, `SELECT ${recordColumns} FROM record ORDER BY sequence LIMIT 1`);
  const one = (row: Row | undefined) => (row === undefined ? null : recordFrom(row));
  return {
    recordsAt: (path, limit) => at.rows(...within(path), limit).map(recordFrom),
    recordsOfChangeset: (changeset) => ofChangeset.rows(changeset).map((row) => row[0] as number),
    recordUpTo: (atMs) => one(upTo.row(atMs)),
    oldestRecord: () => one(oldest.row()),
  };
}
