/** Exit codes of the command, part of its contract. */
export const exit = {
  done: 0,
  problems: 1,
  usage: 2,
  held: 3,
  internal: 70,
  unreachable: 75,
} as const;

export type ExitCode = (typeof exit)[keyof typeof exit];

/** From the least to the most severe: with several shares the one code must name what matters most. */
const severity: readonly ExitCode[] = [exit.done, exit.unreachable, exit.problems, exit.held, exit.usage, exit.internal];

/** The code of a run from the codes of its parts: 70 > 2 > 3 > 1 > 75 > 0. */
export function worst(codes: Iterable<ExitCode>): ExitCode {
  let found: ExitCode = exit.done;
  for (const code of codes) if (severity.indexOf(code) > severity.indexOf(found)) found = code;
  return found;
}
