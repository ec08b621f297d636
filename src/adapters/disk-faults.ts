import { constants } from 'node:os';
import { type BytePath, toText } from '../model/path.ts';
import { DiskFault, type DiskFaultCode } from '../ports/filesystem.ts';

const codes: Readonly<Record<string, DiskFaultCode>> = {
  ENOENT: 'absent',
  ENOTDIR: 'not-directory',
  ELOOP: 'not-directory',
  EACCES: 'denied',
  EPERM: 'denied',
  ENOSPC: 'full',
  EDQUOT: 'full',
  EROFS: 'read-only',
  // The lock on the root is one of SQLite.
  SQLITE_FULL: 'full',
  SQLITE_READONLY: 'read-only',
  SQLITE_CANTOPEN: 'denied',
  EILSEQ: 'unsupported',
  EINVAL: 'unsupported',
  ENAMETOOLONG: 'unsupported',
  EOPNOTSUPP: 'unsupported',
  ENOTSUP: 'unsupported',
  ENOSYS: 'unsupported',
  ERR_INVALID_ARG_VALUE: 'unsupported',
};

/** The symbolic errno of a failed system call ('ENOENT'); undefined for anything that is not one. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  // libuv has no names for some errors, a full quota among them, and reports them by number only.
  const number = 'errno' in error && typeof error.errno === 'number' ? -error.errno : 0;
  return number === constants.errno.EDQUOT ? 'EDQUOT' : number === constants.errno.ESTALE ? 'ESTALE' : error.code;
}

/** Turns a failed system call into the port's fault. What is neither is a defect of this program and is thrown on as it is. */
export function faultFrom(error: unknown, doing: string, path: BytePath): unknown {
  if (error instanceof DiskFault) return error;
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  return new DiskFault(codes[errno] ?? 'io', `cannot ${doing} ${named(path)}: ${errno}`, error);
}

/** Runs `step`, so that it throws `DiskFault` and nothing else for every trouble of the disk. */
export function faulting<T>(doing: string, path: BytePath, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw faultFrom(error, doing, path);
  }
}

/** Runs a system call; the listed errnos become null, everything else is thrown. */
export function unless<T>(expected: readonly string[], call: () => T): T | null {
  try {
    return call();
  } catch (error) {
    if (expected.includes(errnoOf(error) ?? '')) return null;
    throw error;
  }
}

function named(path: BytePath): string {
  return path === '' ? 'the root' : toText(path);
}
