import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new directory; whoever asks for it removes it. */
export function roomFor(what: string): string {
  return realpathSync(mkdtempSync(join(tmpdir(), `flocksync-fuzz-${what}-`)));
}
