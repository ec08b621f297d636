import { type BytePath, nameOf, parentOf } from '../model/path.ts';
import type { Agreed, DiskStamp, Journal } from '../ports/journal.ts';
import { type Connection, command, query, type Row, replacing, sparseQuery, type Value } from './sqlite-connection.ts';
import { deeperDirectories, entryColumns, entryValues, entryWidth, pathOf, presentEntryAt } from './sqlite-rows.ts';

type AgreedPart = Pick<
  Journal,
  | 'agreed'
  | 'agreedChildren'
  | 'agreedBelow'
  | 'agreedUnlike'
  | 'agreedUnfollowed'
  | 'agreedByHash'
  | 'agreedInChunks'
  | 'agreedPaths'
  | 'agreedCount'
  | 'putAgreed'
  | 'putStamp'
  | 'dropAgreed'
  | 'distrustAllStamps'
  | 'directoryDigest'
  | 'putDirectoryDigest'
  | 'forgetDirectoryDigests'
>;

const stampColumns = 'disk_ino, disk_size, disk_mtime, disk_ctime, disk_mode, disk_mtime_us, disk_uid, disk_gid, disk_racy';
const columns = `dir, name, version, ${entryColumns}, ${stampColumns}`;
const firstEntry = 3;
const firstStamp = firstEntry + entryWidth;
/** A comparison with NULL is never true. */
const unlikeRights = "kind = 'file' AND disk_mode <> ? OR kind = 'dir' AND disk_mode <> ? OR disk_uid <> ? OR disk_gid <> ?";
/** The parameters: the log's mode counts for files, for directories. */
const unfollowed = "kind = 'file' AND (disk_mtime_us <> mtime_us OR ? AND disk_mode <> mode) OR kind = 'dir' AND ? AND disk_mode <> mode";
const noStamp: readonly Value[] = stampColumns.split(',').map(() => null);

/**
 * The merge base and the digests of unchanged directories. What changes a row forgets the digest of its directory, and forgets it
 * first: a kill between the two then costs one look at a directory, instead of leaving a digest that hides a difference.
 */
export function agreedPart(connection: Connection): AgreedPart {
  const digests = digestPart(connection);
  return { ...agreedReads(connection), ...agreedWrites(connection, digests), ...digests.part };
}

function agreedReads(
  connection: Connection,
): Pick<
  AgreedPart,
  | 'agreed'
  | 'agreedChildren'
  | 'agreedBelow'
  | 'agreedUnlike'
  | 'agreedUnfollowed'
  | 'agreedByHash'
  | 'agreedInChunks'
  | 'agreedPaths'
  | 'agreedCount'
> {
  const one = sparseQuery(connection, 'agreed', `SELECT ${columns} FROM agreed WHERE dir = ? AND name = ?`);
  const children = query(connection, `SELECT ${columns} FROM agreed WHERE dir = ? ORDER BY name`);
  const deeper = query(connection, `SELECT ${columns} FROM agreed WHERE dir >= ? AND dir < ? ORDER BY dir, name`);
  const unlike = query(connection, `SELECT ${columns} FROM agreed WHERE ${unlikeRights} ORDER BY dir, name`);
  const unlikeLog = query(connection, `SELECT ${columns} FROM agreed WHERE ${unfollowed} ORDER BY dir, name LIMIT ?`);
  const countUnlikeLog = query(connection, `SELECT count(*) FROM agreed WHERE ${unfollowed}`);
  const byHash = query(connection, `SELECT ${columns} FROM agreed WHERE hash = ? ORDER BY dir, name LIMIT ?`);
  const inChunks = query(connection, `SELECT ${columns} FROM agreed WHERE chunks IS NOT NULL`);
  const pathsOfHashes = query(connection, 'SELECT dir, name, hash FROM json_each(?) CROSS JOIN agreed ON hash = value');
  const counts = query(connection, 'SELECT kind, count(*), total(size) FROM agreed GROUP BY kind');
  return {
    agreed: (path) => {
      const row = one.row(parentOf(path), nameOf(path));
      return row === undefined ? null : agreedFrom(row);
    },
    agreedChildren: (directory) => children.rows(directory).map(agreedFrom),
    agreedBelow: (directory) => [...children.rows(directory), ...deeper.rows(...deeperDirectories(directory))].map(agreedFrom),
    agreedUnlike: ({ fileMode, dirMode, uid, gid }) => unlike.rows(fileMode, dirMode, uid, gid).map(agreedFrom),
    agreedUnfollowed: ({ file, dir }, limit) => ({
      count: (countUnlikeLog.row(Number(file), Number(dir))?.[0] ?? 0) as number,
      first: unlikeLog.rows(Number(file), Number(dir), limit).map(agreedFrom),
    }),
    agreedByHash: (hash, limit) => byHash.rows(hash, limit).map(agreedFrom),
    agreedInChunks: () => inChunks.rows().map(agreedFrom),
    agreedPaths: (hashes, limit) => firstByHash(pathsOfHashes.rows(JSON.stringify(hashes)), limit),
    agreedCount: () => {
      const rows = new Map(counts.rows().map((row) => [row[0], row]));
      const count = (kind: string) => (rows.get(kind)?.[1] ?? 0) as number;
      const bytes = (rows.get('file')?.[2] ?? 0) as number;
      return { files: count('file'), directories: count('dir'), links: count('link'), bytes };
    },
  };
}

function firstByHash(rows: readonly Row[], limit: number): Map<string, BytePath[]> {
  const found = new Map<string, BytePath[]>();
  for (const row of rows) {
    const paths = found.get(row[2] as string);
    if (paths === undefined) found.set(row[2] as string, [pathOf(row)]);
    else if (paths.length < limit) paths.push(pathOf(row));
  }
  return found;
}

function agreedWrites(
  connection: Connection,
  digests: Digests,
): Pick<AgreedPart, 'putAgreed' | 'putStamp' | 'dropAgreed' | 'distrustAllStamps'> {
  const put = replacing(connection, 'agreed', columns);
  const putStamp = command(connection, `UPDATE agreed SET (${stampColumns}) = (${noStamp.map(() => '?')}) WHERE dir = ? AND name = ?`);
  const kindOf = query(connection, 'SELECT kind FROM agreed WHERE dir = ? AND name = ?');
  const drop = command(connection, 'DELETE FROM agreed WHERE dir = ? AND name = ?');
  const distrust = command(connection, 'UPDATE agreed SET disk_racy = 1 WHERE disk_ino IS NOT NULL');
  return {
    putAgreed: ({ path, entry, version, stamp }) => {
      const directory = parentOf(path);
      digests.forget(directory);
      put(directory, nameOf(path), version, ...entryValues(entry), ...stampValues(stamp));
    },
    putStamp: (path, stamp) => {
      digests.forget(parentOf(path));
      putStamp(...stampValues(stamp), parentOf(path), nameOf(path));
    },
    dropAgreed: (path) => {
      const [directory, name] = [parentOf(path), nameOf(path)];
      digests.forget(directory);
      if (kindOf.row(directory, name)?.[0] === 'dir') digests.forgetWithin(path);
      drop(directory, name);
    },
    distrustAllStamps: () => {
      digests.part.forgetDirectoryDigests();
      distrust();
    },
  };
}

interface Digests {
  readonly forget: (directory: BytePath) => void;
  /** The directory itself and all below it. */
  readonly forgetWithin: (directory: BytePath) => void;
  readonly part: Pick<AgreedPart, 'directoryDigest' | 'putDirectoryDigest' | 'forgetDirectoryDigests'>;
}

function digestPart(connection: Connection): Digests {
  const one = query(connection, 'SELECT digest FROM directory_digest WHERE dir = ?');
  const put = replacing(connection, 'directory_digest', 'dir, digest');
  const forgetOne = command(connection, 'DELETE FROM directory_digest WHERE dir = ?');
  // Who joins puts a hundred thousand rows before the first digest.
  const forget = (directory: BytePath) => {
    if (!connection.isEmpty('directory_digest')) forgetOne(directory);
  };
  const forgetDeeper = command(connection, 'DELETE FROM directory_digest WHERE dir >= ? AND dir < ?');
  const forgetAll = command(connection, 'DELETE FROM directory_digest');
  return {
    forget,
    forgetWithin: (directory) => {
      forget(directory);
      forgetDeeper(...deeperDirectories(directory));
    },
    part: {
      directoryDigest: (directory) => one.row(directory)?.[0] as string | undefined,
      putDirectoryDigest: put,
      forgetDirectoryDigests: () => {
        forgetAll();
      },
    },
  };
}

function agreedFrom(row: Row): Agreed {
  return { path: pathOf(row), entry: presentEntryAt(row, firstEntry), version: row[2] as number, stamp: stampFrom(row) };
}

function stampValues(stamp: DiskStamp | null): readonly Value[] {
  if (stamp === null) return noStamp;
  const { ino, size, mtimeKey, ctimeKey, mode, mtimeUs, uid, gid, racy } = stamp;
  return [ino, size, mtimeKey, ctimeKey, mode, mtimeUs, uid, gid, racy ? 1 : 0];
}

function stampFrom(row: Row): DiskStamp | null {
  if (row[firstStamp] === null) return null;
  return {
    ino: row[firstStamp] as number,
    size: row[firstStamp + 1] as number,
    mtimeKey: row[firstStamp + 2] as number,
    ctimeKey: row[firstStamp + 3] as number,
    mode: row[firstStamp + 4] as number,
    mtimeUs: row[firstStamp + 5] as number,
    uid: row[firstStamp + 6] as number,
    gid: row[firstStamp + 7] as number,
    racy: row[firstStamp + 8] === 1,
  };
}
