import type { Entry } from '../model/entry.ts';

const blind = 'blind until ';

/**
 * The value of meta `suspectBase` where the history does not reach back to the suspect base (rule J4). `otherLifeMs` is when the other
 * life of this journal was last heard of, by this machine's clock; null where nothing is known of it.
 */
export function blindUntil(otherLifeMs: number | null): string {
  return `${blind}${otherLifeMs ?? Number.POSITIVE_INFINITY}`;
}

/** What the other life may have seen cannot be told from what the log has deleted since; what was written after it is news. */
export function isBlindTo(suspectBase: string, here: Entry): boolean {
  if (!suspectBase.startsWith(blind)) return false;
  return here.kind !== 'file' || here.mtimeUs / 1000 <= Number(suspectBase.slice(blind.length));
}
