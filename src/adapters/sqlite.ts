import { fileURLToPath } from 'node:url';
import type { Journal, MetaKey } from '../ports/journal.ts';
import { agreedPart } from './sqlite-agreed.ts';
import { auditPart } from './sqlite-audit.ts';
import { type Connection, command, query, replacing } from './sqlite-connection.ts';
import { contentPart } from './sqlite-content.ts';
import { foldPart } from './sqlite-fold.ts';
import { housekeepingPart } from './sqlite-housekeeping.ts';
import { holdPart, intentPart, problemPart, trashPart } from './sqlite-local.ts';
import { recordPart, versionPart } from './sqlite-log.ts';
import { openConnection } from './sqlite-open.ts';
import { snapshotPart } from './sqlite-snapshot.ts';
import { tallyPart } from './sqlite-tally.ts';
import { travelPart } from './sqlite-travel.ts';
import { verifyPart } from './sqlite-verify.ts';
import { wantPart } from './sqlite-want.ts';

/** `schema/` stands beside this module in the sources and beside the bundle in dist/. */
const ownSchema = fileURLToPath(new URL('./schema/', import.meta.url));

interface JournalOptions {
  readonly file: string;
  /** Where the numbered SQL files are; ours when left out. */
  readonly schemaDirectory?: string;
  /** For looking on while another process works: creates, migrates and changes nothing, and never waits for a writer. */
  readonly readOnly?: boolean;
}

/**
 * Opens the journal of one share and creates it (mode 0600) where there is none; its directory must exist. Throws `JournalFault`:
 * 'newer' before anything is written to the journal of a newer program; 'damaged' when the file is no journal or malformed, here
 * or at any later call; 'unusable' for permissions, a full disk, another writer of more than 5 s, and, with `readOnly`, a journal
 * that is not there or still has to be migrated.
 */
export function openJournal({ file, schemaDirectory = ownSchema, readOnly = false }: JournalOptions): Journal {
  const connection = openConnection(file, schemaDirectory, readOnly);
  return {
    transaction: (work) => connection.transaction(work),
    gradually: async (work, goOn) => await connection.gradually(work, goOn),
    flush: () => connection.flush(),
    limitCache: (bytes) => connection.attempt(() => connection.sqlite.pragma(`cache_size = -${Math.ceil(bytes / 1024)}`)),
    close: () => connection.close(),
    ...metaPart(connection),
    ...agreedPart(connection),
    ...wantPart(connection),
    ...foldPart(connection),
    ...recordPart(connection),
    ...versionPart(connection),
    ...contentPart(connection),
    ...auditPart(connection),
    ...housekeepingPart(connection),
    ...snapshotPart(connection),
    ...tallyPart(connection),
    ...travelPart(connection),
    ...verifyPart(connection),
    ...trashPart(connection),
    ...intentPart(connection),
    ...problemPart(connection),
    ...holdPart(connection),
    resetBase: () => resetBase(connection),
  };
}

function metaPart(connection: Connection): Pick<Journal, 'meta' | 'setMeta'> {
  const one = query(connection, 'SELECT value FROM meta WHERE key = ?');
  const put = replacing(connection, 'meta', 'key, value');
  const drop = command(connection, 'DELETE FROM meta WHERE key = ?');
  return {
    meta: (key) => one.row(key)?.[0] as string | undefined,
    setMeta: (key, value) => (value === null ? drop(key) : put(key, value)),
  };
}

/**
 * All that was folded from the lineage that is left, or depends on it. The rest of `meta` is the caller's to change; the trash stays,
 * because it holds content; problems stay, so that a standing one is not announced anew; so does the window of published deletions.
 */
const baseTables = [
  ...['agreed', 'want', 'directory_digest', 'lingering', 'record', 'record_bytes', 'version'],
  ...['location', 'upload', 'need', 'outbox', 'intent', 'hold', 'hold_path'],
  ...['snapshot', 'retired'],
];
const baseKeys: readonly MetaKey[] = [
  'inlineFloor',
  'horizon',
  'housekeptAtMs',
  'snapshotTriedAtMs',
  'prunedAtMs',
  'historyFromMs',
  'loadedSnapshot',
];

function resetBase(connection: Connection): void {
  const forget = command(connection, 'DELETE FROM meta WHERE key = ?');
  connection.transaction(() => {
    for (const key of baseKeys) forget(key);
    for (const table of baseTables) connection.attempt(() => connection.sqlite.exec(`DELETE FROM ${table}`));
  });
}
