import { aliveMs, goneMs, type HeardMember } from '../../../agent/members.ts';
import { fromText, toText } from '../../../model/path.ts';
import { counted, formatElapsed } from '../../format.ts';
import type { ShareStatus } from '../../status-look.ts';
import type { Sight } from '../looks.ts';
import { link } from './html.ts';
import type { Tone } from './words.ts';

/** Something that a person should look at. */
export interface Need {
  readonly tone: Tone;
  readonly share: string;
  /** Whose trouble it is: '' for this member's. */
  readonly member: string;
  /** A name from the disk, '' where the share as a whole is meant. */
  readonly path: string;
  readonly text: string;
  readonly fix: string;
  /** Where it can be looked into or decided, '' for nowhere. */
  readonly href: string;
}

/** The state of one share here, in a word or two. */
export function stateOf({ status, trouble }: Sight): { readonly tone: Tone; readonly word: string } {
  if (trouble !== '' || status === null) return { tone: 'bad', word: 'no journal' };
  const { local, fault, head, lags, selfId } = status;
  if (local === null) return { tone: 'busy', word: 'not synced yet' };
  if (local.halt !== null) return { tone: 'bad', word: 'halted' };
  if (local.holds.some(({ state }) => state === 'open')) return { tone: 'warn', word: 'held' };
  if (local.problems.length > 0) return { tone: 'warn', word: counted(local.problems.length, 'problem') };
  if (fault !== null) return { tone: 'warn', word: 'no answer' };
  if (!local.joined) return { tone: 'busy', word: 'joining' };
  const behind = Math.max(lags.get(selfId)?.records ?? 0, Math.max(head ?? 0, local.cursor) - local.appliedTo);
  if (behind > 0) return { tone: 'busy', word: 'catching up' };
  return head === null ? { tone: 'busy', word: 'asking' } : { tone: 'good', word: 'up to date' };
}

/** The worst first; what others have comes after what this member has. */
export function needsOf(sight: Sight): Need[] {
  const { share, status, trouble } = sight;
  const about = { share: share.name, member: '', path: '', href: '' };
  if (trouble !== '')
    return [{ ...about, tone: 'bad', text: trouble, fix: 'The next cycle of the daemon sets a damaged journal aside and rebuilds it.' }];
  if (status === null) return [];
  return [...ownNeeds(status), ...status.members.flatMap((member) => needsOfMember(member, status))];
}

function ownNeeds({ share, local, fault }: ShareStatus): Need[] {
  const about = { share: share.name, member: '', path: '', href: '' };
  const page = link('share', { name: fromText(share.name) });
  const open = (local?.holds ?? []).filter(({ state }) => state === 'open');
  const halt = local?.halt ?? null;
  return [
    ...(halt === null ? [] : [{ ...about, tone: 'bad' as const, text: halt.text, fix: halt.fix, href: page }]),
    ...open.map((hold) => ({
      ...{ ...about, tone: 'warn' as const, fix: '', href: holdPage(share.name, hold.id) },
      text:
        hold.kind === 'check'
          ? `The check refuses ${counted(hold.paths, 'change')} of others: ${hold.detail}`
          : `${counted(hold.paths, 'deletion')} ${hold.kind === 'publisher' ? 'made here are held' : 'of others are held here'}`,
    })),
    // What the bucket answers now says more than what it said to the last cycle.
    ...(local?.problems ?? [])
      .filter(({ code }) => code !== 'datastore' || fault === null)
      .map(({ code, path, text, fix }) => ({
        ...{ ...about, tone: 'warn' as const, path: path === null ? '' : toText(path) || '.', fix },
        text: code === 'datastore' ? `The last cycle could not use the bucket (${text})` : text,
      })),
    ...(fault === null
      ? []
      : [{ ...about, tone: 'warn' as const, text: `The bucket gives no answer (${fault.code}): ${fault.message}`, fix: fault.fix }]),
  ];
}

/** What another member says of itself. One that is silent is told of until it counts as gone. */
function needsOfMember({ heartbeat, agoMs }: HeardMember, { share, selfId }: ShareStatus): Need[] {
  const { id, name, halt, holds, troubles } = heartbeat;
  if (id === selfId || agoMs >= goneMs) return [];
  const about = { tone: 'warn' as const, share: share.name, member: name, path: '', fix: '', href: '' };
  return [
    ...(halt === null ? [] : [{ ...about, tone: 'bad' as const, text: halt.text }]),
    ...holds.map((hold) => ({
      ...{ ...about, href: holdPage(share.name, hold.id) },
      text:
        hold.why === ''
          ? `${counted(hold.paths, 'deletion')} are held there`
          : `Its check refuses ${counted(hold.paths, 'change')}: ${hold.why}`,
    })),
    ...troubles.filter(({ code }) => code !== 'held' && code !== 'check-refused').map(({ path, text }) => ({ ...about, path, text })),
    ...(agoMs > aliveMs ? [{ ...about, tone: 'busy' as const, text: `Not heard of for ${formatElapsed(agoMs)}` }] : []),
  ];
}

/** The page of one hold. */
export function holdPage(share: string, id: string): string {
  return link('held', { share: fromText(share), id: fromText(id) });
}

const severity: readonly Tone[] = ['good', 'busy', 'warn', 'bad'];

/** Of several shares, the worst first; equal ones in their order. */
export function bySeverity(needs: readonly Need[]): Need[] {
  return [...needs].sort((a, b) => severity.indexOf(b.tone) - severity.indexOf(a.tone));
}

export function worstTone(tones: readonly Tone[]): Tone {
  return severity[Math.max(0, ...tones.map((tone) => severity.indexOf(tone)))] ?? 'good';
}
