import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { configureShares, type Daemon, startDaemon, until } from './support/daemon.ts';
import { ended, type Federation, startFederation } from './support/federation.ts';
import { snapshot } from './support/tree.ts';

const members = ['web-a', 'web-b', 'web-c'] as const;
let federation: Federation;
const running: Daemon[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((daemon) => daemon.stop()));
  federation.close();
});

function open(names: readonly string[] = members, share: readonly string[] = ['settle: 50ms']): void {
  federation = startFederation(names, { share });
}

function start(member: string): Daemon {
  const daemon = startDaemon(federation, member);
  running.push(daemon);
  return daemon;
}

function path(member: string, name: string): string {
  return join(federation.root(member), name);
}

const everywhere = (name: string, names: readonly string[] = members) => names.every((member) => existsSync(path(member, name)));

test('three daemons bring every change to all members within 3 s, and print nothing', async () => {
  open();
  writeFileSync(path('web-a', 'index.php'), 'first');
  const daemons = members.map(start);
  await until('the first file', () => everywhere('index.php'));
  for (const [index, member] of members.entries()) {
    writeFileSync(path(member, `new-${index}`), member);
    expect(await until(`new-${index}`, () => everywhere(`new-${index}`))).toBeLessThan(3000);
  }
  renameSync(path('web-b', 'new-0'), path('web-b', 'moved'));
  expect(await until('the move', () => everywhere('moved') && members.every((m) => !existsSync(path(m, 'new-0'))))).toBeLessThan(3000);
  for (const daemon of daemons) expect(await daemon.stop()).toMatchObject({ code: 0, stdout: '', stderr: '' });
  for (const member of members) expect(snapshot(federation.root(member))).toEqual(snapshot(federation.root('web-a')));
});

test('sync beside a daemon gets its turn, and both go on', async () => {
  open(['web-a', 'web-b']);
  const daemon = start('web-a');
  for (let round = 0; round < 5; round++) {
    writeFileSync(path('web-a', `file-${round}`), 'by hand');
    expect(await federation.run('web-a', ['sync'])).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
    expect(await federation.run('web-b', ['sync'])).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(path('web-b', `file-${round}`))).toBe(true);
    writeFileSync(path('web-b', `answer-${round}`), 'back');
    expect((await federation.run('web-b', ['sync'])).code).toBe(0);
    await until('the answer', () => existsSync(path('web-a', `answer-${round}`)));
  }
  expect(await daemon.stop()).toMatchObject({ code: 0, stderr: '' });
});

test('a second daemon says whom it takes turns with, once, and both go on', async () => {
  open(['web-a', 'web-b']);
  writeFileSync(path('web-a', 'index.php'), 'first');
  const first = start('web-a');
  await until('the first daemon listens', () => existsSync(join(federation.state('web-a'), 'webroot.sock')));
  const second = start('web-a');
  await until('the sentence', () => second.stderr() !== '');
  writeFileSync(path('web-a', 'later'), 'later');
  await until('the next record', () => readdirSync(join(federation.bucket, 'shop/webroot/log')).length === 2);
  expect((await second.stop()).stderr).toBe(
    `flocksync: webroot: another daemon looks after this share already (process ${first.process.pid}); they take turns, and each does all the work. Stop one of the two.\n`,
  );
  expect(await first.stop()).toMatchObject({ code: 0, stderr: '' });
});

test('R-G4: another state directory on the root of an idle daemon is exit 2', async () => {
  open(['web-a']);
  writeFileSync(path('web-a', 'index.php'), 'first');
  const daemon = start('web-a');
  await until('the first record', () => existsSync(join(federation.bucket, 'shop/webroot/members')));
  const other = join(federation.directory, 'other.yml');
  const text = readFileSync(federation.configFile('web-a'), 'utf8').replace(
    federation.state('web-a'),
    join(federation.directory, 'other-state'),
  );
  writeFileSync(other, text);
  const sync = () => ended(federation.start('web-a', ['sync', '--config', other]));
  expect(await sync()).toMatchObject({ code: 2, stderr: expect.stringContaining('another state directory') });
  expect((await federation.run('web-a', ['sync'])).code).toBe(0);
  expect((await sync()).code).toBe(2);
  expect(await daemon.stop()).toMatchObject({ code: 0, stderr: '' });
  expect((await sync()).code).not.toBe(2);
});

test('many changes in a row: nothing is missed while a cycle runs', async () => {
  open(['web-a', 'web-b']);
  writeFileSync(path('web-a', 'joined'), 'x');
  for (const member of ['web-a', 'web-b']) start(member);
  await until('both have joined', () => everywhere('joined', ['web-a', 'web-b']));
  for (let n = 0; n < 60; n++) {
    writeFileSync(path(n % 2 === 0 ? 'web-a' : 'web-b', `burst-${n}`), String(n));
    await delay(20 + (n % 7) * 20);
  }
  const names = Array.from({ length: 60 }, (_, n) => `burst-${n}`);
  expect(await until('all of them', () => names.every((name) => everywhere(name, ['web-a', 'web-b'])))).toBeLessThan(5000);
});

test.each(['SIGTERM', 'SIGINT'] as const)('%s ends an idle daemon at once with 0', async (signal) => {
  open(['web-a']);
  writeFileSync(path('web-a', 'file'), 'x');
  const daemon = start('web-a');
  await until('the first record', () => existsSync(join(federation.bucket, 'shop/webroot/log/0000000000000001')));
  const startedMs = performance.now();
  daemon.process.kill(signal);
  expect(await daemon.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  expect(performance.now() - startedMs).toBeLessThan(2000);
});

test('timeout(1), which tells its child and then its whole group, ends a daemon with 0', async () => {
  open(['web-a']);
  writeFileSync(path('web-a', 'file'), 'x');
  const daemon = start('web-a');
  await until('the first record', () => existsSync(join(federation.bucket, 'shop/webroot/log/0000000000000001')));
  daemon.process.kill('SIGTERM');
  await delay(5);
  daemon.process.kill('SIGTERM');
  expect(await daemon.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
});

test('a share whose root is missing is said once and stops no other share; it goes on when the root is back', async () => {
  open(['web-a', 'web-b']);
  const datastore = [`url: "file://${federation.bucket}"`];
  for (const member of ['web-a', 'web-b']) {
    const root = (name: string) => join(federation.directory, member, name);
    mkdirSync(root('good'));
    mkdirSync(root('bad'));
    configureShares(federation, member, datastore, ['- name: good', `  path: ${root('good')}`, '- name: bad', `  path: ${root('bad')}`]);
  }
  const at = (member: string, name: string) => join(federation.directory, member, name);
  writeFileSync(at('web-a', 'bad/file'), 'x');
  const [daemon] = [start('web-a'), start('web-b')];
  await until('both shares', () => existsSync(at('web-b', 'bad/file')));
  renameSync(at('web-a', 'bad'), at('web-a', 'away'));
  await until('the problem', () => daemon.stderr().includes('missing'));
  writeFileSync(at('web-a', 'good/other'), 'y');
  await until('the other share', () => existsSync(at('web-b', 'good/other')));
  expect(daemon.stderr().trim().split('\n')).toHaveLength(1);
  expect(existsSync(at('web-b', 'bad/file'))).toBe(true);
  renameSync(at('web-a', 'away'), at('web-a', 'bad'));
  writeFileSync(at('web-a', 'bad/after'), 'z');
  await until('the share that is back', () => existsSync(at('web-b', 'bad/after')));
});

test('an emptied root is held by a daemon too', async () => {
  open(['web-a', 'web-b']);
  for (let n = 0; n < 5; n++) writeFileSync(path('web-a', `page-${n}`), 'x');
  const daemon = start('web-a');
  start('web-b');
  await until('the pages', () => everywhere('page-4', ['web-a', 'web-b']));
  for (let n = 0; n < 5; n++) rmSync(path('web-a', `page-${n}`));
  await until('the hold', () => daemon.stderr().includes('is empty'));
  await delay(1500);
  expect(existsSync(path('web-b', 'page-0'))).toBe(true);
  expect(daemon.stderr().trim().split('\n')).toHaveLength(1);
});

test('with a schedule local changes wait for it, and changes of others do not', async () => {
  open(['web-a', 'web-b']);
  federation.configure('web-a', ['settle: 50ms', 'schedule: "0 0 1 1 *"']);
  federation.configure('web-b', ['settle: 50ms', 'schedule: "*/2 * * * * *"']);
  writeFileSync(path('web-a', 'first'), 'x');
  start('web-a');
  await until('the first record', () => existsSync(join(federation.bucket, 'shop/webroot/log/0000000000000001')));
  start('web-b');
  await until('the first file', () => existsSync(path('web-b', 'first')));
  writeFileSync(path('web-a', 'waits'), 'x');
  await delay(2500);
  expect(existsSync(join(federation.bucket, 'shop/webroot/log/0000000000000002'))).toBe(false);
  writeFileSync(path('web-b', 'by schedule'), 'x');
  await until('the scheduled change', () => existsSync(path('web-a', 'by schedule')), 5000);
});

test('a directory that begins to match a pattern becomes a share while the daemon runs', async () => {
  open(['web-a', 'web-b']);
  for (const member of ['web-a', 'web-b']) {
    const sites = join(federation.directory, member, 'sites');
    mkdirSync(join(sites, 'one/html'), { recursive: true });
    configureShares(
      federation,
      member,
      [`url: "file://${federation.bucket}"`],
      ['- name: site', `  path: ${sites}/*/html`, '  settle: 50ms'],
    );
  }
  const at = (member: string, name: string) => join(federation.directory, member, 'sites', name);
  writeFileSync(at('web-a', 'one/html/index'), '1');
  for (const member of ['web-a', 'web-b']) start(member);
  await until('the first site', () => existsSync(at('web-b', 'one/html/index')));
  for (const member of ['web-a', 'web-b']) mkdirSync(at(member, 'two/html'), { recursive: true });
  writeFileSync(at('web-a', 'two/html/index'), '2');
  expect(await until('the second site', () => existsSync(at('web-b', 'two/html/index')), 25_000)).toBeGreaterThan(0);
}, 40_000);

test('a journal that is taken away under a running daemon is rebuilt, and nothing is lost or comes back', async () => {
  open(['web-a', 'web-b']);
  writeFileSync(path('web-a', 'stays'), 'x');
  writeFileSync(path('web-a', 'goes'), 'x');
  const daemon = start('web-a');
  start('web-b');
  await until('both files', () => everywhere('stays', ['web-b']) && everywhere('goes', ['web-b']));
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(federation.state('web-a'), `webroot.journal${suffix}`), { force: true });
  await until('a new journal', () => existsSync(join(federation.state('web-a'), 'webroot.journal')));
  writeFileSync(path('web-a', 'after'), 'y');
  await until('what came after', () => everywhere('after', ['web-b']));
  rmSync(path('web-b', 'goes'));
  await until('the deletion', () => !existsSync(path('web-a', 'goes')));
  expect(readFileSync(path('web-a', 'stays'), 'utf8')).toBe('x');
  expect(daemon.stderr()).toContain('the journal of share webroot was missing');
});

test('SIGHUP opens the log file again', async () => {
  open(['web-a']);
  const log = join(federation.directory, 'web-a.log');
  writeFileSync(federation.configFile('web-a'), `${readFileSync(federation.configFile('web-a'), 'utf8')}log: ${log}\n`);
  const daemon = start('web-a');
  await until('the log', () => existsSync(log) && readFileSync(log, 'utf8').includes('scan'));
  renameSync(log, `${log}.1`);
  daemon.process.kill('SIGHUP');
  await until('the new log', () => existsSync(log));
  writeFileSync(path('web-a', 'file'), 'x');
  await until('lines in it', () => readFileSync(log, 'utf8').includes('append'));
});

test.each(['approve', 'reject'] as const)('a decision about a hold is taken up by the running daemon: %s', async (decision) => {
  open(['web-a', 'web-b'], ['settle: 50ms', 'maxDelete: { percent: 10, floor: 2 }']);
  for (let n = 0; n < 10; n++) writeFileSync(path('web-a', `page-${n}`), String(n));
  const daemon = start('web-a');
  start('web-b');
  await until('the pages', () => everywhere('page-9', ['web-b']));
  for (let n = 0; n < 5; n++) rmSync(path('web-a', `page-${n}`));
  await until('the hold', () => daemon.stderr().includes('held'));
  writeFileSync(path('web-a', 'meanwhile'), 'x');
  await until('what is not held', () => everywhere('meanwhile', ['web-b']));
  expect(everywhere('page-0', ['web-b'])).toBe(true);
  expect((await federation.run('web-a', [decision])).code).toBe(0);
  if (decision === 'approve')
    await until('the deletion', () => !existsSync(path('web-b', 'page-0')) && !existsSync(path('web-b', 'page-4')));
  else await until('the files that come back', () => everywhere('page-0', ['web-a']) && everywhere('page-4', ['web-a']));
  expect(snapshot(federation.root('web-a'))).toEqual(snapshot(federation.root('web-b')));
});

test('a root that is no directory, a journal that is damaged while it is used, and a good share beside them', async () => {
  open(['web-a']);
  const at = (name: string) => join(federation.directory, 'web-a', name);
  const names = ['good', 'damaged', 'foreign'];
  for (const name of names) mkdirSync(at(name));
  configureShares(
    federation,
    'web-a',
    [`url: "file://${federation.bucket}"`],
    names.flatMap((name) => [`- name: ${name}`, `  path: ${at(name)}`, '  settle: 50ms']),
  );
  const record = (share: string, sequence: number) => join(federation.bucket, 'shop', share, 'log', String(sequence).padStart(16, '0'));
  for (const name of names) writeFileSync(join(at(name), 'first'), name);
  const daemon = start('web-a');
  await until('all shares', () => names.every((name) => existsSync(record(name, 1))));
  renameSync(at('foreign'), at('away'));
  writeFileSync(at('foreign'), 'a file');
  writeFileSync(join(federation.state('web-a'), 'damaged.journal'), Buffer.alloc(8192, 0x41));
  for (const name of ['damaged', 'good']) writeFileSync(join(at(name), 'second'), name);
  await until(
    'the good share, and the one with a new journal',
    () => ['damaged', 'good'].every((name) => existsSync(record(name, 2))),
    20_000,
  );
  expect(daemon.process.exitCode).toBe(null);
  expect(daemon.stderr()).toContain('flocksync: foreign: ');
  expect(daemon.stderr()).not.toContain('internal error');
  expect((await daemon.stop()).code).toBe(0);
});

test('SIGTERM is heard while a large file is read, and while a new member brings a large tree home; the next start goes on', async () => {
  open(['web-a', 'web-b'], ['settle: 0s']);
  writeFileSync(path('web-a', 'large'), '');
  truncateSync(path('web-a', 'large'), 3 * 1024 ** 3);
  for (let directory = 0; directory < 20; directory++) {
    mkdirSync(path('web-a', `d${directory}`));
    for (let file = 0; file < 200; file++) writeFileSync(path('web-a', `d${directory}/f${file}`), `${directory} ${file}`);
  }
  const reading = start('web-a');
  await delay(1500);
  const first = await reading.stop();
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.tookMs).toBeLessThan(5000);
  rmSync(path('web-a', 'large'));
  expect((await federation.run('web-a', ['sync'])).code).toBe(0);
  for (const pauseMs of [300, 600, 900]) {
    const bringing = start('web-b');
    await delay(pauseMs);
    // Before the signals are listened to, they end a process as they always do.
    const { code, signal, tookMs } = await bringing.stop();
    expect(code === 0 || signal === 'SIGTERM').toBe(true);
    expect(tookMs).toBeLessThan(5000);
  }
  expect((await federation.run('web-b', ['sync'])).code).toBe(0);
  expect(snapshot(federation.root('web-b'))).toEqual(snapshot(federation.root('web-a')));
});
