import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

export type Variables = Readonly<Record<string, string | undefined>>;
export type EnvironmentResult = { readonly ok: true; readonly variables: Variables } | { readonly ok: false; readonly message: string };

const defaultFile = '/etc/flocksync.env';
const bytesMax = 65_536;

/**
 * The process environment over what `/etc/flocksync.env` says. FLOCKSYNC_ENV_FILE names another file; set to an empty text, none is read.
 * The file holds secrets: one that others may read is refused, not merely skipped, so that it does not stay that way.
 */
export function readEnvironment(processVariables: Variables): EnvironmentResult {
  const named = processVariables.FLOCKSYNC_ENV_FILE;
  if (named === '') return { ok: true, variables: processVariables };
  const file = named ?? defaultFile;
  const read = readSecret(file);
  if (read === 'absent')
    return named === undefined ? { ok: true, variables: processVariables } : refusal(file, 'does not exist: FLOCKSYNC_ENV_FILE names it');
  if ('message' in read) return refusal(file, read.message);
  const parsed = parseEnvironment(read.text);
  if (typeof parsed === 'string') return refusal(file, parsed);
  return { ok: true, variables: { ...parsed, ...processVariables } };
}

/** `KEY=VALUE` lines with comments, quotes and `export `, nothing is expanded. The message of a fault never shows a value. */
export function parseEnvironment(text: string): Record<string, string> | string {
  const variables: Record<string, string> = {};
  for (const [index, raw] of text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const match = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line);
    const value = match === null ? undefined : unquoted(match[2] ?? '');
    if (match?.[1] === undefined || value === undefined)
      return `line ${index + 1} is not KEY=VALUE: write one variable per line, its value bare or in quotes`;
    variables[match[1]] = value;
  }
  return variables;
}

function refusal(file: string, message: string): EnvironmentResult {
  return { ok: false, message: `${file} ${message}` };
}

/** Undefined for a quote that does not close or is followed by something. */
function unquoted(text: string): string | undefined {
  const single = /^'([^']*)'\s*(?:#.*)?$/.exec(text);
  if (single !== null) return single[1];
  const double = /^"((?:[^"\\]|\\.)*)"\s*(?:#.*)?$/.exec(text);
  if (double?.[1] !== undefined) return double[1].replace(/\\(["\\$`])/g, '$1');
  if (/^["']/.test(text)) return undefined;
  return text.replace(/\s+#.*$/, '').trim();
}

type Secret = { readonly text: string } | { readonly message: string } | 'absent';

/** The mode is checked on the open descriptor: what was checked is what is read. */
function readSecret(file: string): Secret {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) return { message: 'is not a file' };
    if ((stat.mode & 0o077) !== 0)
      return { message: `is open to others (mode ${octal(stat.mode)}) and holds secrets: run chmod 600 ${file}` };
    if (stat.size > bytesMax) return { message: `has ${stat.size} bytes: that is no list of variables` };
    return { text: readFileSync(descriptor, 'utf8') };
  } catch (error) {
    return openFault(error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function openFault(error: unknown): Secret {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'absent';
  if (code === 'EACCES')
    return { message: 'may not be read by this user: run as its owner, or set FLOCKSYNC_ENV_FILE to another file (empty for none)' };
  return { message: `cannot be read: ${error instanceof Error ? error.message : String(error)}` };
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
