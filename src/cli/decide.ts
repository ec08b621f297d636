import { lockShare } from '../adapters/share-lock.ts';
import { lockFile } from '../adapters/state-directory.ts';
import { systemTime } from '../adapters/system.ts';
import { type OpenedShare, openShare, type World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import type { ApproveCommand, RejectCommand } from './command.ts';
import { type ExitCode, exit, worst } from './exit.ts';
import type { Output } from './output.ts';
import { chooseShares, tellFault } from './shares.ts';
import { choices, type Deciding, decidingIn, type Target, targetsOf } from './targets.ts';

/** A cycle under way gets this long to come to its end. */
const lockWaitMs = 60_000;

/** What one decision came to, as a line for people; `again`: the share's next sync has something to do. */
export interface Decision {
  readonly code: ExitCode;
  readonly text: string;
  readonly again: boolean;
}

/** Carries out one decision with the share open and locked. */
type Act = (opened: OpenedShare, target: Target) => Promise<Decision>;

/** Common to approve and reject: finds what the ids mean, all of them before anything is done, and acts share by share. */
export async function decide(world: World, command: ApproveCommand | RejectCommand, output: Output, act: Act): Promise<ExitCode> {
  const chosen = await chooseShares(world, command.share === null ? [] : [command.share], output);
  if (chosen === null) return exit.usage;
  const all: Deciding[] = [];
  try {
    for (const share of chosen.shares) all.push(await decidingIn(world, share, command.ids));
  } catch (error) {
    return tellFault(error, command.share ?? 'journal', output);
  }
  const targets = command.ids.length === 0 ? everythingHeld(all) : namedTargets(command.ids, all, output);
  if (targets === null) return exit.usage;
  if (targets.length === 0) {
    if (!command.quiet) output.line('nothing is held');
    for (const { share, lineage } of all) if (lineage) output.error(`flocksync: ${share.name}: halted; see flocksync status ${share.name}`);
    return chosen.code;
  }
  if (command.ids.length === 0 && !command.quiet) for (const line of choices(onlyOwn(all))) output.line(line);
  const say = (text: string) => void (command.quiet || output.line(text));
  const codes: ExitCode[] = [chosen.code];
  for (const share of chosen.shares) {
    const mine = targets.filter((target) => target.share === share);
    if (mine.length > 0) codes.push(await decideIn(world, share, mine, act, say, output));
  }
  return worst(codes);
}

function onlyOwn(all: readonly Deciding[]): Deciding[] {
  return all.map((one) => ({ ...one, own: one.own.filter((target) => target.hold.state === 'open'), others: [], lineage: false }));
}

function everythingHeld(all: readonly Deciding[]): Target[] {
  return all.flatMap(({ own }) => own.filter((target) => target.hold.state === 'open'));
}

/** Null after a sentence about an id that means nothing, or more than one thing. */
function namedTargets(ids: readonly string[], all: readonly Deciding[], output: Output): Target[] | null {
  const found: Target[] = [];
  for (const id of ids) {
    const targets = targetsOf(id, all);
    if (targets.length !== 1) {
      tellWrong(id, targets.length, all, output);
      return null;
    }
    found.push(...targets);
  }
  return found;
}

function tellWrong(id: string, meanings: number, all: readonly Deciding[], output: Output): void {
  if (meanings > 1) output.error(`flocksync: "${id}" exists in several shares: say which one with --share NAME`);
  else if (/^\d{1,15}$/.test(id))
    output.error(
      `flocksync: there is no record ${id} with deletions; ${all.map((one) => `${one.share.name} is at record ${one.cursor}`).join(', ')}`,
    );
  else if (id === 'lineage') output.error('flocksync: no share is halted because of its lineage');
  else output.error(`flocksync: there is no hold "${id}"`);
  const existing = choices(all);
  output.error(
    existing.length === 0 ? 'flocksync: nothing is held' : `flocksync: held now:\n${existing.map((line) => `  ${line}`).join('\n')}`,
  );
}

async function decideIn(
  world: World,
  share: ShareConfig,
  targets: readonly Target[],
  act: Act,
  say: (text: string) => void,
  output: Output,
): Promise<ExitCode> {
  world.member();
  const signal = AbortSignal.any([world.signal, AbortSignal.timeout(lockWaitMs)]);
  const lock = await lockShare(lockFile(world.config, share.name), systemTime, { wait: true, signal });
  if (lock === null) {
    output.error(`flocksync: ${share.name}: a running cycle did not come to its end; try again`);
    return exit.problems;
  }
  let opened: OpenedShare | undefined;
  try {
    opened = await openShare(world, share, { dryRun: false, onProgress: () => {} });
    for (const event of opened.events) output.error(`flocksync: ${share.name}: ${event}`);
    const decisions: Decision[] = [];
    for (const target of targets) {
      const decision = await act(opened, target);
      decisions.push(decision);
      if (decision.code === exit.done) say(`${share.name}: ${decision.text}`);
      else output.error(`flocksync: ${share.name}: ${decision.text}`);
    }
    for (const event of opened.agent.memory.events.splice(0)) output.error(`flocksync: ${share.name}: ${event}`);
    opened.journal.flush();
    if (decisions.some((decision) => decision.again))
      say(`${share.name}: run now, or wait for the next cycle: flocksync sync ${share.name}`);
    return worst(decisions.map((decision) => decision.code));
  } catch (error) {
    opened?.failed(error);
    return tellFault(error, share.name, output);
  } finally {
    opened?.close();
    lock.release();
  }
}
