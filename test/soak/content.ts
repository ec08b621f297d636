import { createHash } from 'node:crypto';
import { closeSync, constants, lstatSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { bytes, named } from '../e2e/support/tree.ts';
import type { Sight, Sights } from './ledger.ts';

/** What everything below `directory` looks like, under names that begin with `prefix`; null when it changed on the way. */
export function sightsBelow(directory: string, prefix: string): Sights | null {
  const sights = new Map<string, Sight>();
  const walk = (below: string) => {
    for (const name of readdirSync(bytes(`${named(directory)}/${below}`), 'latin1')) {
      const path = `${below}${name}`;
      const full = bytes(`${named(directory)}/${path}`);
      const stat = lstatSync(full);
      if (stat.isDirectory()) {
        sights.set(prefix + path, 'dir');
        walk(`${path}/`);
      } else if (stat.isSymbolicLink()) sights.set(prefix + path, `link ${readlinkSync(full, 'latin1')}`);
      else if (stat.isFile()) sights.set(prefix + path, sightOf(contentOf(full)));
    }
  };
  try {
    walk('');
    return sights;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EINVAL', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

export function sightOf(content: Buffer | string): Sight {
  return `file ${Buffer.byteLength(content)} ${createHash('sha256').update(content).digest('hex')}`;
}

/** Of one file from its first to its last byte: a link that takes its place meanwhile is not followed. */
function contentOf(full: Buffer): Buffer {
  const fd = openSync(full, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}
