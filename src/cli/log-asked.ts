import { argumentBytes } from '../adapters/arguments.ts';
import type { World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import { type BytePath, fromText, toText } from '../model/path.ts';
import { insideRoot } from '../model/typed-path.ts';
import type { Journal } from '../ports/journal.ts';
import type { LogCommand } from './command.ts';
import type { ExitCode } from './exit.ts';
import type { Output } from './output.ts';
import { chooseShares, neverSynced, readJournal, tellFault } from './shares.ts';

/** A share and what of it is asked for: '' means everything. */
interface Asked {
  readonly share: ShareConfig;
  readonly path: BytePath;
}

/** What `read` finds in the journals of the shares that are asked for, share by share; null for wrong usage, which is told. */
export async function readAsked<T>(
  world: World,
  command: LogCommand,
  output: Output,
  read: (journal: Journal, share: string, path: BytePath) => readonly T[],
): Promise<{ readonly asked: readonly Asked[]; readonly found: readonly T[]; readonly codes: readonly ExitCode[] } | null> {
  const chosen = await chooseShares(world, command.shares, output);
  if (chosen === null) return null;
  const asked = askedOf(chosen.shares, command.path);
  if (asked === null) {
    output.error(`flocksync: ${toText(fromText(command.path ?? ''))} is in none of these shares`);
    return null;
  }
  const codes: ExitCode[] = [chosen.code];
  const found: T[] = [];
  for (const { share, path } of asked) {
    try {
      const rows = readJournal(world, share.name, (journal) => (journal === null ? null : read(journal, share.name, path)));
      if (rows === null) output.error(neverSynced(share.name));
      else found.push(...rows);
    } catch (error) {
      codes.push(tellFault(error, share.name, output));
    }
  }
  return { asked, found, codes };
}

/** Null for a path outside of all of them; a relative one is meant in each. */
function askedOf(shares: readonly ShareConfig[], typed: string | null): Asked[] | null {
  if (typed === null) return shares.map((share) => ({ share, path: '' }));
  const bytes = argumentBytes(typed).toString('latin1');
  const asked = shares.flatMap((share) => {
    const path = insideRoot(bytes, fromText(share.path));
    return path === undefined ? [] : [{ share, path }];
  });
  return asked.length > 0 ? asked : null;
}
