import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { environment } from '../dev-s3/start.ts';
import { program } from './support/federation.ts';
import { scenario } from './support/pair.ts';

const terminal = spawnSync('script', ['--version']).status === 0;
const { federation, member } = terminal ? scenario(['a', 'b']) : { federation: undefined, member: undefined };

/** What a person sees who runs `sync` on a terminal: every state of the progress line, and the last line. */
function watch(name: string): string[] {
  const command = `stty cols 200; ${process.execPath} ${program} sync --config ${federation?.configFile(name)}`;
  const env = { PATH: process.env.PATH, TERM: 'xterm', ...environment };
  const ran = spawnSync('script', ['-qec', command, '/dev/null'], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  expect(ran.status).toBe(0);
  return ran.stdout.split('\r\x1b[K').map((line) => line.trimEnd());
}

test.skipIf(!terminal)('on a terminal each long phase tells files and bytes of all there are, and one line sums up', () => {
  const small = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`d/f${i}`, randomBytes(20_000).toString('latin1')]));
  member?.('a').put({ ...small, large: randomBytes(30_000_000).toString('latin1') });
  const published = watch('a');
  expect(published.find((line) => line.startsWith('reading'))).toMatch(/^reading [\d,]+ of 401 files, \S+ \S+ of \S+ MB/);
  // Contents are packed while the tree is read, so that publishing alone may be over before its first line is due;
  // the large file goes by itself.
  const publishing = published.filter((line) => line.startsWith('publishing'));
  for (const line of publishing) expect(line).toMatch(/^publishing \d+ of (?:400|1) files, \S+ \S+ of \S+ MB/);
  expect(published.at(-1)).toMatch(/^webroot: 402 changes published \(\S+ MB\); at record \d+, \S+ s$/);
  const applied = watch('b');
  expect(applied.find((line) => line.startsWith('fetching'))).toMatch(/^fetching \d+ of 401 files, \S+ \S+ of \S+ MB/);
  expect(applied.at(-1)).toMatch(/^webroot: 402 changes applied \(\S+ MB\); at record \d+, \S+ s$/);
});
