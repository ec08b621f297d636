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
  /** Places of one group may lie inside one another, as a share and its own staging. */
  readonly group: string;
}

export interface Places {
  readonly shares: readonly ReadShare[];
  readonly state: { path: string; line: number };
  readonly log: { path: string; line: number } | null;
  readonly datastore: { config: DatastoreConfig; line: number } | null;
}

/** Two shares on one tree would publish each other's files; a journal, trash or bucket inside a share would publish itself. */
export function refuseOverlaps(source: Source, places: Places, realpath: Realpath): void {
  const shares = places.shares.flatMap((read) => placesOf(read, realpath));
  const state = literalPlace('`state`', places.state.line, places.state.path, 'state', realpath);
  const found = [...shares, state];
  if (places.datastore?.config.kind === 'file') {
    found.push(literalPlace('the datastore', places.datastore.line, places.datastore.config.path, 'datastore', realpath));
  }
  for (const [index, later] of found.entries()) {
    const earlier = found.slice(0, index).find((place) => place.group !== later.group && overlap(place, later));
    if (earlier !== undefined) addFault(source, ...overlapFault(earlier, later));
  }
  if (places.log !== null) refuseLogInside(source, places.log, shares, realpath);
}

function refuseLogInside(source: Source, log: { path: string; line: number }, shares: readonly Place[], realpath: Realpath): void {
  const place = literalPlace('`log`', log.line, log.path, 'log', realpath);
  const share = shares.find((candidate) => overlap(candidate, place));
  if (share !== undefined)
    addFault(source, log.line, `\`log\` ${log.path} lies inside ${share.title} (${share.path}): every line would be a change to publish`);
}

function placesOf(read: ReadShare, realpath: Realpath): Place[] {
  const { share, pathLine } = read;
  const title = `share "${share.name}"`;
  if (share.pattern !== null) return [patternPlace(title, pathLine, share.pattern, share.name, realpath)];
  const parent = share.path.slice(0, share.path.lastIndexOf('/'));
  const staging = `${parent}/.flocksync-${share.name}`;
  return [
    literalPlace(title, pathLine, share.path, share.name, realpath),
    literalPlace(`the staging area of ${title}`, pathLine, staging, share.name, realpath),
  ].map((place) => ({ ...place, group: `share ${share.name} ${share.path}` }));
}

function literalPlace(title: string, line: number, path: string, group: string, realpath: Realpath): Place {
  const spellings = distinct([path, resolvedPath(path, realpath)]).map(literalSegments);
  return { title, line, path, spellings, dynamic: false, group };
}

function patternPlace(title: string, line: number, pattern: string, name: string, realpath: Realpath): Place {
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
  return { title, line, path: pattern, spellings, dynamic: true, group: `pattern ${name}` };
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
