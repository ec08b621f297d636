import type { Cycle } from './context.ts';

/**
 * The position that outlives a lost journal (rule J3). Deletions behind it that are not on this disk yet would make what is still here
 * look like something that nobody else has ever had, so it stops before the first of them.
 */
export function rememberPosition({ ports: { journal, member }, share, inForce, cursor }: Cycle): void {
  const open = journal.oldestDeletion();
  member.remember(share, inForce.share, open === null ? cursor : Math.min(cursor, open - 1));
}
