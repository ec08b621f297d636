import type { SnapshotJournal } from '../ports/journal-snapshot.ts';
import { type Connection, command, query, type Row, replacing, type Value } from './sqlite-connection.ts';
import { locationColumns, locationFrom } from './sqlite-content.ts';
import { recordColumns, recordFrom, versionColumns, versionFrom } from './sqlite-log.ts';
import { pathOf } from './sqlite-rows.ts';

/** Rows read at once from a table that is read as a whole. */
const pageRows = 1000;

/** Snapshots, retired objects, and the whole of what a snapshot holds. */
export function snapshotPart(connection: Connection): SnapshotJournal {
  const approve = command(connection, 'UPDATE version SET approved = 1 WHERE version = ? AND k = 0');
  const unversioned = query(connection, withoutVersion);
  return {
    ...announcedPart(connection),
    approveVersions: approve,
    allVersions: () => all(connection, 'version', versionColumns, ['path', 'version', 'k'], versionFrom),
    allLocations: () => all(connection, 'location', locationColumns, ['hash', 'record', 'pack', 'byte_offset'], locationFrom),
    allRecords: () => all(connection, 'record', recordColumns, ['sequence'], recordFrom),
    foldedWithoutVersion: () => unversioned.rows().map(pathOf),
    resetLog: () => resetLog(connection),
  };
}

type AnnouncedPart = Pick<SnapshotJournal, 'snapshots' | 'putSnapshot' | 'dropSnapshots' | 'retired' | 'putRetired' | 'dropPacks'>;

function announcedPart(connection: Connection): AnnouncedPart {
  const snapshots = query(connection, 'SELECT id, up_to, hash, record, at_ms FROM snapshot ORDER BY up_to, id');
  const putSnapshot = replacing(connection, 'snapshot', 'id, up_to, hash, record, at_ms');
  const dropSnapshot = command(connection, 'DELETE FROM snapshot WHERE id = ?');
  const retired = query(connection, 'SELECT kind, id, record, at_ms FROM retired ORDER BY kind, id');
  const putRetired = replacing(connection, 'retired', 'kind, id, record, at_ms');
  // One pass over the table for all packs of a record: an index on the pack would cost more at every location that is put.
  const dropLocations = command(connection, "DELETE FROM location WHERE pack <> '' AND pack IN (SELECT value FROM json_each(?))");
  const dropUploads = command(connection, "DELETE FROM upload WHERE pack <> '' AND pack IN (SELECT value FROM json_each(?))");
  return {
    snapshots: () =>
      snapshots.rows().map(([id, upTo, hash, record, atMs]) => ({
        ...{ id: id as string, upTo: upTo as number, hash: hash as string, record: record as number, atMs: atMs as number },
      })),
    putSnapshot: ({ id, upTo, hash, record, atMs }) => putSnapshot(id, upTo, hash, record, atMs),
    dropSnapshots: (ids) =>
      connection.transaction(() => {
        for (const id of ids) dropSnapshot(id);
      }),
    retired: () =>
      retired.rows().map(([kind, id, record, atMs]) => ({
        ...{ kind: kind as 'pack' | 'body' | 'snapshot', id: id as string, record: record as number, atMs: atMs as number },
      })),
    putRetired: ({ kind, id, record, atMs }) => putRetired(kind, id, record, atMs),
    dropPacks: (ids) =>
      connection.transaction(() => {
        if (ids.length === 0) return;
        dropLocations(JSON.stringify(ids));
        dropUploads(JSON.stringify(ids));
      }),
  };
}

/** Page by page in the order of the key, so that a reader who stops half-way leaves no open statement that would block the next write. */
function* all<T>(connection: Connection, table: string, columns: string, key: readonly string[], from: (row: Row) => T): Generator<T> {
  const keys = key.join(', ');
  const places = key.map(() => '?').join(', ');
  const first = query(connection, `SELECT ${columns} FROM ${table} ORDER BY ${keys} LIMIT ${pageRows}`);
  const next = query(connection, `SELECT ${columns} FROM ${table} WHERE (${keys}) > (${places}) ORDER BY ${keys} LIMIT ${pageRows}`);
  const names = columns.split(',').map((name) => name.trim());
  for (let rows = first.rows(); ; ) {
    for (const row of rows) yield from(row);
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageRows) return;
    rows = next.rows(...key.map((name) => last[names.indexOf(name)] as Value));
  }
}

const withoutVersion = `SELECT dir, name FROM (
    SELECT dir, name FROM want WHERE kind IS NOT NULL
    UNION ALL
    SELECT dir, name FROM agreed WHERE NOT EXISTS (SELECT 1 FROM want WHERE want.dir = agreed.dir AND want.name = agreed.name))
  WHERE NOT EXISTS (SELECT 1 FROM version WHERE path = iif(dir = '', name, dir || '/' || name) AND k = 0)`;

function resetLog(connection: Connection): void {
  connection.transaction(() => {
    for (const table of ['record', 'version', 'location', 'snapshot', 'retired', 'upload']) {
      connection.attempt(() => connection.sqlite.exec(`DELETE FROM ${table}`));
    }
  });
}
