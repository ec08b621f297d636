import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { Journal } from '../ports/journal.ts';
import { openJournal } from './sqlite.ts';

/** A private copy of a journal at `to`, for a dry run: what it writes is thrown away. A missing journal gives an empty copy. */
export function copyJournal(file: string, to: string): Journal {
  if (existsSync(file)) {
    const source = new Database(file, { readonly: true });
    try {
      source.prepare('VACUUM INTO ?').run(to);
    } finally {
      source.close();
    }
  }
  return openJournal({ file: to });
}
