/**
 * A path or name as the kernel sees it: each UTF-16 code unit of the string is one byte (latin1). Names are bytes, not text,
 * so invalid UTF-8 survives, and comparing two of these strings compares bytes. Relative to the share's root, '/' between
 * components, '' is the root itself.
 */
export type BytePath = string;

export const pathBytesMax = 4096;
export const nameBytesMax = 255;
export const pathDepthMax = 512;

/** Bytes as typed or configured by a person (UTF-8 text) to a byte path. */
export function fromText(text: string): BytePath {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** What a person may see: UTF-8 where it is valid, `\xNN` for stray bytes, `\n`-style escapes for control characters. */
export function toText(path: BytePath): string {
  const bytes = Buffer.from(path, 'latin1');
  const text = bytes.toString('utf8');
  const faithful = Buffer.from(text, 'utf8').equals(bytes) ? text : escapeStrayBytes(bytes);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is being escaped
  return faithful.replace(/[\u0000-\u001f\u007f\u0080-\u009f\u202a-\u202e\u2066-\u2069]/g, escapeControl);
}

/** True when `toText` loses nothing, so that a JSON consumer can use the text as the name. */
export function isPlainText(path: BytePath): boolean {
  return fromText(toText(path)) === path;
}

/** The containing directory; '' for a name at the root. */
export function parentOf(path: BytePath): BytePath {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

export function nameOf(path: BytePath): BytePath {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function join(dir: BytePath, name: BytePath): BytePath {
  return dir === '' ? name : `${dir}/${name}`;
}

/** True for `path` itself and everything below it. */
export function isWithin(path: BytePath, dir: BytePath): boolean {
  return dir === '' || path === dir || path.startsWith(`${dir}/`);
}

/** Every proper ancestor, nearest first, without the root. */
export function ancestorsOf(path: BytePath): BytePath[] {
  const found: BytePath[] = [];
  for (let at = parentOf(path); at !== ''; at = parentOf(at)) found.push(at);
  return found;
}

export function depthOf(path: BytePath): number {
  let depth = path === '' ? 0 : 1;
  for (let i = 0; i < path.length; i++) if (path.charCodeAt(i) === 47) depth++;
  return depth;
}

/** Byte order of whole paths; ancestors come before descendants. */
export function comparePaths(a: BytePath, b: BytePath): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Why a string from outside may not be used as a path below a root, or undefined when it may. */
export function pathFault(path: unknown): string | undefined {
  if (typeof path !== 'string') return 'is not a string';
  if (path === '') return 'is empty';
  if (path.length > pathBytesMax) return `is longer than ${pathBytesMax} bytes`;
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === 0) return 'contains a NUL byte';
    if (code > 255) return 'is not a byte string';
  }
  const names = path.split('/');
  if (names.length > pathDepthMax) return `is deeper than ${pathDepthMax} levels`;
  for (const name of names) {
    if (name === '') return 'is absolute or has an empty component';
    if (name === '.' || name === '..') return `has a "${name}" component`;
    if (name.length > nameBytesMax) return `has a name longer than ${nameBytesMax} bytes`;
  }
  return undefined;
}

function escapeStrayBytes(bytes: Buffer): string {
  let out = '';
  for (let i = 0; i < bytes.length; ) {
    const length = validSequenceLength(bytes, i);
    out += length > 0 ? bytes.toString('utf8', i, i + length) : `\\x${(bytes[i] as number).toString(16).padStart(2, '0')}`;
    i += Math.max(1, length);
  }
  return out;
}

function validSequenceLength(bytes: Buffer, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    const text = bytes.toString('utf8', at, at + length);
    if (!text.includes('\ufffd') || Buffer.from(text, 'utf8').equals(bytes.subarray(at, at + length))) return length;
  }
  return 0;
}

function escapeControl(char: string): string {
  const known: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
  const code = char.charCodeAt(0);
  return known[char] ?? (code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`);
}
