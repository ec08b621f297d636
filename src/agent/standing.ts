import type { Problem } from '../model/problem.ts';
import type { Journal } from '../ports/journal.ts';
import { onChangeProblem } from './hooks.ts';
import { verifiedProblems } from './verified.ts';

/** What was found beside the cycles and stands until it is found to be over. */
export function standingProblems(journal: Journal): Problem[] {
  const failing = onChangeProblem(journal);
  return [...(failing === null ? [] : [failing]), ...verifiedProblems(journal)];
}
