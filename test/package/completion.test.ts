import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { bashCompletion } from '../../scripts/package/completion.ts';
import { commands } from '../../src/cli/command-table.ts';

const possible = spawnSync('bash', ['--version']).status === 0;
const directory = mkdtempSync(join(tmpdir(), 'flocksync-completion-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const script = join(directory, 'flocksync');
writeFileSync(script, bashCompletion());
mkdirSync(join(directory, 'state'));
writeFileSync(join(directory, 'state', 'site-two.journal'), '');
writeFileSync(
  join(directory, 'shop.yml'),
  [
    'federation: shop',
    `state: ${join(directory, 'state')}  # here`,
    'shares:',
    '  # name: given-up',
    '  - name: webroot',
    '    path: /var/www/html',
    '  - { name: "etc-nginx", path: /etc/nginx }',
  ].join('\n'),
);

/** What bash offers when Tab is pressed behind this line; it breaks words at `=`, as bash does. */
function offered(line: string): string[] {
  const words = line.split(' ').flatMap((word) => word.split(/(=)/).filter((part, index) => part !== '' || index === 0));
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const press = `. '${script}'; COMP_WORDS=(${quoted}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _flocksync; printf '%s\\n' "\${COMPREPLY[@]}"`;
  // A bash with a socket as its input may take itself for one that somebody has logged in to, and read what is meant for people.
  const { status, stdout, stderr } = spawnSync('bash', ['--norc', '-uc', press], {
    cwd: directory,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  expect([status, stderr]).toEqual([0, '']);
  return stdout.split('\n').filter((each) => each !== '');
}

test.skipIf(!possible)('the first word is a command, or a flag that needs none', () => {
  expect(offered('flocksync ')).toEqual([...commands.map(({ name }) => name), '--help', '--version']);
  expect(offered('flocksync sy')).toEqual(['sync']);
  expect(offered('flocksync --v')).toEqual(['--version']);
});

test.skipIf(!possible)('every flag of every command is offered', () => {
  for (const { name, flags, json } of commands) {
    const all = offered(`flocksync ${name} -`);
    expect(all).toEqual(expect.arrayContaining([...flags.map(({ long }) => `--${long}`), '--config', '--quiet', '-q']));
    expect(all.includes('--json')).toBe(json);
  }
});

test.skipIf(!possible).each([
  ['flocksync sync --only ', ['publish', 'pull']],
  ['flocksync sync --only=pu', ['publish', 'pull']],
  ['flocksync sync --only=pul', ['pull']],
  ['flocksync sync --only=', ['publish', 'pull']],
  ['flocksync install ', ['cron', 'systemd']],
  ['flocksync install systemd --user roo', ['root']],
  ['flocksync help stat', ['status']],
  ['flocksync wait --timeout ', []],
  ['flocksync undo ', []],
  ['flocksync nothing-of-this-name ', []],
  ['flocksync sync --config sh', ['shop.yml']],
  ['flocksync sync --config=sh', ['shop.yml']],
  ['flocksync history sta', ['state']],
])('%s', (line, expected) => {
  expect(offered(line)).toEqual(expected);
});

test.skipIf(!possible)('shares come from the config, and from the journals of its state', () => {
  expect(offered('flocksync status --config shop.yml ')).toEqual(['webroot', 'etc-nginx', 'site-two']);
  expect(offered('flocksync status --config=shop.yml web')).toEqual(['webroot']);
  expect(offered('flocksync history --config shop.yml --share s')).toEqual(['site-two']);
  expect(offered('flocksync status --config nothing.yml zzz')).toEqual([]);
});

const shellcheck = spawnSync('shellcheck', ['--version']).status === 0;
test.skipIf(!shellcheck)('shellcheck has nothing to say', () => {
  const { stdout } = spawnSync('shellcheck', ['--shell=bash', script], { encoding: 'utf8' });
  expect(stdout).toBe('');
});
