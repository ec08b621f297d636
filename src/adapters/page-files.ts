import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `page/` stands beside this module in the sources and beside the bundle in dist/. */
const own = fileURLToPath(new URL('./page/', import.meta.url));
const tokenBytesMax = 4096;

/** What browsers load besides the screens themselves. */
export interface PageFiles {
  readonly style: Buffer;
  readonly script: Buffer;
  readonly icon: Buffer;
  /** Changes with any of them, so that a browser may keep them for long. */
  readonly stamp: string;
}

export function readPageFiles(): PageFiles {
  const read = (name: string) => readFileSync(join(own, name));
  const files = { style: read('page.css'), script: read('live.js'), icon: read('icon.svg') };
  const hash = createHash('sha256');
  for (const bytes of Object.values(files)) hash.update(bytes);
  return { ...files, stamp: hash.digest('hex').slice(0, 12) };
}

/** The first line of a file that only its owner may read; else why not, as a sentence without the path. */
export function readTokenFile(file: string): { readonly token: string } | { readonly fault: string } {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) return { fault: 'is not a file' };
    if ((stat.mode & 0o077) !== 0) return { fault: `is open to others: run chmod 600 ${file}` };
    if (stat.size > tokenBytesMax) return { fault: `has ${stat.size} bytes: that is no token` };
    return { token: readFileSync(descriptor, 'utf8').split(/\r?\n/, 1)[0]?.trim() ?? '' };
  } catch (error) {
    return { fault: `cannot be read: ${error instanceof Error ? error.message : String(error)}` };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
