import type { World } from '../compose.ts';
import { bringBack } from './bring-back.ts';
import type { UndoCommand } from './command.ts';
import { type ExitCode, exit } from './exit.ts';
import type { Output } from './output.ts';
import { oneShare } from './path-argument.ts';
import type { Progress } from './progress.ts';

/** Takes one changeset back; what has changed since is listed and left alone. */
export async function undo(world: World, command: UndoCommand, output: Output, progress: Progress): Promise<ExitCode> {
  const share = await oneShare(world, command.share, output);
  if (share === null) return exit.usage;
  const { dryRun, quiet, sequence } = command;
  const ask = () => ({ ask: 'undo' as const, sequence });
  return await bringBack(world, { share, dryRun, quiet, what: `undo of record ${sequence}`, ask }, output, progress);
}
