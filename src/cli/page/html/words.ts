import { moment } from '../../document.ts';
import { formatElapsed, formatMoment } from '../../format.ts';
import { type Html, html } from './html.ts';

/** How much a thing asks of whoever reads it. */
export type Tone = 'good' | 'busy' | 'warn' | 'bad';

export function badge(tone: Tone, word: string): Html {
  return html`<span class="badge ${tone}">${word}</span>`;
}

/** `5 min ago`, with the moment itself for whoever asks; a time that no calendar has is `?`. */
export function ago(atMs: number, nowMs: number): Html {
  const at = moment(atMs);
  if (at === null) return html`?`;
  return html`<time datetime="${at}" title="${formatMoment(atMs)}">${formatElapsed(Math.max(0, nowMs - atMs))} ago</time>`;
}

export function at(atMs: number): Html {
  const iso = moment(atMs);
  return iso === null ? html`?` : html`<time datetime="${iso}">${formatMoment(atMs)}</time>`;
}

export interface Column {
  readonly title: string;
  /** Figures stand flush right. */
  readonly isFigure?: boolean;
}

/** On a narrow screen each row becomes a block, in which every cell names its column. The first cell heads the row. */
export function table(caption: string, columns: readonly Column[], rows: readonly (readonly (Html | string)[])[]): Html {
  const style = (index: number) => (columns[index]?.isFigure === true ? html` class="figure"` : html``);
  const heads = columns.map(({ title }, index) => html`<th scope="col"${style(index)}>${title}</th>`);
  const body = rows.map((cells) => {
    const [first = '', ...rest] = cells;
    const others = rest.map((cell, index) => html`<td${style(index + 1)} data-label="${columns[index + 1]?.title ?? ''}">${cell}</td>`);
    return html`<tr><th scope="row">${first}</th>${others}</tr>`;
  });
  return html`<div class="scroll"><table><caption>${caption}</caption><thead><tr>${heads}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** A list of names and what there is to say of each; those without anything are left out. */
export function facts(pairs: readonly (readonly [string, Html | string | null])[]): Html {
  const shown = pairs.filter(([, value]) => value !== null && value !== '');
  return html`<dl class="facts">${shown.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** `done` of `total`; nothing where the total is not known. */
export function progressBar(label: string, done: number, total: number): Html {
  if (total <= 0) return html``;
  return html`<progress max="100" value="${Math.min(100, Math.floor((done / total) * 100))}" aria-label="${label}"></progress>`;
}
