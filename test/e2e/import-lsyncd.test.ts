import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { projectRoot } from '../source.ts';
import { until } from './support/daemon.ts';
import { ended, program, type Ran } from './support/federation.ts';
import { differences, snapshot, type Tree } from './support/tree.ts';

let home: string;
let running: ChildProcess[];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'flocksync-import-'));
  running = [];
});

afterEach(async () => {
  for (const child of running) child.kill('SIGTERM');
  await Promise.all(running.map((child) => (child.exitCode === null && child.signalCode === null ? ended(child) : null)));
  rmSync(home, { recursive: true, force: true });
});

function flocksync(...args: string[]): ChildProcess {
  const env = { PATH: process.env.PATH, HOME: home, FLOCKSYNC_ENV_FILE: '' };
  return spawn(process.execPath, [program, ...args], { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] });
}

const run = (...args: string[]): Promise<Ran> => ended(flocksync(...args));

function put(path: string, text: string): void {
  mkdirSync(join(home, path, '..'), { recursive: true });
  writeFileSync(join(home, path), text);
}

describe('the command', () => {
  const seed = join(projectRoot, 'test/cli/lsyncd/four-targets.conf');

  test('prints the report and the configs as one text that is YAML', async () => {
    const { code, stdout, stderr } = await run('import', seed);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const documents = parseAllDocuments(stdout) as { toJS(): unknown }[];
    expect(documents.map((document) => document.toJS()).filter((value) => value !== null)).toMatchObject([
      { shares: [{ role: 'publisher' }] },
      { shares: [{ role: 'subscriber' }] },
    ]);
    expect(stdout).toContain('# No equivalent:');
  });

  test('writes what it would print, twice the same, and never over something else', async () => {
    const first = await run('import', seed, '--out', 'configs', '--bucket', 's3://my-bucket/web', '--federation', 'blog');
    expect(first).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('subscriber.yml') });
    expect(readdirSync(join(home, 'configs')).sort()).toEqual(['publisher.yml', 'subscriber.yml']);
    const text = readFileSync(join(home, 'configs/publisher.yml'), 'utf8');
    expect(text).toContain('url: "s3://my-bucket/web"');
    expect(text).toContain('federation: "blog"');
    const quiet = await run('import', seed, '--out', 'configs', '--bucket', 's3://my-bucket/web', '--federation', 'blog', '-q');
    expect(quiet).toMatchObject({ code: 0, stderr: '', stdout: '' });
    rmSync(join(home, 'configs/publisher.yml'));
    writeFileSync(join(home, 'configs/subscriber.yml'), 'mine');
    const refused = await run('import', seed, '--out', 'configs');
    expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('configs/subscriber.yml is there already') });
    expect(readdirSync(join(home, 'configs'))).toEqual(['subscriber.yml']);
    expect(readFileSync(join(home, 'configs/subscriber.yml'), 'utf8')).toBe('mine');
  });

  test.each([
    ['function f() end', [], 'l.conf:1: '],
    ['sync{ source = "/a"', [], 'l.conf:1: '],
    ['sync{}', ['--bucket', 'https://x'], '--bucket'],
    ['sync{}', ['--federation', '../x'], '--federation'],
    ['sync{}', ['--out', '/dev/null/x'], 'cannot be written'],
  ])('%s is refused', async (text, more, said) => {
    put('l.conf', text);
    const { code, stdout, stderr } = await run('import', 'l.conf', ...more);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(said);
  });

  test('what is no config file is refused at once', async () => {
    expect(spawnSync('mkfifo', [join(home, 'pipe')]).status).toBe(0);
    writeFileSync(join(home, 'bytes'), Buffer.from([0x78, 0xff, 0xfe]));
    for (const [file, said] of [
      ['none', 'ENOENT'],
      [home, 'no regular file'],
      ['pipe', 'no regular file'],
      ['/dev/zero', 'no regular file'],
      ['bytes', 'not UTF-8'],
    ] as const)
      expect(await run('import', file)).toMatchObject({ code: 2, stderr: expect.stringContaining(said) });
  });
});

const hasLsyncd = spawnSync('lsyncd', ['--version']).status === 0;

/** Two sources, one with deletions and one without, as lsyncd is told; `to` is where the targets are. */
function lsyncdConfig(to: string): string {
  return [
    `settings { logfile = "${home}/lsyncd.log", statusFile = "${home}/${to}.status", nodaemon = true }`,
    'for _, part in ipairs({ "web", "kept" }) do',
    '  sync {',
    '    default.rsync,',
    `    source = "${home}/from/" .. part,`,
    `    target = "${home}/${to}/" .. part,`,
    '    exclude = { "*.tmp", "/cache/", "a/b" },',
    '    delete = part == "web",',
    '    delay = 1,',
    '    rsync = { archive = true, whole_file = true }',
    '  }',
    'end',
  ].join('\n');
}

describe.skipIf(!hasLsyncd)('beside lsyncd with the same config', () => {
  const parts = ['web', 'kept'];

  function fill(): void {
    for (const part of parts) {
      put(`from/${part}/index.html`, 'one');
      put(`from/${part}/css/site.css`, 'css');
      put(`from/${part}/old.txt`, 'old');
      put(`from/${part}/notes.tmp`, 'no');
      put(`from/${part}/cache/page`, 'no');
      put(`from/${part}/x/a/b/c`, 'no');
      put(`from/${part}/x/cache/kept`, 'yes');
      for (const to of ['lsyncd', 'flock']) {
        put(`${to}/${part}/only-here.txt`, 'extra');
        utimesSync(join(home, `${to}/${part}/only-here.txt`), 1_700_000_000, 1_700_000_000);
      }
    }
  }

  /** What both have to bring to the targets by the end. */
  function edit(): void {
    for (const part of parts) {
      put(`from/${part}/index.html`, 'two, longer');
      put(`from/${part}/new/deep/file.txt`, 'new');
      put(`from/${part}/late.tmp`, 'no');
      rmSync(join(home, `from/${part}/old.txt`));
      renameSync(join(home, `from/${part}/css`), join(home, `from/${part}/style`));
    }
  }

  /** What goes away while it is looked at makes a look in vain. */
  function treeOf(to: string, part: string): Tree {
    try {
      return snapshot(join(home, to, part));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Map();
      throw error;
    }
  }

  async function startFlocksync(): Promise<void> {
    mkdirSync(join(home, 'bucket'));
    writeFileSync(
      join(home, 'flock.conf'),
      lsyncdConfig('flock')
        .replace('settings {', 'settings = {')
        .replace(/logfile = "[^"]*", /, ''),
    );
    const imported = await run('import', 'flock.conf', '--out', 'configs', '--bucket', `file://${home}/bucket`);
    expect(imported).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(join(home, 'configs')).sort()).toEqual(['publisher.yml', 'subscriber-local.yml']);
    const adapt = (file: string, change: (text: string) => string) =>
      writeFileSync(join(home, file), change(readFileSync(join(home, file), 'utf8')));
    // Whoever runs the tests may not write to /var/lib.
    adapt('configs/publisher.yml', (text) => `state: ${home}/state-a\n${text}`);
    adapt('configs/subscriber-local.yml', (text) => text.replaceAll('/var/lib/flocksync-local', `${home}/state-b`));
    const sync = (file: string) => run('sync', '--config', join(home, 'configs', file));
    expect(await sync('publisher.yml')).toMatchObject({ code: 0, stderr: '' });
    // What only the target had goes to its trash where lsyncd deletes, and is listed once.
    expect(await sync('subscriber-local.yml')).toMatchObject({ code: 1, stderr: expect.stringContaining('only-here.txt') });
    for (const file of ['publisher.yml', 'subscriber-local.yml']) running.push(flocksync('run', '--config', join(home, 'configs', file)));
  }

  test('the targets come to the same trees', { timeout: 120_000 }, async () => {
    fill();
    writeFileSync(join(home, 'lsyncd.conf'), lsyncdConfig('lsyncd'));
    running.push(spawn('lsyncd', ['-nodaemon', join(home, 'lsyncd.conf')], { stdio: 'ignore' }));
    await startFlocksync();
    const settled = (to: string) =>
      parts.every((part) => treeOf(to, part).has('style/site.css') && treeOf(to, part).has('new/deep/file.txt'));
    await until('lsyncd watches', () => parts.every((part) => treeOf('lsyncd', part).has('index.html')), 30_000);
    edit();
    await until('both have brought the new files', () => settled('lsyncd') && settled('flock'), 60_000);
    const equal = () =>
      parts.flatMap((part) => differences(treeOf('lsyncd', part), treeOf('flock', part)).map((line) => `${part}/${line}`));
    await until(`equal trees`, () => equal().length === 0, 30_000).catch(() => undefined);
    expect(equal()).toEqual([]);
    expect([...treeOf('flock', 'web').keys()].sort()).toEqual([
      ...['index.html', 'new', 'new/deep', 'new/deep/file.txt', 'style', 'style/site.css', 'x', 'x/a', 'x/cache', 'x/cache/kept'],
    ]);
    expect([...treeOf('flock', 'kept').keys()]).toEqual(
      expect.arrayContaining(['old.txt', 'only-here.txt', 'css/site.css', 'style/site.css']),
    );
    expect(readFileSync(join(home, 'flock.status'), 'utf8')).toMatch(/^SUCCESS : .*\n(web|kept): record \d+;/);
  });
});
