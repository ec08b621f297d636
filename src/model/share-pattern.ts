import { type Glob, parseGlob } from './glob.ts';
import { fromText } from './path.ts';
import { decodePart, encodePart, expandedNameMax } from './share-name.ts';

/** A path with wildcards, cut at its slashes. Segment texts are byte strings (path.ts), as directory names are. */
export interface SharePattern {
  readonly segments: readonly Glob[];
}

export type ParsedPath =
  | { readonly ok: true; readonly pattern: SharePattern; readonly dynamic: boolean }
  | { readonly ok: false; readonly fault: string };

/** Reads an absolute path of the config file, with or without wildcards. A `\` before a wildcard makes it an ordinary character. */
export function parseSharePath(path: string): ParsedPath {
  const unescaped = path.replace(/\\./g, '');
  if (unescaped.includes('**')) return { ok: false, fault: '"**" is not supported in a path: write one "*" per directory level' };
  if (/\{[^{}]*\//.test(unescaped)) return { ok: false, fault: 'a choice in braces must not contain "/": write one share per path' };
  const segments = fromText(path)
    .split('/')
    .filter((segment) => segment !== '')
    .map(parseGlob);
  return { ok: true, pattern: { segments }, dynamic: segments.some((segment) => segment.dynamic) };
}

/** The name of the share at the matched directory names, or undefined when it would be too long. */
export function nameOfMatch(template: string, matched: readonly string[]): string | undefined {
  const name = `${template}-${matched.map(encodePart).join('~')}`;
  return name.length <= expandedNameMax ? name : undefined;
}

/**
 * The path (segments as byte strings) of a share found by its name alone, or undefined when the name does not come from this pattern.
 * The name may come from a hostile bucket: each part must be one directory name that its wildcard matches.
 */
export function segmentsForName(pattern: SharePattern, template: string, shareName: string): string[] | undefined {
  if (!shareName.startsWith(`${template}-`) || shareName.length > expandedNameMax) return undefined;
  const parts = shareName.slice(template.length + 1).split('~');
  if (parts.length !== pattern.segments.filter((segment) => segment.dynamic).length) return undefined;
  const segments: string[] = [];
  for (const segment of pattern.segments) {
    const name = segment.dynamic ? decodePart(parts.shift() ?? '') : segment.literal;
    if (name === undefined || (segment.dynamic && !matchesSegment(segment, name))) return undefined;
    segments.push(name);
  }
  return segments;
}

/** Staging areas lie beside the roots that a pattern such as `/var/www/*` matches and must never become shares themselves. */
export function matchesSegment(segment: Glob, name: string): boolean {
  return segment.matches(name) && !name.startsWith('.flocksync');
}
