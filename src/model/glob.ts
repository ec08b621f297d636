/**
 * A glob over one name (no `/`): `*`, `?`, `[a-z]`, `[!a-z]`, `{one,two}`, and `\` before a character that is meant literally.
 * Everything else stands for itself. Written here because names must match the same way whether they come from a directory
 * listing, from the bucket or from the command line.
 */
export interface Glob {
  /** True when the text has at least one wildcard. */
  readonly dynamic: boolean;
  /** The text without escapes; only meaningful when not dynamic. */
  readonly literal: string;
  matches(name: string): boolean;
}

export function parseGlob(text: string): Glob {
  const parts: Part[] = [];
  for (let at = 0; at < text.length; ) {
    const part = partAt(text, at);
    parts.push(part);
    at += part.length;
  }
  const dynamic = parts.some((part) => part.wild);
  const literal = parts.map((part) => part.literal).join('');
  const pattern = new RegExp(`^(?:${parts.map((part) => part.source).join('')})$`);
  return { dynamic, literal, matches: (name) => (dynamic ? pattern.test(name) : name === literal) };
}

/** True when a name could be meant as a glob, so that a shell's leftover wildcard is not taken for a name. */
export function isGlob(text: string): boolean {
  return parseGlob(text).dynamic;
}

interface Part {
  /** Characters of the text that it takes. */
  readonly length: number;
  readonly wild: boolean;
  readonly literal: string;
  readonly source: string;
}

function partAt(text: string, at: number): Part {
  const char = text[at] ?? '';
  if (char === '*') return wild(1, '[^/]*');
  if (char === '?') return wild(1, '[^/]');
  if (char === '[') return classAt(text, at) ?? literalPart(char, 1);
  if (char === '{') return choiceAt(text, at) ?? literalPart(char, 1);
  if (char === '\\' && at + 1 < text.length) return literalPart(text[at + 1] ?? '', 2);
  return literalPart(char, 1);
}

function wild(length: number, source: string): Part {
  return { length, wild: true, literal: '', source };
}

function literalPart(char: string, length: number): Part {
  return { length, wild: false, literal: char, source: escapeForRegExp(char) };
}

/** `[abc]`, `[a-z]`, `[!a-z]`; undefined for a bracket that never closes or encloses nothing, which then stands for itself. */
function classAt(text: string, at: number): Part | undefined {
  const match = /^\[([!^]?)(\]?[^\]/]*)\]/.exec(text.slice(at));
  const [whole, not, members] = match ?? [];
  if (whole === undefined || members === undefined || members === '') return undefined;
  const source = `[${not === '' ? '' : '^/'}${members.replace(/[\\\]^[]/g, '\\$&')}]`;
  return isValidRegExp(source) ? wild(whole.length, source) : undefined;
}

/** `{one,two}` with wildcards inside, without nesting; undefined when there is no comma, as shells do. */
function choiceAt(text: string, at: number): Part | undefined {
  const match = /^\{([^{}]*,[^{}]*)\}/.exec(text.slice(at));
  if (match?.[1] === undefined) return undefined;
  const sources = match[1].split(',').map(sourceOf);
  return wild(match[0].length, `(?:${sources.join('|')})`);
}

function sourceOf(text: string): string {
  let source = '';
  for (let at = 0; at < text.length; ) {
    const part = partAt(text, at);
    source += part.source;
    at += part.length;
  }
  return source;
}

function escapeForRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

/** A class such as `[z-a]` has no meaning; it then stands for itself. */
function isValidRegExp(source: string): boolean {
  try {
    new RegExp(source);
    return true;
  } catch {
    return false;
  }
}
