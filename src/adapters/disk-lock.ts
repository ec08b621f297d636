import { lstatSync, readFileSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { RootLock } from '../ports/filesystem.ts';
import type { Area } from './disk-area.ts';
import { unless } from './disk-faults.ts';
import { at } from './disk-stat.ts';

const lockName = 'lock';
const holderName = 'holder';
/** How long a dying process may take to let go. */
const patienceMs = 1000;
const pauseMs = 20;

/**
 * Locks the root for one state by a lock that the operating system takes back when the process dies. SQLite is the way to such a lock
 * from Node; its database stays empty. Another process of the same state shares the lock, another state gets null. `kept` is this process's
 * own lock of before, which goes on as long as it is the lock of this area.
 */
export function lockArea(area: Area, stateId: string, kept: RootLock | null): RootLock | null {
  if (kept?.own && kept.ino === inodeOf(area)) return kept;
  const database = new Database(`/proc/self/fd/${area.home.fd}/${lockName}`, { timeout: 0 });
  try {
    for (let waitedMs = 0; ; waitedMs += pauseMs) {
      if (begin(database)) return hold(database, area, stateId);
      // The holder writes its name just after it got the lock: only a name that stands for a while is the holder's.
      const seen = holderOf(area);
      pause();
      if (seen === stateId && holderOf(area) === stateId && !begin(database)) return shared(database);
      if (database.inTransaction) return hold(database, area, stateId);
      if (waitedMs >= patienceMs) return refused(database);
    }
  } catch (error) {
    database.close();
    throw error;
  }
}

function begin(database: Database.Database): boolean {
  try {
    // Without a rollback file the lock needs no room: on a full disk deletions must still get through.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) return false;
    throw error;
  }
}

function hold(database: Database.Database, area: Area, stateId: string): RootLock {
  if (holderOf(area) !== stateId) writeFileSync(at(area.home.fd, holderName), stateId, { mode: 0o600 });
  return { own: true, ino: inodeOf(area) ?? 0, release: () => release(database) };
}

function shared(database: Database.Database): RootLock {
  database.close();
  return { own: false, ino: 0, release: () => undefined };
}

function refused(database: Database.Database): null {
  database.close();
  return null;
}

function release(database: Database.Database): void {
  if (database.open) database.close();
}

function inodeOf(area: Area): number | null {
  return lstatSync(at(area.home.fd, lockName), { throwIfNoEntry: false })?.ino ?? null;
}

function holderOf(area: Area): string | null {
  return unless(['ENOENT'], () => readFileSync(at(area.home.fd, holderName), 'utf8'));
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
}
