import type { BytePath } from '../model/path.ts';
import type { TallyJournal } from '../ports/journal-tally.ts';
import { type Connection, query } from './sqlite-connection.ts';
import { versionColumns, versionFrom } from './sqlite-log.ts';

const withReason = 'FROM want WHERE reason IN (SELECT value FROM json_each(?))';
const wholePath = "CASE dir WHEN '' THEN name ELSE dir || '/' || name END";

/** Counts in the database what nobody wants row by row. */
export function tallyPart(connection: Connection): TallyJournal {
  const wants = query(connection, `SELECT count(kind), count(*) - count(kind), total(size) ${withReason}`);
  const firstWants = query(connection, `SELECT ${wholePath} AS path, reason ${withReason} ORDER BY path LIMIT ?`);
  const heldPaths = query(connection, 'SELECT path FROM hold_path WHERE hold = ? ORDER BY path LIMIT ?');
  const held = query(connection, 'SELECT count(*) FROM hold_path WHERE hold = ?');
  // The condition repeats the one of the index version_conflicts, so that the index answers it.
  const conflicts = query(connection, "SELECT count(*) FROM (SELECT 1 FROM version WHERE against <> 0 OR op = 'kept' LIMIT ?)");
  const newest = query(connection, `SELECT ${versionColumns} FROM version WHERE path = ? ORDER BY version DESC, k LIMIT ?`);
  const tally = (reasons: readonly string[]) => {
    const [puts, deletes, bytes] = wants.row(JSON.stringify(reasons)) as readonly [number, number, number];
    return { puts, deletes, bytes };
  };
  return {
    wantTally: tally,
    wantsFirst: (reasons, limit) => {
      const { puts, deletes } = tally(reasons);
      const rows = firstWants.rows(JSON.stringify(reasons), limit);
      return { count: puts + deletes, first: rows.map(([path, reason]) => ({ path: path as BytePath, reason: reason as string })) };
    },
    holdTally: (id, limit) => ({ count: held.row(id)?.[0] as number, first: heldPaths.rows(id, limit).map(([path]) => path as BytePath) }),
    conflictCount: (limit) => conflicts.row(limit)?.[0] as number,
    newestVersions: (path, limit) => newest.rows(path, limit).map(versionFrom),
  };
}
