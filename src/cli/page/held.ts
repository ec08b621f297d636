import { aliveMs } from '../../agent/members.ts';
import type { World } from '../../compose.ts';
import type { BytePath } from '../../model/path.ts';
import { readJournal } from '../shares.ts';
import type { Sight } from './looks.ts';

const pathsShown = 500;

/** A hold as a person decides about it. */
export interface Held {
  readonly share: string;
  readonly id: string;
  /** Who holds it. */
  readonly member: string;
  readonly isHere: boolean;
  /** `other`: what another member holds, whichever kind of deletions it is. */
  readonly kind: 'publisher' | 'receiver' | 'check' | 'other';
  readonly state: 'open' | 'approved' | 'rejected';
  readonly paths: number;
  /** The first of them; empty where only the other member knows them. */
  readonly first: readonly BytePath[];
  /** What the check said, '' for deletions. */
  readonly why: string;
  /** Null where it is not known. */
  readonly sinceMs: number | null;
}

/** Null where nobody holds it any more, as far as is known. Throws JournalFault. */
export function heldOf(world: World, { share, status }: Sight, id: string): Held | null {
  const own = readJournal(world, share.name, (journal) => {
    const hold = journal?.holds().find((one) => one.id === id);
    if (journal == null || hold === undefined) return null;
    const { count, first } = journal.holdTally(id, pathsShown);
    return { ...hold, paths: count, first };
  });
  if (own !== null) {
    const { kind, state, paths, first, sinceMs, detail } = own;
    const why = kind === 'check' ? detail : '';
    return { share: share.name, id, member: world.config.member, isHere: true, kind, state, paths, first, why, sinceMs };
  }
  return heldElsewhere(share.name, status, id);
}

function heldElsewhere(share: string, status: Sight['status'], id: string): Held | null {
  // What one holds that is gone for good is of no use to anybody, but a silent one comes back to it.
  const holders = (status?.members ?? [])
    .filter(({ heartbeat }) => heartbeat.id !== status?.selfId && heartbeat.holds.some((hold) => hold.id === id))
    .sort((a, b) => a.agoMs - b.agoMs);
  const [holder] = holders;
  const hold = holder?.heartbeat.holds.find((one) => one.id === id);
  if (holder === undefined || hold === undefined) return null;
  const kind = hold.why === '' ? 'other' : 'check';
  const member = `${holder.heartbeat.name}${holder.agoMs > aliveMs ? ' (silent)' : ''}`;
  return { share, id, member, isHere: false, kind, state: 'open', paths: hold.paths, first: [], why: hold.why, sinceMs: null };
}
