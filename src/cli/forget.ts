import { openShareTree } from '../adapters/disk.ts';
import { lockShare } from '../adapters/share-lock.ts';
import { hasJournal, journalNames, lockFile, removeShareState } from '../adapters/state-directory.ts';
import { systemTime } from '../adapters/system.ts';
import type { World } from '../compose.ts';
import { JournalFault } from '../ports/journal.ts';
import type { ForgetCommand } from './command.ts';
import { type ExitCode, exit } from './exit.ts';
import { counted } from './format.ts';
import type { Output } from './output.ts';
import { readJournal, tellFault } from './shares.ts';

/** A cycle under way gets this long to come to its end. */
const lockWaitMs = 60_000;

/** Drops the local state of a share that the config no longer names, or whose root is gone. Files and bucket stay as they are. */
export async function forget(world: World, command: ForgetCommand, output: Output): Promise<ExitCode> {
  try {
    return await forgetKnown(world, command, output);
  } catch (error) {
    return tellFault(error, command.share, output);
  }
}

async function forgetKnown(world: World, command: ForgetCommand, output: Output): Promise<ExitCode> {
  const { config } = world;
  const { share } = command;
  const known = knownNames(world);
  if (!known.includes(share)) return refuse(output, `nothing is known here of a share "${share}"; known: ${known.join(', ') || 'none'}`);
  const configured = (await world.shares(false)).shares.find((one) => one.name === share);
  if (configured !== undefined && rootStands(share, configured.path)) {
    return refuse(output, `share ${share} is in the config and its root ${configured.path} exists: take it out of ${config.file} first`);
  }
  const signal = AbortSignal.any([world.signal, AbortSignal.timeout(lockWaitMs)]);
  const lock = await lockShare(lockFile(config, share), systemTime, { wait: true, signal });
  if (lock === null) return refuse(output, `${share}: a running cycle did not come to its end; try again`, exit.problems);
  const owed = owedVersions(world, share);
  try {
    removeShareState(config, share);
    world.member().forget(share);
  } finally {
    lock.release();
  }
  if (!command.quiet) tell(output, share, configured?.path ?? null, owed);
  return exit.done;
}

function knownNames(world: World): string[] {
  return [...new Set([...journalNames(world.config), ...world.knownShares()])].sort();
}

function rootStands(shareName: string, root: string): boolean {
  const tree = openShareTree({ root, shareName });
  try {
    return tree.rootState().state !== 'missing';
  } finally {
    tree.close();
  }
}

/** Replaced files that were never published; a journal that cannot be read hides them, and is going away for good reason. */
function owedVersions(world: World, share: string): number {
  if (!hasJournal(world.config, share)) return 0;
  try {
    return readJournal(world, share, (journal) => journal?.owedTrash().length ?? 0);
  } catch (error) {
    if (error instanceof JournalFault) return 0;
    throw error;
  }
}

function tell(output: Output, share: string, root: string | null, owed: number): void {
  output.line(`share ${share} is forgotten here; its files and the bucket were not touched`);
  if (owed > 0)
    output.line(`${counted(owed, 'replaced file')} that the bucket never got ${owed === 1 ? 'stays' : 'stay'} in the trash of the share`);
  if (root !== null) output.line(`the config still means it: the next sync fetches it into ${root} again`);
}

function refuse(output: Output, sentence: string, code: ExitCode = exit.usage): ExitCode {
  output.error(`flocksync: ${sentence}`);
  return code;
}
