import { comparePaths, nameOf, parentOf } from '../model/path.ts';
import type { Folded, Journal } from '../ports/journal.ts';
import { type Connection, type Query, query, type Row, sparseQuery } from './sqlite-connection.ts';
import { deeperDirectories, entryAt, entryColumns, pathOf } from './sqlite-rows.ts';

type FoldPart = Pick<Journal, 'folded' | 'foldedAnyBelow' | 'foldedBelow' | 'foldedAll' | 'foldedCount'>;

/** Rows of a page of `foldedAll`: few enough to stay small in memory, enough to make the query's own cost vanish. */
const pageRows = 2000;

/** Want over agreed: the log's live entries, whatever the disk holds. */
export function foldPart(connection: Connection): FoldPart {
  const oneWanted = sparseQuery(connection, 'want', `SELECT dir, name, version, ${entryColumns} FROM want WHERE dir = ? AND name = ?`);
  const oneAgreed = sparseQuery(connection, 'agreed', `SELECT dir, name, version, ${entryColumns} FROM agreed WHERE dir = ? AND name = ?`);
  const children = foldQuery(connection, 'dir = ?');
  const deeper = foldQuery(connection, 'dir >= ? AND dir < ?');
  const anyChild = foldQuery(connection, 'dir = ?', 1);
  const anyDeeper = foldQuery(connection, 'dir >= ? AND dir < ?', 1);
  const wantedPage = pageQuery(connection, 'want');
  const agreedPage = pageQuery(connection, 'agreed');
  const count = query(connection, countFold);
  return {
    folded: (path) => {
      const [directory, name] = [parentOf(path), nameOf(path)];
      const row = oneWanted.row(directory, name) ?? oneAgreed.row(directory, name);
      return row === undefined ? null : foldedFrom(row);
    },
    foldedAnyBelow: (directory) => anyChild.row(directory) !== undefined || anyDeeper.row(...deeperDirectories(directory)) !== undefined,
    foldedBelow: (directory) => [...liveOnly([...children.rows(directory), ...deeper.rows(...deeperDirectories(directory))])],
    foldedAll: () => liveOnly(wantOverAgreed(pages(wantedPage), pages(agreedPage))),
    foldedCount: () => count.row()?.[0] as number,
  };
}

/** Both tables are read in the order of their keys and merged, so nothing is sorted or collected; `limit` -1 is none. */
function foldQuery(connection: Connection, condition: string, limit = -1): Query {
  const both = query(
    connection,
    `SELECT dir, name, version, ${entryColumns} FROM want WHERE ${condition} AND kind IS NOT NULL
    UNION ALL
    SELECT dir, name, version, ${entryColumns} FROM agreed WHERE ${condition}
      AND NOT EXISTS (SELECT 1 FROM want WHERE want.dir = agreed.dir AND want.name = agreed.name)
    ORDER BY dir, name LIMIT ${limit}`,
  );
  return {
    row: (...values) => both.row(...values, ...values),
    rows: (...values) => both.rows(...values, ...values),
    each: (...values) => both.each(...values, ...values),
  };
}

const countFold = `SELECT (SELECT count(*) FROM agreed) + (SELECT count(kind) FROM want)
  - (SELECT count(*) FROM want WHERE EXISTS (SELECT 1 FROM agreed WHERE agreed.dir = want.dir AND agreed.name = want.name))`;

function pageQuery(connection: Connection, table: 'want' | 'agreed'): Query {
  const after = '(dir, name) > (?, ?)';
  return query(connection, `SELECT dir, name, version, ${entryColumns} FROM ${table} WHERE ${after} ORDER BY dir, name LIMIT ${pageRows}`);
}

/** Page by page, so that a reader who stops half-way leaves no open statement that would block the next write. */
function* pages(page: Query): Generator<Row, undefined> {
  for (let rows = page.rows('', ''); ; ) {
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageRows) return;
    rows = page.rows(last[0] as string, last[1] as string);
  }
}

/** Merges two streams in the order of their keys; at an equal key the want stands. Asking per agreed row for a want would cost more. */
function* wantOverAgreed(wanted: Iterator<Row, undefined>, agreed: Iterator<Row, undefined>): Generator<Row> {
  let want = wanted.next().value;
  let base = agreed.next().value;
  while (want !== undefined || base !== undefined) {
    const order = want === undefined ? 1 : base === undefined ? -1 : compareKeys(want, base);
    const row = order <= 0 ? want : base;
    if (order <= 0) want = wanted.next().value;
    if (order >= 0) base = agreed.next().value;
    if (row !== undefined) yield row;
  }
}

function compareKeys(a: Row, b: Row): number {
  return comparePaths(a[0] as string, b[0] as string) || comparePaths(a[1] as string, b[1] as string);
}

function* liveOnly(rows: Iterable<Row>): Generator<Folded> {
  for (const row of rows) {
    const one = foldedFrom(row);
    if (one !== null) yield one;
  }
}

function foldedFrom(row: Row): Folded | null {
  const entry = entryAt(row, 3);
  return entry === null ? null : { path: pathOf(row), entry, version: row[2] as number };
}
