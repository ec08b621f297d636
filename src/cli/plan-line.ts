import type { Kind } from '../model/entry.ts';
import { type BytePath, toText } from '../model/path.ts';

/** One rsync-like line: `<` goes to the bucket, `>` comes from it. `kind` null is a deletion; `fresh`: nothing stood there. */
export function planLine(direction: '<' | '>', path: BytePath, kind: Kind | null, fresh: boolean): string {
  if (kind === null) return `${direction}*deleting  ${toText(path)}`;
  const letter = { file: 'f', dir: 'd', link: 'L' }[kind];
  return `${direction}${letter}${fresh ? '+++++++++' : '.changed..'} ${toText(path)}${kind === 'dir' ? '/' : ''}`;
}
