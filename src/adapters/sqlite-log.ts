import type { Sequence } from '../model/entry.ts';
import type { Journal, RecordRow, VersionRow } from '../ports/journal.ts';
import { type Connection, command, query, type Row, replacing } from './sqlite-connection.ts';
import { entryAt, entryColumns, entryValues, entryWidth } from './sqlite-rows.ts';

type RecordPart = Pick<
  Journal,
  'record' | 'records' | 'recordsBetween' | 'putRecord' | 'setRecordObject' | 'recordBytes' | 'recordBody' | 'keepRecordBytes'
>;

export const recordColumns = `sequence, hash, id, author_id, author, at_ms, kind, verdict, reason, changeset, more, puts, deletes, kept,
  bytes, object_size, object_modified_ms, object_tag, body_id`;

/** The ingested records, and the bytes of the newest. */
export function recordPart(connection: Connection): RecordPart {
  const one = query(connection, `SELECT ${recordColumns} FROM record WHERE sequence = ?`);
  const newest = query(connection, `SELECT ${recordColumns} FROM record WHERE sequence < ? ORDER BY sequence DESC LIMIT ?`);
  const between = query(connection, 'SELECT count(*), coalesce(sum(bytes), 0) FROM record WHERE sequence > ? AND sequence <= ?');
  const bytes = query(connection, 'SELECT bytes FROM record_bytes WHERE sequence = ?');
  const body = query(connection, 'SELECT body FROM record_bytes WHERE sequence = ?');
  const put = replacing(connection, 'record', recordColumns);
  const putBytes = replacing(connection, 'record_bytes', 'sequence, bytes, body');
  const keepBytes = command(
    connection,
    'DELETE FROM record_bytes WHERE sequence NOT IN (SELECT sequence FROM record ORDER BY sequence DESC LIMIT ?)',
  );
  const setObject = command(connection, 'UPDATE record SET object_size = ?, object_modified_ms = ?, object_tag = ? WHERE sequence = ?');
  return {
    record: (sequence) => {
      const row = one.row(sequence);
      return row === undefined ? null : recordFrom(row);
    },
    records: (limit, before = Number.MAX_SAFE_INTEGER) => newest.rows(before, limit).map(recordFrom),
    recordsBetween: (after, last) => {
      const [records, sum] = between.row(after, last) as [number, number];
      return { records, bytes: sum };
    },
    putRecord: (row, stored, storedBody) =>
      connection.transaction(() => {
        put(...recordValues(row));
        if (stored !== null) putBytes(row.sequence, stored, storedBody);
      }),
    setRecordObject: (sequence, size, modifiedMs, tag) => setObject(size, modifiedMs, tag, sequence),
    recordBytes: (sequence) => (bytes.row(sequence)?.[0] ?? null) as Buffer | null,
    recordBody: (sequence) => (body.row(sequence)?.[0] ?? null) as Buffer | null,
    keepRecordBytes: keepBytes,
  };
}

function recordValues(row: RecordRow) {
  const { sequence, hash, id, authorId, author, atMs, kind, verdict, reason, changeset, more, puts, deletes, kept, bytes } = row;
  const object = [row.objectSize, row.objectModifiedMs, row.objectTag, row.bodyId];
  return [
    sequence,
    hash,
    id,
    authorId,
    author,
    atMs,
    kind,
    verdict,
    reason,
    changeset,
    more ? 1 : 0,
    puts,
    deletes,
    kept,
    bytes,
    ...object,
  ];
}

export function recordFrom(row: Row): RecordRow {
  return {
    sequence: row[0] as Sequence,
    hash: row[1] as string,
    id: row[2] as string,
    authorId: row[3] as string,
    author: row[4] as string,
    atMs: row[5] as number,
    kind: row[6] as string,
    verdict: row[7] as RecordRow['verdict'],
    reason: row[8] as string,
    changeset: row[9] as string,
    more: row[10] === 1,
    puts: row[11] as number,
    deletes: row[12] as number,
    kept: row[13] as number,
    bytes: row[14] as number,
    objectSize: row[15] as number,
    objectModifiedMs: row[16] as number,
    objectTag: row[17] as string,
    bodyId: row[18] as string,
  };
}

type VersionPart = Pick<Journal, 'putVersion' | 'versions' | 'versionsOf' | 'conflicts' | 'hadContent' | 'deletedSince'>;

export const versionColumns = `path, version, k, op, ${entryColumns}, against, at_ms, author, approved`;
const firstEntry = 4;
const afterEntry = firstEntry + entryWidth;

/** The history of each path: every change of every ingested record. */
export function versionPart(connection: Connection): VersionPart {
  const put = replacing(connection, 'version', versionColumns);
  const ofPath = query(connection, `SELECT ${versionColumns} FROM version WHERE path = ? ORDER BY version, k`);
  const ofRecord = query(connection, `SELECT ${versionColumns} FROM version WHERE version = ? ORDER BY path, k`);
  // The condition repeats the one of the index version_conflicts, so that the index answers it.
  const conflicts = query(
    connection,
    `SELECT ${versionColumns} FROM version WHERE against <> 0 OR op = 'kept' ORDER BY version DESC, k DESC, path LIMIT ?`,
  );
  const content = query(connection, "SELECT 1 FROM version WHERE path = ? AND hash = ? AND size = ? AND op <> 'delete' LIMIT 1");
  const newest = query(connection, 'SELECT op, version FROM version WHERE path = ? AND k = 0 ORDER BY version DESC LIMIT 1');
  return {
    putVersion: ({ path, version, k, op, entry, against, atMs, author, approved }) =>
      put(path, version, k, op, ...entryValues(entry), against, atMs, author, approved ? 1 : 0),
    versions: (path) => ofPath.rows(path).map(versionFrom),
    versionsOf: (sequence) => ofRecord.rows(sequence).map(versionFrom),
    conflicts: (limit) => conflicts.rows(limit).map(versionFrom),
    hadContent: (path, hash, size) => content.row(path, hash, size) !== undefined,
    deletedSince: (path, since) => {
      const row = newest.row(path);
      return row !== undefined && row[0] === 'delete' && (row[1] as number) > since;
    },
  };
}

export function versionFrom(row: Row): VersionRow {
  return {
    path: row[0] as string,
    version: row[1] as number,
    k: row[2] as number,
    op: row[3] as VersionRow['op'],
    entry: entryAt(row, firstEntry),
    against: row[afterEntry] as number,
    atMs: row[afterEntry + 1] as number,
    author: row[afterEntry + 2] as string,
    approved: row[afterEntry + 3] === 1,
  };
}
