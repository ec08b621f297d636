// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the shell
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { projectRoot } from '../source.ts';
import { until } from './support/daemon.ts';
import { asCron, installProgram } from './support/datasync.ts';
import { ended, type Ran } from './support/federation.ts';
import { plant } from './support/plant.ts';
import { differences, snapshot } from './support/tree.ts';

vi.setConfig({ testTimeout: 120_000 });

const quiet = { code: 0, signal: null, stdout: '', stderr: '' };
/** As the toolkit's documentation has it; only the directory differs, since the tests have no /var/www of their own. */
const cronLine = (directory: string) =>
  `export HOME="\${HOME}" && /bin/sleep 2 && \${HOME}/providerscripts/datastore/filesystems-sync/heavyweight/FileSystemsSyncingController.sh '2' '${directory}' 'webroot-sync'`;
const heavyweight = '$HOME/providerscripts/datastore/filesystems-sync/heavyweight';

let directory: string;
let program: string;

/** One server: a HOME with the scripts in place, and a directory that is kept in step. */
interface Server {
  readonly home: string;
  readonly root: string;
  readonly settings: string;
  run(line: string): Promise<Ran>;
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'flocksync-adt-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(join(directory, 'bucket'));
  program = installProgram(directory);
});

function server(name: string): Server {
  const home = join(directory, name);
  cpSync(join(projectRoot, 'scripts/adt'), home, { recursive: true });
  mkdirSync(join(home, 'runtime'));
  const settings = join(home, 'runtime/flocksync.env');
  writeFileSync(settings, `FLOCKSYNC_BUCKET="file://${directory}/bucket"\n`, { mode: 0o600 });
  const root = join(home, 'www', 'html');
  mkdirSync(root, { recursive: true });
  // What cron has; the file of settings is found by itself.
  return { home, root, settings, run: (line) => asCron(`unset FLOCKSYNC_ENV_FILE; ${line}`, home, { FLOCKSYNC: program }) };
}

function expectEqual(...servers: readonly Server[]): void {
  const [first, ...others] = servers.map(({ root }) => snapshot(root));
  for (const other of others) expect(differences(first as typeof other, other)).toEqual([]);
}

test('FileSystemsSyncingController.sh ORDER DIR BUCKET from the cron line keeps webroots in step, silently', async () => {
  const [a, b] = [server('a'), server('b')];
  plant(a.root, { 'index.php': 'one', 'wp content/ä b': 'spaces', '*': 'star', 'cache/': null, link: { link: 'index.php' } });
  for (const each of [a, b]) expect(await each.run(cronLine(each.root))).toEqual(quiet);
  expectEqual(a, b);
  const line = (each: Server) => cronLine(each.root).replace('/bin/sleep 2', '/bin/sleep 0');
  plant(b.root, { 'index.php': 'two', 'new/from b': 'b' });
  rmSync(join(b.root, '*'));
  for (const each of [b, a]) expect(await each.run(line(each))).toEqual(quiet);
  expectEqual(a, b);
  expect(readFileSync(join(a.root, 'index.php'), 'utf8')).toBe('two');
  // Four lines in one minute, of which several meet.
  const together = await Promise.all(['2', '15', '30', '45'].map((order) => a.run(line(a).replace("'2'", `'${order}'`))));
  expect(together).toEqual([quiet, quiet, quiet, quiet]);
  // A server that was switched off takes what happened, and says nothing old.
  rmSync(join(a.root, 'new'), { recursive: true });
  plant(a.root, { later: 'later' });
  expect(await a.run(line(a))).toEqual(quiet);
  const c = server('c');
  for (const each of [c, b]) expect(await each.run(line(each))).toEqual(quiet);
  expectEqual(a, b, c);
  expect(readdirSync(join(directory, 'bucket', 'adt')).filter((name) => !name.startsWith('.'))).toEqual(['bell', 'webroot-sync']);
});

/** A cron line that stays, as a group of processes of its own. */
function stays(
  each: Server,
  line: string,
): { readonly ended: Promise<Ran>; readonly isRunning: () => boolean; kill(signal: NodeJS.Signals): void } {
  const env = {
    PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
    HOME: each.home,
    LOGNAME: 'root',
    SHELL: '/bin/sh',
    FLOCKSYNC: program,
  };
  const child = spawn('/bin/sh', ['-c', line], { env, cwd: each.home, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const kill = (signal: NodeJS.Signals) => {
    if (isRunning() && child.pid !== undefined) process.kill(-child.pid, signal);
  };
  onTestFinished(() => kill('SIGKILL'));
  return { ended: ended(child), isRunning, kill };
}

const activate = '@reboot export HOME="${HOME}" && ${HOME}/providerscripts/datastore/config/ActivateConfigDatastoreLightweight.sh';

/** Their own configuration directory in the place of /var/lib/adt-config. */
function withConfigDirectory(name: string): Server & { readonly config: string } {
  const each = server(name);
  const file = join(each.home, 'providerscripts/datastore/config/ActivateConfigDatastoreLightweight.sh');
  const config = join(each.home, 'adt-config');
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll('/var/lib/adt-config', config));
  return { ...each, config };
}

test('ActivateConfigDatastoreLightweight.sh from the cron line keeps configuration directories in step, bursts too, and runs once', async () => {
  const [a, b] = [withConfigDirectory('a'), withConfigDirectory('b')];
  const line = activate.replace('@reboot ', '');
  const first = stays(a, line);
  await until('the directory of a', () => existsSync(a.config), 20_000);
  plant(a.config, { 'nginx.conf': 'one' });
  const second = stays(b, line);
  const read = (each: typeof a, path: string) => (existsSync(join(each.config, path)) ? readFileSync(join(each.config, path), 'utf8') : '');
  await until('the first file', () => read(b, 'nginx.conf') === 'one', 30_000);
  // A line that is run again, by hand or by cron, leaves at once.
  expect(await b.run(line)).toEqual(quiet);
  expect(
    await b.run(`$HOME/providerscripts/datastore/filesystems-sync/lightweight/FileSystemSyncController.sh '${b.config}' config`),
  ).toEqual(quiet);
  expect([first.isRunning(), second.isRunning()]).toEqual([true, true]);
  // What inotifywait lost: a whole directory at once, with directories in it, saved by a rename, and deletions.
  plant(b.config, Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`sites/${at % 30}/deep/${at}.conf`, `${at}`])));
  rmSync(join(b.config, 'nginx.conf'));
  await until(
    'the burst',
    () => differences(snapshot(a.config), snapshot(b.config)).length === 0 && read(a, 'sites/29/deep/299.conf') === '299',
    30_000,
  );
  expect(existsSync(join(a.config, 'nginx.conf'))).toBe(false);
  first.kill('SIGTERM');
  second.kill('SIGKILL');
  await Promise.all([first.ended, second.ended]);
  expect((await first.ended).stderr).toBe('');
  // Nobody's lock is left behind.
  const again = stays(b, line);
  plant(b.config, { 'after/the/kill': 'yes' });
  await stays(a, line);
  await until('what came after it', () => read(a, 'after/the/kill') === 'yes', 30_000);
  expect(again.isRunning()).toBe(true);
});

test('the quotation mark at the end of the line in the documentation is refused by a shell, and belongs to no line', async () => {
  const a = withConfigDirectory('a');
  expect((await a.run(`${activate.replace('@reboot ', '')}"`)).code).not.toBe(0);
  expect(existsSync(a.config)).toBe(false);
});

test('single steps can be called by themselves', async () => {
  const [a, b] = [server('a'), server('b')];
  const step = (each: Server, name: string) => each.run(`${heavyweight}/${name}.sh '${each.root}' 'webroot-sync'`);
  plant(a.root, { page: 'one' });
  for (const each of [a, b]) expect(await each.run(cronLine(each.root).replace('/bin/sleep 2', 'true'))).toEqual(quiet);
  plant(a.root, { 'from-a': 'a' });
  plant(b.root, { 'from-b': 'b' });
  expect(await step(a, 'ProcessOutgoingFilesystemUpdates')).toEqual(quiet);
  expect(await step(b, 'ProcessIncomingFilesystemUpdates')).toEqual(quiet);
  expect(readdirSync(b.root)).toEqual(['from-a', 'from-b', 'page']);
  expect(await step(a, 'ProcessIncomingFilesystemUpdates')).toEqual(quiet);
  expect(readdirSync(a.root)).toEqual(['from-a', 'page']);
  expect(await step(b, 'ProcessOutgoingFilesystemUpdates')).toEqual(quiet);
  expect(await a.run(`${heavyweight}/ProcessIncomingHistoricalFilesystemUpdates.sh`)).toEqual(quiet);
  expectEqual(a, b);
  for (const name of ['HousekeepAdditionsSyncing', 'HousekeepDeletionsSyncing']) expect(await step(a, name)).toEqual(quiet);
  expect(existsSync(join(a.home, 'runtime/flocksync/webroot-sync.housekept'))).toBe(true);
});

test('what is missing is told once, with the fix', async () => {
  const a = server('a');
  const line = `${heavyweight}/FileSystemsSyncingController.sh 2 '${a.root}' webroot-sync`;
  rmSync(a.settings);
  const told = await a.run(`FLOCKSYNC_ENV_FILE=/dev/null; export FLOCKSYNC_ENV_FILE; ${line}`);
  expect(told).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(
      /^FileSystemsSyncingController.sh: no bucket is known: put FLOCKSYNC_BUCKET=.*flocksync\.env, mode 600\n$/,
    ),
  });
  expect(await a.run(`FLOCKSYNC_ENV_FILE=/dev/null; export FLOCKSYNC_ENV_FILE; ${line}`)).toEqual({ ...quiet, code: 2 });
  writeFileSync(a.settings, `FLOCKSYNC_BUCKET=file://${directory}/bucket\n`, { mode: 0o644 });
  expect(await a.run(line)).toMatchObject({ code: 2, stderr: expect.stringContaining('run chmod 600') });
  for (const [wrong, text] of [
    [`2 'www' webroot-sync`, 'no absolute path'],
    [`2 / webroot-sync`, 'no absolute path'],
    [`2 '${a.root}' '../x'`, 'names the share'],
    [`2 '${a.root}'`, 'usage: FileSystemsSyncingController.sh ORDER DIR BUCKET'],
  ] as const)
    expect(await a.run(`${heavyweight}/FileSystemsSyncingController.sh ${wrong}`)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(text),
    });
  expect(
    await a.run(`unset HOME; ${a.home}/providerscripts/datastore/filesystems-sync/heavyweight/FileSystemsSyncingController.sh 2 /x y`),
  ).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('HOME is not set'),
  });
});

test("further lines for the share, a config of one's own, and one directory under two names", async () => {
  const a = server('a');
  const line = (bucket: string) => `${heavyweight}/FileSystemsSyncingController.sh 2 '${a.root}/' ${bucket}`;
  mkdirSync(join(a.home, 'runtime/flocksync'));
  writeFileSync(join(a.home, 'runtime/flocksync/webroot-sync.options'), 'exclude: ["cache/"]\nstatusFile: status\n');
  plant(a.root, { page: 'x', 'cache/c': 'x' });
  expect(await a.run(line('webroot-sync'))).toEqual(quiet);
  expect(readFileSync(join(a.root, 'status'), 'utf8')).toMatch(/^SUCCESS : .*\nwebroot-sync: record 1;/);
  expect(await a.run(line('other'))).toMatchObject({ code: 2, stderr: expect.stringContaining('belongs to webroot-sync already') });
  const own = join(a.home, 'runtime/flocksync.yml');
  const lines = [
    'federation: own',
    `state: ${a.home}/state`,
    `datastore: { url: "file://${directory}/bucket" }`,
    `shares: [{ name: mine, path: "${a.root}", exclude: ["cache/"] }]`,
  ];
  writeFileSync(own, lines.join('\n'));
  expect((await a.run(line('mine'))).code).toBe(0);
  expect(existsSync(join(directory, 'bucket/own/mine/format.json'))).toBe(true);
  expect(await a.run(line('webroot-sync'))).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no share is called "webroot-sync"'),
  });
});
