import type { Hold, HoldPath, Intent, Journal, ProblemRow, TrashRow } from '../ports/journal.ts';
import { type Connection, command, query, type Row, replacing, sparseQuery } from './sqlite-connection.ts';
import { entryColumns, entryValues, entryWidth, presentEntryAt } from './sqlite-rows.ts';

type TrashPart = Pick<Journal, 'putTrash' | 'trash' | 'trashBefore' | 'trashByHash' | 'owedTrash' | 'settleOwed' | 'dropTrash'>;

const trashColumns = `name, path, ${entryColumns}, at_ms, why, owed, lost_to, disk_ino, disk_size, disk_mtime`;
const afterTrashEntry = 2 + entryWidth;

/** What the trash directory holds, oldest first. */
export function trashPart(connection: Connection): TrashPart {
  const put = replacing(connection, 'trash', trashColumns);
  const all = query(connection, `SELECT ${trashColumns} FROM trash ORDER BY at_ms, name`);
  const before = query(connection, `SELECT ${trashColumns} FROM trash WHERE at_ms < ? AND owed = 0 ORDER BY at_ms, name`);
  const owed = query(connection, `SELECT ${trashColumns} FROM trash WHERE owed = 1 ORDER BY at_ms, name`);
  // The newest is pruned last.
  const byHash = sparseQuery(connection, 'trash', `SELECT ${trashColumns} FROM trash WHERE hash = ? ORDER BY at_ms DESC, name LIMIT 1`);
  const settle = command(connection, 'UPDATE trash SET owed = 0 WHERE name = ?');
  const drop = command(connection, 'DELETE FROM trash WHERE name = ?');
  return {
    putTrash: ({ name, path, entry, atMs, why, owed: isOwed, lostTo, ino, size, mtimeKey }) =>
      put(name, path, ...entryValues(entry), atMs, why, isOwed ? 1 : 0, lostTo, ino, size, mtimeKey),
    trash: () => all.rows().map(trashFrom),
    trashBefore: (atMs) => before.rows(atMs).map(trashFrom),
    trashByHash: (hash) => {
      const row = byHash.row(hash);
      return row === undefined ? null : trashFrom(row);
    },
    owedTrash: () => owed.rows().map(trashFrom),
    settleOwed: settle,
    dropTrash: drop,
  };
}

function trashFrom(row: Row): TrashRow {
  return {
    name: row[0] as string,
    path: row[1] as string,
    entry: presentEntryAt(row, 2),
    atMs: row[afterTrashEntry] as number,
    why: row[afterTrashEntry + 1] as TrashRow['why'],
    owed: row[afterTrashEntry + 2] === 1,
    lostTo: row[afterTrashEntry + 3] as number,
    ino: row[afterTrashEntry + 4] as number,
    size: row[afterTrashEntry + 5] as number,
    mtimeKey: row[afterTrashEntry + 6] as number,
  };
}

type IntentPart = Pick<Journal, 'putIntents' | 'intents' | 'clearIntents' | 'lingering' | 'setLingering'>;

const intentColumns = 'path, version, staged_ino, trash_name';

/** The apply burst under way in the order of its steps, and the directories that an apply had to leave standing. */
export function intentPart(connection: Connection): IntentPart {
  const put = replacing(connection, 'intent', intentColumns);
  const all = query(connection, `SELECT ${intentColumns} FROM intent ORDER BY position`);
  const clear = command(connection, 'DELETE FROM intent');
  const lingering = query(connection, 'SELECT path FROM lingering ORDER BY path');
  const linger = replacing(connection, 'lingering', 'path');
  const leave = command(connection, 'DELETE FROM lingering WHERE path = ?');
  return {
    putIntents: (rows) =>
      connection.transaction(() => {
        for (const { path, version, stagedIno, trashName } of rows) put(path, version, stagedIno, trashName);
      }),
    intents: () => all.rows().map(intentFrom),
    clearIntents: () => clear(),
    lingering: () => new Set(lingering.rows().map((row) => row[0] as string)),
    setLingering: (path, on) => {
      if (on) linger(path);
      else if (!connection.isEmpty('lingering')) leave(path);
    },
  };
}

function intentFrom(row: Row): Intent {
  return {
    path: row[0] as string,
    version: row[1] as number,
    stagedIno: row[2] as number,
    trashName: row[3] as string,
  };
}

type ProblemPart = Pick<Journal, 'problems' | 'putProblem' | 'dropProblem'>;

/** Standing problems, oldest first. */
export function problemPart(connection: Connection): ProblemPart {
  const columns = 'key, code, path, text, fix, since_ms, printed_ms';
  const all = query(connection, `SELECT ${columns} FROM problem ORDER BY since_ms, key`);
  const put = replacing(connection, 'problem', columns);
  const drop = command(connection, 'DELETE FROM problem WHERE key = ?');
  return {
    problems: () => all.rows().map(problemFrom),
    putProblem: ({ key, code, path, text, fix, sinceMs, printedMs }) => put(key, code, path, text, fix, sinceMs, printedMs),
    dropProblem: drop,
  };
}

function problemFrom(row: Row): ProblemRow {
  return {
    key: row[0] as string,
    code: row[1] as string,
    path: row[2] as string | null,
    text: row[3] as string,
    fix: row[4] as string,
    sinceMs: row[5] as number,
    printedMs: row[6] as number,
  };
}

type HoldPart = Pick<Journal, 'holds' | 'putHold' | 'setHoldState' | 'holdPaths' | 'dropHold' | 'noteDeletions' | 'deletionsSince'>;

/** Far longer than any window of maxDelete; older counts are dropped so that the table stays small. */
const deletionsKeptMs = 32 * 24 * 3600 * 1000;

/** Guards: what is held, oldest first, and how much was deleted lately. */
export function holdPart(connection: Connection): HoldPart {
  const all = query(connection, 'SELECT id, kind, since_ms, state, detail FROM hold ORDER BY since_ms, id');
  const put = replacing(connection, 'hold', 'id, kind, since_ms, state, detail');
  const setState = command(connection, 'UPDATE hold SET state = ? WHERE id = ?');
  const drop = command(connection, 'DELETE FROM hold WHERE id = ?');
  const paths = query(connection, 'SELECT path, version FROM hold_path WHERE hold = ? ORDER BY path');
  const putPath = replacing(connection, 'hold_path', 'hold, path, version');
  return {
    holds: () => all.rows().map(holdFrom),
    // Replacing a hold drops its former paths with it.
    putHold: ({ id, kind, sinceMs, state, detail }, held) =>
      connection.transaction(() => {
        put(id, kind, sinceMs, state, detail);
        for (const { path, version } of held) putPath(id, path, version);
      }),
    setHoldState: (id, state) => setState(state, id),
    holdPaths: (id) => paths.rows(id).map((row): HoldPath => ({ path: row[0] as string, version: row[1] as number })),
    dropHold: drop,
    ...deletionPart(connection),
  };
}

function deletionPart(connection: Connection): Pick<HoldPart, 'noteDeletions' | 'deletionsSince'> {
  const note = command(
    connection,
    'INSERT INTO deletion (at_ms, count) VALUES (?, ?) ON CONFLICT (at_ms) DO UPDATE SET count = count + excluded.count',
  );
  const forget = command(connection, 'DELETE FROM deletion WHERE at_ms < ?');
  const since = query(connection, 'SELECT total(count) FROM deletion WHERE at_ms >= ?');
  return {
    noteDeletions: (atMs, count) =>
      connection.transaction(() => {
        note(atMs, count);
        forget(atMs - deletionsKeptMs);
      }),
    deletionsSince: (atMs) => since.row(atMs)?.[0] as number,
  };
}

function holdFrom(row: Row): Hold {
  return {
    id: row[0] as string,
    kind: row[1] as Hold['kind'],
    sinceMs: row[2] as number,
    state: row[3] as Hold['state'],
    detail: row[4] as string,
  };
}
