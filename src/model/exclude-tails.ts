/**
 * A cheap question before the dear one. Gitignore rules cost a few microseconds for each path that they are asked about, and most paths
 * are nothing to any of them: a line can only fit a path where the line's last name fits the path's, or that of a directory above it.
 * The expression finds every such path; null where a line has a form that is not worth the risk. The patterns are bytes, as paths are.
 */
export function tailsOf(patterns: readonly string[]): RegExp | null {
  const tails = new Set<string>();
  for (const pattern of patterns) {
    // What takes paths back cannot exclude one.
    if (pattern.startsWith('!') || pattern.startsWith('#')) continue;
    const tail = tailOf(pattern);
    if (tail === null) return null;
    tails.add(tail);
  }
  return tails.size === 0 ? null : new RegExp(`(?:^|/)(?:${[...tails].join('|')})(?:/|$)`);
}

function tailOf(pattern: string): string | null {
  if (!/^[\x21-\x7e\x80-\xff]+( +[\x21-\x7e\x80-\xff]+)*$/.test(pattern)) return null;
  const names = pattern.split('/').filter((name) => name !== '' && name !== '**');
  const parts = names.map(nameOf);
  const tail = parts.at(-1);
  // A bracket that is closed behind a slash makes one of the library's own readings, so every name has to be plain.
  if (tail === undefined || parts.includes(null)) return null;
  // `cache/*` says more by the directory than by its last name.
  const saysLittle = names.at(-1) === '*' && names.length > 1 && !pattern.includes('**/*');
  return saysLittle ? `${parts.at(-2)}/${tail}` : tail;
}

const special = /[.*+?^${}()|\\/[\]]/g;

/** One name of a pattern as an expression; null where it has a class or an escape beyond the plain ones: the library has its own reading of some. */
function nameOf(name: string): string | null {
  const parts = name.match(/\[[A-Za-z0-9_-]+\]|\\[#![\]]|[^[\\]/g) ?? [];
  if (parts.join('') !== name || name.includes('**')) return null;
  return parts
    .map((part) => {
      if (part === '*') return '[^/]*';
      if (part === '?') return '[^/]';
      if (part.length > 2) return part;
      return part.slice(-1).replace(special, '\\$&');
    })
    .join('');
}
