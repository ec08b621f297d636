import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Journal, JournalFault } from '../ports/journal.ts';
import type { Random } from '../ports/random.ts';
import { openJournal } from './sqlite.ts';

/** SQLite keeps these beside a database. */
const parts = ['', '-wal', '-shm'];
const markSuffix = '.damaged';

/**
 * Opens a journal for writing. A damaged one is kept beside a new one, which is rebuilt from the bucket (rule J3) and takes over what can
 * still be read of the trash index; `events` is told. Throws JournalFault. The caller holds the share's lock.
 */
export function openOrSetAside(file: string, random: Random, events: string[]): Journal {
  const damage = notedDamage(file) ?? openedOrDamage(file);
  if (typeof damage !== 'string') return damage;
  const aside = `${file}${markSuffix}-${random.hex(4)}`;
  const earlier = remainsOf(file);
  for (const part of parts) if (existsSync(file + part)) renameSync(file + part, aside + part);
  for (const old of earlier) rmSync(old, { force: true });
  const journal = openJournal({ file });
  const rescued = rescueTrash(aside, journal);
  const trash = rescued ? '; its index of the trash could still be read' : '';
  events.push(`the journal was damaged (${damage}); it was set aside as ${aside} and is rebuilt from the bucket${trash}`);
  return journal;
}

/**
 * Remembers damage that was met in the middle of a cycle: opening need not find it again, since a large journal is only checked after
 * an unclean end.
 */
export function noteDamage(file: string, message: string): void {
  try {
    writeFileSync(file + markSuffix, message, { mode: 0o600 });
  } catch {
    // The fault itself is told; whoever meets it next says it again.
  }
}

/** What earlier damage left beside a journal. Only the newest journal that was set aside is kept, for whoever wants to look into it. */
export function remainsOf(file: string): string[] {
  const names = readdirSync(dirname(file)).filter((name) => name.startsWith(`${basename(file)}${markSuffix}`));
  return names.map((name) => join(dirname(file), name));
}

/** A mark without a journal is about one that somebody has removed since. */
function notedDamage(file: string): string | null {
  if (!existsSync(file + markSuffix)) return null;
  if (existsSync(file)) return readFileSync(file + markSuffix, 'utf8');
  rmSync(file + markSuffix, { force: true });
  return null;
}

function openedOrDamage(file: string): Journal | string {
  try {
    return openJournal({ file });
  } catch (error) {
    if (error instanceof JournalFault && error.code === 'damaged') return error.message;
    throw error;
  }
}

/**
 * Versions that are owed to the log stand in the trash alone: their rows are worth a try. What they lost to may be another record after
 * the rebuild. False where the index cannot be read.
 */
function rescueTrash(aside: string, journal: Journal): boolean {
  try {
    const damaged = openJournal({ file: aside, readOnly: true });
    try {
      const rows = damaged.trash();
      journal.transaction(() => {
        for (const row of rows) journal.putTrash({ ...row, lostTo: row.owed ? 0 : row.lostTo });
      });
      return true;
    } finally {
      damaged.close();
    }
  } catch (error) {
    if (error instanceof JournalFault) return false;
    throw error;
  }
}
