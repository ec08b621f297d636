import type Database from 'better-sqlite3';
import { JournalFault } from '../ports/journal.ts';

/** What SQLite stores in our columns. Booleans are 0 and 1. */
export type Value = string | number | Buffer | null;
/** One row as an array in the order of the selected columns: faster to read than an object with names. */
export type Row = readonly Value[];

/**
 * One open SQLite database. Every statement goes through `attempt`, which turns SQLite's errors into `JournalFault` and refuses
 * to go on inside a transaction that has failed: SQLite itself may have rolled it back already, and what came after would be
 * committed alone.
 */
export class Connection {
  readonly file: string;
  readonly readOnly: boolean;
  readonly sqlite: Database.Database;
  #depth = 0;
  #failure: { readonly cause: unknown } | null = null;
  #flushedAtChanges = -1;
  readonly #empty = new Map<string, boolean>();

  constructor(file: string, sqlite: Database.Database) {
    this.file = file;
    this.sqlite = sqlite;
    this.readOnly = sqlite.readonly;
  }

  attempt<T>(work: () => T): T {
    if (this.#failure !== null) throw this.#failure.cause;
    try {
      return work();
    } catch (cause) {
      const fault = journalFault(this.file, cause);
      if (this.#depth > 0 && fault instanceof JournalFault) this.#failure = { cause: fault };
      throw fault;
    }
  }

  /** A nested call joins the outer transaction. A throw at any depth rolls the whole back, even when it is caught further out. */
  transaction<T>(work: () => T): T {
    if (this.#depth > 0) return this.#join(work);
    this.#begin();
    try {
      const result = this.#join(work);
      this.attempt(() => this.sqlite.exec('COMMIT'));
      return result;
    } finally {
      this.#end();
    }
  }

  /** False when `goOn`, which is awaited at each pause of the work, has said no: then nothing of it has happened. */
  async gradually(work: () => Generator<void, void>, goOn: () => Promise<boolean>): Promise<boolean> {
    if (this.#depth > 0) throw new Error('A long transaction of the journal cannot begin inside another one.');
    this.#begin();
    try {
      const steps = work();
      while (this.#join(() => steps.next()).done !== true) if (!(await goOn())) return false;
      this.attempt(() => this.sqlite.exec('COMMIT'));
      return true;
    } finally {
      this.#end();
    }
  }

  #begin(): void {
    // A writer takes the lock at once: a read that turns into a write later could find that another process has written meanwhile.
    this.attempt(() => this.sqlite.exec(this.readOnly ? 'BEGIN' : 'BEGIN IMMEDIATE'));
    this.#depth = 1;
    this.#empty.clear();
  }

  /** What was not committed is undone. */
  #end(): void {
    if (this.sqlite.inTransaction) this.sqlite.exec('ROLLBACK');
    this.#depth = 0;
    this.#failure = null;
  }

  #join<T>(work: () => T): T {
    try {
      const result = work();
      if (result instanceof Promise) throw new TypeError('A transaction of the journal cannot wait for a promise.');
      return result;
    } catch (cause) {
      this.#failure ??= { cause };
      throw cause;
    }
  }

  /**
   * Makes all commits so far durable. Commits under synchronous=NORMAL are written to the WAL without a sync; one commit under FULL
   * syncs the WAL file, which holds all of them since the last checkpoint, and a checkpoint syncs what it moves
   * (https://www.sqlite.org/pragma.html#pragma_synchronous). Without a change since the last flush there is nothing to do.
   */
  flush(): void {
    if (this.#depth > 0) throw new Error('The journal cannot be flushed inside a transaction.');
    if (this.readOnly || this.#changes() === this.#flushedAtChanges) return;
    this.attempt(() => {
      this.sqlite.pragma('synchronous = FULL');
      try {
        this.sqlite.exec('UPDATE flush SET count = count + 1');
      } finally {
        this.sqlite.pragma('synchronous = NORMAL');
      }
    });
    this.#flushedAtChanges = this.#changes();
  }

  /** True when the table has no row for sure: asked once per transaction, which keeps other writers out. */
  isEmpty(table: string): boolean {
    if (this.#depth === 0 || this.readOnly) return false;
    const known = this.#empty.get(table);
    if (known !== undefined) return known;
    const empty = this.attempt(() => this.sqlite.prepare(`SELECT 1 FROM ${table} LIMIT 1`).get()) === undefined;
    this.#empty.set(table, empty);
    return empty;
  }

  noteInsert(table: string): void {
    if (this.#empty.get(table) === true) this.#empty.set(table, false);
  }

  close(): void {
    this.sqlite.close();
  }

  #changes(): number {
    return this.attempt(() => this.sqlite.prepare('SELECT total_changes()').pluck().get() as number);
  }
}

export interface Query {
  row(...values: Value[]): Row | undefined;
  rows(...values: Value[]): Row[];
  /** Row by row, never all in memory; nothing else may be asked of the journal before the end. */
  each(...values: Value[]): Iterable<Row>;
}

/** A statement that returns rows, prepared when it is first used, so that opening a journal prepares nothing. */
export function query(connection: Connection, sql: string): Query {
  let prepared: Database.Statement<Value[]> | undefined;
  const statement = () => {
    prepared ??= connection.sqlite.prepare<Value[]>(sql).raw(true);
    return prepared;
  };
  return {
    row: (...values) => connection.attempt(() => statement().get(...values) as Row | undefined),
    rows: (...values) => connection.attempt(() => statement().all(...values) as Row[]),
    each: (...values) => connection.attempt(() => statement().iterate(...values) as Iterable<Row>),
  };
}

/**
 * `query` for single rows of a table that is often empty while it is asked a hundred thousand times: the wants of a member that
 * publishes, the base of one that joins.
 */
export function sparseQuery(connection: Connection, table: string, sql: string): Pick<Query, 'row'> {
  const asked = query(connection, sql);
  return { row: (...values) => (connection.isEmpty(table) ? undefined : asked.row(...values)) };
}

/** A statement that changes rows, prepared when it is first used. */
export function command(connection: Connection, sql: string): (...values: Value[]) => void {
  let prepared: Database.Statement<Value[]> | undefined;
  return (...values) =>
    connection.attempt(() => {
      prepared ??= connection.sqlite.prepare<Value[]>(sql);
      prepared.run(...values);
    });
}

/** `INSERT OR REPLACE` with one place for each column of a comma-separated list. */
export function replacing(connection: Connection, table: string, columns: string): (...values: Value[]) => void {
  const places = columns.split(',').map(() => '?');
  const put = command(connection, `INSERT OR REPLACE INTO ${table} (${columns}) VALUES (${places.join(', ')})`);
  return (...values) => {
    connection.noteInsert(table);
    put(...values);
  };
}

/** The fault that an error of SQLite or of the file system means for the journal; errors of the program itself pass unchanged. */
export function journalFault(file: string, cause: unknown): unknown {
  const code = codeOf(cause);
  const message = cause instanceof Error ? cause.message : String(cause);
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return new JournalFault('damaged', `The journal ${file} is damaged: ${message}.`, cause);
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) {
    const fix = 'Close what has opened it (sqlite3 by hand, a backup); the next run tries again.';
    return new JournalFault('unusable', `The journal ${file} is in use by another process.`, cause, fix);
  }
  if (/^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|PERM|AUTH|NOLFS|PROTOCOL|NOMEM)/.test(code) || /^E[A-Z]+$/.test(code)) {
    return new JournalFault('unusable', `The journal ${file} cannot be used: ${message}.`, cause);
  }
  return cause;
}

function codeOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : '';
  return typeof code === 'string' ? code : '';
}
