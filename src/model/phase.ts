import { createHash } from 'node:crypto';

/** In [0, 1), always the same for one name, and for other names as if by chance. */
export function phaseOf(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) / 2 ** 32;
}
