import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openJournal } from '../../src/adapters/sqlite.ts';
import type { Journal } from '../../src/ports/journal.ts';

/** A file name in a new directory that is removed when the test ends. */
export function journalFile(): string {
  const directory = mkdtempSync(join(tmpdir(), 'flocksync-journal-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'share.db');
}

export function newJournal(file = journalFile()): Journal {
  const journal = openJournal({ file });
  onTestFinished(() => journal.close());
  return journal;
}
