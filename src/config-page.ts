import { isScalar } from 'yaml';
import { addFault, describe, resolved, type Section } from './config-document.ts';
import type { PageConfig, PageToken } from './config-types.ts';
import { fieldOf, readText, type Text } from './config-values.ts';
import { isAddress, isLoopback } from './model/address.ts';

/** Whoever may guess as often as a network allows must not come through it. */
export const tokenCharactersMin = 16;
const example = '127.0.0.1:8385';
const makeOne = `put FLOCKSYNC_PAGE_TOKEN=… (openssl rand -hex 24) into /etc/flocksync.env and write pageToken: $\{FLOCKSYNC_PAGE_TOKEN}`;

/** `page` and `pageToken` of the top of the file; null where no page is wanted. */
export function readPage(top: Section): PageConfig | null {
  const token = readToken(top);
  const place = readPlace(top);
  if (place === undefined) {
    const field = top.fields.get('pageToken');
    if (field !== undefined && !top.fields.has('page'))
      addFault(top.source, field.keyLine, `\`pageToken\` needs \`page\`: add for example page: ${example}`);
    return null;
  }
  if (!place.loopback && !top.fields.has('pageToken')) addFault(top.source, place.line, openToOthers(place));
  return { host: place.host, port: place.port, loopback: place.loopback, token };
}

function openToOthers({ host }: { readonly host: string }): string {
  return `\`page\` listens on ${host}, which others can reach, and has no \`pageToken\`: write ${example} (and let a web server with TLS pass it on), or ${makeOne}`;
}

interface Place {
  readonly host: string;
  readonly port: number;
  readonly loopback: boolean;
  readonly line: number;
}

function readPlace(top: Section): Place | undefined {
  const field = fieldOf(top, 'page');
  if (field === undefined) return undefined;
  const node = resolved(top.source, field.node);
  if (!isScalar(node) || typeof node.value !== 'string') {
    addFault(
      top.source,
      field.line,
      `\`page\` must be an address and a port, found ${describe(node)}: write ${example}, or "[::1]:8385" in quotes`,
    );
    return undefined;
  }
  const text = readText(top, 'page');
  return text === undefined ? undefined : placeOf(top, text);
}

function placeOf(top: Section, { value, shown, line }: Text): Place | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(value);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  const right = match?.[1] === undefined ? host === 'localhost' || isAddress(host) === 4 : isAddress(host) === 6;
  if (right && port >= 1 && port <= 65_535) return { host, port, loopback: isLoopback(host), line };
  addFault(
    top.source,
    line,
    `\`page\` is ${shown}: write an address and a port from 1 to 65535, such as ${example}, or "[::1]:8385" in quotes`,
  );
  return undefined;
}

/** A token that stands in this file could be read by everybody who may read the file, so only where it comes from is written here. */
function readToken(top: Section): PageToken | null {
  const text = readText(top, 'pageToken');
  if (text === undefined) return null;
  const written = writtenText(top, 'pageToken');
  if (written === text.value) {
    if (written.startsWith('/')) return { kind: 'file', path: written };
    addFault(
      top.source,
      text.line,
      `\`pageToken\` is written out, and this file is no place for secrets: ${makeOne}; or name a file by its absolute path`,
    );
    return null;
  }
  const fault = tokenFault(text.value);
  if (fault !== null) addFault(top.source, text.line, `\`pageToken\` ${fault}: make one with openssl rand -hex 24`);
  return { kind: 'text', value: text.value };
}

/** Why a text is no token, as a clause; null where it is one. */
export function tokenFault(token: string): string | null {
  if (!/^[\x21-\x7e]*$/.test(token)) return 'has characters other than letters, digits and punctuation';
  return token.length < tokenCharactersMin ? `has ${token.length} characters, and at least ${tokenCharactersMin} are needed` : null;
}

function writtenText(top: Section, key: string): string {
  const node = resolved(top.source, top.fields.get(key)?.node ?? null);
  return isScalar(node) ? String(node.value) : '';
}
