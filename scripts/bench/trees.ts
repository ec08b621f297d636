import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const home = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'flocksync-bench-'));

/**
 * A directory that never existed before. Nothing is removed before the end: on ext4 creating files where others were deleted costs
 * ten times as much.
 */
export function newDirectory(name: string): string {
  return mkdtempSync(join(home, `${name}-`));
}

export function removeAll(): void {
  rmSync(home, { recursive: true, force: true });
}

const mediawiki = '/usr/share/mediawiki';

/** Debian's mediawiki with its links followed: 36,000 files, 274 MiB. */
export function mediawikiTree(): string {
  if (!existsSync(join(mediawiki, 'index.php'))) throw new Error('mediawiki is missing: apt-get install mediawiki');
  const tree = join(newDirectory('mediawiki'), 'html');
  // One link points at a settings file that only a configured wiki has.
  execFileSync('sh', ['-c', `cp -aL ${mediawiki} ${tree} 2>/dev/null || test -f ${tree}/index.php`]);
  return tree;
}

export function copyOf(tree: string): string {
  const copy = join(newDirectory('copy'), 'html');
  execFileSync('cp', ['-a', tree, copy]);
  return copy;
}

/** `files` files of 0 to 2 KiB in 1,300 directories, the same at every call. */
export function generatedTree(files: number): string {
  const tree = join(newDirectory('generated'), 'html');
  const next = numbers(7);
  const directories = Array.from({ length: 1300 }, (_, at) => {
    const depth = 1 + Math.floor(next() * 4);
    return join(tree, ...Array.from({ length: depth }, () => `d${Math.floor(next() * 6)}`), `dir${at}`);
  });
  for (const directory of directories) mkdirSync(directory, { recursive: true });
  const noise = Buffer.from(Array.from({ length: 1 << 16 }, () => Math.floor(next() * 256)));
  for (let at = 0; at < files; at++) {
    const from = Math.floor(next() * (noise.length - 2048));
    writeFileSync(join(directories[at % 1300] as string, `file${at}.php`), noise.subarray(from, from + Math.floor(next() * 2049)));
  }
  return tree;
}

/** Mulberry32: numbers from 0 to 1, the same for the same seed. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
