import { fromText, toText } from '../../../model/path.ts';

/** Markup that may be sent as it is. A class, so that no document from elsewhere can pass itself off as one. */
export class Html {
  readonly html: string;

  constructor(html: string) {
    this.html = html;
  }
}

type Part = Html | string | number | null | readonly Part[];

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
/** Besides those that `toText` shows: what turns the direction of text, breaks lines, or stands there without a sign. */
const unseen = /[\u061c\u200b\u200e\u200f\u2028\u2029\ufeff]/g;

/**
 * Text from anywhere as markup: a name of a file, a label of a member, what a command said. It can neither begin an element nor end an
 * attribute, nor change how what stands beside it is read.
 */
export function escaped(text: string): string {
  const shown = toText(fromText(text)).replace(unseen, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return shown.replace(/[&<>"']/g, (sign) => entities[sign] as string);
}

/** A template whose values are escaped, except for those that are markup already; null is nothing, a list its items one after the other. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(texts.map((text, index) => (index === 0 ? text : asMarkup(parts[index - 1] ?? null) + text)).join(''));
}

function asMarkup(part: Part): string {
  if (part === null) return '';
  if (typeof part === 'string') return escaped(part);
  if (typeof part === 'number') return String(part);
  if (part instanceof Html) return part.html;
  return Array.isArray(part) ? part.map(asMarkup).join('') : escaped(String(part));
}

/** An attribute without a value, or nothing. */
export function flag(name: 'selected' | 'data-live', isSet: boolean): Html {
  return new Html(isSet ? ` ${name}` : '');
}

/** A name or a path, apart from the direction of the text around it. */
export function named(text: string): Html {
  return html`<bdi class="name">${text}</bdi>`;
}

/** Relative, so that a web server may pass the page on below any path. Values are byte strings: a name need not be text. */
export function link(page: string, query: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(query).map(([key, bytes]) => `${key}=${encoded(bytes)}`);
  return pairs.length === 0 ? page : `${page}?${pairs.join('&')}`;
}

function encoded(bytes: string): string {
  return bytes.replace(/[^A-Za-z0-9._~/-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}
