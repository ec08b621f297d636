import type { World } from '../compose.ts';
import { type BytePath, toText } from '../model/path.ts';
import type { Journal, VersionRow } from '../ports/journal.ts';
import type { ConflictsCommand } from './command.ts';
import { moment, pathFields, printDocument } from './document.ts';
import { type ExitCode, exit, worst } from './exit.ts';
import { formatMoment, printable } from './format.ts';
import { versionName } from './history.ts';
import type { Output } from './output.ts';
import { chooseShares, neverSynced, readJournal, tellFault } from './shares.ts';

/** One conflict that was resolved. Versions are what `history` shows; a loser in the trash is not in the log yet. */
export interface Conflict {
  readonly share: string;
  readonly path: BytePath;
  readonly atMs: number;
  readonly winner: number | string;
  readonly wonBy: string | null;
  /** A version, or `trash:<name>` for what only this machine's trash holds. */
  readonly loser: number | string;
  readonly lostBy: string | null;
  readonly keptIn: 'history' | 'trash';
}

const conflictsMax = 10_000;

/** The newest conflicts first. */
export async function conflicts(world: World, command: ConflictsCommand, output: Output): Promise<ExitCode> {
  const chosen = await chooseShares(world, command.shares, output);
  if (chosen === null) return exit.usage;
  const codes: ExitCode[] = [chosen.code];
  const found: Conflict[] = [];
  for (const { name } of chosen.shares) {
    try {
      const rows = readJournal(
        world,
        name,
        (journal) => journal?.transaction(() => conflictsOf(journal, name, world.config.member)) ?? null,
      );
      if (rows === null) output.error(neverSynced(name));
      else found.push(...rows);
    } catch (error) {
      codes.push(tellFault(error, name, output));
    }
  }
  if (command.json) printDocument(output, { conflicts: found.map(asDocument) });
  else for (const line of found.flatMap((one) => lines(one, chosen.shares.length > 1))) output.line(line);
  return worst(codes);
}

/** The newest first, at most `limit` of those in the log; `member` is the label of this one. */
export function conflictsOf(journal: Journal, share: string, member: string, limit = conflictsMax): Conflict[] {
  const owed = journal.owedTrash().map((row): Conflict => {
    const winner = authorOf(journal, row.path, row.lostTo);
    return {
      share,
      path: row.path,
      atMs: row.atMs,
      winner: row.lostTo,
      wonBy: winner,
      loser: `trash:${row.name}`,
      lostBy: member,
      keptIn: 'trash',
    };
  });
  return [...owed.reverse(), ...journal.conflicts(limit).map((row) => conflictOf(journal, share, row))];
}

/** A kept row is the loser of what it names; a put that names a version has beaten it. */
function conflictOf(journal: Journal, share: string, row: VersionRow): Conflict {
  const common = { share, path: row.path, atMs: row.atMs, keptIn: 'history' as const };
  const other = authorOf(journal, row.path, row.against);
  if (row.op === 'kept') return { ...common, winner: row.against, wonBy: other, loser: versionName(row), lostBy: row.author };
  return { ...common, winner: row.version, wonBy: row.author, loser: row.against, lostBy: other };
}

function authorOf(journal: Journal, path: BytePath, version: number): string | null {
  return journal.versions(path).find((row) => row.version === version && row.k === 0)?.author ?? journal.record(version)?.author ?? null;
}

function asDocument({ share, path, atMs, winner, wonBy, loser, lostBy, keptIn }: Conflict) {
  return { ...{ share, ...pathFields(path), at: moment(atMs), winner, loser }, ...{ wonBy, lostBy, keptIn } };
}

function lines({ share, path, atMs, winner, wonBy, loser, lostBy, keptIn }: Conflict, several: boolean): string[] {
  const where =
    keptIn === 'history'
      ? `is version ${loser} of the history`
      : `waits in the trash of the share (${String(loser).slice('trash:'.length)})`;
  return [
    `${formatMoment(atMs)}  ${several ? `${share}: ` : ''}${toText(path)}`,
    `  version ${winner} by ${printable(wonBy ?? '?')} won; what ${printable(lostBy ?? '?')} had ${where}`,
  ];
}
