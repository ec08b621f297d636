import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../source.ts';
import { startFarm, webServer } from './support/datasync.ts';
import { ended } from './support/federation.ts';

const scripts = join(projectRoot, 'scripts');

/** Every file below scripts/ and packaging/ that a shell runs. */
const shellScripts = [scripts, join(projectRoot, 'packaging')]
  .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .filter((file) => file.endsWith('.sh') || /^#!.*\bsh\b/.test(readFileSync(file, 'utf8').split('\n')[0] ?? ''));

function has(tool: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${tool}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test.skipIf(!has('shellcheck'))('shellcheck finds nothing in the scripts', () => {
  expect(shellScripts.length).toBeGreaterThan(3);
  execFileSync('shellcheck', ['-x', ...shellScripts], { cwd: projectRoot, stdio: 'pipe' });
});

test('scripts that are called by their path are executable', () => {
  const called = shellScripts.filter((file) => /^#!/.test(readFileSync(file, 'utf8')));
  for (const file of called) expect(statSync(file).mode & 0o111, file).toBe(0o111);
});

test('each directory of a datasync list has a share name of its own, the same everywhere', () => {
  const paths = [
    '/var/www',
    '/var/www/a',
    '/var/www-a',
    '/var/www_a',
    '/var/www a',
    '/bell',
    '/größe',
    `/${'x/'.repeat(60)}y`,
    '/-x',
    '/VAR/www',
    '/var//www',
  ];
  const named = (locale: string) =>
    paths.map((path) =>
      execFileSync('bash', ['-c', '. "$0/datasync.sh"; share_name "$1"', scripts, path], {
        encoding: 'utf8',
        env: { ...process.env, LC_ALL: locale },
      }),
    );
  const names = named('C.UTF-8');
  expect(names.slice(0, 2)).toEqual(['var-www', 'var-www-a']);
  expect(new Set(names).size).toBe(paths.length);
  for (const name of names) expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
  expect(names).not.toContain('bell');
  expect(named('C')).toEqual(names);
});

test('the check by hand of docs/6 believes a success only until its time is over', () => {
  const { directory } = startFarm();
  const page = readFileSync(join(projectRoot, 'docs/6-monitoring.md'), 'utf8');
  const text = /```sh[^\n]*\n(line=\$\(curl[\s\S]*?)```/.exec(page)?.[1] ?? '';
  const file = join(directory, 'datasync.status');
  const checks = text.replace('curl -fsS http://web02/datasync.status', `cat '${file}'`);
  expect(checks).toContain(file);
  const code = (report: string) => {
    writeFileSync(file, report);
    return spawnSync('sh', ['-c', checks], { stdio: 'ignore' }).status;
  };
  expect([code(success(60_000)), code(success(-60_000)) === 0, code('FAILURE : x at y\n')]).toEqual([0, false, 2]);
});

const at = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

function success(goodForMs: number): string {
  const now = Date.now();
  return `SUCCESS : flocksync completed successfully at ${at(now)}, good until ${at(now + goodForMs)}\nwebroot: record 1\n`;
}

test('check_flocksync_status believes a success only until its time is over', async () => {
  const { directory } = startFarm();
  const root = join(directory, 'html');
  mkdirSync(root);
  const check = async (where: string) =>
    await ended(spawn(join(scripts, 'check_flocksync_status'), [where], { stdio: ['ignore', 'pipe', 'pipe'] }));
  const reports: [string, string, number][] = [
    ['good', success(60_000), 0],
    ['stale', success(-60_000), 2],
    ['bad', `FAILURE : webroot held at ${at(Date.now())}; last good at ${at(Date.now())}\n`, 2],
    ['original', 'SUCCESS : rsync completed successfully\n', 3],
    ['odd', 'SUCCESS : x, good until tomorrow\n', 3],
    ['empty', '', 3],
  ];
  for (const [name, text, code] of reports) {
    writeFileSync(join(root, name), text);
    expect(await check(join(root, name)), name).toMatchObject({ code, stderr: '' });
  }
  expect((await check(join(root, 'good'))).stdout).toMatch(/^FLOCKSYNC OK - flocksync completed/);
  expect((await check(join(root, 'stale'))).stdout).toMatch(/^FLOCKSYNC CRITICAL - nothing was written since/);
  expect((await check(join(root, 'absent'))).code).toBe(2);
  expect((await check('')).code).toBe(2);
  if (!has('curl')) return;
  const { port } = await webServer(root);
  expect(await check(`http://127.0.0.1:${port}/good`)).toMatchObject({ code: 0 });
  expect(await check(`http://127.0.0.1:${port}/absent`)).toMatchObject({ code: 2 });
});
