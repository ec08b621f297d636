import { fromText, toText } from '../../../model/path.ts';
import { counted, formatBytes, formatCount, formatElapsed } from '../../format.ts';
import type { Logged } from '../../log.ts';
import { lagText } from '../../status-lines.ts';
import type { LocalStatus } from '../../status-local.ts';
import type { ShareStatus } from '../../status-look.ts';
import { replayText } from '../../status-ready.ts';
import type { Sight } from '../looks.ts';
import { changeList } from './changes.ts';
import { type Html, html, link, named } from './html.ts';
import { memberTable } from './members.ts';
import { bySeverity, needsOf, stateOf } from './needs.ts';
import { needList } from './overview.ts';
import { pathForm } from './path-form.ts';
import { ago, badge, facts, progressBar } from './words.ts';

const deviationsShown = 50;

export function shareScreen(sight: Sight, changes: readonly Logged[], nowMs: number): Html {
  const { share, status } = sight;
  const { tone, word } = stateOf(sight);
  return html`<h1>${named(share.name)} ${badge(tone, word)}</h1>
<p class="quiet">${named(share.path)}${share.role === 'both' ? null : `, ${share.role}`}, ${share.mode}</p>
${status === null ? null : underWay(status)}
${needList(bySeverity(needsOf(sight)))}
${
  status === null
    ? null
    : html`<section aria-labelledby="here"><h2 id="here">This server</h2>${standing(status, nowMs)}</section>
<section aria-labelledby="members"><h2 id="members">Members</h2>${memberTable(status)}</section>`
}
<section aria-labelledby="reached"><h2 id="reached">Has my change reached every server?</h2>${pathForm([share.name], share.name, '')}</section>
<section aria-labelledby="latest"><h2 id="latest">Latest changes</h2>${changeList(changes, false, nowMs)}
<p><a class="button" href="${link('changes', { share: fromText(share.name) })}">All changes</a> <a class="button" href="${link('conflicts', { share: fromText(share.name) })}">Conflicts</a></p></section>
${status?.local == null ? null : deviationList(status.local)}`;
}

/** What is being done now, with the time left where that can be said. */
function underWay({ process, local }: ShareStatus): Html {
  const doing = process?.status?.doing ?? local?.replay ?? null;
  if (doing === null) return html``;
  const [done, total] = doing.bytesTotal > 0 ? [doing.bytesDone, doing.bytesTotal] : [doing.filesDone, doing.filesTotal];
  return html`<p class="under-way"><span>${replayText(doing)}</span>${progressBar(doing.phase, done, total)}</p>`;
}

function standing(status: ShareStatus, nowMs: number): Html {
  const { local, head, fault } = status;
  if (local === null) return html`<p>Never synced here${head === null ? '' : `; the share has ${counted(head, 'record')}`}.</p>`;
  const { counts, lastCycle, joined, historyMs } = local;
  return facts([
    ['Record', position(status, local)],
    ['Log', head === null ? (fault === null ? 'not asked yet' : 'no answer') : `ends at record ${formatCount(head)}`],
    ['Joined', joined ? null : 'still joining: it publishes nothing yet'],
    [
      'Content',
      `${counted(counts.files, 'file')}, ${counted(counts.directories, 'directory', 'directories')}, ${counted(counts.links, 'link')}, ${formatBytes(counts.bytes)}`,
    ],
    ['To apply here', waiting(local)],
    ['To publish', outgoing(local)],
    ['Last cycle', lastCycle === null ? 'none yet' : ago(lastCycle.atMs, nowMs)],
    [
      'Conflicts',
      local.conflicts === 0
        ? null
        : html`<a href="${link('conflicts', { share: fromText(status.share.name) })}">${formatCount(local.conflicts)} resolved</a>`,
    ],
    ['Found by sweeps', local.missed === null ? null : `${counted(local.missed.paths, 'change')} that no file event had told of`],
    ['History kept', historyMs === null ? null : formatElapsed(historyMs)],
    ['Next', nextText(status)],
  ]);
}

function position({ lags, selfId, nowMs }: ShareStatus, { cursor, appliedTo }: LocalStatus): string {
  const lag = lags.get(selfId);
  const read = appliedTo === cursor ? '' : `, applied up to ${formatCount(appliedTo)}`;
  return `${formatCount(cursor)}${read}${lag === undefined || lag.records === 0 ? '' : `: ${lagText(lag, nowMs)}`}`;
}

function waiting({ incoming: { changes, deletions, bytes } }: LocalStatus): string | null {
  const parts = [
    ...(changes > 0 ? [`${counted(changes, 'change')} (${formatBytes(bytes)})`] : []),
    ...(deletions > 0 ? [counted(deletions, 'deletion')] : []),
  ];
  return parts.length === 0 ? null : parts.join(', ');
}

function outgoing({ outgoing: { records, owed }, requests }: LocalStatus): string | null {
  const parts = [
    ...(records > 0 ? ['one record waits for an answer of the bucket'] : []),
    ...(owed > 0 ? [`${counted(owed, 'replaced file')} in the trash`] : []),
    ...(requests > 0 ? [`${counted(requests, 'content')} asked for that no member has sent again yet`] : []),
  ];
  return parts.length === 0 ? null : parts.join('; ');
}

function nextText({ process }: ShareStatus): string | null {
  const prospects = process?.status?.prospects ?? null;
  if (prospects === null) return null;
  const { nextLookMs, nextPollMs, nextCycleMs, watched } = prospects;
  const looks = nextLookMs ?? nextCycleMs;
  const parts = [
    ...(watched === null ? [] : [`${counted(watched, 'directory', 'directories')} watched`]),
    ...(looks === null ? [] : [`look at the disk in ${formatElapsed(looks)}`]),
    ...(nextPollMs === null ? [] : [`look at the log in ${formatElapsed(nextPollMs)}`]),
  ];
  return parts.length === 0 ? null : parts.join(', ');
}

function deviationList({ deviations }: LocalStatus): Html {
  if (deviations.count === 0) return html``;
  const shown = deviations.first.slice(0, deviationsShown);
  const more = deviations.count - shown.length;
  return html`<section aria-labelledby="deviations"><h2 id="deviations">Differs from the log on purpose</h2><ul class="paths">${shown.map(
    ({ path, why }) => html`<li>${named(toText(path))} <span class="quiet">${why}</span></li>`,
  )}${more > 0 ? html`<li class="quiet">… and ${formatCount(more)} more</li>` : null}</ul></section>`;
}
