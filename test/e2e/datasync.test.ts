import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { type Server, startFarm, webServer } from './support/datasync.ts';
import { plant } from './support/plant.ts';
import { differences, snapshot } from './support/tree.ts';

vi.setConfig({ testTimeout: 120_000 });

const quiet = { code: 0, signal: null, stdout: '', stderr: '' };
const good = /^SUCCESS : flocksync completed successfully at .*Z, good until .*Z\n/;
/** As in an options block: the servers have their trees below directories of their own. */
const listOf = (server: string, ...paths: string[]) => `( ${paths.map((path) => `"${server}${path}"`).join(' ')} )`;

/** The originals speak of /var/www on all servers; here each server lies below its own directory, so the share's name is given by hand. */
function sameShares(...servers: Server[]): void {
  for (const server of servers) {
    const file = join(server.home, 'opt/scripts/datasync/datasync.sh');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace(/^share_name\(\) \{$/m, `share_name() {\n  set -- "\${1#${server.home}}"`));
  }
}

function tree(server: Server, below: string): ReturnType<typeof snapshot> {
  const found = new Map(snapshot(server.path(below)));
  for (const path of [...found.keys()]) if (path.endsWith('datasync.status')) found.delete(path);
  return found;
}

test('push-datasync.sh: the master publishes, the slaves follow, and each tells over HTTP how it is', async () => {
  const farm = startFarm();
  const names = ['web01', 'web02', 'web03'];
  const servers = names.map((name) => {
    const home = join(farm.directory, name);
    mkdirSync(join(home, 'var/www/html'), { recursive: true });
    return farm.server(name, 'push-datasync.sh', {
      webservers: '( web02 web03 )',
      include_list: listOf(home, '/var/www'),
      status: `"${home}/var/www/html/datasync.status"`,
    });
  });
  sameShares(...servers);
  const [web01, web02, web03] = servers as [Server, Server, Server];
  plant(web01.path('var/www'), { 'html/index.html': 'one', 'html/a b/größe': 'two', 'logs/x': 'three' });
  for (const server of servers) expect(await server.cron()).toEqual(quiet);
  for (const server of [web02, web03]) expect(differences(tree(web01, 'var/www'), tree(server, 'var/www'))).toEqual([]);
  const web = await webServer(web02.path('var/www/html'));
  const answer = await web.get('/datasync.status');
  expect(answer.text).toMatch(good);
  expect(answer.text).toContain('\nvar-www: record 1; to apply 0 changes (0 B) and 0 deletions; to publish 0; held 0; problems 0\n');
  expect(statSync(web02.path('var/www/html/datasync.status')).mode & 0o777).toBe(0o644);

  plant(web01.path('var/www'), { 'html/index.html': 'changed', 'html/new': 'new' });
  rmSync(web01.path('var/www/logs'), { recursive: true });
  writeFileSync(web03.path('var/www/html/drift'), 'only here');
  for (const server of servers) expect(await server.cron()).toEqual(quiet);
  expect(differences(tree(web01, 'var/www'), tree(web02, 'var/www'))).toEqual([]);
  expect(differences(tree(web01, 'var/www'), tree(web03, 'var/www'))).toHaveLength(1);
  expect(existsSync(web01.path('var/www/html/drift'))).toBe(false);

  // Nothing of the scripts is left in what a web server shows.
  for (const server of servers)
    expect(readdirSync(server.path('var/www/html')).filter((name) => /^\.|status/.test(name))).toEqual(['datasync.status']);
});

test('push-datasync.sh: a slave that has not followed for too long is named, and is not when it has', async () => {
  const farm = startFarm();
  const make = (name: string) => {
    const home = join(farm.directory, name);
    mkdirSync(join(home, 'www'), { recursive: true });
    const options = { webservers: '( web02 web03 )', include_list: listOf(home, '/www'), status: `"${home}/status"` };
    return farm.server(name, 'push-datasync.sh', options);
  };
  const servers = ['web01', 'web02', 'web03'].map(make) as [Server, Server, Server];
  const [web01, web02, web03] = servers;
  sameShares(...servers);
  plant(web01.path('www'), { page: 'one' });
  for (const server of [web01, web02]) expect(await server.cron()).toEqual(quiet);
  const agedBy = (seconds: number) => {
    const file = web01.path('lib/behind.json');
    const since = JSON.parse(readFileSync(file, 'utf8')) as Record<string, { atS: number }>;
    for (const each of Object.values(since)) each.atS -= seconds;
    writeFileSync(file, JSON.stringify(since));
  };
  agedBy(1790);
  expect(await web01.cron()).toEqual(quiet);
  agedBy(20);
  const late = await web01.cron();
  expect(late).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/push-datasync.sh: behind for more than 30 minutes: web03\n$/),
  });
  expect(readFileSync(web01.path('status'), 'utf8')).toMatch(/^FAILURE : behind for more than 30 minutes: web03 at .*Z\nwww: record 1;/);
  expect(await web01.cron()).toEqual({ ...quiet, code: 1 });
  expect(await web03.cron()).toEqual(quiet);
  expect(await web01.cron()).toEqual(quiet);
  expect(readFileSync(web01.path('status'), 'utf8')).toMatch(good);
});

test('push-datasync.sh: a server that nobody named does not become a second master', async () => {
  const farm = startFarm();
  const make = (name: string) => {
    const home = join(farm.directory, name);
    plant(join(home, 'www'), { page: name });
    return farm.server(name, 'push-datasync.sh', {
      webservers: '( web02 )',
      include_list: listOf(home, '/www'),
      status: `"${home}/status"`,
    });
  };
  const [web01, web09] = [make('web01'), make('web09')];
  sameShares(web01, web09);
  expect(await web01.cron()).toEqual(quiet);
  expect(await web09.cron()).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('web09 would publish, but web01 is the master already'),
  });
  expect(readFileSync(web09.path('status'), 'utf8')).toMatch(/^FAILURE : web09 would publish/);
  expect(readFileSync(web09.path('www/page'), 'utf8')).toBe('web09');
  web09.set({ webservers: '( web02 web09 )' });
  expect((await web09.cron()).stderr).toContain('goes to the trash: page');
  expect(readFileSync(web09.path('www/page'), 'utf8')).toBe('web01');
});

test('pull-datasync.sh: several directories, some inside others, with spaces, one base name twice; absent ones are told', async () => {
  const farm = startFarm();
  const make = (name: string) => {
    const home = join(farm.directory, name);
    mkdirSync(join(home, 'srv/my sites/a'), { recursive: true });
    mkdirSync(join(home, 'etc'), { recursive: true });
    return farm.server(name, 'pull-datasync.sh', {
      master_webserver: '"web01"',
      include_list: listOf(home, '/srv/my sites/a/html', '/srv/my sites/a/html/sub', '/etc/html/', '/srv/my sites/a/html'),
      status: `"${home}/srv/my sites/a/html/datasync.status"`,
      exclude_list: '( "cache/" "*.log" )',
    });
  };
  const [web01, web02] = [make('web01'), make('web02')];
  sameShares(web01, web02);
  plant(web01.path('srv/my sites/a/html'), { index: 'site', 'sub/x': 'below', 'cache/c': 'no', 'e.log': 'no' });
  expect(await web01.cron()).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('a directory of include_list= does not exist on the master'),
  });
  expect(readFileSync(web01.path('srv/my sites/a/html/datasync.status'), 'utf8')).toMatch(
    /^FAILURE : a directory of include_list= does not exist/,
  );
  expect(await web01.cron()).toEqual({ ...quiet, code: 1 });
  mkdirSync(web01.path('etc/html'));
  web01.set({ status: `"${web01.path('etc/html/datasync.status')}"` });
  for (const stderr of [expect.stringContaining('is empty on the master'), ''])
    expect(await web01.cron()).toMatchObject({ code: 1, stderr });
  expect(readdirSync(web01.path('etc/html'))).toEqual(['datasync.status']);
  rmSync(web01.path('etc/html/datasync.status'));
  web01.set({ status: `"${web01.path('srv/my sites/a/html/datasync.status')}"` });
  expect((await web01.cron()).code).toBe(1);
  plant(web01.path('etc/html'), { conf: 'conf' });
  expect(await web01.cron()).toEqual(quiet);
  expect(await web02.cron()).toEqual(quiet);
  expect(readFileSync(web02.path('etc/html/conf'), 'utf8')).toBe('conf');
  expect([...tree(web02, 'srv/my sites/a/html').keys()]).toEqual(['index', 'sub', 'sub/x']);
  const web = await webServer(web02.path('srv/my sites/a/html'));
  expect((await web.get('/datasync.status')).text).toMatch(good);
  expect((await web.get('/datasync.status')).text).toMatch(/\netc-html: record 1;/);
});

test('pull-datasync.sh: a master that is not mounted is a FAILURE, and the slaves keep what they have', async () => {
  const farm = startFarm();
  const make = (name: string) => {
    const home = join(farm.directory, name);
    mkdirSync(join(home, 'www'), { recursive: true });
    return farm.server(name, 'pull-datasync.sh', { include_list: listOf(home, '/www'), status: `"${home}/www/datasync.status"` });
  };
  const [web01, web02] = [make('web01'), make('web02')];
  sameShares(web01, web02);
  plant(web01.path('www'), Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`f${at}`, 'x'])));
  for (const server of [web01, web02]) expect(await server.cron()).toEqual(quiet);
  renameSync(web01.path('www'), web01.path('away'));
  mkdirSync(web01.path('www'));
  expect(await web01.cron()).toMatchObject({ code: 3, stderr: expect.stringContaining('is empty, but held 50 entries') });
  const web = await webServer(web01.path('www'));
  expect((await web.get('/datasync.status')).text).toMatch(/^FAILURE : www root-emptied at /);
  expect(await web01.cron()).toEqual({ ...quiet, code: 3 });
  rmSync(web01.path('www'), { recursive: true });
  expect((await web01.cron()).code).toBe(3);
  expect((await web.get('/datasync.status')).status).toBe(404);
  expect(await web02.cron()).toEqual(quiet);
  expect(tree(web02, 'www').size).toBe(50);
  renameSync(web01.path('away'), web01.path('www'));
  expect(await web01.cron()).toEqual(quiet);
  expect((await web.get('/datasync.status')).text).toMatch(good);
});

test('a mistake in the options, a store that is away, and a file that is none of ours', async () => {
  const farm = startFarm();
  const home = join(farm.directory, 'web01');
  plant(join(home, 'www'), { page: 'x', 'index.php': '<?php' });
  const web01 = farm.server('web01', 'pull-datasync.sh', { include_list: listOf(home, '/www'), status: `"${home}/www/index.php"` });
  expect(await web01.cron()).toMatchObject({ code: 0, stderr: expect.stringContaining('the file of status= is no report of this script') });
  expect(readFileSync(web01.path('www/index.php'), 'utf8')).toBe('<?php');
  const report = () => readFileSync(web01.path('status'), 'utf8');
  web01.set({ status: `"${home}/status"` });
  expect(await web01.cron()).toEqual(quiet);
  web01.set({ bucket: '""' });
  expect(await web01.cron()).toMatchObject({ code: 2, stderr: expect.stringContaining('FLOCKSYNC_BUCKET') });
  expect(report()).toMatch(/^FAILURE : flocksync ended with code 2 at /);
  web01.set({ bucket: '"file:///no/such/directory"' });
  expect((await web01.cron()).code).toBe(75);
  expect(report()).toMatch(/^FAILURE : \S+ datastore no-bucket at /);
  web01.set({ include_list: '( www )' });
  expect(await web01.cron()).toMatchObject({ code: 1, stderr: expect.stringContaining('no absolute path') });
  expect(report()).toMatch(/^FAILURE : include_list= has an entry/);
  web01.set({ include_list: listOf(home, '/www'), flocksync: '"/no/such/program"' });
  expect(await web01.cron()).toMatchObject({ code: 1, stderr: expect.stringContaining('no program at flocksync=') });
  expect(report()).not.toMatch(/success/i);
});
