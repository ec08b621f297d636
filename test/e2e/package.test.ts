import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../source.ts';
import { type CleanRoot, canMakeCleanRoot, makeCleanRoot } from './support/clean-root.ts';
import { ended, type Ran } from './support/federation.ts';

const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const canPack = ['dpkg-deb', 'dpkg-shlibdeps', 'objdump', 'strip', 'npm'].every(has);
const canInstall = canPack && canMakeCleanRoot();
const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string };

const fine = { code: 0, stderr: '' };
let scratch: string;
let deb: string;
let tarball: string;
let root: CleanRoot;
let making: Promise<CleanRoot> | null = null;

/** `npm run package` in surroundings of its own. */
async function pack(out: string, variables: Readonly<Record<string, string>>, umask: string): Promise<Ran> {
  const command = `umask ${umask}; exec '${process.execPath}' --import tsx scripts/package.ts --out '${out}'`;
  const env = { ...process.env, SOURCE_DATE_EPOCH: '1763640000', ...variables };
  return await ended(spawn('sh', ['-c', command], { cwd: projectRoot, env, stdio: ['ignore', 'pipe', 'pipe'] }));
}

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'flocksync-packages-'));
  if (!canPack) return;
  if (canInstall) making = makeCleanRoot();
  const packed = await pack(join(scratch, 'first'), {}, '022');
  expect(packed).toMatchObject(fine);
  [deb, tarball] = ['.deb', '.tgz'].map((ending) => packed.stdout.split(/\s/).find((word) => word.endsWith(ending)) ?? '') as [
    string,
    string,
  ];
  if (making === null) return;
  root = await making;
  cpSync(deb, root.path(`root/${version}.deb`));
}, 300_000);

afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true });
  (await making)?.close();
});

test.skipIf(!canPack)(
  'the same input gives the same bytes, whoever packs it, and when',
  async () => {
    const out = join(scratch, 'second');
    expect(await pack(out, { TZ: 'Asia/Tokyo', LC_ALL: 'C', HOME: scratch }, '077')).toMatchObject(fine);
    for (const name of readdirSync(out))
      expect(readFileSync(join(out, name)).equals(readFileSync(join(scratch, 'first', name))), name).toBe(true);
    expect(readdirSync(out)).toHaveLength(2);
  },
  300_000,
);

test.skipIf(!canPack)('npm install -g puts it into a clean prefix, and it runs', async () => {
  const prefix = join(scratch, 'prefix');
  // The native module as it was compiled for these tests, so that nothing is fetched from its makers or compiled again.
  const env = { ...process.env, npm_config_better_sqlite3_local_prebuilds: prebuilt() };
  const install = ['install', '-g', '--prefix', prefix, '--prefer-offline', tarball];
  const installed = await ended(spawn('npm', install, { env, stdio: ['ignore', 'pipe', 'pipe'] }));
  expect(installed.code, installed.stderr).toBe(0);
  const command = join(prefix, 'bin/flocksync');
  expect(await ended(spawn(command, ['--version']))).toMatchObject({ ...fine, stdout: `flocksync ${version}\n` });
  const [a, b] = ['a', 'b'].map((name) => memberIn(join(scratch, 'npm'), name, join(scratch, 'npm/bucket')));
  mkdirSync(join(scratch, 'npm/bucket'));
  writeFileSync(join(a?.root ?? '', 'page.html'), 'hello');
  for (const member of [a, b]) expect(await ended(spawn(command, ['sync', '--config', member?.config ?? '']))).toMatchObject(fine);
  expect(readFileSync(join(b?.root ?? '', 'page.html'), 'utf8')).toBe('hello');
  expect(existsSync(join(prefix, 'share/man/man1/flocksync.1'))).toBe(true);
});

/** A directory in which better-sqlite3 finds what it would otherwise fetch. */
function prebuilt(): string {
  const directory = join(scratch, 'prebuilt');
  const built = join(projectRoot, 'node_modules/better-sqlite3');
  const { version: release } = JSON.parse(readFileSync(join(built, 'package.json'), 'utf8')) as { version: string };
  const name = `better-sqlite3-v${release}-node-v${process.versions.modules}-${process.platform}-${process.arch}.tar.gz`;
  mkdirSync(directory, { recursive: true });
  execFileSync('tar', ['-C', built, '-czf', join(directory, name), 'build/Release/better_sqlite3.node']);
  return directory;
}

/** A config with one share, and its root; `inside` is what the paths are called where it is read. */
function memberIn(directory: string, name: string, bucket: string, inside = directory): { root: string; config: string } {
  const [at, called] = [join(directory, name), join(inside, name)];
  mkdirSync(join(at, 'html'), { recursive: true });
  const lines = ['federation: shop', `datastore: { url: "file://${bucket}" }`, `member: ${name}`, `state: ${called}/state`];
  writeFileSync(join(at, 'flocksync.yml'), `${[...lines, `shares: [{ name: webroot, path: ${called}/html, settle: 0s }]`].join('\n')}\n`);
  return { root: join(at, 'html'), config: join(called, 'flocksync.yml') };
}

describe.skipIf(!canInstall)('on a Debian 12 with nothing else', () => {
  test('a checkout in the place of the package is not mixed with it', async () => {
    root.write('opt/flocksync/package-lock.json', '{}');
    const { code, stderr } = await root.run('dpkg', '-i', `/root/${version}.deb`);
    expect([code, stderr]).toEqual([1, expect.stringContaining('mv /opt/flocksync /opt/flocksync.checkout')]);
    expect(readdirSync(root.path('opt/flocksync'))).toEqual(['package-lock.json']);
    rmSync(root.path('opt/flocksync'), { recursive: true });
  });

  test('dpkg installs it, and it says what comes next', async () => {
    const installed = await root.run('dpkg', '-i', `/root/${version}.deb`);
    expect(installed).toMatchObject({ ...fine, stdout: expect.stringContaining('next: flocksync init') });
    expect(await root.run('flocksync', '--version')).toMatchObject({ ...fine, stdout: `flocksync ${version}\n` });
    expect(await root.run('dpkg', '--audit')).toMatchObject({ ...fine, stdout: '' });
    expect(await root.run('dpkg', '--verify', 'flocksync')).toMatchObject({ ...fine, stdout: '' });
  });

  test('two members sync, and the daemon stops when it is told to', async () => {
    const [a, b] = ['a', 'b'].map((name) => memberIn(root.path('srv'), name, '/srv/bucket', '/srv')) as [Member, Member];
    mkdirSync(root.path('srv/bucket'));
    writeFileSync(join(a.root, 'page.html'), 'hello');
    for (const { config } of [a, b]) expect(await root.run('flocksync', 'sync', '--config', config)).toMatchObject({ ...fine, stdout: '' });
    expect(readFileSync(join(b.root, 'page.html'), 'utf8')).toBe('hello');
    const daemon = ['timeout', '--preserve-status', '3', 'flocksync', 'run', '--config', b.config];
    expect(await root.run(...daemon)).toMatchObject({ ...fine, stdout: '' });
  });

  test('pages and completion are where man and bash look for them', async () => {
    const page = (place: string) => spawnSync('gzip', ['-dc', root.path(`usr/share/man/${place}.gz`)], { encoding: 'utf8' }).stdout;
    expect(page('man1/flocksync.1')).toContain('flocksync status \\-\\-check');
    expect(page('man5/flocksync.yml.5')).toContain('federation: shop');
    const press = 'COMP_WORDS=(flocksync st); COMP_CWORD=1; _flocksync; declare -p COMPREPLY';
    const completed = await root.run('bash', '-c', `. /usr/share/bash-completion/completions/flocksync; ${press}`);
    expect(completed).toMatchObject({ ...fine, stdout: 'declare -a COMPREPLY=([0]="status")\n' });
  });

  test('everything that is bundled has its licence', () => {
    const text = readFileSync(root.path('usr/share/doc/flocksync/copyright'), 'utf8');
    for (const name of ['@aws-sdk/client-s3', 'better-sqlite3', 'yaml', `Node.js ${process.versions.node}`]) expect(text).toContain(name);
  });

  test('the cron fragment is what install prints', async () => {
    root.write(
      'etc/flocksync.yml',
      'federation: shop\ndatastore: { url: "s3://my-bucket" }\nmember: web01\nshares: [{ name: webroot, path: /var/www/html }]\n',
    );
    const fragment = readFileSync(root.path('opt/flocksync/cron/flocksync'), 'utf8');
    expect(await root.run('flocksync', 'install', 'cron')).toMatchObject({ ...fine, stdout: fragment });
    expect(fragment).toMatch(/^@reboot +root \/opt\/flocksync\/bin\/node \/opt\/flocksync\/dist\/main\.js sync$/m);
  });

  test.skipIf(!has('systemd-analyze'))('systemd accepts the unit', () => {
    const verified = spawnSync('systemd-analyze', ['verify', `--root=${root.directory}`, 'flocksync.service'], { encoding: 'utf8' });
    const absent = /sysinit\.target not found|\/bin\/kill is not executable/;
    const said = verified.stderr.split('\n').filter((line) => line.includes('flocksync') && !absent.test(line));
    expect(said).toEqual([]);
  });

  test('an upgrade keeps config, state and edits, and starts again what ran', async () => {
    await settled();
    const before = ['etc/flocksync.yml', 'etc/cron.d/flocksync', 'etc/logrotate.d/flocksync'].map(content);
    const upgraded = await root.run('sh', '-c', `mkdir -p /run/systemd/system; dpkg -i ${repacked('next', { version: '99' })}`);
    expect(upgraded).toMatchObject(fine);
    expect(upgraded.stdout).not.toContain('next:');
    expect((await root.run('dpkg-query', '--show', 'flocksync')).stdout).toBe('flocksync\t99\n');
    expect(['etc/flocksync.yml', 'etc/cron.d/flocksync', 'etc/logrotate.d/flocksync'].map(content)).toEqual(before);
    expect(asked()).toEqual(['list-units', 'stop flocksync.service', 'daemon-reload', 'start flocksync.service']);
    expect(await root.run('flocksync', 'sync')).toMatchObject({ ...fine, stdout: '' });
    expect(existsSync(root.path('var/lib/flocksync/webroot.journal'))).toBe(true);
  });

  test('an upgrade that fails leaves the old one at work', async () => {
    await settled();
    const failed = await root.run(
      'sh',
      '-c',
      `mkdir -p /run/systemd/system; dpkg -i ${repacked('bad', { version: '100', preinst: 'exit 1' })}`,
    );
    expect(failed.code).toBe(1);
    expect(asked()).toEqual(['list-units', 'stop flocksync.service', 'daemon-reload', 'start flocksync.service']);
    expect(await root.run('flocksync', 'sync')).toMatchObject({ ...fine, stdout: '' });
  });

  test('removed, it leaves config and state, and nothing that would start it; it comes back as it was', async () => {
    await settled();
    expect(await root.run('flocksync', 'install', 'systemd', '--write')).toMatchObject({ code: 0 });
    const starters = ['etc/cron.d/flocksync', 'etc/systemd/system/flocksync.service'];
    const before = starters.map(content);
    root.write('etc/cron.d/flocksync-own', '* * * * * root /opt/flocksync/bin/node\n');
    expect(await root.run('sh', '-c', 'mkdir -p /run/systemd/system; dpkg -r flocksync')).toMatchObject(fine);
    expect(asked()).toEqual(['list-units', 'stop flocksync.service', 'daemon-reload']);
    expect(existsSync(root.path('opt/flocksync'))).toBe(false);
    expect(readdirSync(root.path('etc/cron.d')).filter((name) => /^flocksync[^.]*$/.test(name))).toEqual(['flocksync-own']);
    expect(existsSync(root.path(starters[1] ?? ''))).toBe(false);
    for (const kept of ['etc/flocksync.yml', 'etc/logrotate.d/flocksync', 'var/lib/flocksync/webroot.journal']) content(kept);
    expect(await root.run('dpkg', '-i', `/root/${version}.deb`)).toMatchObject(fine);
    expect(starters.map(content)).toEqual(before);
    expect(await root.run('flocksync', 'sync')).toMatchObject({ ...fine, stdout: '' });
  });

  test('purged, it leaves what cannot be made again, and says so', async () => {
    await settled();
    root.write('var/log/flocksync.jsonl', '{}\n');
    root.write('var/log/flocksync.jsonl.1.gz', '');
    const purged = await root.run('dpkg', '--purge', 'flocksync');
    expect(purged).toMatchObject({ ...fine, stdout: expect.stringContaining('/var/lib/flocksync stays') });
    const { stdout } = await root.run('sh', '-c', "find / -xdev -name '*flocksync*' -not -path '/root/*' -not -path '/srv/*' | sort");
    expect(stdout.split('\n')).toEqual([
      '/etc/cron.d/flocksync-own',
      '/etc/flocksync.yml',
      '/var/lib/flocksync',
      '/var/www/.flocksync-webroot',
      '',
    ]);
    expect(existsSync(root.path('var/lib/flocksync/webroot.journal'))).toBe(true);
    expect(await root.run('dpkg', '--audit')).toMatchObject({ ...fine, stdout: '' });
  });

  const content = (place: string) => readFileSync(root.path(place), 'utf8');

  /** Installed in the release that was packed, with a config, a state, edits by hand, and a systemd that only writes down what it is asked. */
  async function settled(): Promise<void> {
    root.write('usr/local/bin/systemctl', systemctl, 0o755);
    mkdirSync(root.path('var/www/html'), { recursive: true });
    mkdirSync(root.path('etc/cron.d'), { recursive: true });
    root.write('var/www/html/page.html', 'hello');
    root.write('etc/flocksync.yml', ['# mine', ...configLines].join('\n'));
    expect((await root.run('dpkg', '-i', '--force-downgrade,confold', `/root/${version}.deb`)).code).toBe(0);
    root.write('etc/logrotate.d/flocksync', '# mine\n');
    rmSync(root.path('etc/cron.d/flocksync'), { force: true });
    expect(await root.run('flocksync', 'install', 'cron', '--write', '--every', '1m')).toMatchObject({ code: 0 });
    root.write('etc/cron.d/flocksync', `${content('etc/cron.d/flocksync')}# mine\n`);
    expect(await root.run('flocksync', 'sync')).toMatchObject({ code: 0 });
    rmSync(root.path('root/systemctl.log'), { force: true });
  }

  /** What the maintainer scripts asked of systemd. */
  const asked = () => content('root/systemctl.log').trim().split('\n');

  /** The package with another version, and other words in a script; the path that it has inside. */
  function repacked(name: string, changes: { readonly version: string; readonly preinst?: string }): string {
    const directory = join(scratch, name);
    execFileSync('dpkg-deb', ['-R', deb, directory]);
    const control = join(directory, 'DEBIAN/control');
    writeFileSync(control, readFileSync(control, 'utf8').replace(/^Version: .*/m, `Version: ${changes.version}`));
    if (changes.preinst !== undefined) writeFileSync(join(directory, 'DEBIAN/preinst'), `#!/bin/sh\n${changes.preinst}\n`);
    execFileSync('dpkg-deb', ['-Znone', '--root-owner-group', '--build', directory, root.path(`root/${name}.deb`)]);
    return `/root/${name}.deb`;
  }
});

const configLines = [
  'federation: shop',
  'datastore: { url: "file:///srv/bucket" }',
  'member: web01',
  'shares: [{ name: webroot, path: /var/www/html, settle: 0s }]',
  '',
];

const systemctl = `#!/bin/sh
case $1 in
  list-units) echo list-units >>/root/systemctl.log; echo 'flocksync.service loaded active running flocksync' ;;
  *) echo "$*" >>/root/systemctl.log ;;
esac
`;

type Member = ReturnType<typeof memberIn>;
