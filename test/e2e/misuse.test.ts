import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { program } from './support/federation.ts';
import { scenario } from './support/pair.ts';

test('all faults of a config file at once, with their lines, exit 2, and nothing is touched', async () => {
  const { federation, member } = scenario(['a']);
  const a = member('a');
  const file = federation.configFile('a');
  const lines = readFileSync(file, 'utf8').split('\n');
  const broken = [
    ...lines.filter((line) => line !== ''),
    '    conflict: oldest',
    '    rol: both',
    '    preset: wordpres',
    '    settle: soon',
  ];
  writeFileSync(file, broken.filter((line) => !line.includes('settle: 0s')).join('\n'));
  const ran = await a.run('sync');
  expect(ran.code).toBe(2);
  expect(ran.stdout).toBe('');
  const told = ran.stderr.trim().split('\n');
  expect(told).toHaveLength(4);
  for (const fault of told) expect(fault).toMatch(/^\S+flocksync\.yml:\d+: /);
  expect(ran.stderr).toContain('did you mean `role`?');
  expect(ran.stderr).toContain('did you mean `wordpress`?');
  expect(a.names()).toEqual([]);
});

const misuses = [
  ['sync', '--nope'],
  ['sync', '--only', 'both'],
  ['snc'],
  ['sync', '--path', '../x'],
  ['restore', 'x'],
  ['install', 'crontab'],
  ['sync', 'no-such-share'],
];

for (const args of misuses) {
  test(`exit 2 and one sentence: flocksync ${args.join(' ')}`, async () => {
    const { member } = scenario(['a']);
    const [command = '', ...rest] = args;
    const ran = await member('a').run(command, ...rest);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toMatch(/^flocksync: .+/);
  });
}

test('a config file that is not there is named', () => {
  const ran = spawnSync(process.execPath, [program, 'sync', '--config', '/nowhere/flocksync.yml'], { encoding: 'utf8' });
  expect([ran.status, ran.stdout]).toEqual([2, '']);
  expect(ran.stderr).toContain('/nowhere/flocksync.yml');
});

test('a cycle without problems prints nothing, whether it has much to do or nothing', async () => {
  const { member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  a.put({ 'd/x': 'x1', l: { link: 'd/x' }, empty: null });
  await a.sync();
  await b.sync();
  await b.sync();
  b.remove('d', 'l');
  b.put({ y: 'y1' });
  await b.sync();
  await a.sync();
});

test('output that cannot be written is one sentence and exit 1, whatever the command', () => {
  for (const args of [['--help'], ['help', 'config']]) {
    const full = openSync('/dev/full', 'w');
    const ran = spawnSync(process.execPath, [program, ...args], { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' });
    closeSync(full);
    expect(ran.status).toBe(1);
    expect(ran.stderr).toMatch(/^flocksync: the output could not be written: ENOSPC.*\n$/);
  }
});

test('a log file whose directory is missing: exit 2 and one sentence', async () => {
  const { federation, member } = scenario(['a']);
  const file = federation.configFile('a');
  writeFileSync(file, `log: ${federation.directory}/none/flocksync.log\n${readFileSync(file, 'utf8')}`);
  const ran = await member('a').run('sync');
  expect(ran).toMatchObject({ code: 2, stdout: '' });
  expect(ran.stderr).toMatch(/^flocksync: the log file .*none\/flocksync\.log cannot be opened: .*\n$/);
});
