import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { projectRoot } from '../source.ts';
import { type Federation, type Ran, startFederation } from './support/federation.ts';
import { plant } from './support/plant.ts';
import { differences, snapshot } from './support/tree.ts';

const wordpress = '/usr/share/wordpress';
const page = readFileSync(join(projectRoot, 'docs/migrate/differing-servers.md'), 'utf8');
const servers = ['web01', 'web02', 'web03'] as const;

let federation: Federation;
afterEach(() => federation.close());

/** The commands of a numbered section, as they stand on the page. */
function commandsOf(section: number): string[] {
  const text = page.split(/^## /m).find((part) => part.startsWith(`${section}. `)) ?? '';
  return [...text.matchAll(/^ {4,}flocksync (.*)$/gm)].map((match) => match[1] ?? '');
}

/** One of them on one server; the tool's own places lie in the federation's directory. */
async function type(server: string, line: string): Promise<Ran> {
  const words = line
    .split(' ')
    .map((word) => word.replace('s3://my-bucket/web', `file://${federation.bucket}`).replace('/var/www/html', federation.root(server)));
  return await federation.run(server, words[0] === 'init' ? [...words, '--state', federation.state(server), '--member', server] : words);
}

/** Runs a section; exit codes in the order of its commands. */
async function follow(server: string, section: number, codes: readonly number[]): Promise<Ran[]> {
  const ran: Ran[] = [];
  for (const line of commandsOf(section)) ran.push(await type(server, line));
  expect(
    ran.map(({ code }) => code),
    `${server}, section ${section}: ${ran.map(({ stderr }) => stderr).join('')}`,
  ).toEqual(codes);
  return ran;
}

function trashOf(server: string): string[] {
  const trash = join(federation.root(server), '..', '.flocksync-webroot', 'trash');
  return readdirSync(trash).map((name) => readFileSync(join(trash, name), 'utf8'));
}

/** Three roots that were WordPress once, and have gone apart in the ways that servers do. */
function spoil(): void {
  const root = (server: string) => federation.root(server);
  for (const server of servers) execFileSync('cp', ['-a', `${wordpress}/.`, root(server)]);
  plant(root('web01'), {
    'wp-content/uploads/2026/new.jpg': 'newest photo',
    'wp-content/plugins/shop/shop.php': 'shop 2',
    'wp-content/cache/page/a.html': '1',
  });
  plant(root('web02'), {
    'wp-content/uploads/2026/old.jpg': 'a photo that only web02 got',
    'wp-content/plugins/shop/shop.php': 'shop 1',
    'wp-content/cache/page/a.html': '2',
    'wp-content/.index.php.swp': 'an editor was here',
  });
  rmSync(join(root('web02'), 'wp-admin', 'css'), { recursive: true });
  utimesSync(join(root('web02'), 'readme.html'), 1_600_000_000, 1_600_000_000);
  plant(root('web03'), { 'wp-includes/class-wp-cache.php': '<?php eval($_POST[0]);', 'backup-2019.sql': 'insert' });
  appendFileSync(join(root('web03'), 'index.php'), '// edited at night\n');
  rmSync(join(root('web03'), 'wp-content', 'themes'), { recursive: true });
  mkdirSync(join(root('web03'), 'wp-content', 'themes'));
  writeFileSync(join(root('web03'), '.maintenance'), 'left behind');
}

test.skipIf(!existsSync(wordpress))(
  'three WordPress roots that differ become the good one by the commands of the page, and nothing is lost',
  async () => {
    federation = startFederation(servers);
    for (const server of servers) rmSync(federation.configFile(server));
    spoil();
    const good = snapshot(federation.root('web01'));
    await follow('web01', 1, [0, 0]);
    for (const server of ['web02', 'web03']) {
      const before = snapshot(federation.root(server));
      const [first, second] = await follow(server, 2, [0, 0]);
      expect(first?.stdout).toMatch(/^ +[\d,]+ files equal: they stay as they are$/m);
      expect(first?.stdout).toContain('1 file (');
      expect(second?.stdout).toContain(
        server === 'web02' ? '>f.changed.. wp-content/plugins/shop/shop.php' : '>*deleting  wp-includes/class-wp-cache.php',
      );
      expect(differences(before, snapshot(federation.root(server)))).toEqual([]);
    }
    const [merged] = await follow('web02', 3, [0]);
    expect(merged?.stdout).toContain('only here: they are published');
    await follow('web02', 4, [1, 0, 0]);
    const [joined, again] = await follow('web03', 4, [1, 0, 0]);
    expect(joined?.stderr).toMatch(
      /^flocksync: webroot: 3 local files differ from the share that this member joins and go to the trash: backup-2019\.sql, index\.php, /,
    );
    expect([again?.stdout, again?.stderr]).toEqual(['', '']);
    expect((await type('web01', 'sync')).code).toBe(0);
    expect((await type('web01', 'wait --all --timeout 1m')).code).toBe(0);
    expect(commandsOf(5)).toEqual(['install cron --write', 'wait --all --timeout 5m']);

    const own = /^"(wp-content\/(cache|\.index)|\.maintenance)/;
    const apart = (server: string) => differences(good, snapshot(federation.root(server))).filter((line) => !own.test(line));
    for (const server of servers)
      expect(apart(server), server).toEqual([expect.stringMatching(/^"wp-content\/uploads\/2026\/old\.jpg": absent \| file/)]);
    expect(trashOf('web02')).toEqual(['shop 1']);
    expect(trashOf('web03').sort()).toEqual([expect.stringContaining('edited at night'), '<?php eval($_POST[0]);', 'insert']);
    expect(readFileSync(join(federation.root('web02'), 'wp-content/cache/page/a.html'), 'utf8')).toBe('2');
    expect(existsSync(join(federation.root('web03'), '.maintenance'))).toBe(true);
  },
  240_000,
);
