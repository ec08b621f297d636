import { DatastoreFault, type FaultKind } from '../ports/datastore.ts';
import { SourceFailure, sourceFault } from './source.ts';

type Verdict = readonly [kind: FaultKind, code: string, fix: string];

const noSpace: Verdict = ['permanent', 'full', 'Make room on the file system of the datastore.'];
const noRight: Verdict = ['permanent', 'refused', 'Let the user that runs flocksync read and write the datastore’s directory.'];
const mount: Verdict = ['transient', 'unreachable', 'Check the mount and the file server; flocksync tries again by itself.'];

const verdicts: Readonly<Record<string, Verdict>> = {
  ENOSPC: noSpace,
  EDQUOT: noSpace,
  EACCES: noRight,
  EPERM: noRight,
  EROFS: ['permanent', 'refused', 'The datastore’s file system is mounted read-only.'],
  ENAMETOOLONG: ['permanent', 'bad-key', 'Shorten the path of the datastore or the name of the share.'],
  ENOTDIR: ['permanent', 'bad-key', 'A file stands where the datastore needs a directory; move it away.'],
  EISDIR: ['permanent', 'bad-key', 'A directory stands where the datastore needs a file; move it away.'],
  EFBIG: ['permanent', 'too-large', 'The datastore’s file system accepts no file of this size.'],
  EMFILE: ['transient', 'server-error', 'Raise the limit of open files.'],
  ENFILE: ['transient', 'server-error', 'Raise the limit of open files.'],
};

/** Any error of a file operation as the port's fault. What is not known to last is transient. */
export function toDirectoryFault(thrown: unknown, operation: string): DatastoreFault {
  if (thrown instanceof DatastoreFault) return thrown;
  if (thrown instanceof SourceFailure) return sourceFault(thrown);
  const [kind, code, fix] = verdicts[codeOf(thrown) ?? ''] ?? mount;
  return new DatastoreFault(kind, code, `${operation} failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`, fix, thrown);
}

/** The code of a failed system call, for example 'ENOENT'. */
export function codeOf(thrown: unknown): string | undefined {
  return (thrown as NodeJS.ErrnoException | null)?.code;
}

export function noBase(path: string, cause?: unknown): DatastoreFault {
  const fix = 'Mount it, or create it once by hand; flocksync never creates it, so that a missing mount cannot look like an empty store.';
  return new DatastoreFault('permanent', 'no-bucket', `the datastore’s directory ${path} does not exist`, fix, cause);
}

export function badKey(key: string): DatastoreFault {
  const fix = 'Use plain ASCII letters, digits and ._~@%+=- in the names of federation and shares.';
  return new DatastoreFault('permanent', 'bad-key', `"${key}" cannot be a key of a directory datastore`, fix);
}

export function noLinks(cause: unknown): DatastoreFault {
  const fix = 'Use a file system with hard links (not FAT or most SMB mounts), or let a single member publish.';
  return new DatastoreFault('permanent', 'no-conditional-put', 'the datastore’s file system has no hard links', fix, cause);
}
