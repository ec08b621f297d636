import { addFault, type Source } from './config-document.ts';
import { normalised } from './config-path.ts';
import type { ReadShare } from './config-share.ts';
import type { DatastoreConfig } from './config-types.ts';
import { type Glob, parseGlob } from './model/glob.ts';
import { fromText } from './model/path.ts';
import { parseSharePath } from './model/share-pattern.ts';

/** The real path of something that exists, or null when nothing is there. */
export type Realpath = (path: string) => string | null;

/** A place on disk that must have its own directory. */
interface Place {
  readonly title: string;
  readonly line: number;
  readonly path: string;
  /** As written, and with the links of what exists resolved. */
  readonly spellings: readonly (readonly Glob[])[];
  readonly dynamic: boolean;
}

/** Places of one owner, which may lie inside one another, as a share and its own staging; equal names are a fault of their own. */
interface Claim {
  readonly shareName: string | null;
  readonly places: readonly Place[];
}

export interface Places {
  readonly shares: readonly ReadShare[];
  readonly state: { path: string; line: number };
  readonly log: { path: string; line: number } | null;
  readonly datastore: { config: DatastoreConfig; line: number } | null;
}

/** Two shares on one tree would publish each other's files; a journal, trash or bucket inside a share would publish itself. */
export function refuseOverlaps(source: Source, places: Places, realpath: Realpath): void {
  const shares = places.shares.map((read) => claimOf(read, realpath));
  const claims = [...shares, { shareName: null, places: [literalPlace('`state`', places.state.line, places.state.path, realpath)] }];
  if (places.datastore?.config.kind === 'file') {
    const { config, line } = places.datastore;
    claims.push({ shareName: null, places: [literalPlace('the datastore', line, config.path, realpath)] });
  }
  for (const [index, later] of claims.entries()) {
    const pair = claims
      .slice(0, index)
      .map((earlier) => overlapOf(earlier, later))
      .find((found) => found !== undefined);
    if (pair !== undefined) addFault(source, ...overlapFault(pair[0], pair[1]));
  }
  if (places.log !== null) refuseLogInside(source, places.log, shares, realpath);
}

function overlapOf(earlier: Claim, later: Claim): [Place, Place] | undefined {
  if (earlier.shareName !== null && earlier.shareName === later.shareName) return undefined;
  for (const inner of later.places) {
    const outer = earlier.places.find((place) => overlap(place, inner));
    if (outer !== undefined) return [outer, inner];
  }
  return undefined;
}

function refuseLogInside(source: Source, log: { path: string; line: number }, shares: readonly Claim[], realpath: Realpath): void {
  const place = literalPlace('`log`', log.line, log.path, realpath);
  const share = shares.flatMap((claim) => claim.places).find((candidate) => overlap(candidate, place));
  if (share !== undefined)
    addFault(source, log.line, `\`log\` ${log.path} lies inside ${share.title} (${share.path}): every line would be a change to publish`);
}

function claimOf(read: ReadShare, realpath: Realpath): Claim {
  const { share, pathLine } = read;
  const title = `share "${share.name}"`;
  if (share.pattern !== null) return { shareName: share.name, places: [patternPlace(title, pathLine, share.pattern, realpath)] };
  const parent = share.path.slice(0, share.path.lastIndexOf('/'));
  const root = literalPlace(title, pathLine, share.path, realpath);
  const staging = literalPlace(`the staging area of ${title}`, pathLine, `${parent}/.flocksync-${share.name}`, realpath);
  return { shareName: share.name, places: [root, staging] };
}

function literalPlace(title: string, line: number, path: string, realpath: Realpath): Place {
  const spellings = distinct([path, resolvedPath(path, realpath)]).map(literalSegments);
  return { title, line, path, spellings, dynamic: false };
}

function patternPlace(title: string, line: number, pattern: string, realpath: Realpath): Place {
  const parsed = parseSharePath(pattern);
  const segments = parsed.ok ? parsed.pattern.segments : [];
  const first = segments.findIndex((segment) => segment.dynamic);
  const fixed = Buffer.from(
    `/${segments
      .slice(0, first)
      .map((segment) => segment.literal)
      .join('/')}`,
    'latin1',
  ).toString('utf8');
  const spellings = distinct([fixed, resolvedPath(fixed, realpath)]).map((base) => [...literalSegments(base), ...segments.slice(first)]);
  return { title, line, path: pattern, spellings, dynamic: true };
}

function literalSegments(path: string): Glob[] {
  const names = fromText(path)
    .split('/')
    .filter((name) => name !== '');
  return names.map((name) => parseGlob(name.replace(/[\\*?[{]/g, '\\$&')));
}

/** Links resolved for as much of the path as exists. */
function resolvedPath(path: string, realpath: Realpath): string {
  let rest = '';
  for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    const real = realpath(at);
    if (real !== null) return normalised(real + rest);
    rest = at.slice(at.lastIndexOf('/')) + rest;
  }
  return path;
}

/** Two patterns are compared when they are expanded, by their matches: `/srv/a*` and `/srv/b*` may stand side by side. */
function overlap(a: Place, b: Place): boolean {
  if (a.dynamic && b.dynamic) return false;
  return a.spellings.some((one) => b.spellings.some((other) => isPrefix(one, other) || isPrefix(other, one)));
}

function isPrefix(outer: readonly Glob[], inner: readonly Glob[]): boolean {
  return outer.length <= inner.length && outer.every((segment, index) => meets(segment, inner[index]));
}

function meets(a: Glob, b: Glob | undefined): boolean {
  if (b === undefined) return false;
  return a.dynamic ? a.matches(b.literal) : b.matches(a.literal);
}

function overlapFault(earlier: Place, later: Place): [number, string] {
  const same = earlier.path === later.path;
  const relation = same ? 'are the same directory' : 'lie inside one another';
  const where = earlier.line > 0 && earlier.line !== later.line ? ` (line ${earlier.line})` : '';
  const line = later.line > 0 ? later.line : earlier.line;
  return [line, `${later.title} (${later.path}) and ${earlier.title}${where} (${earlier.path}) ${relation}: give each its own directory`];
}

function distinct(paths: readonly string[]): string[] {
  return [...new Set(paths)];
}
