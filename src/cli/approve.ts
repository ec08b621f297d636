import type { Approval } from '../agent/approve.ts';
import { forgetLineage } from '../agent/lineage.ts';
import type { OpenedShare, World } from '../compose.ts';
import type { Journal } from '../ports/journal.ts';
import { approveHold, approveRecord } from '../steps/fold.ts';
import type { ApproveCommand } from './command.ts';
import { type Decision, decide } from './decide.ts';
import { type ExitCode, exit, worst } from './exit.ts';
import { counted, printable } from './format.ts';
import type { Output } from './output.ts';
import { heldText, type Target } from './targets.ts';

/** Lets through what a guard holds, here or at another member; re-joins after a lineage halt; gives up an unavailable record. */
export async function approve(world: World, command: ApproveCommand, output: Output): Promise<ExitCode> {
  return await decide(world, command, output, async (opened, target) => await approveOne(opened, target, world.signal));
}

async function approveOne(opened: OpenedShare, target: Target, signal: AbortSignal): Promise<Decision> {
  switch (target.kind) {
    case 'own':
      return await approveOwn(opened, target, signal);
    case 'other':
      return await say(
        opened,
        { hold: target.id },
        signal,
        `${heldText(target.paths, target.why)} held by ${printable(target.member)} approved`,
        null,
      );
    case 'record':
      return await approveRecordOf(opened, target.record, signal);
    case 'unavailable':
      return await say(opened, { unavailable: target.record }, signal, `record ${target.record} given up for every member`, null);
    case 'lineage':
      forgetLineage(opened.journal);
      return {
        code: exit.done,
        again: true,
        text: 'what this member knew of the old bucket is forgotten; the next sync joins the bucket as a union and deletes nothing',
      };
  }
}

/** A publisher's hold needs no record: the deletions will carry the approval. A receiver's is approved for all members at once. */
async function approveOwn(opened: OpenedShare, { hold, paths }: Target & { kind: 'own' }, signal: AbortSignal): Promise<Decision> {
  const { journal } = opened;
  if (hold.kind === 'publisher') {
    journal.transaction(() => approveHold(journal, hold.id));
    return { code: exit.done, again: true, text: `hold ${hold.id} approved: the next sync publishes ${counted(paths, 'deletion')}` };
  }
  if (hold.kind === 'check') {
    journal.transaction(() => approveHold(journal, hold.id));
    return {
      code: exit.done,
      again: true,
      text: `hold ${hold.id} approved: the next sync applies ${counted(paths, 'change')} without the check`,
    };
  }
  const records = [...new Set(journal.holdPaths(hold.id).map((held) => held.version))];
  const decisions: Decision[] = [];
  for (const record of records) decisions.push(await approveRecordOf(opened, record, signal));
  const code = worst(decisions.map((decision) => decision.code));
  if (code === exit.done) journal.transaction(() => approveHold(journal, hold.id));
  return { code, again: true, text: `hold ${hold.id}: ${decisions.map((decision) => decision.text).join('; ')}` };
}

async function approveRecordOf(opened: OpenedShare, record: number, signal: AbortSignal): Promise<Decision> {
  return await say(opened, { record }, signal, `the deletions of record ${record} approved`, (journal) => approveRecord(journal, record));
}

/**
 * Says it in the log, so that it holds for every member. A member that may not write decides for itself alone where that has a meaning
 * (rule G3).
 */
async function say(
  opened: OpenedShare,
  approval: Approval,
  signal: AbortSignal,
  text: string,
  here: ((journal: Journal) => void) | null,
): Promise<Decision> {
  const { agent, journal } = opened;
  const mayNot = agent.config.role === 'subscriber' ? 'a subscriber does not write' : null;
  const approved = mayNot === null ? await agent.approve(approval, signal) : null;
  if (approved?.done === 'appended') return { code: exit.done, again: true, text: `${text} (record ${approved.sequence})` };
  if (approved?.done === 'not') return { code: exit.problems, again: false, text: approved.why };
  const why = mayNot ?? `the store refuses to be written: ${approved?.fault.message ?? ''}`;
  if (here === null) return { code: exit.problems, again: false, text: `${why}; approve it on a member that publishes` };
  journal.transaction(() => here(journal));
  return { code: exit.done, again: true, text: `${text}, for this member only (${why})` };
}
