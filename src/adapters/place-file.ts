import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** What stands where a file is to be written. */
export type Standing =
  | { readonly kind: 'absent' }
  | { readonly kind: 'file'; readonly text: string }
  /** `why` is what people read. */
  | { readonly kind: 'other'; readonly why: string };

export type Placed = { readonly ok: true; readonly kept: string | null } | { readonly ok: false; readonly message: string };

/** More than a config may have. */
const bytesMax = 4 * 1024 * 1024;

/** Links count as `other`: what they name belongs to somebody else. */
export function standingAt(file: string): Standing {
  try {
    const stat = lstatSync(file);
    if (stat.isSymbolicLink()) return { kind: 'other', why: 'is a link: name the file itself' };
    if (!stat.isFile() || stat.size > bytesMax) return { kind: 'other', why: 'is there already, and is no config file' };
    return { kind: 'file', text: readFileSync(file, 'utf8') };
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return { kind: 'absent' };
    return { kind: 'other', why: `is there already, and cannot be read: ${reasonOf(error, file)}` };
  }
}

/** What would keep a file from being written, as far as its directory tells; null where nothing does. */
export function placeFault(file: string): string | null {
  try {
    accessSync(dirname(file), constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    return `${file} cannot be written: ${reasonOf(error, file)}`;
  }
}

/**
 * A complete file or none, flushed. With `replace` what stood there is kept beside it with the ending `.old`; without it nothing is ever
 * replaced, not even by a race.
 */
export function placeFile(file: string, text: string, options: { readonly mode: number; readonly replace: boolean }): Placed {
  const draft = join(dirname(file), `.${basename(file)}.${process.pid}`);
  try {
    write(draft, text, options.mode);
    const kept = options.replace ? keepOld(file) : null;
    if (options.replace) renameSync(draft, file);
    else linkSync(draft, file);
    flushDirectory(dirname(file));
    return { ok: true, kept };
  } catch (error) {
    return { ok: false, message: `${file} cannot be written: ${reasonOf(error, file)}` };
  } finally {
    discard(draft);
  }
}

function write(draft: string, text: string, mode: number): void {
  discard(draft);
  const descriptor = openSync(draft, 'wx', mode);
  try {
    // Whatever the umask is.
    fchmodSync(descriptor, mode);
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function keepOld(file: string): string | null {
  const kept = `${file}.old`;
  rmSync(kept, { force: true });
  try {
    linkSync(file, kept);
    return kept;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function flushDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** What is wrong with the place is said by the write itself. */
function discard(draft: string): void {
  try {
    rmSync(draft, { force: true });
  } catch {
    // As above.
  }
}

function reasonOf(error: unknown, file: string): string {
  const code = codeOf(error);
  if (code === 'EEXIST') return 'something stands there already';
  if (code === 'ENOENT' || code === 'ENOTDIR') return `${dirname(file)} does not exist: make it, or name another file with --config`;
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return 'this user may not: run it as root, or name another file with --config';
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
