import ignore from 'ignore';
import { tailsOf } from '../model/exclude-tails.ts';
import type { BytePath } from '../model/path.ts';
import { fromText } from '../model/path.ts';
import { insideName, roomName } from './disk-area.ts';

/** Answers for a path relative to the root; asking for a path below an excluded directory answers true as well. */
export type Excluded = (path: BytePath, isDirectory: boolean) => boolean;

/** The rules remember every path that they were asked about, so after so many questions they are made anew: a daemon asks for months. */
const questionsMax = 20_000;

/**
 * The library fails, at the first name that it is asked about, at a bracket that nothing closes before the next slash, and at some
 * escapes. Such a bracket stands for itself; of anything else that cannot be read each strange character stands for any one.
 */
export function readable(pattern: string): string {
  const readings = [pattern, pattern.replace(/(?<!\\)\[/g, '\\['), pattern.replace(/\\.|[[\](){}$+^|\\]/gs, '?')];
  return readings.find(isReadable) ?? readings[2] ?? pattern;
}

function isReadable(pattern: string): boolean {
  try {
    // Without the sign that turns it around, or it would never be tried on a name that nothing excludes.
    ignore({ allowRelativePaths: true }).add(pattern.replace(/^!/, '')).ignores('a');
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/** Gitignore rules (case matters), matched on bytes as git does. */
export function compileExcludes(patterns: readonly string[]): Excluded {
  if (patterns.length === 0) return isStaging;
  const lines = patterns.map(readable).map(fromText);
  const [tails, ignores] = [tailsOf(lines), rulesOf(lines)];
  return (path, isDirectory) => isStaging(path) || ((tails === null || tails.test(path)) && ignores(path, isDirectory));
}

/** The rules alone; the lines are bytes, and of a form that the library can read. */
export function rulesOf(lines: readonly string[]): Excluded {
  const compiled = () => ignore({ ignorecase: false, allowRelativePaths: true }).add(lines);
  let rules = compiled();
  let questions = 0;
  return (path, isDirectory) => {
    if (questions++ === questionsMax) {
      rules = compiled();
      questions = 1;
    }
    return rules.ignores(isDirectory ? `${path}/` : path);
  };
}

/** The fall-back staging area lies inside the root on some members, and a kill may leave a room behind; on no member they are content. */
function isStaging(path: BytePath): boolean {
  return path === insideName || path.startsWith(`${insideName}/`) || (path.includes(roomName) && path.split('/').includes(roomName));
}
