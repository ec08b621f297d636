import { argumentBytes } from '../adapters/arguments.ts';
import type { World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import { type BytePath, fromText, toText } from '../model/path.ts';
import { insideRoot, unescaped } from '../model/typed-path.ts';
import type { Journal } from '../ports/journal.ts';
import type { AuditRow } from '../ports/journal-audit.ts';
import type { LogCommand } from './command.ts';
import { moment, pathFields, printDocument } from './document.ts';
import { type ExitCode, exit, worst } from './exit.ts';
import { formatBytes, formatMoment, formatTable, printable } from './format.ts';
import type { Output } from './output.ts';
import { chooseShares, neverSynced, readJournal, tellFault } from './shares.ts';

/** A share and what of it is asked for: '' means everything. */
interface Asked {
  readonly share: ShareConfig;
  readonly path: BytePath;
}

interface Found {
  readonly share: string;
  readonly row: AuditRow;
}

/** `log --local`: what was applied to this machine, newest first. */
export async function logLocal(world: World, command: LogCommand, output: Output): Promise<ExitCode> {
  const chosen = await chooseShares(world, command.shares, output);
  if (chosen === null) return exit.usage;
  const asked = askedOf(chosen.shares, command.path);
  if (asked === null) {
    output.error(`flocksync: ${toText(fromText(command.path ?? ''))} is in none of these shares`);
    return exit.usage;
  }
  const codes: ExitCode[] = [chosen.code];
  const found: Found[] = [];
  for (const { share, path } of asked) {
    try {
      const rows = readJournal(world, share.name, (journal) => (journal === null ? null : auditsOf(journal, command.limit, path)));
      if (rows === null) output.error(neverSynced(share.name));
      else found.push(...rows.map((row) => ({ share: share.name, row })));
    } catch (error) {
      codes.push(tellFault(error, share.name, output));
    }
  }
  const several = asked.length > 1;
  if (command.json) printDocument(output, { share: several ? null : (asked[0]?.share.name ?? null), applied: found.map(asDocument) });
  else for (const line of formatTable(found.map((one) => cells(one, several)))) output.line(line);
  return worst(codes);
}

/** Null for a path outside of all of them; a relative one is meant in each. */
export function askedOf(shares: readonly ShareConfig[], typed: string | null): Asked[] | null {
  if (typed === null) return shares.map((share) => ({ share, path: '' }));
  const bytes = argumentBytes(typed).toString('latin1');
  const asked = shares.flatMap((share) => {
    const path = insideRoot(bytes, fromText(share.path));
    return path === undefined ? [] : [{ share, path }];
  });
  return asked.length > 0 ? asked : null;
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
