import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Federation, type Ran, startFederation } from './support/federation.ts';
import { plant } from './support/plant.ts';

let federation: Federation;
beforeEach(() => {
  federation = startFederation(['a', 'b', 'c']);
  for (const member of ['a', 'b', 'c']) rmSync(federation.configFile(member));
});
afterEach(() => federation.close());

const wordpress = {
  'wp-config.php': '<?php // salts',
  'wp-content/plugins/x.php': 'x',
  'wp-includes/version.php': '6',
  'index.php': 'front',
};

/** `flocksync init` with the federation's bucket, or another URL, and a state of its own. */
function init(member: string, args: readonly string[] = [], variables: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const { bucket } = federation;
  const [url, ...flags] = args[0]?.includes('://') ? args : [`file://${bucket}`, ...args];
  const here = ['--member', member, '--state', federation.state(member)];
  return federation.run(member, ['init', url ?? '', federation.root(member), ...here, ...flags], variables);
}

/** With its times to the nanosecond, as `rsync -a` leaves it. */
const copy = (from: string, to: string): unknown => execFileSync('cp', ['-a', `${federation.root(from)}/.`, federation.root(to)]);
const config = (member: string): string => readFileSync(federation.configFile(member), 'utf8');
const run = (member: string, ...args: string[]): Promise<Ran> => federation.run(member, args);

test('the first server: a config with comments, doctor, a dry run, the next command; nothing is published, nothing touched', async () => {
  plant(federation.root('a'), { ...wordpress, 'wp-content/cache/page/1.html': 'cached', '.maintenance': '' });
  const ran = await init('a');
  expect(ran, ran.stderr).toMatchObject({ code: 0, stderr: '' });
  expect(ran.stdout).toContain(`${federation.configFile('a')} written\n`);
  expect(ran.stdout).toMatch(/^ok {4}conditional-put .*$/m);
  expect(ran.stdout).toContain('Share webroot is not in the bucket yet.');
  expect(ran.stdout).toContain('leaves out 2 paths here: .maintenance, wp-content/cache/page/\n');
  expect(ran.stdout).toContain('This server would found it with what it has: 4 files, 21 B.');
  expect(ran.stdout).toContain('\n  <f+++++++++ index.php\n');
  expect(ran.stdout).toMatch(/^ {2}flocksync sync --config \S+ +does it$/m);
  expect(config('a')).toContain('\n    preset: wordpress ');
  expect(
    config('a')
      .split('\n')
      .filter((line) => line.includes('#')).length,
  ).toBeGreaterThan(8);
  expect(statSync(federation.configFile('a')).mode & 0o777).toBe(0o644);
  expect(existsSync(join(federation.bucket, 'web', 'webroot'))).toBe(false);
  expect(await run('a', 'sync')).toMatchObject({ code: 0, stdout: '', stderr: '' });
});

test('the second server finds share and federation in the bucket, and says what joining means for its files', async () => {
  plant(federation.root('a'), wordpress);
  await init('a', ['--federation', 'blogs', '--share', 'site']);
  await run('a', 'sync');
  copy('a', 'b');
  plant(federation.root('b'), { 'index.php': 'edited', 'mine.php': 'only here' });
  chmodSync(join(federation.root('b'), 'wp-includes', 'version.php'), 0o600);
  rmSync(join(federation.root('b'), 'wp-config.php'));
  const ran = await init('b');
  expect(ran, ran.stderr).toMatchObject({ code: 0, stderr: '' });
  expect(config('b')).toMatch(/^federation: blogs /m);
  expect(config('b')).toMatch(/^ {2}- name: site /m);
  expect(ran.stdout).toMatch(/^Share site is in the bucket, founded \S+ \S+Z by a; heard of: a \(.* ago\)\.$/m);
  const told = ran.stdout.slice(ran.stdout.indexOf('Joining would'), ran.stdout.indexOf('\nNext:'));
  expect(told.split('\n').map((line) => line.trim())).toEqual([
    'Joining would mean for the files of this server:',
    '1 file equal: they stay as they are',
    '1 file equal but for time, mode or owner, which they take from the share',
    '1 file (6 B) with another content: the log wins, yours go to the trash',
    '1 file (9 B) only here: they go to the trash (`join: merge` would publish them)',
    '1 file (14 B) only in the share: they come from it',
    '',
    '>f.changed.. index.php',
    '>*deleting  mine.php',
    '>f+++++++++ wp-config.php',
    '>f.changed.. wp-includes/version.php',
    '',
  ]);
  expect(await run('b', 'sync')).toMatchObject({ code: 1, stderr: expect.stringContaining('index.php, mine.php') });
  expect((await run('b', 'sync')).code).toBe(0);
  copy('a', 'c');
  expect((await init('c')).stdout).toContain('Joining changes nothing here: all 4 files are equal.');
});

test('--join merge says that files which only this server has are published', async () => {
  plant(federation.root('a'), wordpress);
  await init('a');
  await run('a', 'sync');
  plant(federation.root('b'), { ...wordpress, 'mine.php': 'only here' });
  const ran = await init('b', ['--join', 'merge']);
  expect(ran.stdout).toContain('1 file (9 B) only here: they are published\n');
  expect((await run('b', 'sync')).code).toBe(0);
  expect((await run('a', 'sync')).code).toBe(0);
  expect(existsSync(join(federation.root('a'), 'mine.php'))).toBe(true);
});

test('run again it changes nothing; other answers are refused, and --force keeps the old file', async () => {
  const file = federation.configFile('a');
  await init('a');
  const first = { text: config('a'), ino: statSync(file).ino };
  const again = await init('a');
  expect(again).toMatchObject({ code: 0, stderr: '' });
  expect(again.stdout).toContain(`${file} says so already\n`);
  const other = await init('a', ['--share', 'other']);
  expect(other).toMatchObject({ code: 2, stdout: '' });
  expect(other.stderr).toBe(
    `flocksync: ${file} is there already, and stays: flocksync doctor tests it, --force replaces it, --config FILE writes another\n`,
  );
  expect({ text: config('a'), ino: statSync(file).ino }).toEqual(first);
  expect((await init('a', ['--share', 'other', '--force'])).stdout).toContain(`what stood there is ${file}.old now\n`);
  expect(config('a')).toContain('- name: other');
  expect(readFileSync(`${file}.old`, 'utf8')).toBe(first.text);
  rmSync(file);
  symlinkSync(`${file}.old`, file);
  expect(await init('a', ['--force'])).toMatchObject({ code: 2, stderr: `flocksync: ${file} is a link: name the file itself\n` });
  expect(readFileSync(`${file}.old`, 'utf8')).toBe(first.text);
});

test('a wrong answer is told in the words of the config reader, and nothing is written', async () => {
  const wrong: [string[], string][] = [
    [['ftp://x'], '`url` is "ftp://x": write s3://bucket/prefix or file:///path'],
    [['s3://key:secret@bucket'], '`url` contains credentials'],
    [['--share', 'bell'], '`name` "bell" is reserved'],
    [['--federation', 'a/b'], 'letters, digits, ".", "_" and "-" are allowed'],
    [['--state', federation.root('a')], 'are the same directory'],
    [['--config', '/nowhere/f.yml'], '/nowhere does not exist: make it, or name another file with --config'],
  ];
  for (const [args, message] of wrong) {
    const ran = await init('a', args);
    expect(ran, args.join(' ')).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(message) });
    expect(ran.stderr).not.toContain('secret@');
    expect(existsSync(federation.configFile('a'))).toBe(false);
  }
});

test('a bucket that cannot be used: the config stands, doctor says why, and the exit code is its own', async () => {
  const ran = await init('a', ['file:///nowhere/at/all']);
  expect(ran.code).toBe(75);
  expect(ran.stdout).toMatch(/^FAIL .*$/m);
  expect(ran.stderr).toContain('correct what failed; then go on with: flocksync doctor --config');
  expect(existsSync(federation.configFile('a'))).toBe(true);
});

test('with several federations in the bucket it has to be told which; other folders there do not matter', async () => {
  for (const name of ['blogs', 'shop']) {
    await init('a', ['--federation', name, '--force']);
    await run('a', 'sync');
    rmSync(federation.state('a'), { recursive: true });
  }
  mkdirSync(join(federation.bucket, 'backups', 'x'), { recursive: true });
  writeFileSync(join(federation.bucket, 'backups', 'x', 'format.json'), 'not ours');
  expect(await init('b')).toMatchObject({
    code: 2,
    stderr: 'flocksync: in the bucket are blogs, shop: say which group of servers this one belongs to, with --federation NAME\n',
  });
  expect((await init('b', ['--federation', 'shop'])).stdout).toContain('Share webroot is in the bucket');
});

test('a directory that is not the root of a site gets a share of its own name, and no preset', async () => {
  plant(federation.root('a'), { page: 'x' });
  await init('a');
  await run('a', 'sync');
  mkdirSync(join(federation.directory, 'etc nginx'));
  const args = ['init', `file://${federation.bucket}`, join(federation.directory, 'etc nginx'), '--state', federation.state('b'), '--yes'];
  const ran = await federation.run('b', args);
  expect(ran, ran.stderr).toMatchObject({ code: 0 });
  expect(config('b')).toMatch(/^ {2}- name: etc-nginx /m);
  expect(config('b')).toMatch(/^ {4}# preset: /m);
  expect(ran.stdout).toContain('holds no files: the server with the good content goes first.');
});

test('-q prints trouble alone', async () => {
  plant(federation.root('a'), wordpress);
  expect(await init('a', ['-q'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
  rmSync(federation.bucket, { recursive: true });
  expect(await init('a', ['-q'])).toMatchObject({ code: 75, stdout: '', stderr: expect.stringMatching(/^FAIL .*no-bucket/m) });
});
