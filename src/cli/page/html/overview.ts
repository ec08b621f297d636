import { aliveMs, goneMs } from '../../../agent/members.ts';
import { fromText } from '../../../model/path.ts';
import { counted, formatBytes, formatCount } from '../../format.ts';
import type { Logged } from '../../log.ts';
import { replayText } from '../../status-ready.ts';
import type { Sight } from '../looks.ts';
import { changeList } from './changes.ts';
import { type Html, html, link, named } from './html.ts';
import { type RosterMember, rosterOf, rosterTable } from './members.ts';
import { bySeverity, type Need, needsOf, stateOf, worstTone } from './needs.ts';
import { pathForm } from './path-form.ts';
import { badge, table } from './words.ts';

/** More would hide what matters most. */
const needsShown = 40;

export interface Overview {
  readonly sights: readonly Sight[];
  /** The newest of all shares, newest first. */
  readonly changes: readonly Logged[];
  readonly nowMs: number;
}

/** Everything at a glance: what needs a person, the shares, the members, what came last. */
export function overview({ sights, changes, nowMs }: Overview): Html {
  const needs = bySeverity(sights.flatMap(needsOf));
  const roster = rosterOf(sights);
  return html`<h1 class="unseen">Overview</h1>
${verdict(sights, needs, roster)}
${needList(needs)}
<section aria-labelledby="shares"><h2 id="shares">Shares</h2>${sights.length === 0 ? html`<p>No share is followed yet.</p>` : shareTable(sights)}</section>
<section aria-labelledby="members"><h2 id="members">Members</h2>${rosterTable(roster)}</section>
<section aria-labelledby="reached"><h2 id="reached">Has my change reached every server?</h2>${pathForm(
    sights.map(({ share }) => share.name),
    '',
    '',
  )}</section>
<section aria-labelledby="latest"><h2 id="latest">Latest changes</h2>${changeList(changes, sights.length > 1, nowMs)}</section>`;
}

function verdict(sights: readonly Sight[], needs: readonly Need[], roster: readonly RosterMember[]): Html {
  const states = sights.map(stateOf);
  const tone = worstTone([...states.map((state) => state.tone), ...needs.map((need) => need.tone)]);
  const own = needs.filter((need) => need.member === '' && (need.tone === 'warn' || need.tone === 'bad')).length;
  const others = needs.filter((need) => need.member !== '' && (need.tone === 'warn' || need.tone === 'bad')).length;
  const words =
    own > 0
      ? `${counted(own, 'thing')} here ${own === 1 ? 'needs' : 'need'} you`
      : others > 0
        ? `All is well here; ${counted(others, 'thing')} elsewhere ${others === 1 ? 'needs' : 'need'} somebody`
        : states.some((state) => state.tone === 'busy')
          ? 'All is well, and work is under way'
          : 'All is well';
  return html`<p class="verdict ${tone}" role="status"><strong>${words}</strong> <span>${counted(sights.length, 'share')}, ${memberCount(roster)}</span></p>`;
}

function memberCount(roster: readonly RosterMember[]): string {
  const heard = roster.filter((member) => member.agoMs < goneMs);
  const silent = heard.filter((member) => member.agoMs > aliveMs).length;
  return `${counted(heard.length, 'member')}${silent > 0 ? `, ${formatCount(silent)} of them silent` : ''}`;
}

export function needList(needs: readonly Need[]): Html {
  if (needs.length === 0) return html``;
  const shown = needs.slice(0, needsShown);
  const more = needs.length - shown.length;
  return html`<section aria-labelledby="needs"><h2 id="needs">What needs somebody</h2><ul class="needs">${shown.map(needItem)}</ul>${
    more > 0 ? html`<p>… and ${counted(more, 'more')}: see each share, or <code>flocksync status</code>.</p>` : null
  }</section>`;
}

function needItem({ tone, share, member, path, text, fix, href }: Need): Html {
  const where =
    member === ''
      ? html`<a href="${shareHref(share)}">${named(share)}</a>`
      : html`<a href="${shareHref(share)}">${named(share)}</a> on ${named(member)}`;
  const what = path === '' ? null : html`${named(path)}: `;
  return html`<li class="need ${tone}"><p>${where}: ${what}${text}.</p>${fix === '' ? null : html`<p class="fix">${fix}</p>`}${
    href === '' || href.startsWith('share?') ? null : html`<p><a class="button" href="${href}">Look at it and decide</a></p>`
  }</li>`;
}

export function shareHref(share: string): string {
  return link('share', { name: fromText(share) });
}

const columns = [
  { title: 'Share' },
  { title: 'State' },
  { title: 'Record', isFigure: true },
  { title: 'Behind', isFigure: true },
  { title: 'Content', isFigure: true },
  { title: 'Members', isFigure: true },
];

function shareTable(sights: readonly Sight[]): Html {
  return table('Where this member stands in each share', columns, sights.map(shareRow));
}

function shareRow(sight: Sight): (Html | string)[] {
  const { share, status } = sight;
  const { tone, word } = stateOf(sight);
  const local = status?.local ?? null;
  const doing = status?.process?.status?.doing ?? local?.replay ?? null;
  const state = html`${badge(tone, word)}${doing === null ? null : html`<br><span class="quiet">${replayText(doing)}</span>`}`;
  const name = html`<a href="${shareHref(share.name)}">${named(share.name)}</a>`;
  if (status === null || local === null) return [name, state, '–', '–', '–', '–'];
  const lag = status.lags.get(status.selfId);
  const behind =
    lag === undefined
      ? '–'
      : lag.records === 0
        ? '0'
        : `${formatCount(lag.records)}${lag.bytes === null ? '' : ` (${formatBytes(lag.bytes)})`}`;
  const heard = status.members.filter(({ agoMs }) => agoMs < goneMs);
  const alive = heard.filter(({ agoMs }) => agoMs <= aliveMs).length;
  const members =
    status.head === null && heard.length === 0
      ? '–'
      : alive === heard.length
        ? formatCount(alive)
        : `${formatCount(alive)} of ${formatCount(heard.length)}`;
  const content = `${counted(local.counts.files, 'file')}, ${formatBytes(local.counts.bytes)}`;
  return [name, state, formatCount(local.cursor), behind, content, members];
}
