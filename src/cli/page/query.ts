import type { BytePath } from '../../model/path.ts';

const pairsMax = 50;

/** What follows the `?`, or the body of a form, as bytes. Values are bytes too: a path need not be text. The first of a key counts. */
export function parseQuery(text: string): ReadonlyMap<string, BytePath> {
  const found = new Map<string, BytePath>();
  for (const pair of text.split('&', pairsMax)) {
    const equals = pair.indexOf('=');
    const key = bytesOf(equals < 0 ? pair : pair.slice(0, equals));
    if (key !== '' && !found.has(key)) found.set(key, equals < 0 ? '' : bytesOf(pair.slice(equals + 1)));
  }
  return found;
}

function bytesOf(encoded: string): BytePath {
  return encoded.replace(/\+/g, ' ').replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
