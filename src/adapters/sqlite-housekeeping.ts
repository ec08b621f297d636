import type { HousekeepingJournal } from '../ports/journal-housekeeping.ts';
import { type Connection, command, query, type Value } from './sqlite-connection.ts';
import { locationColumns, locationFrom } from './sqlite-content.ts';

/** See HousekeepingJournal. */
export function housekeepingPart(connection: Connection): HousekeepingJournal {
  return { ...pruningPart(connection), ...weighingPart(connection), ...carePart(connection) };
}

type PruningPart = Pick<HousekeepingJournal, 'pruneVersions' | 'pruneRecords' | 'dropInlineLocations' | 'forgetObjects'>;

/** Of a path's own changes (k = 0) the newest put stays for ever; the others go by the time of the next one, a newest delete by its own. */
const expired = `
  (k > 0 AND at_ms < ?)
  OR (k = 0 AND EXISTS (
    SELECT 1 FROM version newer WHERE newer.path = version.path AND newer.k = 0 AND newer.version > version.version AND newer.at_ms < ?))
  OR (op = 'delete' AND at_ms < ? AND NOT EXISTS (
    SELECT 1 FROM version newer WHERE newer.path = version.path AND newer.k = 0 AND newer.version > version.version))`;

function pruningPart(connection: Connection): PruningPart {
  const dropExpired = counting(connection, `DELETE FROM version WHERE ${expired}`);
  const forgetRetired = command(connection, 'DELETE FROM retired WHERE at_ms < ?');
  const forgetUploads = command(connection, 'DELETE FROM upload WHERE at_ms < ?');
  return {
    pruneVersions: (cutoffMs) => dropExpired(cutoffMs, cutoffMs, cutoffMs),
    pruneRecords: counting(connection, 'DELETE FROM record WHERE at_ms < ? AND sequence < ?'),
    dropInlineLocations: counting(connection, "DELETE FROM location WHERE pack = '' AND record < ?"),
    forgetObjects: (retiredBeforeMs, uploadedBeforeMs) =>
      connection.transaction(() => {
        forgetRetired(retiredBeforeMs);
        forgetUploads(uploadedBeforeMs);
      }),
  };
}

/** A statement that tells how many rows it removed. */
function counting(connection: Connection, sql: string): (...values: Value[]) => number {
  return (...values) => connection.attempt(() => connection.sqlite.prepare<Value[]>(sql).run(...values).changes);
}

type WeighingPart = Pick<HousekeepingJournal, 'weighContents' | 'packIndex' | 'homeIn' | 'homelessInline'>;

/** Temporary tables lie in files of SQLite's own that vanish with the connection. */
const tables = `
  DROP TABLE IF EXISTS temp.live;
  DROP TABLE IF EXISTS temp.listed_pack;
  DROP TABLE IF EXISTS temp.home;
  CREATE TEMP TABLE live (hash TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TEMP TABLE listed_pack (
    id    TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL,
    live  INTEGER NOT NULL DEFAULT 0 -- stored bytes that anybody needs
  ) STRICT, WITHOUT ROWID;
  CREATE TEMP TABLE home (
    hash        TEXT PRIMARY KEY,
    record      INTEGER NOT NULL,
    pack        TEXT NOT NULL,
    byte_offset INTEGER NOT NULL,
    length      INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    codec       TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;`;

/** What this disk holds counts as well: a member that lags may still have to fetch it. */
const collect = ['version', 'agreed', 'want'].map(
  (table) => `
  INSERT OR IGNORE INTO live SELECT hash FROM ${table} WHERE hash IS NOT NULL AND size > 0 AND chunks IS NULL;
  INSERT OR IGNORE INTO live SELECT json_extract(value, '$[0]') FROM ${table}, json_each(chunks) WHERE chunks IS NOT NULL;`,
);

/** The least garbage wins, then the id, on every member alike. SQLite takes the other columns from the row that has the maximum. */
const settle = `
  UPDATE listed_pack SET live = found.bytes
    FROM (SELECT pack, sum(length) AS bytes FROM live JOIN location USING (hash) GROUP BY pack) found WHERE id = found.pack;
  INSERT INTO home (hash, record, pack, byte_offset, length, size, codec)
    SELECT hash, record, pack, byte_offset, length, size, codec FROM (
      SELECT max(printf('%.9f %s', live * 1.0 / max(bytes, 1), id)), hash, record, pack, byte_offset, length, location.size, codec
      FROM live JOIN location USING (hash) JOIN listed_pack ON pack = id GROUP BY hash);
  CREATE INDEX temp.home_by_pack ON home (pack, byte_offset);`;

function weighingPart(connection: Connection): WeighingPart {
  const run = (sql: string) => connection.attempt(() => connection.sqlite.exec(sql));
  const rows = (sql: string, ...values: Value[]) => query(connection, sql).rows(...values);
  return {
    weighContents: (listedPacks) => {
      run(tables);
      run(collect.join(''));
      const values = JSON.stringify(listedPacks.map(({ id, bytes }) => [id, bytes]));
      command(connection, 'INSERT OR IGNORE INTO listed_pack (id, bytes) SELECT value ->> 0, value ->> 1 FROM json_each(?)')(values);
      run(settle);
    },
    packIndex: () =>
      rows(
        `SELECT location.pack, (SELECT total(length) FROM home WHERE home.pack = location.pack)
         FROM location WHERE location.pack <> '' GROUP BY location.pack ORDER BY location.pack`,
      ).map(([id, homeBytes]) => ({ id: id as string, homeBytes: homeBytes as number })),
    homeIn: (pack) => rows(`SELECT ${locationColumns} FROM home WHERE pack = ? ORDER BY byte_offset`, pack).map(locationFrom),
    homelessInline: (upTo, limit) =>
      rows(
        `SELECT hash, max(record), pack, byte_offset, length, size, codec FROM location
         WHERE pack = '' AND hash IN (SELECT hash FROM live) AND hash NOT IN (SELECT hash FROM home)
         GROUP BY hash HAVING max(record) <= ? ORDER BY 2, 1 LIMIT ?`,
        ...[upTo, limit],
      ).map(locationFrom),
  };
}

type CarePart = Pick<HousekeepingJournal, 'changedSince' | 'lastCareMs' | 'bodies' | 'opaqueFrom'>;

function carePart(connection: Connection): CarePart {
  const changed = query(connection, "SELECT 1 FROM record WHERE sequence > ? AND kind NOT IN ('snapshot', 'retire') LIMIT 1");
  const care = query(connection, "SELECT max(at_ms) FROM record WHERE kind IN ('snapshot', 'retire')");
  const bodies = query(connection, "SELECT body_id, sequence FROM record WHERE body_id <> ''");
  const opaque = query(
    connection,
    "SELECT sequence FROM record WHERE sequence >= ? AND verdict <> 'ok' AND body_id = '' ORDER BY sequence",
  );
  return {
    changedSince: (sequence) => changed.row(sequence) !== undefined,
    lastCareMs: () => (care.row()?.[0] as number | null) ?? 0,
    bodies: () => new Map(bodies.rows().map(([id, sequence]) => [id as string, sequence as number])),
    opaqueFrom: (from) => opaque.rows(from).map((row) => row[0] as number),
  };
}
