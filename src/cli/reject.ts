import type { OpenedShare, World } from '../compose.ts';
import type { RejectCommand } from './command.ts';
import { type Decision, decide } from './decide.ts';
import { type ExitCode, exit } from './exit.ts';
import { counted, printable } from './format.ts';
import type { Output } from './output.ts';
import type { Target } from './targets.ts';

/** Turns down what a guard holds on this member: the next sync brings the files back, here or, for deletions of others, everywhere. */
export async function reject(world: World, command: RejectCommand, output: Output): Promise<ExitCode> {
  return await decide(world, command, output, async (opened, target) => rejectOne(opened, target));
}

function rejectOne({ agent, journal }: OpenedShare, target: Target): Decision {
  if (target.kind === 'other') return refused(`hold ${printable(target.id)} is held by ${printable(target.member)}: reject it there`);
  if (target.kind !== 'own') return refused('only holds can be rejected; what is not approved stays as it is');
  const { hold, paths } = target;
  if (hold.kind === 'check')
    return refused(
      `hold ${hold.id}: what a check refuses stays held until it is corrected; flocksync undo takes a changeset back everywhere`,
    );
  if (hold.kind === 'receiver' && agent.config.role === 'subscriber') {
    return refused(
      `hold ${hold.id}: a subscriber does not publish, so it cannot bring the files back for the others; it keeps them as long as nobody approves`,
    );
  }
  journal.setHoldState(hold.id, 'rejected');
  const outcome = hold.kind === 'publisher' ? `puts ${counted(paths, 'file')} back here` : `publishes ${counted(paths, 'file')} again`;
  return { code: exit.done, again: true, text: `hold ${hold.id} rejected: the next sync ${outcome}` };
}

function refused(text: string): Decision {
  return { code: exit.usage, again: false, text };
}
