import { aliveMs, goneMs, type HeardMember } from '../../../agent/members.ts';
import { counted, formatBytes, formatCount, formatElapsed } from '../../format.ts';
import { lagText } from '../../status-lines.ts';
import type { ShareStatus } from '../../status-look.ts';
import type { Sight } from '../looks.ts';
import { type Html, html, named } from './html.ts';
import { badge, type Tone, table } from './words.ts';

const membersShown = 1000;

/** One member over all shares. */
export interface RosterMember {
  readonly id: string;
  readonly name: string;
  readonly isSelf: boolean;
  readonly version: string;
  readonly shares: number;
  /** In the share in which it is furthest behind. */
  readonly records: number;
  readonly problems: number;
  readonly holds: number;
  readonly isHalted: boolean;
  readonly isBusy: boolean;
  /** Since it was last heard of in any share. */
  readonly agoMs: number;
}

type Gathered = { -readonly [K in keyof RosterMember]: RosterMember[K] };

/** Every member that was heard of, in the order of names. There may be hundreds of them in each of a hundred shares. */
export function rosterOf(sights: readonly Sight[]): RosterMember[] {
  const found = new Map<string, Gathered>();
  for (const { status } of sights) for (const member of status?.members ?? []) gather(found, member, status as ShareStatus);
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1));
}

function gather(found: Map<string, Gathered>, { heartbeat, agoMs }: HeardMember, { lags, selfId }: ShareStatus): void {
  const { id, name, version, problems, holds, halt, progress, state } = heartbeat;
  let member = found.get(id);
  if (member === undefined) {
    member = {
      ...{ id, name, version, isSelf: id === selfId, shares: 0, records: 0, problems: 0, holds: 0 },
      ...{ isHalted: false, isBusy: false, agoMs },
    };
    found.set(id, member);
  }
  member.shares++;
  member.records = Math.max(member.records, lags.get(id)?.records ?? 0);
  member.problems += problems;
  member.holds += holds.length;
  member.isHalted ||= halt !== null || state === 'halted';
  member.isBusy ||= progress !== null || state === 'replaying';
  member.agoMs = Math.min(member.agoMs, agoMs);
}

const rosterColumns = [
  { title: 'Member' },
  { title: 'State' },
  { title: 'Shares', isFigure: true },
  { title: 'Behind', isFigure: true },
  { title: 'Problems', isFigure: true },
  { title: 'Heard of', isFigure: true },
  { title: 'Version' },
];

export function rosterTable(members: readonly RosterMember[]): Html {
  if (members.length === 0)
    return html`<p class="quiet">No member has been heard of yet; the bucket is asked a moment after this page was first opened.</p>`;
  const rows = members.slice(0, membersShown).map((member) => {
    const { tone, word } = rosterState(member);
    return [
      memberName(member.name, member.isSelf),
      badge(tone, word),
      ...[
        formatCount(member.shares),
        formatCount(member.records),
        formatCount(member.problems),
        `${formatElapsed(member.agoMs)} ago`,
        member.version || '–',
      ],
    ];
  });
  return html`${table('Every member, over all shares', rosterColumns, rows)}${rest(members.length)}`;
}

function rest(all: number): Html {
  return all > membersShown ? html`<p>… and ${counted(all - membersShown, 'more member')}.</p>` : html``;
}

function memberName(name: string, isSelf: boolean): Html {
  return isSelf ? html`${named(name)} <span class="quiet">(this server)</span>` : named(name);
}

function rosterState(member: RosterMember): { tone: Tone; word: string } {
  if (member.agoMs >= goneMs) return { tone: 'busy', word: 'gone' };
  if (member.isHalted) return { tone: 'bad', word: 'halted' };
  if (member.holds > 0) return { tone: 'warn', word: 'holds' };
  if (member.problems > 0) return { tone: 'warn', word: 'problems' };
  if (member.agoMs > aliveMs) return { tone: 'busy', word: 'silent' };
  if (member.isBusy || member.records > 0) return { tone: 'busy', word: member.isBusy ? 'at work' : 'catching up' };
  return { tone: 'good', word: 'up to date' };
}

const shareColumns = [
  { title: 'Member' },
  { title: 'State' },
  { title: 'Record', isFigure: true },
  { title: 'Behind' },
  { title: 'Doing' },
  { title: 'Heard of', isFigure: true },
];

/** The members of one share. */
export function memberTable(status: ShareStatus): Html {
  const { members, selfId } = status;
  if (members.length === 0)
    return html`<p class="quiet">${status.head === null && status.fault === null ? 'The bucket has not been asked yet.' : 'No member has been heard of.'}</p>`;
  const rows = members.slice(0, membersShown).map((member) => memberRow(member, status, member.heartbeat.id === selfId));
  return html`${table('How far each member is', shareColumns, rows)}${rest(members.length)}`;
}

function memberRow(member: HeardMember, { lags, nowMs }: ShareStatus, isSelf: boolean): (Html | string)[] {
  const { heartbeat, agoMs } = member;
  const { id, name, cursor, appliedTo, problems, holds, halt, state, progress, role } = heartbeat;
  const lag = lags.get(id);
  const one = { id, name, isSelf, version: '', shares: 1, records: lag?.records ?? 0, problems, holds: holds.length, agoMs };
  const { tone, word } = rosterState({
    ...one,
    isHalted: halt !== null || state === 'halted',
    isBusy: progress !== null || state === 'replaying',
  });
  const label = html`${memberName(name, isSelf)}${role === 'both' ? null : html` <span class="quiet">${role}</span>`}`;
  const behind = lag === undefined || lag.records === 0 ? '–' : lagText(lag, nowMs);
  return [
    label,
    badge(tone, word),
    formatCount(Math.min(cursor, appliedTo)),
    behind,
    progress === null || agoMs > aliveMs ? '–' : progressText(progress),
    `${formatElapsed(agoMs)} ago`,
  ];
}

function progressText({
  phase,
  filesDone,
  filesTotal,
  bytesDone,
  bytesTotal,
  leftMs,
}: NonNullable<HeardMember['heartbeat']['progress']>): string {
  return [
    phase,
    ...(filesTotal > 0 ? [`${formatCount(filesDone)} of ${formatCount(filesTotal)}`] : []),
    ...(bytesTotal > 0 ? [`${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`] : []),
    ...(leftMs === null ? [] : [`about ${formatElapsed(leftMs)} left`]),
  ].join(', ');
}
