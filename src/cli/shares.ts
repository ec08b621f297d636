import { openJournal } from '../adapters/sqlite.ts';
import { hasJournal, journalFile } from '../adapters/state-directory.ts';
import type { World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import { selectShares } from '../model/select.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import { type Journal, JournalFault } from '../ports/journal.ts';
import { type ExitCode, exit } from './exit.ts';
import type { Output } from './output.ts';

export interface Chosen {
  readonly shares: readonly ShareConfig[];
  /** Not 0 when a pattern of the config could not be followed everywhere. */
  readonly code: ExitCode;
}

/** The shares that the arguments name, without a look into the bucket. Null after a name that means none, which was said. */
export async function chooseShares(world: World, wanted: readonly string[], output: Output): Promise<Chosen | null> {
  const { shares, problems } = await world.shares(false);
  for (const { share, message } of problems) output.error(`flocksync: ${share}: ${message}`);
  const names = shares.map((share) => share.name);
  const { selected, unmatched } = selectShares(names, wanted);
  for (const name of unmatched) output.error(`flocksync: no share is called "${name}"; the config has: ${names.join(', ') || 'none'}`);
  if (unmatched.length > 0) return null;
  return { shares: shares.filter((share) => selected.includes(share.name)), code: problems.length > 0 ? exit.problems : exit.done };
}

/**
 * Gives the share's journal to `read`, null where this member has none yet. It is never created and never waited for; beside a running
 * sync it shows what was committed last. Throws JournalFault.
 */
export function readJournal<T>(world: World, share: string, read: (journal: Journal | null) => T): T {
  if (!hasJournal(world.config, share)) return read(null);
  const journal = openJournal({ file: journalFile(world.config, share), readOnly: true });
  try {
    return read(journal);
  } finally {
    journal.close();
  }
}

/** A fault as one sentence and its exit code; anything else is thrown on. */
export function tellFault(error: unknown, share: string, output: Output): ExitCode {
  if (error instanceof JournalFault) {
    output.error(`flocksync: ${share}: the journal cannot be read: ${error.message}`);
    return exit.problems;
  }
  if (!(error instanceof DatastoreFault)) throw error;
  output.error(`flocksync: ${share}: the datastore cannot be used (${error.code}): ${error.message}. ${error.fix}`);
  return exit.unreachable;
}

export function neverSynced(share: string): string {
  return `flocksync: ${share}: never synced here; run: flocksync sync ${share}`;
}
