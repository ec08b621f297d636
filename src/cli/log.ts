import type { World } from '../compose.ts';
import type { RecordRow } from '../ports/journal.ts';
import type { LogCommand } from './command.ts';
import { moment, printDocument } from './document.ts';
import { type ExitCode, exit, worst } from './exit.ts';
import { counted, formatBytes, formatMoment, printable } from './format.ts';
import { logLocal } from './log-local.ts';
import type { Output } from './output.ts';
import { chooseShares, neverSynced, readJournal, tellFault } from './shares.ts';

/** The newest ingested records, newest first. */
export async function log(world: World, command: LogCommand, output: Output): Promise<ExitCode> {
  if (command.local) return await logLocal(world, command, output);
  const chosen = await chooseShares(world, command.shares, output);
  if (chosen === null) return exit.usage;
  const codes: ExitCode[] = [chosen.code];
  const found: { share: string; row: RecordRow }[] = [];
  for (const { name } of chosen.shares) {
    try {
      const rows = readJournal(world, name, (journal) => journal?.records(command.limit) ?? null);
      if (rows === null) output.error(neverSynced(name));
      else found.push(...rows.map((row) => ({ share: name, row })));
    } catch (error) {
      codes.push(tellFault(error, name, output));
    }
  }
  const only = chosen.shares.length === 1 ? (chosen.shares[0]?.name ?? null) : null;
  if (command.json) printDocument(output, { share: only, records: found.map(({ share, row }) => ({ share, ...asDocument(row) })) });
  else for (const { share, row } of found) output.line(line(row, only === null ? `${share}  ` : ''));
  return worst(codes);
}

function asDocument(row: RecordRow) {
  const { sequence, hash, id, authorId, author, atMs, kind, verdict, reason, changeset, more, puts, deletes, kept, bytes } = row;
  const about = { sequence, at: moment(atMs), author, authorId, kind, verdict, reason: reason === '' ? null : reason };
  return { ...about, changeset: changeset === '' ? null : changeset, more, puts, deletes, kept, bytes, id, hash };
}

/** `42  2026-11-20 08:19:05Z  web01  +12 −3, 1 kept, 1.5 MB`. */
function line(row: RecordRow, prefix: string): string {
  const head = `${prefix}${String(row.sequence).padStart(6)}  ${formatMoment(row.atMs)}  ${printable(row.author || '?')}  `;
  if (row.verdict !== 'ok') return `${head}${row.verdict}: ${printable(row.reason)}`;
  if (row.kind !== 'changes') return `${head}${kinds[row.kind] ?? row.kind}`;
  const kept = row.kept > 0 ? [`${counted(row.kept, 'loser')} kept`] : [];
  const bytes = row.bytes > 0 ? [formatBytes(row.bytes)] : [];
  const more = row.more ? ['continued'] : [];
  return `${head}${[`+${row.puts} -${row.deletes}`, ...kept, ...bytes, ...more].join(', ')}`;
}

const kinds: Readonly<Record<string, string>> = {
  pack: 'sent contents again',
  need: 'asked for contents',
  approve: 'approved what was held',
  retire: 'retired unused objects',
  snapshot: 'made a snapshot',
  format: 'changed the format',
};
