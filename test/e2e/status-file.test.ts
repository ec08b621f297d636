import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startTestS3 } from '../dev-s3/start.ts';
import { documented } from '../documented.ts';
import { configureShares, s3Lines, startDaemon, until } from './support/daemon.ts';
import { startFederation } from './support/federation.ts';
import { isRoot } from './support/mount.ts';
import { type Actor, scenario } from './support/pair.ts';

const line = 'statusFile: datasync.status';

function status(member: Actor): string {
  return member.read('datasync.status') ?? '';
}

const success =
  /^SUCCESS : flocksync completed successfully at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, good until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n(webroot: record \d+; to apply 0 changes \(0 B\) and 0 deletions; to publish 0; held 0; problems 0\n)$/;

/** A failure with these codes, which no search for success finds. */
function expectFailure(member: Actor, codes: string): void {
  expect(status(member)).toMatch(/^FAILURE : /);
  expect(status(member)).toContain(`FAILURE : webroot ${codes} at `);
  expect(status(member)).not.toMatch(/success/i);
}

test('each member has its own, mode 0644, which is published by nobody and taken from nobody', async () => {
  const { member, log } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  a.configure(line, 'role: publisher');
  b.configure(line, 'role: subscriber');
  a.put({ page: 'page' });
  await a.sync();
  await b.sync();
  for (const each of [a, b]) expect(status(each)).toMatch(success);
  expect(statSync(join(a.root, 'datasync.status')).mode & 0o777).toBe(0o644);
  a.put({ page: 'other' });
  await a.sync();
  await b.sync();
  await a.sync();
  expect(log()).toHaveLength(2);
  expect(a.names()).toEqual(['datasync.status', 'page']);
  expect(b.names()).toEqual(['datasync.status', 'page']);
  for (const each of [a, b]) expect((await each.run('status')).code).toBe(0);
});

test('a member that does not name it publishes a file of that name, and the others keep their own', async () => {
  const { member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  b.configure(line);
  a.put({ page: 'page', 'datasync.status': 'SUCCESS : rsync completed successfully\n' });
  await a.sync();
  await b.sync();
  expect(status(b)).toMatch(success);
  const told = JSON.parse((await b.run('status', '--json')).stdout) as { shares: { deviations: { paths: { path: string }[] } }[] };
  expect(told.shares[0]?.deviations.paths.map(({ path }) => path)).toEqual(['datasync.status']);
  b.configure();
  expect((await b.sync(1)).stderr).toContain('goes to the trash: datasync.status');
  await b.sync();
  expect(status(b)).toBe('SUCCESS : rsync completed successfully\n');
});

test('what says the same is not written again within a minute, and is written anew after it', async () => {
  const { member } = scenario(['a']);
  const a = member('a');
  a.configure(line);
  a.put({ page: 'page' });
  await a.sync();
  const inode = () => statSync(join(a.root, 'datasync.status')).ino;
  const first = { inode: inode(), text: status(a) };
  await a.sync();
  expect({ inode: inode(), text: status(a) }).toEqual(first);
  const part = join(a.state, 'webroot.status');
  const kept = JSON.parse(readFileSync(part, 'utf8'));
  const aged = { ...kept, writtenMs: kept.writtenMs - 61_000, goodAtMs: kept.goodAtMs - 61_000 };
  writeFileSync(part, JSON.stringify(aged));
  await a.sync();
  expect(inode()).not.toBe(first.inode);
  rmSync(join(a.root, 'datasync.status'));
  await a.sync();
  expect(status(a)).toMatch(success);
});

test('an unmounted root, a hold and a store that is away are failures; then all is well again', async () => {
  const { member, federation } = scenario(['a', 'b']);
  const a = member('a');
  a.configure(line);
  a.put(Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`f${at}`, 'x'])));
  await a.sync();
  renameSync(a.root, `${a.root}.away`);
  await a.sync(3);
  expect(existsSync(a.root)).toBe(false);
  mkdirSync(a.root);
  await a.sync(3);
  expectFailure(a, 'root-emptied');
  await a.sync(3);
  rmSync(a.root, { recursive: true });
  renameSync(`${a.root}.away`, a.root);
  await a.sync();
  expect(status(a)).toMatch(success);
  for (let at = 0; at < 40; at++) rmSync(join(a.root, `f${at}`));
  await a.sync(3);
  expectFailure(a, 'held');
  expect(status(a)).toContain('; held 40;');
  await a.run('reject');
  await a.sync();
  expect(status(a)).toMatch(success);
  renameSync(federation.bucket, `${federation.bucket}.away`);
  await a.sync(75);
  expectFailure(a, 'datastore no-bucket');
  renameSync(`${federation.bucket}.away`, federation.bucket);
  await a.sync();
  expect(status(a)).toMatch(success);
});

test('a state directory that takes nothing is a failure', async () => {
  const { member, federation } = scenario(['a'], isRoot ? { users: { a: 65534 } } : {});
  chmodSync(federation.bucket, 0o777);
  const a = member('a');
  a.configure(line);
  await a.sync();
  chmodSync(a.state, 0o500);
  await a.run('sync');
  chmodSync(a.state, 0o700);
  expectFailure(a, 'journal unusable');
});

test('a journal that cannot be opened is a failure', async () => {
  const { member } = scenario(['a']);
  const a = member('a');
  a.configure(line);
  await a.sync();
  rmSync(join(a.state, 'webroot.journal'));
  mkdirSync(join(a.state, 'webroot.journal'));
  await a.sync(1);
  expect(status(a)).toMatch(/^FAILURE : webroot journal \w+ at /);
});

test('what is no status file is left alone, and a directory that is not there is told', async () => {
  const { member } = scenario(['a']);
  const a = member('a');
  a.put({ 'index.php': '<?php' });
  a.configure('statusFile: index.php');
  expect((await a.sync(1)).stderr).toContain('index.php is no status file and is left as it is');
  expect(a.read('index.php')).toBe('<?php');
  a.configure('statusFile: no/such/file');
  expect((await a.sync(1)).stderr).toContain('no/such/file does not exist. Make it, or name another place');
  a.configure('statusFile: odd');
  execFileSync('mkfifo', [join(a.root, 'odd')]);
  expect((await a.sync(1)).stderr).toMatch(documented('status-file'));
  for (const overtaken of ['', 'FAILURE : rsync lock exists', 'Lsyncd status report at Tue Aug 30 04:58:05 2016\n']) {
    a.configure('statusFile: overtaken');
    writeFileSync(join(a.root, 'overtaken'), overtaken);
    await a.sync();
    expect(a.read('overtaken')).toMatch(success);
  }
});

test('names are taken literally, and a root that is a link has its file excluded as well', async () => {
  const { member, log, federation } = scenario(['a']);
  const a = member('a');
  const real = join(federation.directory, 'real');
  mkdirSync(real);
  rmSync(a.root, { recursive: true });
  symlinkSync(real, a.root);
  a.put({ 's1 ': 'content', '[s]': 'content' });
  a.configure(`statusFile: '${real}/ s[1]\\\\!#{a} '`);
  await a.sync();
  await a.sync();
  expect(log()).toHaveLength(1);
  const listed = (await a.run('log', '--json')).stdout;
  expect(listed).not.toContain('!#');
  expect(a.read(' s[1]\\\\!#{a} ')).toMatch(success);
});

test('several shares tell of themselves in one file, in the root of one of them; the failure of one is a failure', async () => {
  const federation = startFederation(['a']);
  try {
    const roots = ['one', 'two'].map((name) => join(federation.directory, name));
    for (const root of roots) mkdirSync(root);
    const [one = '', two = ''] = roots;
    const file = join(one, 'datasync.status');
    const shares = roots.flatMap((root, at) => [`- name: s${at}`, `  path: ${root}`, '  settle: 0s', `  statusFile: ${file}`]);
    configureShares(federation, 'a', [`url: "file://${federation.bucket}"`], shares);
    writeFileSync(join(one, 'page'), 'x');
    expect((await federation.run('a', ['sync', 's0'])).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toMatch(/^FAILURE : s1 not yet complete at .*; never good so far/);
    expect((await federation.run('a', ['sync'])).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toMatch(/^SUCCESS : .*\ns0: record 1;.*\ns1: record 0;.*\n$/);
    writeFileSync(join(two, 'page'), 'x');
    expect((await federation.run('a', ['sync'])).code).toBe(0);
    rmSync(two, { recursive: true });
    expect((await federation.run('a', ['sync'])).code).toBe(3);
    expect(readFileSync(file, 'utf8')).toMatch(/^FAILURE : s1 root-missing at .*; last good at 20/);
    const { stdout } = await federation.run('a', ['log', 's0', '--json']);
    expect(stdout).not.toContain('datasync.status');
  } finally {
    federation.close();
  }
});

test('each share of a pattern has its own', async () => {
  const federation = startFederation(['a']);
  try {
    const site = (name: string) => join(federation.directory, 'www', name, 'html');
    for (const name of ['x', 'y']) mkdirSync(site(name), { recursive: true });
    const shares = ['- name: sites', `  path: "${federation.directory}/www/*/html"`, '  settle: 0s'];
    configureShares(federation, 'a', [`url: "file://${federation.bucket}"`], [...shares, '  statusFile: { path: s.json, format: json }']);
    expect((await federation.run('a', ['sync'])).code).toBe(0);
    for (const name of ['x', 'y']) {
      const told = JSON.parse(readFileSync(join(site(name), 's.json'), 'utf8'));
      expect(told).toMatchObject({ schema: 1, status: 'SUCCESS', member: 'a', shares: [{ name: `sites-${name}`, trouble: [], held: 0 }] });
      expect(Date.parse(told.goodUntil) - Date.parse(told.at)).toBe(300_000);
    }
  } finally {
    federation.close();
  }
});

test('a daemon renews it while nothing happens, and tells of a store that is away', async () => {
  let away = false;
  const s3 = await startTestS3({ intercept: () => (away ? { status: 403, code: 'AccessDenied' } : 'pass') });
  const share = ['settle: 50ms', 'poll: 500ms', 'statusFile: { path: datasync.status, goodFor: 10s }'];
  const federation = startFederation(['a'], { datastore: s3Lines(s3), share });
  const daemon = startDaemon(federation, 'a');
  try {
    const file = join(federation.root('a'), 'datasync.status');
    const text = () => (existsSync(file) ? readFileSync(file, 'utf8') : '');
    await until('the first report', () => text().startsWith('SUCCESS :'));
    const first = text();
    await until('another one', () => text() !== first, 15_000);
    expect(text()).toMatch(success);
    away = true;
    await until('the failure', () => text().startsWith('FAILURE : webroot datastore refused at '), 15_000);
    away = false;
    await until('success again', () => text().startsWith('SUCCESS :'), 30_000);
    expect((await daemon.stop()).code).toBe(0);
  } finally {
    await daemon.stop();
    await s3.close();
    federation.close();
  }
});
