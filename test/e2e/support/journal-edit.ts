import { join } from 'node:path';
import Database from 'better-sqlite3';

/** As if the packs and records that hold contents had been retired: the journal names no place any more. */
export function forgetLocations(state: string): void {
  const journal = new Database(join(state, 'webroot.journal'));
  journal.exec('DELETE FROM location');
  journal.close();
}
