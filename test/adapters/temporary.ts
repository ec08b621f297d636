import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A new directory, gone when the test ends. */
export function temporaryDirectory(base = tmpdir()): string {
  const path = realpathSync(mkdtempSync(join(base, 'flocksync-test-')));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
