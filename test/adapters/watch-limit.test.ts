import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import type { WatchTrouble } from '../../src/ports/watch.ts';
import { documented } from '../documented.ts';
import { temporaryDirectory } from './temporary.ts';
import { builtThread, make } from './watch-fixture.ts';

/** A user namespace has limits of its own, which whoever made it may lower. */
const limited = (setting: string, value: number, command: string) => [
  '-Ur',
  'sh',
  '-c',
  `echo ${value} > /proc/sys/user/${setting} && ${command}`,
];
const hasNamespaces = spawnSync('unshare', limited('max_inotify_watches', 20, 'true')).status === 0;

interface Told {
  readonly whole: string;
  readonly standing: number;
  readonly trouble: WatchTrouble | null;
}

/** What a program of its own is told that watches this root under the kernel's own limit. */
async function toldUnder(setting: string, value: number, root: string): Promise<Told> {
  const file = join(temporaryDirectory(), 'program.mjs');
  const source = new URL('../../src/adapters/watch.ts', import.meta.url).pathname;
  const contents = `
    import { openWatcher, startThread } from ${JSON.stringify(source)};
    const watcher = openWatcher(startThread(${JSON.stringify(await builtThread())}));
    const alive = setInterval(() => {}, 1000);
    const watch = watcher.watch({ root: ${JSON.stringify(root)}, exclude: [], onHint: async () => {
      console.log(JSON.stringify({ whole: watch.take().whole, standing: watch.standing, trouble: watch.trouble() }));
      clearInterval(alive);
      await watcher.close();
    } });`;
  const banner = { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" };
  const stdin = { contents, resolveDir: process.cwd(), loader: 'ts' as const };
  await build({ stdin, outfile: file, bundle: true, format: 'esm', platform: 'node', banner });
  const command = `${JSON.stringify(process.execPath)} ${JSON.stringify(file)}`;
  return JSON.parse(execFileSync('unshare', limited(setting, value, command), { encoding: 'utf8', timeout: 15_000 }));
}

describe.skipIf(!hasNamespaces)('the kernel’s own limit', () => {
  test('on watches is told with the line that lifts it', async () => {
    const root = temporaryDirectory();
    make(root, ...Array.from({ length: 50 }, (_, at) => `d${at}/sub/`));
    const { whole, standing, trouble } = await toldUnder('max_inotify_watches', 20, root);
    expect(whole).toBe('started');
    expect(standing).toBeGreaterThan(0);
    expect(standing).toBeLessThanOrEqual(20);
    expect(trouble?.text).toContain(`only ${standing} of 101 directories are watched: the system allows a user 20 watches`);
    expect(trouble?.text).toMatch(documented('watch-limit'));
    expect(trouble?.fix).toContain('sysctl -w user.max_inotify_watches=524288');
  });

  test('on programs that watch is told with the line that lifts it', async () => {
    const root = temporaryDirectory();
    make(root, 'a/');
    const { standing, trouble } = await toldUnder('max_inotify_instances', 0, root);
    expect(standing).toBe(0);
    expect(trouble?.text).toContain('only 0 of 2 directories are watched');
    expect(trouble?.fix).toContain('sysctl -w user.max_inotify_instances=1024');
  });
});
