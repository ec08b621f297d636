import { closeSync, fchmodSync, fsyncSync, lstatSync, openSync, readFileSync, renameSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Far more than any such file has. */
const bytesMax = 1024 * 1024;

/** What stands where a file of cron or systemd is to be written. */
export type Standing = { readonly kind: 'absent' } | { readonly kind: 'file'; readonly text: string } | { readonly kind: 'other' };

/** Trouble with the file, as one sentence with its fix. */
export class StarterFileFault extends Error {
  override readonly name = 'StarterFileFault';
}

/** Links count as `other`: cron.d does not follow them, and what they name belongs to somebody else. Throws StarterFileFault. */
export function readStarter(file: string): Standing {
  try {
    const stat = lstatSync(file);
    if (!stat.isFile() || stat.size > bytesMax) return { kind: 'other' };
    return { kind: 'file', text: readFileSync(file, 'utf8') };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { kind: 'absent' };
    throw fault(file, error);
  }
}

/** A complete file or none, 0644, which is what cron and systemd ask for. Throws StarterFileFault. */
export function writeStarter(file: string, text: string): void {
  // Cron and systemd pass over a name that begins with a dot.
  const temporary = join(dirname(file), `.${basename(file)}.${process.pid}`);
  try {
    const descriptor = openSync(temporary, 'wx', 0o644);
    try {
      fchmodSync(descriptor, 0o644);
      writeSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, file);
  } catch (error) {
    throw fault(file, error);
  } finally {
    discard(temporary);
  }
}

/** Throws StarterFileFault. */
export function removeStarter(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw fault(file, error);
  }
}

/** What is wrong with the place is said by the write itself. */
function discard(temporary: string): void {
  try {
    rmSync(temporary, { force: true });
  } catch {
    // As above.
  }
}

function fault(file: string, error: unknown): StarterFileFault {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    const what = dirname(file).endsWith('cron.d') ? 'cron is not installed (Debian: apt-get install cron)' : 'systemd is not installed';
    return new StarterFileFault(`${dirname(file)} does not exist: ${what}`, { cause: error });
  }
  if (code === 'EACCES' || code === 'EPERM')
    return new StarterFileFault(`${file} may be changed by root only: run it with sudo, and with --user NAME for what it shall run as`, {
      cause: error,
    });
  return new StarterFileFault(`${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
