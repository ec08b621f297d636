import type { World } from '../compose.ts';
import { selectShares } from '../model/select.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import type { SyncCommand } from './command.ts';
import { type ExitCode, exit, worst } from './exit.ts';
import { faultText } from './faults.ts';
import type { Output } from './output.ts';
import type { Progress } from './progress.ts';
import { syncPaths } from './sync-paths.ts';
import { syncShare } from './sync-share.ts';

const sharesAtOnce = 4;

export async function sync(world: World, command: SyncCommand, output: Output, progress: Progress): Promise<ExitCode> {
  if (command.paths.length > 0) return await syncPaths(world, command, output, progress);
  const { expanded, fault } = await sharesOf(world, output);
  const { selected, unmatched } = selectShares(
    expanded.shares.map((share) => share.name),
    command.shares,
  );
  if (fault !== null && (unmatched.length > 0 || selected.length === 0)) {
    output.error(`flocksync: ${faultText(fault)}`);
    return exit.unreachable;
  }
  for (const name of unmatched)
    output.error(
      `flocksync: no share is called "${name}"; the config has: ${expanded.shares.map((share) => share.name).join(', ') || 'none'}`,
    );
  if (unmatched.length > 0) return exit.usage;
  const codes: ExitCode[] = expanded.problems.length > 0 ? [exit.problems] : [];
  if (fault !== null) codes.push(exit.unreachable);
  const pending = expanded.shares.filter((share) => selected.includes(share.name));
  const workers = Array.from({ length: sharesAtOnce }, async () => {
    for (let share = pending.shift(); share !== undefined; share = pending.shift()) {
      codes.push(await syncShare(world, share, { ...command, below: null }, output, progress));
    }
  });
  await Promise.all(workers);
  return worst(codes);
}

/** Where the bucket cannot be asked for shares, those known here go on, and each remembers that it has told the trouble. */
async function sharesOf(world: World, output: Output) {
  const asked = await world.shares(true).catch(async (fault: unknown) => {
    if (!(fault instanceof DatastoreFault)) throw fault;
    return { ...(await world.shares(false)), fault };
  });
  for (const { share, message } of asked.problems) output.error(`flocksync: ${share}: ${message}`);
  return { expanded: asked, fault: 'fault' in asked ? asked.fault : null };
}
