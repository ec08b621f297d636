import type { Journal, Location, Outbox } from '../ports/journal.ts';
import { type Connection, command, query, type Row, replacing, type Value } from './sqlite-connection.ts';
import { jsonFrom } from './sqlite-rows.ts';

type ContentPart = Pick<
  Journal,
  | 'putLocation'
  | 'locations'
  | 'locationsOf'
  | 'hasLocation'
  | 'dropLocation'
  | 'putUpload'
  | 'upload'
  | 'uploadedPacks'
  | 'reachable'
  | 'dropUploads'
  | 'outbox'
  | 'putOutbox'
  | 'dropOutbox'
  | 'needs'
  | 'putNeed'
  | 'dropNeed'
>;

export const locationColumns = 'hash, record, pack, byte_offset, length, size, codec';

/** Where content lies in the bucket, and what this member is about to put there. */
export function contentPart(connection: Connection): ContentPart {
  return { ...locationPart(connection), ...uploadPart(connection), ...outboxPart(connection), ...needPart(connection) };
}

/** Of a location: a new change may rely on it. */
const isReliable = `(pack <> '' OR record > coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'inlineFloor'), 0))`;

const reachable = `SELECT asked.value FROM json_each(?) AS asked
  WHERE EXISTS (SELECT 1 FROM location WHERE hash = asked.value AND ${isReliable})
    OR EXISTS (SELECT 1 FROM upload WHERE hash = asked.value AND at_ms >= ?)`;

function locationPart(
  connection: Connection,
): Pick<ContentPart, 'putLocation' | 'locations' | 'locationsOf' | 'hasLocation' | 'dropLocation'> {
  const put = replacing(connection, 'location', locationColumns);
  const ofHash = query(connection, `SELECT ${locationColumns} FROM location WHERE hash = ? ORDER BY pack = '', record, pack, byte_offset`);
  const ofHashes = query(
    connection,
    `SELECT ${locationColumns} FROM json_each(?) CROSS JOIN location ON hash = value ORDER BY json_each.id, pack = '', record, pack, byte_offset`,
  );
  const any = query(connection, `SELECT 1 FROM location WHERE hash = ? AND ${isReliable} LIMIT 1`);
  const drop = command(connection, 'DELETE FROM location WHERE hash = ? AND record = ? AND pack = ? AND byte_offset = ?');
  return {
    putLocation: (location) => put(...locationValues(location)),
    locations: (hash) => ofHash.rows(hash).map(locationFrom),
    locationsOf: (hashes) => byHash(ofHashes.rows(JSON.stringify(hashes)).map(locationFrom)),
    hasLocation: (hash) => any.row(hash) !== undefined,
    dropLocation: ({ hash, record, pack, offset }) => drop(hash, record, pack, offset),
  };
}

function byHash(locations: readonly Location[]): Map<string, Location[]> {
  const found = new Map<string, Location[]>();
  for (const location of locations) {
    const list = found.get(location.hash);
    if (list === undefined) found.set(location.hash, [location]);
    else list.push(location);
  }
  return found;
}

function uploadPart(connection: Connection): Pick<ContentPart, 'putUpload' | 'upload' | 'uploadedPacks' | 'reachable' | 'dropUploads'> {
  const put = replacing(connection, 'upload', `${locationColumns}, at_ms`);
  const one = query(connection, `SELECT ${locationColumns} FROM upload WHERE hash = ? AND at_ms >= ?`);
  const packs = query(connection, 'SELECT DISTINCT pack FROM upload');
  const reached = query(connection, reachable);
  const drop = command(connection, 'DELETE FROM upload WHERE hash IN (SELECT value FROM json_each(?))');
  return {
    putUpload: (location, atMs) => put(...locationValues(location), atMs),
    upload: (hash, notBeforeMs) => {
      const row = one.row(hash, notBeforeMs);
      return row === undefined ? null : locationFrom(row);
    },
    uploadedPacks: () => new Set(packs.rows().map((row) => row[0] as string)),
    reachable: (hashes, notBeforeMs) => new Set(reached.rows(JSON.stringify(hashes), notBeforeMs).map((row) => row[0] as string)),
    dropUploads: (hashes) => drop(JSON.stringify(hashes)),
  };
}

function outboxPart(connection: Connection): Pick<ContentPart, 'outbox' | 'putOutbox' | 'dropOutbox'> {
  const outboxColumns = 'sequence, hash, bytes, body_id, body_bytes, free_at_ms, not_on_disk';
  const one = query(connection, `SELECT ${outboxColumns} FROM outbox`);
  const put = replacing(connection, 'outbox', `only, ${outboxColumns}`);
  const drop = command(connection, 'DELETE FROM outbox');
  return {
    outbox: () => {
      const row = one.row();
      return row === undefined ? null : outboxFrom(row);
    },
    putOutbox: ({ sequence, hash, bytes, body, freeAtMs, notOnDisk }) =>
      put(1, sequence, hash, bytes, body?.id ?? null, body?.bytes ?? null, freeAtMs, JSON.stringify(notOnDisk)),
    dropOutbox: () => drop(),
  };
}

function needPart(connection: Connection): Pick<ContentPart, 'needs' | 'putNeed' | 'dropNeed'> {
  const all = query(connection, 'SELECT hash, at_ms FROM need ORDER BY hash');
  const put = replacing(connection, 'need', 'hash, at_ms');
  const drop = command(connection, 'DELETE FROM need WHERE hash = ?');
  return {
    needs: () => new Map(all.rows().map((row) => [row[0] as string, row[1] as number])),
    putNeed: put,
    dropNeed: drop,
  };
}

function locationValues({ hash, record, pack, offset, length, size, codec }: Location): Value[] {
  return [hash, record, pack, offset, length, size, codec];
}

export function locationFrom(row: Row): Location {
  return {
    hash: row[0] as string,
    record: row[1] as number,
    pack: row[2] as string,
    offset: row[3] as number,
    length: row[4] as number,
    size: row[5] as number,
    codec: row[6] as Location['codec'],
  };
}

function outboxFrom(row: Row): Outbox {
  return {
    sequence: row[0] as number,
    hash: row[1] as string,
    bytes: row[2] as Buffer,
    body: row[3] === null ? null : { id: row[3] as string, bytes: row[4] as Buffer },
    freeAtMs: row[5] as number,
    notOnDisk: jsonFrom<string[] | null>(row[6] as string),
  };
}
