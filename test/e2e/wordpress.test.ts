import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configureShares, type Daemon, startDaemon, until } from './support/daemon.ts';
import { type Federation, startFederation } from './support/federation.ts';
import { differences, snapshot } from './support/tree.ts';
import { hasWeb, startWeb, type Web } from './support/web.ts';

const wordpress = '/usr/share/wordpress';
const filesOfPlugin = 300;

/** WordPress's own code names what is uploaded; its database is not needed for that. */
const receiver = `<?php
define('ABSPATH', dirname(__DIR__) . '/');
define('WPINC', 'wp-includes');
define('WP_CONTENT_DIR', __DIR__);
require ABSPATH . WPINC . '/version.php';
require ABSPATH . WPINC . '/plugin.php';
require ABSPATH . WPINC . '/load.php';
require ABSPATH . WPINC . '/functions.php';
require ABSPATH . WPINC . '/formatting.php';
$directory = WP_CONTENT_DIR . '/uploads/2026/11';
if (!is_dir($directory)) mkdir($directory, 0755, true);
$name = preg_replace('/[^a-z0-9.-]+/', '-', strtolower($_FILES['file']['name']));
move_uploaded_file($_FILES['file']['tmp_name'], "$directory/$name");
chmod("$directory/$name", 0644);
echo json_encode(['version' => $wp_version, 'path' => "/wp-content/uploads/2026/11/$name", 'zeroised' => zeroise(7, 3)]);
`;

/** How many files of the plugin stand there, and of which versions they are. */
const probe = `<?php
$versions = [];
$names = @scandir(__DIR__ . '/plugins/burst/parts');
foreach ($names ?: [] as $name) {
  if ($name[0] === '.') continue;
  $text = @file_get_contents(__DIR__ . "/plugins/burst/parts/$name");
  $version = preg_match('/^<\\?php return (\\d+); (x*)$/', $text === false ? '' : $text, $found) && strlen($found[2]) === 400 ? $found[1] : 'torn';
  $versions[$version] = ($versions[$version] ?? 0) + 1;
}
echo json_encode((object) $versions);
`;

type Versions = Readonly<Record<string, number>>;

function makePlugin(directory: string, version: number): void {
  mkdirSync(join(directory, 'parts'), { recursive: true });
  writeFileSync(join(directory, 'burst.php'), `<?php /* Plugin Name: Burst, Version: ${version} */`);
  for (let n = 0; n < filesOfPlugin; n++)
    writeFileSync(join(directory, 'parts', `part-${n}.php`), `<?php return ${version}; ${'x'.repeat(400)}`);
}

describe.skipIf(!hasWeb || !existsSync(wordpress))(
  'WordPress on two servers, nginx and PHP (Debian: nginx-light php-fpm wordpress)',
  () => {
    let federation: Federation;
    let daemons: Daemon[] = [];
    let web: Web;
    const root = (member: string) => federation.root(member);

    beforeAll(async () => {
      federation = startFederation(['a', 'b']);
      for (const member of ['a', 'b']) {
        const share = ['- name: webroot', `  path: ${root(member)}`, '  preset: wordpress', '  mode: lightweight', '  poll: 100ms'];
        configureShares(federation, member, [`url: "file://${federation.bucket}"`], share);
      }
      execFileSync('cp', ['-a', `${wordpress}/.`, root('a')]);
      writeFileSync(join(root('a'), 'wp-content', 'receive.php'), receiver);
      writeFileSync(join(root('a'), 'wp-content', 'probe.php'), probe);
      for (const member of ['a', 'b']) {
        const ran = await federation.run(member, ['sync']);
        expect(ran, ran.stderr).toMatchObject({ code: 0 });
      }
      daemons = ['a', 'b'].map((member) => startDaemon(federation, member));
      mkdirSync(join(federation.directory, 'web'));
      web = await startWeb(join(federation.directory, 'web'), [root('a'), root('b')]);
      for (const member of ['a', 'b'])
        await until(`${member} watches`, () => existsSync(join(federation.state(member), 'webroot.sock')), 30_000);
    }, 180_000);

    afterAll(async () => {
      for (const daemon of daemons) await daemon.stop();
      await web?.stop();
      federation?.close();
    });

    const fetchFrom = async (member: string, path: string) => {
      const answer = await fetch(`${web.url(root(member))}${path}`);
      return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()) };
    };

    /** Asks until the answer fits; how long that took, ms. */
    const seen = async (member: string, path: string, fits: (answer: { status: number; bytes: Buffer }) => boolean): Promise<number> => {
      const startedMs = performance.now();
      while (!fits(await fetchFrom(member, path)))
        if (performance.now() - startedMs > 30_000) throw new Error(`${path} is not seen on ${member}`);
      return performance.now() - startedMs;
    };

    test('an upload through one server is served by the other, byte for byte', async () => {
      const photo = Buffer.from(Array.from({ length: 200_000 }, (_, n) => (n * 31 + (n >> 8)) % 256));
      const form = new FormData();
      form.set('file', new Blob([photo]), 'Mein Foto.JPG');
      const answer = await fetch(`${web.url(root('a'))}/wp-content/receive.php`, { method: 'POST', body: form });
      const { path, version, zeroised } = (await answer.json()) as { path: string; version: string; zeroised: string };
      expect([path, zeroised]).toEqual(['/wp-content/uploads/2026/11/mein-foto.jpg', '007']);
      expect(version).toMatch(/^\d+\.\d/);
      const ms = await seen('b', path, ({ status }) => status === 200);
      expect((await fetchFrom('b', path)).bytes.equals(photo)).toBe(true);
      console.log(`upload of 200 kB: served by the other server after ${ms.toFixed(0)} ms`);
      expect((await fetchFrom('b', '/wp-includes/js/jquery/jquery.min.js')).status).toBe(
        (await fetchFrom('a', '/wp-includes/js/jquery/jquery.min.js')).status,
      );
    });

    test('what the preset leaves out stays on its server; what a page names goes along', async () => {
      const content = join(root('a'), 'wp-content');
      for (const directory of ['cache/supercache', 'cache/autoptimize/css', 'upgrade/new', 'uploads/wc-logs'])
        mkdirSync(join(content, directory), { recursive: true });
      writeFileSync(join(content, 'cache/supercache/index.html'), 'cached page');
      writeFileSync(join(content, 'upgrade/new/file.php'), 'unpacked');
      writeFileSync(join(content, 'debug.log'), 'notice');
      writeFileSync(join(content, '.index.php.swp'), 'vim');
      writeFileSync(join(root('a'), '.maintenance'), '<?php $upgrading = time();');
      writeFileSync(join(content, 'cache/autoptimize/css/all.css'), 'body{}');
      await seen('b', '/wp-content/cache/autoptimize/css/all.css', ({ status }) => status === 200);
      expect((await federation.run('a', ['sync'])).code).toBe(0);
      expect((await federation.run('b', ['sync'])).code).toBe(0);
      const left = [
        'wp-content/cache/supercache',
        'wp-content/upgrade',
        'wp-content/debug.log',
        'wp-content/.index.php.swp',
        '.maintenance',
      ];
      expect(left.filter((path) => existsSync(join(root('b'), path)))).toEqual([]);
      expect((await federation.run('a', ['status'])).stdout).toMatch(/^ {2}left out +by preset wordpress: flocksync help presets$/m);
      expect((await federation.run('b', ['status'])).stdout).not.toContain('deviations');
    });

    /** Answers of b, one after the other, until `ended` holds for one of them. */
    const watched = async (ended: (versions: Versions) => boolean) => {
      const answers: { fromMs: number; toMs: number; versions: Versions }[] = [];
      for (const startedMs = performance.now(); performance.now() - startedMs < 30_000; ) {
        const fromMs = performance.now();
        const { status, bytes } = await fetchFrom('b', '/wp-content/probe.php');
        expect(status).toBe(200);
        const versions = JSON.parse(bytes.toString()) as Versions;
        answers.push({ fromMs, toMs: performance.now(), versions });
        if (ended(versions)) return answers;
      }
      throw new Error(`not within 30 s: ${JSON.stringify(answers.at(-1)?.versions)}`);
    };
    const whole = (version: number) => (versions: Versions) => versions[version] === filesOfPlugin && Object.keys(versions).length === 1;

    test('a plugin that is installed is there with all of its files or not at all', async () => {
      const unpacked = join(root('a'), 'wp-content', 'upgrade', 'burst');
      makePlugin(unpacked, 1);
      const watching = watched(whole(1));
      renameSync(unpacked, join(root('a'), 'wp-content', 'plugins', 'burst'));
      const answers = await watching;
      const mixed = answers.filter(({ versions }) => Object.keys(versions).length > 0 && !whole(1)(versions));
      console.log(`plugin of ${filesOfPlugin} files installed: ${answers.length} answers, ${mixed.length} of them with a part of it`);
      expect(mixed).toEqual([]);
    });

    test('an update of 300 files in place is a burst: no file is torn or missing, and the mixture is short', async () => {
      const unpacked = join(root('a'), 'wp-content', 'upgrade', 'burst');
      const backup = join(root('a'), 'wp-content', 'upgrade-temp-backup');
      makePlugin(unpacked, 2);
      mkdirSync(backup);
      const watching = watched(whole(2));
      // As WordPress does it: the old one is moved into the backup, the new one into its place.
      renameSync(join(root('a'), 'wp-content', 'plugins', 'burst'), join(backup, 'burst'));
      renameSync(unpacked, join(root('a'), 'wp-content', 'plugins', 'burst'));
      const answers = await watching;
      rmSync(backup, { recursive: true });
      for (const { versions } of answers)
        expect(
          [versions['1'] ?? 0, versions['2'] ?? 0].reduce((sum, n) => sum + n),
          JSON.stringify(versions),
        ).toBe(filesOfPlugin);
      const mixed = answers.filter(({ versions }) => !whole(1)(versions) && !whole(2)(versions));
      const lastOldMs = answers.filter(({ versions }) => whole(1)(versions)).at(-1)?.fromMs ?? 0;
      const firstNewMs = answers.at(-1)?.toMs ?? 0;
      const seenMs = mixed.length === 0 ? 0 : (mixed.at(-1)?.toMs ?? 0) - (mixed[0]?.fromMs ?? 0);
      console.log(
        `update of ${filesOfPlugin} files: ${answers.length} answers, ${mixed.length} mixed over ${seenMs.toFixed(0)} ms; ` +
          `from the last whole old one to the first whole new one ${(firstNewMs - lastOldMs).toFixed(0)} ms`,
      );
      expect(firstNewMs - lastOldMs).toBeLessThan(5000);
    });

    test('in the end both servers hold the same, but for what the preset leaves out', async () => {
      for (const member of ['a', 'b', 'a']) expect((await federation.run(member, ['sync'])).code).toBe(0);
      const left = /^("\.maintenance"|"wp-content\/(cache\/supercache|upgrade|debug\.log|\.index\.php\.swp|uploads\/wc-logs))/;
      expect(differences(snapshot(root('a')), snapshot(root('b'))).filter((line) => !left.test(line))).toEqual([]);
    });
  },
);
