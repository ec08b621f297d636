import type { Asked } from '../agent/earlier.ts';
import type { World } from '../compose.ts';
import { type BytePath, toText } from '../model/path.ts';
import type { Journal } from '../ports/journal.ts';
import { bringBack } from './bring-back.ts';
import type { RestoreCommand } from './command.ts';
import { type ExitCode, exit } from './exit.ts';
import type { Output } from './output.ts';
import { locatePath, storedPath, typedPath } from './path-argument.ts';
import type { Progress } from './progress.ts';
import { parseWhen } from './when.ts';

/** A version of a file, or a directory as it was at a record or a time, as a new version on every member. */
export async function restore(world: World, command: RestoreCommand, output: Output, progress: Progress): Promise<ExitCode> {
  const typed = typedPath(command.path);
  const named = command.at === null ? splitVersion(typed) : { path: typed, version: 0, k: 0 };
  const when = command.at === null ? null : parseWhen(command.at);
  if (named === undefined) {
    const path = toText(typed);
    output.error(`flocksync: which version of ${path}? Write ${path}@VERSION, as in \`flocksync history\`, or --at TIME`);
    return exit.usage;
  }
  if (when === undefined) {
    output.error(
      `flocksync: --at takes a time such as 2026-11-20T08:19:05Z, a day such as 2026-11-20, or an age such as 2h, not "${command.at}"`,
    );
    return exit.usage;
  }
  const located = await locatePath(world, named.path, command.share, output);
  if (located === null) return exit.usage;
  const { share } = located;
  const { dryRun, quiet, exact } = command;
  const ask = (journal: Journal): Asked => {
    const path = storedPath(journal, located.path);
    return when === null ? { ask: 'version', path, version: named.version, k: named.k, exact } : { ask: 'time', path, when, exact };
  };
  const what = command.at === null ? toText(typed) : `${toText(typed)} at ${command.at}`;
  return await bringBack(world, { share, what, dryRun, quiet, ask }, output, progress);
}

/** The last `@` that only a version follows; a name may hold others. Undefined where there is none. */
export function splitVersion(typed: BytePath): { readonly path: BytePath; readonly version: number; readonly k: number } | undefined {
  const match = /^([\s\S]+)@([1-9]\d{0,14})(?:~([1-9]\d{0,8}))?$/.exec(typed);
  return match === null ? undefined : { path: match[1] ?? '', version: Number(match[2]), k: Number(match[3] ?? 0) };
}
