import type { Outcome } from '../agent.ts';
import { type ExitCode, exit } from './exit.ts';
import type { ToldFault } from './faults.ts';
import type { Output } from './output.ts';
import { problemLine, type ToldProblem } from './report.ts';
import { type Counts, countsOf, summary } from './summary.ts';

/** What one share's cycles came to, as whoever asked for them tells it. It goes over a socket as it is. */
export interface SyncAnswer {
  readonly code: ExitCode;
  readonly events: readonly string[];
  readonly problems: readonly ToldProblem[];
  /** What the cycle could not go on for, as a line. */
  readonly fault: { readonly line: string; readonly fresh: boolean } | null;
  readonly counts: Counts;
  readonly cursor: number;
}

export function answerOf(outcomes: readonly [Outcome, ...Outcome[]], code: ExitCode, problems: readonly ToldProblem[]): SyncAnswer {
  const events = outcomes.flatMap((outcome) => outcome.events);
  const last = outcomes.at(-1) ?? outcomes[0];
  return { code, events, problems, fault: null, counts: countsOf(outcomes), cursor: last.cursor };
}

export function faultAnswer({ code, text, line }: ToldFault): SyncAnswer {
  return { code, events: [], problems: [], fault: { line: text, fresh: line !== null }, counts: countsOf([]), cursor: 0 };
}

/** Prints it as the cycle itself would have been printed here. */
export function tellAnswer(answer: SyncAnswer, share: string, output: Output, elapsedMs: number): ExitCode {
  const { code, events, problems, fault, counts, cursor } = answer;
  for (const event of events) output.error(`flocksync: ${share}: ${event}`);
  for (const each of problems) if (each.fresh || output.terminal) output.error(problemLine(share, each));
  if (fault !== null && (fault.fresh || output.terminal)) output.error(fault.line);
  if (output.terminal && fault === null) output.line(summary(share, counts, cursor, elapsedMs));
  return code;
}

/** Null for what is no answer. The side that listens is this user's own program of the same protocol: only the shape is looked at. */
export function readAnswer(json: unknown): SyncAnswer | null {
  const answer = json as Partial<SyncAnswer> | null;
  const isOne = Object.values(exit).includes(answer?.code as ExitCode) && Array.isArray(answer?.events) && Array.isArray(answer?.problems);
  return isOne && answer?.counts !== undefined && typeof answer.cursor === 'number' ? (answer as SyncAnswer) : null;
}
