import Database from 'better-sqlite3';
import { JournalFault } from '../ports/journal.ts';
import type { Time } from '../ports/time.ts';
import { journalFault } from './sqlite-connection.ts';

/** The lock of one share's journal: one cycle at a time. Held by the operating system, so a killed process never blocks. */
export interface ShareLock {
  release(): void;
}

const pauseMs = 25;

/**
 * Null when another cycle holds it and `wait` is false, or the signal ended the wait. `onWait` is called once before waiting.
 * Throws `JournalFault` where the state directory cannot be used.
 */
export async function lockShare(
  file: string,
  time: Time,
  { wait, signal, onWait }: { readonly wait: boolean; readonly signal: AbortSignal; readonly onWait?: () => void },
): Promise<ShareLock | null> {
  const database = open(file);
  for (let tries = 0; ; tries++) {
    if (begin(database, file)) return { release: () => void (database.open && database.close()) };
    if (!wait || signal.aborted) {
      database.close();
      return null;
    }
    if (tries === 0) onWait?.();
    await time.sleep(pauseMs, signal);
  }
}

function open(file: string): Database.Database {
  try {
    return new Database(file, { timeout: 0 });
  } catch (error) {
    // The driver reports a missing directory as a TypeError, without a code.
    if (error instanceof TypeError) throw new JournalFault('unusable', `The lock ${file} cannot be opened: ${error.message}.`, error);
    throw journalFault(file, error);
  }
}

function begin(database: Database.Database, file: string): boolean {
  try {
    // Without a rollback file the lock needs no room on the disk: a full one must not stop what could make room. It reads the file,
    // so it too finds the lock held.
    database.pragma('journal_mode = MEMORY');
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) return false;
    database.close();
    throw journalFault(file, error);
  }
}
