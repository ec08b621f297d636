import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { documented } from '../documented.ts';
import { startDaemon, until } from './support/daemon.ts';
import { scenario, settled } from './support/pair.ts';

/** Problems of docs/8 that no other end-to-end test provokes. */

test('another-share: a member that comes back to a bucket that was emptied and founded anew', async () => {
  const { federation, member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { x: 'x' });
  for (const name of readdirSync(federation.bucket)) rmSync(join(federation.bucket, name), { recursive: true });
  await a.sync(3);
  await a.run('approve', 'lineage');
  await a.sync();
  const { stderr } = await b.sync(3);
  expect(stderr).toMatch(documented('another-share'));
  expect(stderr).toContain(
    'Make sure that datastore.url and federation are right. If the bucket was restored or replaced on purpose: flocksync approve lineage --share webroot',
  );
});

const formats = {
  'newer-format': (file: string) => writeFileSync(file, readFileSync(file, 'utf8').replace('"format": 1', '"format": 9')),
  'bad-format': (file: string) => writeFileSync(file, '{ "format": 1'),
  'format-missing': (file: string) => rmSync(file),
};
const formatSays = {
  'newer-format': documented('newer-format'),
  'bad-format': documented('bad-format'),
  'format-missing': documented('format-missing'),
};

test.each(Object.entries(formats))('%s: what a newcomer is told of such a format.json', async (code, harm) => {
  const { bucket, member } = scenario(['a', 'c']);
  const [a, c] = [member('a'), member('c')];
  a.put({ x: 'x' });
  await a.sync();
  harm(join(bucket, 'format.json'));
  expect((await c.sync(3)).stderr).toMatch(formatSays[code as keyof typeof formatSays]);
});

test('no-share: a subscriber that is there before anybody has published', async () => {
  const b = scenario(['b']).member('b');
  b.configure('role: subscriber');
  const { stderr } = await b.sync(1);
  expect(stderr).toMatch(documented('no-share'));
  expect(stderr).toContain('Run flocksync sync on a member that publishes');
});

test('root-not-created: a path whose parent is not there', async () => {
  const { federation, member } = scenario(['a']);
  const a = member('a');
  const config = federation.configFile('a');
  writeFileSync(config, readFileSync(config, 'utf8').replace(a.root, join(a.root, 'not/mounted/html')));
  const { stderr } = await a.sync(1);
  expect(stderr).toMatch(documented('root-not-created'));
  expect(stderr).toContain('its parent must exist');
});

test('special-file: a fifo in the place of a file of the share', async () => {
  const { member, log } = scenario(['a']);
  const a = member('a');
  a.put({ x: 'x', y: 'y' });
  await a.sync();
  a.remove('x');
  execFileSync('mkfifo', [join(a.root, 'x')]);
  const { stderr } = await a.sync(1);
  expect(stderr).toMatch(/^flocksync: webroot: x: /);
  expect(stderr).toMatch(documented('special-file'));
  expect(log()).toHaveLength(1);
});

test('unusable: a journal that somebody has opened by hand is told as such, and the next run goes on', async () => {
  const a = scenario(['a']).member('a');
  a.put({ x: 'x' });
  await a.sync();
  const byHand = new Database(join(a.state, 'webroot.journal'));
  byHand.exec('BEGIN EXCLUSIVE');
  a.put({ y: 'y' });
  const { stderr } = await a.sync(1);
  byHand.close();
  expect(stderr).toMatch(/^flocksync: webroot: The journal \S+ is in use by another process\. Close what has opened it .*\n$/);
  expect(stderr).toMatch(documented('unusable'));
  await a.sync();
});

test('verify-failed: a verification by the daemon that has no room for its copy of the journal', async () => {
  const { federation, member } = scenario(['a']);
  const a = member('a');
  a.put({ x: 'x' });
  await a.sync();
  a.configure('verify: { at: "* * * * * *", sample: 100% }');
  const nowhere = join(federation.directory, 'nowhere');
  const daemon = startDaemon(federation, 'a', { TMPDIR: nowhere });
  onTestFinished(() => void daemon.process.kill('SIGKILL'));
  await until('the sentence', () => documented('verify-failed').test(daemon.stderr()), 40_000);
  mkdirSync(nowhere);
  expect((await daemon.stop()).code).toBe(0);
});

test('a defect of the program is exit 70: what to report, and that nothing is lost', async () => {
  const { federation, member } = scenario(['a']);
  member('a').put({ x: 'x' });
  const broken = join(federation.directory, 'broken.cjs');
  const lines = [
    "require('node:crypto').randomBytes = () => { throw new TypeError('planted'); };",
    "require('node:module').syncBuiltinESMExports();",
  ];
  writeFileSync(broken, lines.join('\n'));
  const ran = await federation.run('a', ['sync'], { NODE_OPTIONS: `--require ${broken}` });
  expect(ran).toMatchObject({ code: 70, stdout: '' });
  expect(ran.stderr).toMatch(/^flocksync: internal error, please report it: TypeError: planted\n {4}at /);
  expect(ran.stderr).toMatch(/\nflocksync: files are safe: a run may end at any point, and the next one goes on from there\n$/);
  expect(await federation.run('a', ['sync'])).toMatchObject({ code: 0, stderr: '' });
});
