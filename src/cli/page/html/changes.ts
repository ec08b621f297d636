import { fromText, toText } from '../../../model/path.ts';
import type { RecordRow } from '../../../ports/journal.ts';
import { counted, formatBytes, formatCount } from '../../format.ts';
import { type Change, headText, type Logged, wordOf } from '../../log.ts';
import { flag, type Html, html, link, named } from './html.ts';
import { ago } from './words.ts';

/** Records, newest first, with the first paths that each changed. */
export function changeList(records: readonly Logged[], isSeveral: boolean, nowMs: number): Html {
  if (records.length === 0) return html`<p class="quiet">Nothing has been published yet.</p>`;
  return html`<ol class="changes" reversed>${records.map((record) => changeItem(record, isSeveral, nowMs))}</ol>`;
}

function changeItem({ share, row, count, changes }: Logged, isSeveral: boolean, nowMs: number): Html {
  const more = count - changes.length;
  const where = isSeveral ? html` in ${named(share)}` : null;
  return html`<li><p><strong>${String(row.sequence)}</strong> ${named(row.author || '?')}${where} <span class="quiet">${summaryOf(row)}, ${ago(row.atMs, nowMs)}</span></p>${
    changes.length === 0
      ? null
      : html`<ul class="paths">${changes.map((change) => changeLine(share, change))}${more > 0 ? html`<li class="quiet">… and ${formatCount(more)} more</li>` : null}</ul>`
  }</li>`;
}

/** What a record is about, in words. */
function summaryOf(row: RecordRow): string {
  const { kind, verdict, puts, deletes, kept, bytes } = row;
  if (kind !== 'changes' || verdict !== 'ok') return headText(row);
  return [
    ...(puts > 0 || deletes === 0 ? [counted(puts, 'change')] : []),
    ...(deletes > 0 ? [counted(deletes, 'deletion')] : []),
    ...(kept > 0 ? [`${counted(kept, 'loser')} of conflicts kept`] : []),
    ...(bytes > 0 ? [formatBytes(bytes)] : []),
  ].join(', ');
}

const marks = { added: '+', changed: '~', deleted: '−', kept: 'k' };

function changeLine(share: string, { row, before }: Change): Html {
  const word = wordOf(row.op, before);
  const shown = row.entry ?? before;
  const detail =
    shown?.kind === 'file' ? formatBytes(shown.size) : shown?.kind === 'link' ? `→ ${toText(shown.target)}` : (shown?.kind ?? '');
  const href = link('path', { share: fromText(share), path: row.path });
  return html`<li class="${word}"><span class="mark" aria-hidden="true">${marks[word]}</span> <span class="unseen">${word}</span> <a href="${href}">${named(toText(row.path))}</a> <span class="quiet">${detail}</span></li>`;
}

export interface ChangesScreen {
  readonly share: string;
  readonly shares: readonly string[];
  readonly records: readonly Logged[];
  /** The number below which the next page begins; null where nothing follows. */
  readonly older: number | null;
  readonly nowMs: number;
}

export function changesScreen({ share, shares, records, older, nowMs }: ChangesScreen): Html {
  const next =
    older === null
      ? null
      : html`<p><a class="button" href="${link('changes', { share: fromText(share), before: String(older) })}">Older changes</a></p>`;
  return html`<h1>Changes of ${named(share)}</h1>${shareNav('changes', shares, share)}
<p class="quiet">${counted(records.length, 'record')} of the log, the newest first. A name leads to the history of that path.</p>
${changeList(records, false, nowMs)}${next}`;
}

/** A way to the same screen of another share. */
export function shareNav(page: string, shares: readonly string[], current: string): Html {
  if (shares.length < 2) return html``;
  const options = shares.map((name) => html`<option value="${name}"${flag('selected', name === current)}>${name}</option>`);
  return html`<form class="row" action="${page}"><label>Share <select name="share">${options}</select></label> <button>Show</button></form>`;
}
