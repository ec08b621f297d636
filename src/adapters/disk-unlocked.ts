import { fchmodSync, fstatSync } from 'node:fs';
import type { OpenDirectory } from './disk-walk.ts';

const writeAndEnter = 0o300;

/**
 * Runs a step that changes names in a directory. Where the directory belongs to this user, who is not root and took away the right to
 * write there (as Drupal does with sites/default), the step gets that right, and the directory's own mode comes back after it.
 */
export function unlocked<T>({ fd }: OpenDirectory, step: () => T): T {
  const mode = lockedMode(fd);
  if (mode === null) return step();
  fchmodSync(fd, mode | writeAndEnter);
  try {
    return step();
  } finally {
    fchmodSync(fd, mode);
  }
}

/** Null where nothing is locked, or it is not ours to open. */
function lockedMode(fd: number): number | null {
  const user = process.geteuid?.();
  if (user === 0) return null;
  const { uid, mode } = fstatSync(fd);
  return uid === user && (mode & writeAndEnter) !== writeAndEnter ? mode & 0o7777 : null;
}
