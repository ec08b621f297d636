import { statSync } from 'node:fs';

/** Tells whether a name still means the same file; '' while there is none. */
export function identityOf(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? '' : `${stat.dev}:${stat.ino}`;
}
