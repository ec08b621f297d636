import type { World } from '../compose.ts';
import type { Entry } from '../model/entry.ts';
import { type BytePath, toText } from '../model/path.ts';
import type { Journal, RecordRow, VersionRow } from '../ports/journal.ts';
import type { LogCommand } from './command.ts';
import { moment, pathFields, printDocument } from './document.ts';
import { type ExitCode, exit, worst } from './exit.ts';
import { counted, formatBytes, formatCount, formatMoment, printable } from './format.ts';
import { versionName } from './history.ts';
import { readAsked } from './log-asked.ts';
import { logLocal } from './log-local.ts';
import type { Output } from './output.ts';
import { storedPath } from './path-argument.ts';

/** A record and the first of its changes, each with what stood at the path before. */
export interface Logged {
  readonly share: string;
  readonly row: RecordRow;
  /** All of them, at or below the path that is asked for. */
  readonly count: number;
  readonly changes: readonly Change[];
}

export interface Change {
  readonly row: VersionRow;
  readonly before: Entry | null;
}

/** The newest ingested records, newest first, with the paths that each changed. */
export async function log(world: World, command: LogCommand, output: Output): Promise<ExitCode> {
  if (command.local) return await logLocal(world, command, output);
  const seen = await readAsked(world, command, output, (journal, share, path) => readLog(journal, share, path, command));
  if (seen === null) return exit.usage;
  const { asked, found, codes } = seen;
  const only = asked.length === 1 ? (asked[0]?.share.name ?? null) : null;
  if (command.json) printDocument(output, { share: only, records: found.map(asDocument) });
  else for (const one of found) for (const text of lines(one, only === null ? `${one.share}  ` : '')) output.line(text);
  return worst(codes);
}

/** Newest first, at and below a path as it was typed; with `before`, those below that number. */
export function readLog(
  journal: Journal,
  share: string,
  typed: BytePath,
  { limit, paths, before: below }: { readonly limit: number; readonly paths: number; readonly before?: number },
): Logged[] {
  return journal.transaction(() => {
    const path = storedPath(journal, typed);
    const records = path === '' ? journal.records(limit, below) : journal.recordsAt(path, limit);
    return records.map((row) => {
      const { count, rows } = journal.changesOf(row.sequence, path, paths);
      return { share, row, count, changes: rows.map((change) => ({ row: change, before: before(journal, change) })) };
    });
  });
}

function before(journal: Journal, { path, version }: VersionRow): Entry | null {
  return journal.versionAt(path, version - 1)?.entry ?? null;
}

function asDocument({ share, row, count, changes }: Logged) {
  const { sequence, hash, id, authorId, author, atMs, kind, verdict, reason, changeset, more, puts, deletes, kept, bytes } = row;
  const about = { share, sequence, at: moment(atMs), author, authorId, kind, verdict, reason: reason === '' ? null : reason };
  const listed = { changes: changes.map(changeDocument), changesOmitted: count - changes.length };
  return { ...about, changeset: changeset === '' ? null : changeset, more, puts, deletes, kept, bytes, id, hash, ...listed };
}

function changeDocument({ row: { path, version, k, op, entry }, before: was }: Change) {
  const shown = entry ?? was;
  const size = shown?.kind === 'file' ? shown.size : null;
  return { ...pathFields(path), change: wordOf(op, was), kind: shown?.kind ?? null, size, version: versionName({ version, k }) };
}

export function wordOf(op: VersionRow['op'], was: Entry | null): 'added' | 'changed' | 'deleted' | 'kept' {
  if (op !== 'put') return op === 'delete' ? 'deleted' : 'kept';
  return was === null ? 'added' : 'changed';
}

function lines({ row, count, changes }: Logged, prefix: string): string[] {
  const more = count - changes.length;
  const omitted = more > 0 && changes.length > 0 ? [`${indent}… and ${formatCount(more)} more`] : [];
  return [headLine(row, prefix), ...changes.map(changeLine), ...omitted];
}

const indent = '        ';
const marks = { added: '+', changed: '~', deleted: '-', kept: 'k' };

function changeLine({ row: { path, version, k, op, entry }, before: was }: Change): string {
  const shown = entry ?? was;
  const slash = shown?.kind === 'dir' ? '/' : '';
  const detail = shown?.kind === 'file' ? `  ${formatBytes(shown.size)}` : shown?.kind === 'link' ? ` -> ${toText(shown.target)}` : '';
  const keptAs = op === 'kept' ? `  (version ${versionName({ version, k })})` : '';
  return `${indent}${marks[wordOf(op, was)]} ${toText(path)}${slash}${detail}${keptAs}`;
}

/** `42  2026-11-20 08:19:05Z  web01  +12 −3, 1 kept, 1.5 MB`. */
function headLine(row: RecordRow, prefix: string): string {
  return `${prefix}${String(row.sequence).padStart(6)}  ${formatMoment(row.atMs)}  ${printable(row.author || '?')}  ${headText(row)}`;
}

/** What a record is about, in a few words. */
export function headText(row: RecordRow): string {
  if (row.verdict !== 'ok') return `${row.verdict}: ${printable(row.reason)}`;
  if (row.kind !== 'changes') return kinds[row.kind] ?? row.kind;
  const kept = row.kept > 0 ? [`${counted(row.kept, 'loser')} kept`] : [];
  const bytes = row.bytes > 0 ? [formatBytes(row.bytes)] : [];
  const more = row.more ? ['continued'] : [];
  return [`+${row.puts} -${row.deletes}`, ...kept, ...bytes, ...more].join(', ');
}

const kinds: Readonly<Record<string, string>> = {
  pack: 'sent contents again',
  need: 'asked for contents',
  approve: 'approved what was held',
  retire: 'retired unused objects',
  snapshot: 'made a snapshot',
  format: 'changed the format',
};
