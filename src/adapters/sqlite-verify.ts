import type { Sequence } from '../model/entry.ts';
import { nameOf, parentOf } from '../model/path.ts';
import type { Location } from '../ports/journal-rows.ts';
import type { Bereft, KnownObjects, PlannedPack, VerifyJournal } from '../ports/journal-verify.ts';
import { type Connection, command, query, type Row } from './sqlite-connection.ts';
import { entryColumns, pathOf, presentEntryAt } from './sqlite-rows.ts';

/**
 * Temporary tables live in files of SQLite's own that vanish with the connection. Needed is what no newer version superseded before the
 * cut-off; a content in several chunks is needed chunk by chunk.
 */
const tables = `
  DROP TABLE IF EXISTS temp.needed_content;
  DROP TABLE IF EXISTS temp.needed_place;
  CREATE TEMP TABLE needed_content (
    hash  TEXT PRIMARY KEY,
    size  INTEGER NOT NULL,
    sound INTEGER NOT NULL DEFAULT 0 -- 1 = a place delivers it
  ) STRICT, WITHOUT ROWID;
  CREATE TEMP TABLE needed_place (
    pack        TEXT NOT NULL,       -- '' = inline
    record      INTEGER NOT NULL,
    byte_offset INTEGER NOT NULL,
    hash        TEXT NOT NULL,
    length      INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    codec       TEXT NOT NULL,
    PRIMARY KEY (pack, record, byte_offset, hash)
  ) STRICT, WITHOUT ROWID;`;

const retained = `(v.op = 'put' AND NOT EXISTS (
    SELECT 1 FROM version n WHERE n.path = v.path AND n.k = 0 AND n.version > v.version AND n.at_ms < (SELECT ms FROM cutoff))
  OR v.op = 'kept' AND v.at_ms >= (SELECT ms FROM cutoff))`;
const whole = `WITH cutoff (ms) AS (SELECT ?)
  INSERT OR IGNORE INTO needed_content (hash, size)
  SELECT hash, size FROM version v WHERE kind = 'file' AND size > 0 AND chunks IS NULL AND ${retained}`;
const inChunks = `WITH cutoff (ms) AS (SELECT ?)
  INSERT OR IGNORE INTO needed_content (hash, size)
  SELECT json_extract(c.value, '$[0]'), json_extract(c.value, '$[1]')
  FROM version v, json_each(v.chunks) c WHERE v.kind = 'file' AND v.chunks IS NOT NULL AND ${retained}`;
const places = `INSERT OR IGNORE INTO needed_place
  SELECT pack, record, byte_offset, location.hash, length, location.size, codec FROM needed_content JOIN location USING (hash)`;

const placeColumns = 'hash, record, pack, byte_offset, length, size, codec';

/** See VerifyJournal. */
export function verifyPart(connection: Connection): VerifyJournal {
  return { ...planPart(connection), ...soundPart(connection), ...knownPart(connection), ...diskPart(connection) };
}

type PlanPart = Pick<VerifyJournal, 'planVerify' | 'plannedPacks' | 'plannedIn' | 'plannedRecords' | 'plannedInline' | 'endVerify'>;

function planPart(connection: Connection): PlanPart {
  const addWhole = command(connection, whole);
  const addChunks = command(connection, inChunks);
  const narrow = command(connection, 'DELETE FROM needed_content WHERE hash NOT IN (SELECT value FROM json_each(?))');
  const addPlaces = command(connection, places);
  const totals = query(connection, 'SELECT count(*), total(size) FROM needed_content');
  const packs = query(
    connection,
    "SELECT pack, count(*), sum(length), max(byte_offset + length) FROM needed_place WHERE pack <> '' GROUP BY pack ORDER BY pack",
  );
  const inPack = query(connection, `SELECT ${placeColumns} FROM needed_place WHERE pack = ? ORDER BY byte_offset, hash`);
  const records = query(connection, "SELECT DISTINCT record FROM needed_place WHERE pack = '' ORDER BY record");
  const inRecord = query(connection, `SELECT ${placeColumns} FROM needed_place WHERE pack = '' AND record = ? ORDER BY hash`);
  return {
    planVerify: (cutoffMs, among) => {
      connection.attempt(() => connection.sqlite.exec(tables));
      addWhole(cutoffMs);
      addChunks(cutoffMs);
      if (among !== null) narrow(JSON.stringify(among));
      addPlaces();
      const row = totals.row();
      return { contents: row?.[0] as number, bytes: row?.[1] as number };
    },
    plannedPacks: () => packs.rows().map(plannedFrom),
    plannedIn: (pack) => inPack.rows(pack).map(placeFrom),
    plannedRecords: () => records.rows().map((row) => row[0] as Sequence),
    plannedInline: (record) => inRecord.rows(record).map(placeFrom),
    endVerify: () => {
      connection.attempt(() => connection.sqlite.exec('DROP TABLE temp.needed_content; DROP TABLE temp.needed_place;'));
    },
  };
}

function plannedFrom(row: Row): PlannedPack {
  return { pack: row[0] as string, contents: row[1] as number, bytes: row[2] as number, end: row[3] as number };
}

function placeFrom(row: Row): Location {
  return {
    ...{ hash: row[0] as string, record: row[1] as number, pack: row[2] as string, offset: row[3] as number },
    ...{ length: row[4] as number, size: row[5] as number, codec: row[6] as Location['codec'] },
  };
}

const isNewest = 'NOT EXISTS (SELECT 1 FROM version n WHERE n.path = v.path AND n.k = 0 AND n.version > v.version)';
const bereftOf = `FROM (
    SELECT v.path, v.version, v.k, v.op = 'put' AND ${isNewest} AS live, v.hash FROM version v
      JOIN needed_content c ON c.hash = v.hash WHERE c.sound = 0 AND v.chunks IS NULL
    UNION
    SELECT v.path, v.version, v.k, v.op = 'put' AND ${isNewest}, c.hash FROM version v, json_each(v.chunks) e
      JOIN needed_content c ON c.hash = json_extract(e.value, '$[0]') WHERE c.sound = 0 AND v.chunks IS NOT NULL)`;

function soundPart(connection: Connection): Pick<VerifyJournal, 'markSound' | 'unsound' | 'unsoundIn' | 'bereft' | 'onlyInPacks'> {
  const mark = command(connection, 'UPDATE needed_content SET sound = 1 WHERE hash IN (SELECT value FROM json_each(?))');
  const count = query(connection, 'SELECT count(*) FROM needed_content WHERE sound = 0');
  const some = query(connection, 'SELECT hash FROM needed_content WHERE sound = 0 ORDER BY hash LIMIT ?');
  const inPack = query(
    connection,
    'SELECT count(DISTINCT hash) FROM needed_place JOIN needed_content USING (hash) WHERE pack = ? AND sound = 0',
  );
  const bereftCount = query(connection, `SELECT count(DISTINCT path || char(0) || version || char(0) || k) ${bereftOf}`);
  const bereftSome = query(
    connection,
    `SELECT path, version, k, live, min(hash) ${bereftOf} GROUP BY path, version, k ORDER BY live DESC, path, version DESC, k LIMIT ?`,
  );
  const only = query(
    connection,
    `SELECT DISTINCT p.hash FROM json_each(?) b JOIN needed_place p ON p.pack = b.value
      WHERE NOT EXISTS (SELECT 1 FROM location l WHERE l.hash = p.hash AND l.pack NOT IN (SELECT value FROM json_each(?)))`,
  );
  return {
    markSound: (hashes) => mark(JSON.stringify(hashes)),
    unsound: (limit) => ({ count: count.row()?.[0] as number, hashes: some.rows(limit).map((row) => row[0] as string) }),
    unsoundIn: (pack) => inPack.row(pack)?.[0] as number,
    bereft: (limit) => ({ count: bereftCount.row()?.[0] as number, first: bereftSome.rows(limit).map(bereftFrom) }),
    onlyInPacks: (packs) => only.rows(JSON.stringify(packs), JSON.stringify(packs)).map((row) => row[0] as string),
  };
}

function bereftFrom(row: Row): Bereft {
  return { path: row[0] as string, version: row[1] as number, k: row[2] as number, live: row[3] === 1, hash: row[4] as string };
}

function knownPart(connection: Connection): Pick<VerifyJournal, 'knownObjects'> {
  const packs = query(connection, "SELECT pack FROM location WHERE pack <> '' UNION SELECT pack FROM upload");
  const bodies = query(connection, "SELECT body_id FROM record WHERE body_id <> ''");
  const ids = (rows: readonly Row[]): ReadonlySet<string> => new Set(rows.map((row) => row[0] as string));
  return { knownObjects: (): KnownObjects => ({ packs: ids(packs.rows()), bodies: ids(bodies.rows()) }) };
}

function diskPart(connection: Connection): Pick<VerifyJournal, 'agreedFilesAfter' | 'liveVersionsAfter'> {
  const files = query(connection, "SELECT dir, name FROM agreed WHERE (dir, name) > (?, ?) AND kind = 'file' ORDER BY dir, name LIMIT ?");
  const live = query(
    connection,
    `SELECT path, ${entryColumns} FROM version v WHERE path > ? AND k = 0 AND op = 'put' AND ${isNewest} ORDER BY path LIMIT ?`,
  );
  return {
    agreedFilesAfter: (path, limit) => files.rows(parentOf(path), nameOf(path), limit).map(pathOf),
    liveVersionsAfter: (path, limit) => live.rows(path, limit).map((row) => ({ path: row[0] as string, entry: presentEntryAt(row, 1) })),
  };
}
