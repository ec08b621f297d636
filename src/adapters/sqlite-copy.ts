import Database from 'better-sqlite3';
import type { Journal } from '../ports/journal.ts';
import { openJournal } from './sqlite.ts';
import { journalFault } from './sqlite-connection.ts';
import { isJournalThere } from './sqlite-open.ts';

/**
 * A private copy of a journal at `to`, for a dry run: what it writes is thrown away. A missing journal gives an empty copy. Throws
 * `JournalFault`.
 */
export function copyJournal(file: string, to: string): Journal {
  if (isJournalThere(file)) copyTo(file, to);
  return openJournal({ file: to });
}

function copyTo(file: string, to: string): void {
  let source: Database.Database | undefined;
  try {
    source = new Database(file, { readonly: true });
    source.prepare('VACUUM INTO ?').run(to);
  } catch (error) {
    throw journalFault(file, error);
  } finally {
    source?.close();
  }
}
