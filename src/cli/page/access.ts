import type { PageRequest } from '../../adapters/page-server.ts';
import { isAddress } from '../../model/address.ts';
import { isEqual, type Session, type Sessions } from './sessions.ts';

/** How a request may be answered. */
export interface Access {
  readonly session: Session | null;
  /** The token stood in the header. */
  readonly isBearer: boolean;
}

export function accessOf(request: Pick<PageRequest, 'header'>, sessions: Sessions, cookie: string): Access {
  const id = cookieOf(request.header('cookie') ?? '', cookie);
  const bearer = /^Bearer +([\x21-\x7e]+) *$/i.exec(request.header('authorization') ?? '')?.[1];
  return { session: id === null ? null : sessions.find(id), isBearer: bearer !== undefined && sessions.isToken(bearer) };
}

/** Cookies of one host are shared by all its ports. */
export function cookieName(port: number): string {
  return `flocksync-${port}`;
}

function cookieOf(header: string, name: string): string | null {
  for (const pair of header.split(';')) {
    const [key = '', value = ''] = pair.trim().split('=', 2);
    if (key === name) return value;
  }
  return null;
}

/**
 * Whether a browser may have been sent here under this name. A site of somebody else can make its own name mean this machine, and would
 * then be let in as if it were this page; it cannot make an address of its own mean it.
 */
export function isTrustedHost(host: string | undefined): boolean {
  const name = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/.exec(host ?? '');
  const text = name?.[1] ?? name?.[2] ?? '';
  return text.toLowerCase() === 'localhost' || isAddress(text) !== 0;
}

/** Whether a form was sent by this page in this session, or by a program that knows the token. */
export function mayDecide(request: Pick<PageRequest, 'header'>, { session, isBearer }: Access, proof: string): boolean {
  if (isBearer) return true;
  return session !== null && isSentFromHere(request) && isEqual(proof, session.proof);
}

/** Old browsers do not tell. */
export function isSentFromHere(request: Pick<PageRequest, 'header'>): boolean {
  const site = request.header('sec-fetch-site');
  return site === undefined || site === 'same-origin' || site === 'none';
}
