import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Installation } from '../../src/adapters/installation.ts';
import type { InstallCommand } from '../../src/cli/command.ts';
import { install } from '../../src/cli/install.ts';
import { loadConfig } from '../../src/config.ts';
import type { Config } from '../../src/config-types.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { projectRoot } from '../source.ts';

const place: Installation = {
  ...{ node: '/usr/bin/node', program: '/opt/flocksync/dist/main.js', config: '/etc/flocksync.yml', self: 'root', variables: {} },
  ...{ hasKeyInShell: false, isUnderSystemd: true, ownerOf: (path) => (path.endsWith('.env') ? null : 0) },
};
const asked: InstallCommand = {
  ...{ name: 'install', what: 'cron', write: true, remove: false, user: null, everyMs: null },
  ...{ config: '/etc/flocksync.yml', json: false, verbose: false, quiet: false },
};

function configOf(store = 'url: s3://my-bucket', path = '/var/www/html'): Config {
  const text = `federation: shop\ndatastore: { ${store} }\nmember: web01\nshares: [{ name: webroot, path: "${path}" }]\n`;
  const loaded = loadConfig(text, '/etc/flocksync.yml', { variables: {}, hostName: 'h', realpath: () => null });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.faults));
  return loaded.config;
}

function machine() {
  const directory = temporaryDirectory();
  const folders = { cron: join(directory, 'cron.d'), systemd: join(directory, 'system') };
  for (const folder of Object.values(folders)) mkdirSync(folder);
  const run = (changes: Partial<InstallCommand> = {}, config: Config | null = configOf(), other: Partial<Installation> = {}) => {
    const said = { out: '', error: '' };
    const output = {
      terminal: false,
      line: (text: string) => {
        said.out += `${text}
`;
      },
      error: (text: string) => {
        said.error += `${text}
`;
      },
    };
    return { code: install(config, { ...asked, ...changes }, { ...place, ...other }, output, folders), ...said };
  };
  return { folders, run, remove: (changes: Partial<InstallCommand> = {}) => run({ write: false, remove: true, ...changes }, null) };
}

test.each([
  { what: 'cron', folder: 'cron', name: 'flocksync' },
  { what: 'systemd', folder: 'systemd', name: 'flocksync.service' },
] as const)('$what: printed, written once, removed', ({ what, folder, name }) => {
  const { folders, run, remove } = machine();
  const file = join(folders[folder], name);
  const printed = run({ what, write: false });
  expect(printed).toMatchObject({ code: 0, error: '' });
  expect(readdirSync(folders[folder])).toEqual([]);
  expect(run({ what })).toMatchObject({ code: 0, error: '', out: expect.stringContaining(`${file} written`) });
  expect(readFileSync(file, 'utf8')).toBe(printed.out);
  expect(statSync(file).mode & 0o777).toBe(0o644);
  const { ino } = statSync(file);
  expect(run({ what })).toMatchObject({ code: 0, out: expect.stringContaining('nothing to do') });
  expect(statSync(file).ino).toBe(ino);
  expect(remove({ what })).toMatchObject({ code: 0, out: expect.stringContaining('removed') });
  expect(readdirSync(folders[folder])).toEqual([]);
  expect(remove({ what })).toMatchObject({ code: 0, out: expect.stringContaining('nothing to do') });
});

test('another rhythm replaces the file, and leaves nothing beside it', () => {
  const { folders, run } = machine();
  run();
  expect(run({ everyMs: 60_000 })).toMatchObject({ code: 0, out: expect.stringContaining('replaced') });
  expect(readFileSync(join(folders.cron, 'flocksync'), 'utf8')).toContain('every 1m');
  expect(readdirSync(folders.cron)).toEqual(['flocksync']);
});

test('a file of somebody else stays, as does a link', () => {
  const { folders, run, remove } = machine();
  const file = join(folders.cron, 'flocksync');
  writeFileSync(file, '* * * * * root true\n');
  for (const { code, error } of [run(), remove()]) expect([code, error]).toEqual([1, expect.stringContaining('not written by flocksync')]);
  expect(readFileSync(file, 'utf8')).toBe('* * * * * root true\n');
  symlinkSync('/etc/passwd', join(folders.systemd, 'flocksync.service'));
  expect(run({ what: 'systemd' })).toMatchObject({ code: 1, error: expect.stringContaining('no plain file') });
  expect(remove({ what: 'systemd' }).code).toBe(1);
});

test('edits by hand are not overwritten; removing takes the edited file', () => {
  const { folders, run, remove } = machine();
  const file = join(folders.cron, 'flocksync');
  run();
  writeFileSync(file, readFileSync(file, 'utf8').replace('MAILTO=root', 'MAILTO=me@example.com'));
  expect(run()).toMatchObject({ code: 1, error: expect.stringContaining('has been edited') });
  expect(readFileSync(file, 'utf8')).toContain('me@example.com');
  expect(remove().code).toBe(0);
  expect(run().code).toBe(0);
});

test('a folder that is missing names the package', () => {
  const { folders, run } = machine();
  rmdirSync(folders.cron);
  expect(run()).toMatchObject({ code: 1, error: expect.stringContaining('apt-get install cron') });
});

test('the user is the one who asks, or the one who is named and exists', () => {
  const { folders, run } = machine();
  run({ user: 'daemon' });
  expect(readFileSync(join(folders.cron, 'flocksync'), 'utf8')).toMatch(/^@reboot +daemon \//m);
  expect(run({ user: 'nobody-of-this-name' })).toMatchObject({ code: 2, error: expect.stringContaining('no user "nobody-of-this-name"') });
  expect(run({ user: 'a b' }).code).toBe(2);
  expect(run({ user: 'root\n* * * * * root x' }).code).toBe(2);
});

test('another config is named in the command and has a file of its own', () => {
  const { folders, run } = machine();
  run();
  run({}, configOf(), { config: '/srv/shop.yml' });
  const [first = '', second = ''] = readdirSync(folders.cron).sort();
  expect([first, second]).toEqual(['flocksync', expect.stringMatching(/^flocksync-shop-/)]);
  expect(readFileSync(join(folders.cron, first), 'utf8')).not.toContain('--config');
  expect(readFileSync(join(folders.cron, second), 'utf8')).toContain('sync --no-wait --config /srv/shop.yml');
});

test.each<[string, Partial<InstallCommand>, Partial<Installation>, string]>([
  ['credentials of this shell', {}, { hasKeyInShell: true }, 'AWS_ACCESS_KEY_ID stands in this shell'],
  ['a file with keys that the user cannot read', { user: 'daemon' }, { ownerOf: () => 0 }, 'chown daemon /etc/flocksync.env'],
  ['directories that are missing', { what: 'systemd' }, { ownerOf: () => null }, '/var/www does not exist'],
  ['a machine without systemd', { what: 'systemd' }, { isUnderSystemd: false }, 'not started by systemd'],
])('%s are mentioned', (_, changes, other, note) => {
  expect(machine().run(changes, configOf(), other)).toMatchObject({ code: 0, error: expect.stringContaining(note) });
});

test('cron and systemd together are mentioned', () => {
  const { run } = machine();
  run();
  expect(run({ what: 'systemd' })).toMatchObject({ code: 0, error: expect.stringContaining('flocksync install cron --remove') });
});

test.each([
  ['/var/www/html', '-/var/www'],
  ['/srv/a b/*/html', '"-/srv/a b"'],
  ['/srv/\\*/x/{a,b}', '"-/srv/*/x"'],
  ['/data', '-/data'],
])('the unit lets the daemon write around %s', (path, writable) => {
  const { out } = machine().run({ what: 'systemd', write: false }, configOf(undefined, path.replaceAll('\\', '\\\\')));
  expect(out).toContain(`\nReadWritePaths=${writable}\n`);
});

test.each([
  ['/run/monitor/status', '\nReadWritePaths=-/run/monitor\n'],
  ['datasync.status', '\nReadWritePaths=-/var/www\n'],
])('the unit lets the daemon write the status file %s', (path, line) => {
  const config = configOf();
  const shares = config.shares.map((share) => ({ ...share, statusFile: { path, format: 'datasync' as const, goodForMs: 300_000 } }));
  const { out } = machine().run({ what: 'systemd', write: false }, { ...config, shares });
  expect(out).toContain(line);
});

/** `systemd-analyze` of a unit that starts something that is there. */
function analyze(verb: readonly string[], changes: Partial<InstallCommand>, config: Config) {
  const { folders, run } = machine();
  run({ what: 'systemd', ...changes }, config, { node: process.execPath, program: projectRoot });
  return spawnSync('systemd-analyze', [...verb, join(folders.systemd, 'flocksync.service')], { encoding: 'utf8' });
}

const canAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;

test.skipIf(!canAnalyze).each([
  ['the usual place', {}, configOf()],
  ['paths with blanks, as another user', { user: 'daemon' }, configOf('url: "file:///srv/my%20bucket"', '/srv/a b/*/html')],
])('systemd finds no fault with the unit: %s', (_, changes, config) => {
  expect(analyze(['verify'], changes, config)).toMatchObject({ status: 0, stderr: '' });
});

test.skipIf(!canAnalyze).each([
  ['root', {}, 32],
  ['another user', { user: 'daemon' }, 25],
])('systemd calls the service of %s well closed off', (_, changes, exposureMax) => {
  const { stdout, stderr } = analyze(['security', '--offline=true', '--no-pager'], changes, configOf());
  const exposure = Number(/exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1] ?? Number.NaN);
  expect(exposure * 10, stderr).toBeLessThanOrEqual(exposureMax);
});
