import { lstatSync, realpathSync } from 'node:fs';
import type { Config, ShareConfig } from '../config-types.ts';
import { toText } from '../model/path.ts';
import { decodePart } from '../model/share-name.ts';
import { matchesSegment, nameOfMatch, parseSharePath, type SharePattern, segmentsForName } from '../model/share-pattern.ts';
import { bytesOfEncoded, listMatches } from './share-listing.ts';

/** Why a directory or a name that a pattern might mean is no share now. It is reported and stops no other share. */
export interface ShareProblem {
  /** The share's name, or the template's where there is none. */
  readonly share: string;
  readonly code: 'unreadable' | 'name' | 'link' | 'overlap';
  readonly message: string;
}

export interface Expanded {
  /** Every one with a root of its own: `pattern` is null. In the order of the config, then by name. */
  readonly shares: readonly ShareConfig[];
  readonly problems: readonly ShareProblem[];
}

type Template = Pick<ShareConfig, 'name' | 'pattern'>;
type Problems = Map<string, ShareProblem>;

/**
 * Makes one share per match of each pattern. `federationShares` are the names known from the bucket and from journals: one that
 * comes from a pattern is a share here too, whether its root exists yet, no longer, or not at all.
 */
export async function expandShares(
  config: Pick<Config, 'shares'>,
  known: { readonly federationShares: readonly string[] },
): Promise<Expanded> {
  const problems: Problems = new Map();
  const taken = new Set(config.shares.filter((share) => share.pattern === null).map((share) => share.name));
  const shares: ShareConfig[] = [];
  for (const share of config.shares) {
    if (share.pattern === null) shares.push(share);
    else shares.push(...(await expandOne(share, known.federationShares, taken, problems)));
  }
  return { shares: withoutOverlaps(shares, problems), problems: [...problems.values()] };
}

/** The root of a share from its name alone, or null when the name does not come from this share's pattern. */
export function rootForShare(template: Template, shareName: string): string | null {
  const parsed = template.pattern === null ? undefined : parseSharePath(template.pattern);
  if (parsed === undefined || !parsed.ok) return null;
  const segments = segmentsForName(parsed.pattern, template.name, shareName);
  return segments === undefined ? null : textOf(`/${segments.join('/')}`);
}

async function expandOne(
  template: ShareConfig,
  federationShares: readonly string[],
  taken: ReadonlySet<string>,
  problems: Problems,
): Promise<ShareConfig[]> {
  const parsed = parseSharePath(template.pattern ?? '');
  if (!parsed.ok) return [];
  const matched = await matchedNames(template, parsed.pattern, problems);
  const names = [...new Set([...matched, ...federationShares.filter((name) => !taken.has(name))])].sort();
  return names.flatMap((name) => {
    const path = rootForShare(template, name);
    if (path === null) return [];
    const problem = taken.has(name) ? clash(name, path) : linkOnTheWay(name, parsed.pattern, path);
    if (problem !== undefined) problems.set(`${name} ${problem.code}`, problem);
    return problem === undefined ? [{ ...template, name, path, pattern: null, fixedPart: fixedPart(parsed.pattern, path) }] : [];
  });
}

function fixedPart(pattern: SharePattern, path: string): string {
  const first = pattern.segments.findIndex((segment) => segment.dynamic);
  const names = path.split('/').slice(1);
  return `/${names.slice(0, first).join('/')}`;
}

function clash(share: string, path: string): ShareProblem {
  return {
    share,
    code: 'name',
    message: `${path} would be share "${share}", a name that another share of the config has: rename one of them`,
  };
}

/** Names of the shares of all directories that match now. */
async function matchedNames(template: ShareConfig, pattern: SharePattern, problems: Problems): Promise<string[]> {
  const found: string[] = [];
  for (const match of await listMatches(pattern, (path, error) => noteUnreadable(template, pattern, path, error, problems))) {
    const parts = match.split('/').filter((part) => part !== '');
    const matched = parts.flatMap((part, index) => (pattern.segments[index]?.dynamic ? [decodePart(part) ?? ''] : []));
    const wanted = pattern.segments.filter((segment) => segment.dynamic);
    if (!wanted.every((segment, index) => matchesSegment(segment, matched[index] ?? ''))) continue;
    const name = nameOfMatch(template.name, matched);
    const problem =
      name === undefined ? tooLong(template, matched) : textOf(matched.join('/')) === null ? notText(template, matched) : undefined;
    if (problem !== undefined) problems.set(`${template.name} ${match}`, problem);
    else if (name !== undefined) found.push(name);
  }
  return found;
}

function tooLong(template: Template, matched: readonly string[]): ShareProblem {
  const shown = toText(matched.join('/'));
  return {
    share: template.name,
    code: 'name',
    message: `the directory "${shown}" makes a share name that is too long: rename it or write it as a share of its own`,
  };
}

function notText(template: Template, matched: readonly string[]): ShareProblem {
  return {
    share: template.name,
    code: 'name',
    message: `the directory "${toText(matched.join('/'))}" has a name that is not UTF-8: rename it`,
  };
}

/** A directory that cannot be listed hides shares: that is said. One that merely is not there, or is not meant, is no trouble. */
function noteUnreadable(template: Template, pattern: SharePattern, encoded: string, error: unknown, problems: Problems): void {
  const names = encoded.split('/').filter((part) => part !== '');
  const meant = names.every((name, index) => {
    const segment = pattern.segments[index];
    return segment === undefined || !segment.dynamic || matchesSegment(segment, decodePart(name) ?? '');
  });
  const absent = error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
  const below = pattern.segments.findIndex((segment) => segment.dynamic);
  if (!meant || (absent && names.length > below)) return;
  const path = toText(bytesOfEncoded(encoded).toString('latin1'));
  const reason = error instanceof Error ? error.message : String(error);
  problems.set(`${template.name} ${encoded}`, {
    share: template.name,
    code: 'unreadable',
    message: `${path} cannot be searched for shares of "${template.pattern}" (${reason}): let the user that runs flocksync read it, or correct the pattern`,
  });
}

/** From the first wildcard on, a link would lead the share to another place than its name says; links before it are the administrator's. */
function linkOnTheWay(share: string, pattern: SharePattern, path: string): ShareProblem | undefined {
  const first = pattern.segments.findIndex((segment) => segment.dynamic);
  const names = path.split('/').slice(1);
  for (let length = first + 1; length <= names.length; length++) {
    const at = `/${names.slice(0, length).join('/')}`;
    const kind = kindOf(at);
    if (kind === 'link')
      return { share, code: 'link', message: `${at} is a symbolic link, which a pattern never follows: write it as a share of its own` };
    if (kind !== 'other') return undefined;
  }
  return undefined;
}

function kindOf(path: string): 'link' | 'other' | 'absent' {
  try {
    return lstatSync(path).isSymbolicLink() ? 'link' : 'other';
  } catch {
    return 'absent';
  }
}

function withoutOverlaps(shares: readonly ShareConfig[], problems: Problems): ShareConfig[] {
  const kept: { share: ShareConfig; real: string }[] = [];
  for (const share of shares) {
    const real = `${realpathIfThere(share.path)}/`;
    const other = kept.find((one) => one.real.startsWith(real) || real.startsWith(one.real));
    if (other === undefined) kept.push({ share, real });
    else problems.set(`${share.name} overlap`, overlap(share, other.share));
  }
  return kept.map((one) => one.share);
}

function overlap(share: ShareConfig, other: ShareConfig): ShareProblem {
  const message = `${share.path} and share "${other.name}" (${other.path}) lie inside one another: share "${share.name}" is left out; correct the patterns or move one of the two`;
  return { share: share.name, code: 'overlap', message };
}

function realpathIfThere(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}

/** A root is text (UTF-8) everywhere; null for bytes that are not. */
function textOf(bytes: string): string | null {
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  return Buffer.from(text, 'utf8').toString('latin1') === bytes ? text : null;
}
