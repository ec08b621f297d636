import type { World } from '../compose.ts';
import { type BytePath, toText } from '../model/path.ts';
import type { Journal, VersionRow } from '../ports/journal.ts';
import type { HistoryCommand } from './command.ts';
import { moment, pathFields, printDocument } from './document.ts';
import { type ExitCode, exit } from './exit.ts';
import { formatBytes, formatMoment, formatTable, printable } from './format.ts';
import type { Output } from './output.ts';
import { locatePath, storedPath, typedPath } from './path-argument.ts';
import { neverSynced, readJournal, tellFault } from './shares.ts';

/** The versions of one path, oldest first. */
export async function history(world: World, command: HistoryCommand, output: Output): Promise<ExitCode> {
  const located = await locatePath(world, typedPath(command.path), command.share, output);
  if (located === null) return exit.usage;
  const { share, path } = located;
  try {
    return readJournal(world, share.name, (journal) => show(journal, share.name, path, command, output));
  } catch (error) {
    return tellFault(error, share.name, output);
  }
}

function show(journal: Journal | null, share: string, typed: BytePath, command: HistoryCommand, output: Output): ExitCode {
  const path = storedPath(journal, typed);
  const rows = journal?.versions(path) ?? [];
  if (command.json) printDocument(output, { share, ...pathFields(path), versions: rows.map(asDocument) });
  else for (const line of formatTable(rows.map(cells), [0])) output.line(line);
  if (rows.length > 0) return exit.done;
  if (journal === null) output.error(neverSynced(share));
  else output.error(`flocksync: ${share}: ${path === '' ? 'the root itself has no versions' : `no version of ${toText(path)} is known`}`);
  return exit.problems;
}

/** What `restore PATH@VERSION` takes: N, or "N~k" for a loser that record N kept. */
export function versionName({ version, k }: Pick<VersionRow, 'version' | 'k'>): number | string {
  return k === 0 ? version : `${version}~${k}`;
}

function asDocument(row: VersionRow) {
  const { entry, op, against } = row;
  const file = entry?.kind === 'file' ? entry : null;
  return {
    ...{ version: versionName(row), at: moment(row.atMs), author: row.author, kind: entry?.kind ?? 'absent', size: file?.size ?? null },
    ...{ hash: file?.hash ?? null, mtime: file === null ? null : moment(file.mtimeUs / 1000) },
    ...{ mode: entry === null || entry.kind === 'link' ? null : entry.mode.toString(8).padStart(4, '0') },
    ...(entry?.kind === 'link' ? { target: toText(entry.target) } : {}),
    ...(op === 'kept' ? { lostTo: against } : {}),
    ...(op === 'put' && against > 0 ? { beat: against } : {}),
  };
}

function cells(row: VersionRow): string[] {
  const { entry, op, against } = row;
  const size = entry?.kind === 'file' ? formatBytes(entry.size) : '';
  const note = op === 'kept' ? `lost to ${against}` : against > 0 ? `won against ${against}` : '';
  return [String(versionName(row)), formatMoment(row.atMs), printable(row.author), entry?.kind ?? 'deleted', size, note];
}
