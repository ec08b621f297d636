import { isGlob, parseGlob } from './glob.ts';

export interface Selection {
  /** The selected names in the order of `names`. */
  readonly selected: readonly string[];
  /** Arguments that select nothing: a mistyped name must not look like a run in which all is well. */
  readonly unmatched: readonly string[];
}

/** Shares by name or glob (`site*`); no argument selects all. A name that equals an argument wins over reading it as a glob. */
export function selectShares(names: readonly string[], wanted: readonly string[]): Selection {
  if (wanted.length === 0) return { selected: names, unmatched: [] };
  const chosen = new Set<string>();
  const unmatched: string[] = [];
  for (const argument of wanted) {
    const found = matching(names, argument);
    if (found.length === 0) unmatched.push(argument);
    for (const name of found) chosen.add(name);
  }
  return { selected: names.filter((name) => chosen.has(name)), unmatched };
}

function matching(names: readonly string[], argument: string): readonly string[] {
  if (names.includes(argument)) return [argument];
  if (!isGlob(argument)) return [];
  const glob = parseGlob(argument);
  return names.filter((name) => glob.matches(name));
}
