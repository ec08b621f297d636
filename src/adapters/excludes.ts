import ignore from 'ignore';
import type { BytePath } from '../model/path.ts';
import { fromText } from '../model/path.ts';

/** Answers for a path relative to the root; asking for a path below an excluded directory answers true as well. */
export type Excluded = (path: BytePath, isDirectory: boolean) => boolean;

/** The fall-back staging area lies inside the root on some members; on no member it is content. */
const stagingInside = '.flocksync';

/** Gitignore rules (case matters), matched on bytes as git does. */
export function compileExcludes(patterns: readonly string[]): Excluded {
  const isStaging = (path: BytePath) => path === stagingInside || path.startsWith(`${stagingInside}/`);
  if (patterns.length === 0) return (path) => isStaging(path);
  const rules = ignore({ ignorecase: false, allowRelativePaths: true }).add(patterns.map(fromText));
  return (path, isDirectory) => isStaging(path) || rules.ignores(isDirectory ? `${path}/` : path);
}
