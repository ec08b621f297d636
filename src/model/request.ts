import type { BytePath } from './path.ts';
import { pathFault } from './path.ts';

/** Spoken on the socket of a share. Whoever speaks another version is not talked to. */
export const protocol = 1;

/** What another process of this machine asks of the one that looks after a share. */
export type Request =
  | { readonly op: 'sync'; readonly only: 'publish' | 'pull' | null }
  /** Publishes what is at and below these paths, before anything else. */
  | { readonly op: 'publish'; readonly paths: readonly BytePath[] }
  | { readonly op: 'status' }
  | { readonly op: 'wait'; readonly record: number };

/** The first line of a conversation, from the side that listens. */
export interface Greeting {
  readonly flocksync: typeof protocol;
  readonly version: string;
  readonly share: string;
  readonly holder: Holder;
  readonly pid: number;
}

/** - run: the daemon. - sync: a single run, which ends when its own work is done. */
export type Holder = 'run' | 'sync';

export type Refusal = {
  /** - unreadable: no request. - unknown: an operation of another release. - closing: the holder is about to end; ask again. */
  readonly refused: 'unreadable' | 'unknown' | 'closing';
  readonly text: string;
};

export const requestPathsMax = 100;

/** A line that came over the socket: its sender may be of another release, or not flocksync at all. */
export function decodeRequest(json: unknown): Request | Refusal {
  if (typeof json !== 'object' || json === null || !('op' in json)) return unreadable('a request is an object with "op"');
  const { op, only = null, paths, record } = json as Readonly<Record<string, unknown>>;
  if (op === 'status') return { op };
  if (op === 'sync') {
    return only === null || only === 'publish' || only === 'pull' ? { op, only } : unreadable('"only" is "publish" or "pull"');
  }
  if (op === 'publish')
    return isPaths(paths) ? { op, paths } : unreadable(`"paths" is a list of 1 to ${requestPathsMax} paths below the root`);
  if (op === 'wait') return isRecord(record) ? { op, record } : unreadable('"record" is a number from 0 up');
  return { refused: 'unknown', text: `this release does not know the operation ${shown(op)}` };
}

/** What is no text may be nested deeper than a program can follow. */
function shown(op: unknown): string {
  return typeof op === 'string' ? JSON.stringify(op.slice(0, 40)) : `that is a ${typeof op}`;
}

function unreadable(text: string): Refusal {
  return { refused: 'unreadable', text };
}

/** Each character is one byte of the name, as everywhere in this program. */
function isPaths(value: unknown): value is BytePath[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > requestPathsMax) return false;
  return value.every((path) => typeof path === 'string' && (path === '' || pathFault(path) === undefined));
}

function isRecord(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Null where this release should rather look after the share itself. */
export function decodeGreeting(json: unknown, share: string): Greeting | null {
  if (typeof json !== 'object' || json === null) return null;
  const greeting = json as Partial<Greeting>;
  return greeting.flocksync === protocol && greeting.share === share ? (greeting as Greeting) : null;
}
