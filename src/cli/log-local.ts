import type { World } from '../compose.ts';
import { type BytePath, toText } from '../model/path.ts';
import { unescaped } from '../model/typed-path.ts';
import type { Journal } from '../ports/journal.ts';
import type { AuditRow } from '../ports/journal-audit.ts';
import type { LogCommand } from './command.ts';
import { moment, pathFields, printDocument } from './document.ts';
import { type ExitCode, exit, worst } from './exit.ts';
import { formatBytes, formatMoment, formatTable, printable } from './format.ts';
import { readAsked } from './log-asked.ts';
import type { Output } from './output.ts';

interface Found {
  readonly share: string;
  readonly row: AuditRow;
}

/** `log --local`: what was applied to this machine, newest first. */
export async function logLocal(world: World, command: LogCommand, output: Output): Promise<ExitCode> {
  const seen = await readAsked(world, command, output, (journal, share, path) =>
    auditsOf(journal, command.limit, path).map((row): Found => ({ share, row })),
  );
  if (seen === null) return exit.usage;
  const { asked, found, codes } = seen;
  const several = asked.length > 1;
  if (command.json) printDocument(output, { share: several ? null : (asked[0]?.share.name ?? null), applied: found.map(asDocument) });
  else for (const line of formatTable(found.map((one) => cells(one, several)))) output.line(line);
  return worst(codes);
}

function auditsOf(journal: Journal, limit: number, typed: BytePath): AuditRow[] {
  const rows = journal.audits(limit, typed);
  return rows.length > 0 ? rows : journal.audits(limit, unescaped(typed));
}

function asDocument({ share, row }: Found) {
  const { atMs, op, path, kind, size, author, version } = row;
  const from = { author: author === '' ? null : author, record: version === 0 ? null : version };
  return { share, at: moment(atMs), op, ...pathFields(path), kind, size, ...from };
}

const words = { put: 'placed', delete: 'deleted', metadata: 'metadata' };

function cells({ share, row }: Found, several: boolean): string[] {
  const { atMs, op, path, kind, size, author, version } = row;
  const what = [words[op], kind ?? '', size === null ? '' : formatBytes(size)].filter((word) => word !== '').join(' ');
  const from = author === '' ? '?' : printable(author);
  return [...(several ? [share] : []), formatMoment(atMs), what, toText(path), from, version === 0 ? '' : `record ${version}`];
}
