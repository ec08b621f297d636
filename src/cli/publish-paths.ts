import type { Outcome, ShareAgent } from '../agent.ts';
import { type BytePath, isWithin } from '../model/path.ts';
import { type Problem, problem } from '../model/problem.ts';
import type { Journal } from '../ports/journal.ts';
import { answerOf, type SyncAnswer } from './answer.ts';
import { either, runCycles } from './cycles.ts';
import { type ExitCode, exit } from './exit.ts';
import { outcomeCode, outcomeProblems } from './report.ts';

/** A file that is written without a pause is given up after as many looks, each of them as long as `settleMax`. */
const looksMax = 3;
/** They keep this member from taking in, and nobody from publishing. */
const incomingOnly: ReadonlySet<string> = new Set(['held', 'no-staging', 'disk-full']);

/**
 * Publishes what is at and below these paths and nothing else. Null where `interrupt` came first: then it is called once more, and goes on
 * where it was. The caller holds the share's lock. Throws DatastoreFault.
 */
export async function publishPaths(
  agent: ShareAgent,
  paths: readonly BytePath[],
  stop: AbortSignal,
  interrupt: AbortSignal,
): Promise<SyncAnswer | null> {
  const outcomes: Outcome[] = [];
  const { signal, release } = either(stop, interrupt);
  try {
    for (let looks = 1; ; looks++) {
      const outcome = await agent.cycle({ dryRun: false, only: 'publish', scope: { kind: 'below', paths }, signal, lasting: stop });
      outcomes.push(outcome);
      if (signal.aborted) return null;
      const isLeft = outcome.unfinished || restless(agent.ports.journal, paths).length > 0;
      if (outcome.halt !== null || (isReady(agent) && (!isLeft || looks >= looksMax))) break;
      // A new member has nothing to say before it has taken in what there is.
      if (!isReady(agent)) outcomes.push(...(await runCycles(agent, { dryRun: false, only: null, signal, lasting: stop })));
      if (looks >= looksMax) break;
    }
  } finally {
    release();
  }
  const problems = problemsBelow(agent.ports.journal, outcomes.at(-1) as Outcome, paths);
  const told = problems.map((each) => ({ ...each, fresh: true }));
  return answerOf(outcomes as [Outcome, ...Outcome[]], codeOf(outcomes, problems), told);
}

/** Whoever has joined, or seeds the share, publishes a part as well as everything. */
function isReady({ ports: { journal } }: ShareAgent): boolean {
  return journal.meta('joined') === '1' || journal.meta('joinBase') === 'seed';
}

function codeOf(outcomes: readonly Outcome[], problems: readonly Problem[]): ExitCode {
  const last = outcomes.at(-1) as Outcome;
  if (last.halt !== null) return outcomeCode(last);
  if (problems.some(({ code }) => code === 'held')) return exit.held;
  return problems.length > 0 || outcomes.some(({ events }) => events.length > 0) ? exit.problems : exit.done;
}

function problemsBelow(journal: Journal, outcome: Outcome, paths: readonly BytePath[]): Problem[] {
  const concerns = ({ path, code }: Problem) =>
    path === null ? !incomingOnly.has(code) : paths.some((each) => isWithin(path, each) || isWithin(each, path));
  return [...outcomeProblems(outcome).filter(concerns), ...held(journal, paths), ...unsettled(journal, outcome, paths)];
}

function held(journal: Journal, paths: readonly BytePath[]): Problem[] {
  const holds = journal.holds().filter(({ kind, state }) => kind === 'publisher' && state === 'open');
  return holds.flatMap(({ id }) => {
    const below = journal.holdPaths(id).filter(({ path }) => paths.some((each) => isWithin(path, each)));
    if (below.length === 0) return [];
    const fix = `If they are meant: flocksync approve ${id}. To bring the files back: flocksync reject ${id}.`;
    return [
      problem('held', null, `more deletions at once than maxDelete allows: ${below.length} below what was asked for (hold ${id})`, fix),
    ];
  });
}

function unsettled(journal: Journal, { unfinished, halt, problems }: Outcome, paths: readonly BytePath[]): Problem[] {
  const moving = restless(journal, paths).filter((path) => !problems.some((each) => each.code === 'unsettled' && each.path === path));
  const said = moving.map((path) => problem('unsettled', path, 'is still being written; it is not published yet', again));
  if (said.length > 0 || !unfinished || halt !== null) return said;
  return [
    problem(
      'unsettled',
      null,
      'not everything is published yet: it did not hold still, or a link waits for the rest of what is being published',
      again,
    ),
  ];
}

const again = 'Run it again once nothing writes there, or wait for the next cycle.';

/** What the last look found moving. */
function restless(journal: Journal, paths: readonly BytePath[]): BytePath[] {
  const moving = Object.keys(JSON.parse(journal.meta('unsettled') ?? '{}') as Record<BytePath, number>);
  return moving.filter((path) => paths.some((each) => isWithin(path, each)));
}
