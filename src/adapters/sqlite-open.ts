import { closeSync, existsSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { JournalFault } from '../ports/journal.ts';
import { Connection, journalFault } from './sqlite-connection.ts';

/** Marks a SQLite file as a journal of ours; 0001.sql sets it. */
const applicationId = 0x666c6f63;
const busyTimeoutMs = 5000;
const cacheKib = 16 * 1024;
/** The WAL file is cut back to this after a checkpoint that a large transaction made necessary. */
const walBytesKept = 64 * 1024 * 1024;
/**
 * Up to this size every opening checks everything, which costs about 4 ms for each MiB and finds a key out of its place as well; above,
 * and only after an unclean end, a quick check of the pages has to do, about 1 ms for each MiB.
 */
const alwaysCheckedBytesMax = 4 * 1024 * 1024;

interface Migration {
  readonly version: number;
  readonly file: string;
}

/** Opens, checks and migrates. Throws `JournalFault` and leaves nothing open then. */
export function openConnection(file: string, schemaDirectory: string, readOnly: boolean): Connection {
  const migrations = migrationsIn(schemaDirectory);
  const newest = migrations.at(-1)?.version ?? 0;
  const bytes = sizeOf(file);
  // Asked before the look at the version, which leaves an empty WAL.
  const suspect = bytes <= alwaysCheckedBytesMax || endedUncleanly(file);
  if (readOnly || bytes > 0) {
    const reader = probe(file, newest, readOnly);
    if (readOnly) return reader;
    reader.close();
  }
  return opened(file, false, (connection) => prepareForWriting(connection, migrations, bytes > 0 && suspect));
}

/** An error is no absence: a state directory that is closed to this user throws `JournalFault` 'unusable'. */
export function isJournalThere(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw hiddenFault(`The journal ${file}`, error);
  }
}

/** Something of the state directory cannot be looked at. */
export function hiddenFault(what: string, error: unknown): JournalFault {
  const { code } = error as NodeJS.ErrnoException;
  const text = `${what} cannot be looked at (${code}): run this as root, or as the user that runs flocksync.`;
  return new JournalFault('unusable', text, error);
}

/** A writer that comes to its end leaves no WAL, a reader an empty one; where somebody has removed it, its index is left. */
function endedUncleanly(file: string): boolean {
  return sizeOf(`${file}-wal`) > 0 || (!existsSync(`${file}-wal`) && existsSync(`${file}-shm`));
}

/** Looks at the version through a connection that cannot write: the journal of a newer program is not touched, not even its WAL. */
function probe(file: string, newest: number, current: boolean): Connection {
  return opened(file, true, (connection) => {
    const { version, foreign } = identity(connection);
    if (foreign) throw new JournalFault('damaged', `${file} is not a journal of flocksync.`);
    if (version > newest) {
      throw new JournalFault('newer', `The journal ${file} has version ${version}; this flocksync knows versions up to ${newest}.`);
    }
    if (current && version < newest) {
      const text = `The journal ${file} has version ${version}; the next sync brings it to version ${newest}.`;
      throw new JournalFault('unusable', text, undefined, 'Run flocksync sync, or wait for the next run.');
    }
  });
}

function opened(file: string, readOnly: boolean, prepare: (connection: Connection) => void): Connection {
  const connection = open(file, readOnly);
  try {
    connection.attempt(() => configure(connection.sqlite));
    prepare(connection);
    return connection;
  } catch (cause) {
    connection.close();
    throw cause;
  }
}

function open(file: string, readOnly: boolean): Connection {
  try {
    if (!readOnly) createPrivate(file);
    return new Connection(file, new Database(file, { readonly: readOnly, fileMustExist: true, timeout: busyTimeoutMs }));
  } catch (cause) {
    // The driver reports a missing directory as a TypeError, without a code.
    if (cause instanceof TypeError) throw new JournalFault('unusable', `The journal ${file} cannot be opened: ${cause.message}.`, cause);
    throw journalFault(file, cause);
  }
}

/** Paths and small contents are nobody else's business; SQLite gives its other files the mode of this one. */
function createPrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
  }
}

function configure(sqlite: Database.Database): void {
  sqlite.pragma('synchronous = NORMAL');
  sqlite.pragma(`cache_size = -${cacheKib}`);
  sqlite.pragma('temp_store = MEMORY');
  sqlite.pragma('foreign_keys = ON');
  sqlite.pragma('trusted_schema = OFF');
  // A malformed page is then reported where it is read, instead of showing fewer rows.
  sqlite.pragma('cell_size_check = ON');
}

function prepareForWriting(connection: Connection, migrations: readonly Migration[], check: boolean): void {
  const { sqlite, file } = connection;
  if (check) connection.attempt(() => checkPages(sqlite, file));
  connection.attempt(() => {
    const mode = sqlite.pragma('journal_mode = WAL', { simple: true });
    if (mode !== 'wal') {
      const fix = 'Put the directory that the config calls "state" on a disk of this server.';
      throw new JournalFault('unusable', `The journal ${file} must lie on a local file system (no WAL there).`, undefined, fix);
    }
    sqlite.pragma(`journal_size_limit = ${walBytesKept}`);
  });
  migrate(connection, migrations);
}

function checkPages(sqlite: Database.Database, file: string): void {
  const check = sizeOf(file) <= alwaysCheckedBytesMax ? 'integrity_check(1)' : 'quick_check(1)';
  const verdict = sqlite.pragma(check, { simple: true });
  if (verdict !== 'ok') throw new JournalFault('damaged', `The journal ${file} is damaged: ${String(verdict).replaceAll(/\s+/g, ' ')}.`);
}

function migrate(connection: Connection, migrations: readonly Migration[]): void {
  const isDue = ({ version }: Migration) => version > identity(connection).version;
  if (!migrations.some(isDue)) return;
  connection.transaction(() => {
    // Asked again under the lock: another process may have migrated meanwhile.
    for (const { version, file } of migrations.filter(isDue)) {
      connection.attempt(() => connection.sqlite.exec(`${readFileSync(file, 'utf8')}\n;PRAGMA user_version = ${version}`));
    }
  });
}

function identity(connection: Connection): { version: number; foreign: boolean } {
  return connection.attempt(() => {
    const version = connection.sqlite.pragma('user_version', { simple: true }) as number;
    const id = connection.sqlite.pragma('application_id', { simple: true }) as number;
    const isEmpty = version === 0 && connection.sqlite.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
    return { version, foreign: id !== applicationId && !isEmpty };
  });
}

function migrationsIn(directory: string): Migration[] {
  const names = readdirSync(directory).filter((name) => /^\d{4}\.sql$/.test(name));
  return names.sort().map((name) => ({ version: Number(name.slice(0, 4)), file: join(directory, name) }));
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw journalFault(file, cause);
  }
}
