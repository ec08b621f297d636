import { closeSync, constants, fchmodSync, fstatSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** What stands in the way of a status file, one clause. */
export class StatusFileFault extends Error {
  override readonly name = 'StatusFileFault';
  readonly fix: string;

  constructor(message: string, fix: string) {
    super(message);
    this.fix = fix;
  }
}

export interface StatusFile {
  /** What stands there now; null where nothing does. Throws StatusFileFault for what no status file can be. */
  read(): string | null;
  /** Puts the complete text in place, mode 0644. False where its directory is not there. Throws StatusFileFault. */
  replace(text: string): boolean;
}

const bytesMax = 1_048_576;
/** Ours, datasync's, and the one of lsyncd. */
const known = /^(SUCCESS : |FAILURE : |\{"schema":\d+,"status":"(SUCCESS|FAILURE)"|Lsyncd status report )/;

/** The temporary name beside a status file: hidden, and unlike that of another share. */
export function temporaryStart(file: string): string {
  return `.${basename(file)}.flocksync-`;
}

/**
 * A file that is replaced by a rename, so that no reader meets half of it. What is staged elsewhere on the same file system is never seen
 * by a web server: `places` are tried first, the file's own directory last. The caller holds the share's lock.
 */
export function openStatusFile(file: string, share: string, places: readonly string[]): StatusFile {
  const directory = dirname(file);
  const candidates = [...places.map((place) => join(place, `${share}.status.new`)), join(directory, `${temporaryStart(file)}${share}`)];
  return {
    read: () => readStatus(file),
    replace: (text) => {
      let fault: unknown;
      for (const candidate of candidates) {
        fault = attempt(candidate, file, text);
        if (fault === undefined) return true;
      }
      if (codeOf(fault) === 'ENOENT') return false;
      throw new StatusFileFault(
        `the status file ${file} cannot be written: ${messageOf(fault)}`,
        'Let the user that runs flocksync write to its directory, or name another place in `statusFile`.',
      );
    },
  };
}

/** Undefined when the text stands in place. Nobody may read what is not complete. */
function attempt(temporary: string, file: string, text: string): unknown {
  try {
    discard(temporary);
    const descriptor = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(descriptor, text);
      fchmodSync(descriptor, 0o644);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, file);
    return undefined;
  } catch (error) {
    discard(temporary);
    return error;
  }
}

/** What cannot be removed is met by the exclusive open. */
function discard(temporary: string): void {
  try {
    rmSync(temporary, { force: true });
  } catch {}
}

function readStatus(file: string): string | null {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(descriptor);
    if (!stat.isFile() || stat.size > bytesMax) throw foreign(file);
    const text = readFileSync(descriptor, 'utf8');
    if (text.trim() !== '' && !known.test(text)) throw foreign(file);
    return text;
  } catch (error) {
    if (error instanceof StatusFileFault) throw error;
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
    throw new StatusFileFault(`the status file ${file} cannot be read: ${messageOf(error)}`, 'Correct its rights, or remove it.');
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** The part of one share in the state directory; null where there is none or it cannot be read. */
export function readKept(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

/** A state directory that takes nothing is told by the cycle; the status file itself still has to say that something is wrong. */
export function keepText(file: string, text: string): void {
  try {
    writeFileSync(`${file}.part`, text, { mode: 0o600 });
    renameSync(`${file}.part`, file);
  } catch {}
}

function foreign(file: string): StatusFileFault {
  return new StatusFileFault(
    `${file} is no status file and is left as it is`,
    'Move it away if it is not needed, or name another place in `statusFile`.',
  );
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
