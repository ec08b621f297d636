import { type Problem, problem } from '../model/problem.ts';
import type { Journal } from '../ports/journal.ts';

/** What a verification by the daemon has found, for as long as no later one finds less. */
export interface Verified {
  readonly code: 'verify-flaws' | 'verify-failed';
  /** One sentence without its full stop. */
  readonly text: string;
}

const fixes = {
  'verify-flaws': 'Run flocksync verify --repair; it lists them all.',
  'verify-failed': 'Run flocksync verify to see why.',
};

/** Null: all is well. */
export function rememberVerified(journal: Journal, verified: Verified | null): void {
  if (verified === null && journal.meta('verified') === undefined) return;
  journal.setMeta('verified', verified === null ? null : JSON.stringify(verified));
}

/** A standing problem of every cycle until a verification finds the share sound. */
export function verifiedProblems(journal: Journal): Problem[] {
  const text = journal.meta('verified');
  if (text === undefined) return [];
  try {
    const { code, text: found } = JSON.parse(text) as Verified;
    return [problem(code, null, found, fixes[code] ?? fixes['verify-failed'])];
  } catch {
    return [];
  }
}
