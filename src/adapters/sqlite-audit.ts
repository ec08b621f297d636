import type { BytePath } from '../model/path.ts';
import type { AuditJournal, AuditRow } from '../ports/journal-audit.ts';
import { type Connection, command, query, type Row } from './sqlite-connection.ts';

const columns = 'at_ms, path, op, kind, size, version, author';
/** Rows that one transaction removes, so that a reader beside it and the WAL notice little. */
const prunedRowsMax = 20_000;

/** The author of a record that has been pruned is still known to the path's history. */
const insert = `
  INSERT INTO audit (at_ms, path, op, kind, size, version, author)
  VALUES (?, ?, ?, ?, ?, ?, coalesce(
    (SELECT author FROM record WHERE sequence = ?),
    (SELECT author FROM version WHERE path = ? AND version = ? AND k = 0),
    ''))`;

/** What was applied to this disk: rows are added at the end and removed at the beginning. */
export function auditPart(connection: Connection): AuditJournal {
  const put = command(connection, insert);
  const newest = query(connection, `SELECT ${columns} FROM audit ORDER BY number DESC LIMIT ?`);
  // '0' follows '/' in byte order.
  const below = query(connection, `SELECT ${columns} FROM audit WHERE path = ? OR (path > ? AND path < ?) ORDER BY number DESC LIMIT ?`);
  const last = query(connection, 'SELECT max(number) FROM audit');
  const changed = query(connection, 'SELECT DISTINCT path FROM audit WHERE number > ? AND number <= ? ORDER BY path');
  return {
    putAudit: ({ atMs, path, op, kind, size, version }) => put(atMs, path, op, kind, size, version, version, path, version),
    audits: (limit, path = '') => (path === '' ? newest.rows(limit) : below.rows(path, `${path}/`, `${path}0`, limit)).map(auditFrom),
    lastAudit: () => (last.row()?.[0] as number | null) ?? 0,
    auditedPaths: (after, upTo) => pathsOf(() => changed.each(after, upTo)),
    pruneAudit: pruning(connection),
  };
}

/** Begins at the first path that is taken: until then the journal can be used. */
function* pathsOf(rows: () => Iterable<Row>): Generator<BytePath> {
  for (const [path] of rows()) yield path as BytePath;
}

function pruning(connection: Connection): AuditJournal['pruneAudit'] {
  const ends = query(connection, 'SELECT min(number), max(number) FROM audit');
  // Walks over what is to go, and one row more.
  const firstKept = query(connection, 'SELECT number FROM audit WHERE at_ms >= ? ORDER BY number LIMIT 1');
  const drop = command(connection, 'DELETE FROM audit WHERE number < ?');
  return (beforeMs, rowsMax) => {
    const [first, last] = ends.row() as [number | null, number | null];
    if (first === null || last === null) return 0;
    const young = (firstKept.row(beforeMs)?.[0] as number | undefined) ?? last + 1;
    const end = Math.min(Math.max(young, last - rowsMax + 1), last + 1);
    for (let at = first; at < end; at += prunedRowsMax) drop(Math.min(at + prunedRowsMax, end));
    return Math.max(0, end - first);
  };
}

function auditFrom(row: Row): AuditRow {
  return {
    atMs: row[0] as number,
    path: row[1] as BytePath,
    op: row[2] as AuditRow['op'],
    kind: row[3] as AuditRow['kind'],
    size: row[4] as number | null,
    version: row[5] as number,
    author: row[6] as string,
  };
}
