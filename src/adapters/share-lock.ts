import Database from 'better-sqlite3';
import type { Time } from '../ports/time.ts';

/** The lock of one share's journal: one cycle at a time. Held by the operating system, so a killed process never blocks. */
export interface ShareLock {
  release(): void;
}

const pauseMs = 25;

/** Null when another cycle holds it and `wait` is false, or the signal ended the wait. `onWait` is called once before waiting. */
export async function lockShare(
  file: string,
  time: Time,
  { wait, signal, onWait }: { readonly wait: boolean; readonly signal: AbortSignal; readonly onWait?: () => void },
): Promise<ShareLock | null> {
  const database = new Database(file, { timeout: 0 });
  for (let tries = 0; ; tries++) {
    if (begin(database)) return { release: () => void (database.open && database.close()) };
    if (!wait || signal.aborted) {
      database.close();
      return null;
    }
    if (tries === 0) onWait?.();
    await time.sleep(pauseMs, signal);
  }
}

function begin(database: Database.Database): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) return false;
    database.close();
    throw error;
  }
}
