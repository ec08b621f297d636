import type { Outcome } from '../agent.ts';
import type { Problem } from '../model/problem.ts';
import type { Journal, ProblemRow } from '../ports/journal.ts';
import { type ExitCode, exit } from './exit.ts';
import { printable } from './format.ts';

const repeatMs = 24 * 3600 * 1000;

/** The exit code of one share's cycle. */
export function outcomeCode(outcome: Outcome): ExitCode {
  if (outcome.halt?.code === 'root-in-use') return exit.usage;
  if (outcome.halt !== null || outcome.held) return exit.held;
  return outcome.problems.length > 0 || outcome.events.length > 0 ? exit.problems : exit.done;
}

/** Everything of an outcome that a person may have to act on, halts included; of many paths with one trouble the first ones. */
export function outcomeProblems(outcome: Outcome): Problem[] {
  const { halt } = outcome;
  const problems = firstOfEach(outcome.problems);
  return halt === null ? problems : [{ code: halt.code, path: null, text: halt.text, fix: halt.fix }, ...problems];
}

const pathsPerCodeMax = 20;

/** A full disk under a large site must not become a mail of a million lines. The closing line keeps its text, whatever the number. */
function firstOfEach(problems: readonly Problem[]): Problem[] {
  const counts = new Map<string, number>();
  return problems.flatMap((each) => {
    const count = (counts.get(each.code) ?? 0) + 1;
    counts.set(each.code, count);
    if (count <= pathsPerCodeMax) return [each];
    if (count > pathsPerCodeMax + 1) return [];
    return [
      {
        code: `${each.code}-more`,
        path: null,
        text: `more paths have the same trouble (${each.code})`,
        fix: 'What helps those above helps them.',
      },
    ];
  });
}

/** A problem, and whether it is to be told because it is new, has changed, or was last told a day ago (DESIGN §9). */
export interface ToldProblem extends Problem {
  readonly fresh: boolean;
}

/** Notes the standing problems of a share, and says which of them are fresh. What no longer stands is forgotten. */
export function noteStanding(journal: Journal, problems: readonly Problem[], nowMs: number): ToldProblem[] {
  const known = new Map(journal.problems().map((row) => [row.key, row]));
  return journal.transaction(() => {
    const told = problems.map((each) => {
      const fresh = note(journal, each, known.get(keyOf(each)), nowMs);
      known.delete(keyOf(each));
      return { ...each, fresh };
    });
    for (const key of known.keys()) journal.dropProblem(key);
    return told;
  });
}

/** The lines of those that are fresh; with `always` (a terminal) of all of them. */
export function standingLines(journal: Journal, share: string, problems: readonly Problem[], nowMs: number, always: boolean): string[] {
  return noteStanding(journal, problems, nowMs).flatMap((each) => (each.fresh || always ? [problemLine(share, each)] : []));
}

/** A cycle that ended early says nothing about the other problems: they stand as they did. True when this one is to be printed. */
export function standingFault(journal: Journal, problem: Problem, nowMs: number): boolean {
  return note(
    journal,
    problem,
    journal.problems().find((row) => row.key === keyOf(problem)),
    nowMs,
  );
}

/** A problem of the share as a whole is over before a cycle says so. */
export function forgetProblem(journal: Journal, code: string): void {
  journal.dropProblem(keyOf({ code, path: null, text: '', fix: '' }));
}

function note(journal: Journal, problem: Problem, row: ProblemRow | undefined, nowMs: number): boolean {
  const fresh = row === undefined || row.text !== problem.text || nowMs - row.printedMs >= repeatMs || row.printedMs > nowMs;
  if (fresh) journal.putProblem({ key: keyOf(problem), ...problem, sinceMs: row?.sinceMs ?? nowMs, printedMs: nowMs });
  return fresh;
}

function keyOf({ code, path }: Problem): string {
  return `${code} ${path ?? ''}`;
}

export function problemLine(share: string, { path, text, fix }: Problem): string {
  const where = path === null ? share : `${share}: ${printable(path === '' ? '.' : Buffer.from(path, 'latin1').toString('utf8'))}`;
  return `flocksync: ${where}: ${text}. ${fix}`;
}
