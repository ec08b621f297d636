import { execFileSync } from 'node:child_process';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { documentOf } from './support/document.ts';
import { program } from './support/federation.ts';
import { scenario, settled } from './support/pair.ts';

test('history: every version oldest first, the deletion too', async () => {
  const { member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { x: 'one', keep: 'k' });
  b.put({ x: 'second' });
  await b.sync();
  await a.sync();
  a.remove('x');
  await a.sync();
  const { path, versions } = await documentOf(a, 0, 'history', 'x');
  expect(path).toBe('x');
  expect(versions).toMatchObject([
    { version: 1, author: 'a', kind: 'file', size: 3 },
    { version: 2, author: 'b', kind: 'file', size: 6 },
    { version: 3, author: 'a', kind: 'absent', size: null },
  ]);
  for (const { at } of versions) expect(at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test.each(['d/x', './d//x', 'd/x/', 'd/../d/x', 'absolute'])('history: a path written as %s', async (typed) => {
  const a = scenario(['a']).member('a');
  a.put({ 'd/x': 'x' });
  await a.sync();
  const { path, versions } = await documentOf(a, 0, 'history', typed === 'absolute' ? `${a.root}/d/x` : typed);
  expect([path, versions.length]).toEqual(['d/x', 1]);
});

test('history: directories and links have versions; what never was, exit 1; what is outside, exit 2', async () => {
  const a = scenario(['a']).member('a');
  a.put({ 'd/x': 'x', l: { link: 'd/x' } });
  await a.sync();
  expect((await documentOf(a, 0, 'history', 'd')).versions).toMatchObject([{ kind: 'dir', size: null }]);
  expect((await documentOf(a, 0, 'history', 'l')).versions).toMatchObject([{ kind: 'link', target: 'd/x' }]);
  const unknown = await a.run('history', 'nope');
  expect(unknown).toMatchObject({ code: 1, stdout: '' });
  expect(unknown.stderr).toContain('no version of nope is known');
  expect((await documentOf(a, 1, 'history', 'nope')).versions).toEqual([]);
  expect((await a.run('history', '../x')).code).toBe(2);
  expect((await a.run('history', '/etc/passwd')).code).toBe(2);
  expect((await a.run('history', '.')).code).toBe(1);
  expect((await a.run('history', 'x', '--share', 'nope')).code).toBe(2);
});

test('history: names that are no UTF-8, as bytes and as they are printed', async () => {
  const { federation, member } = scenario(['a']);
  const a = member('a');
  writeFileSync(Buffer.concat([Buffer.from(`${a.root}/caf`), Buffer.from([0xe9])]), 'x');
  await a.sync();
  const escaped = await documentOf(a, 0, 'history', 'caf\\xe9');
  expect(escaped).toMatchObject({ path: 'caf\\xe9', pathBytes: Buffer.from('caf\xe9', 'latin1').toString('base64') });
  const script = `"$0" "$1" history "$(printf 'caf\\351')" --config "$2" --json`;
  const typed = JSON.parse(
    execFileSync('/bin/sh', ['-c', script, process.execPath, program, federation.configFile('a')], { encoding: 'utf8' }),
  );
  expect(typed).toEqual(escaped);
});

test('history: with several shares --share decides, or an absolute path', async () => {
  const { federation, member } = scenario(['a']);
  const a = member('a');
  const conf = join(federation.directory, 'a', 'conf');
  mkdirSync(conf);
  a.configure(`settleMax: 1s\n  - name: conf\n    path: ${conf}\n    settle: 0s`);
  a.put({ x: 'web' });
  writeFileSync(join(conf, 'x'), 'config');
  await a.sync();
  const ran = await a.run('history', 'x');
  expect(ran.code).toBe(2);
  expect(ran.stderr).toContain('--share NAME (webroot, conf)');
  expect((await documentOf(a, 0, 'history', 'x', '--share', 'conf')).versions).toMatchObject([{ size: 6 }]);
  expect((await documentOf(a, 0, 'history', `${a.root}/x`)).versions).toMatchObject([{ size: 3 }]);
  expect((await documentOf(a, 0, 'log')).records.map((row: { share: string }) => row.share)).toEqual(['webroot', 'conf']);
});

test('conflicts: who won, who lost, and where the loser is kept', async () => {
  const { member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { newer: '1', older: '1' });
  a.put({ newer: 'from a', older: 'from a' });
  b.put({ newer: 'from b, later', older: 'from b, older' });
  utimesSync(join(b.root, 'newer'), Date.now() / 1000, Date.now() / 1000);
  for (const [root, path] of [
    [a.root, 'newer'],
    [b.root, 'older'],
  ] as const)
    utimesSync(join(root, path), 1e9, 1e9);
  await a.sync();
  await b.sync();
  await a.sync();
  for (const reader of [a, b]) {
    const { conflicts } = await documentOf(reader, 0, 'conflicts');
    const byPath = Object.fromEntries(conflicts.map((each: { path: string }) => [each.path, each]));
    expect(Object.keys(byPath).sort()).toEqual(['newer', 'older']);
    expect(byPath.newer).toMatchObject({ share: 'webroot', winner: 3, loser: 2, wonBy: 'b', lostBy: 'a', keptIn: 'history' });
    expect(byPath.older).toMatchObject({ share: 'webroot', winner: 2, loser: '3~1', wonBy: 'a', lostBy: 'b', keptIn: 'history' });
  }
  const { versions } = await documentOf(a, 0, 'history', 'older');
  expect(versions.map((each: { version: unknown }) => each.version)).toEqual([1, 2, '3~1']);
  expect((await a.run('conflicts')).stdout).toContain('version 2 by a won; what b had is version 3~1 of the history');
});

test('log: the newest first, within the limit', async () => {
  const { member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { x: 'one' });
  b.put({ x: 'second', y: 'y' });
  await b.sync();
  b.remove('y');
  await b.sync();
  const { share, records } = await documentOf(b, 0, 'log');
  expect(share).toBe('webroot');
  expect(records).toMatchObject([
    { sequence: 3, author: 'b', kind: 'changes', verdict: 'ok', puts: 0, deletes: 1, kept: 0, bytes: 0 },
    { sequence: 2, author: 'b', puts: 2, deletes: 0, bytes: 7 },
    { sequence: 1, author: 'a', puts: 1, deletes: 0, bytes: 3 },
  ]);
  expect((await documentOf(b, 0, 'log', '--limit', '1')).records).toHaveLength(1);
  expect((await b.run('log', '--limit', '1')).stdout).toMatch(/^ +3 {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ {2}b {2}\+0 -1\n {8}- y {2}1 B\n$/);
});

test('reading does not wait for a sync, and changes nothing', async () => {
  const { federation, member } = scenario(['a']);
  const a = member('a');
  a.put({ x: 'x' });
  await a.sync();
  federation.configure('a', ['settle: 4s', 'settleMax: 20s']);
  a.put({ y: 'y' });
  const syncing = federation.start('a', ['sync']);
  const started = Date.now();
  for (const [command, ...words] of [['status'], ['log'], ['conflicts'], ['history', 'x']] as const) {
    expect((await a.run(command, ...words)).code, command).toBe(0);
  }
  expect(Date.now() - started).toBeLessThan(4000);
  syncing.kill();
  await new Promise((done) => syncing.once('close', done));
});

test('conflicts: a loser that could not be published yet is named by its place in the trash', async () => {
  const { member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { x: 'one' });
  a.put({ x: 'from a, newer' });
  b.put({ x: 'from b' });
  utimesSync(join(b.root, 'x'), 1e9, 1e9);
  await a.sync();
  await b.sync(0, '--only', 'pull');
  const { conflicts } = await documentOf(b, 0, 'conflicts');
  expect(conflicts).toMatchObject([
    { path: 'x', winner: 2, wonBy: 'a', lostBy: 'b', keptIn: 'trash', loser: expect.stringMatching(/^trash:/) },
  ]);
  expect((await b.run('status')).stdout).toContain('1 replaced file in the trash waits to be published');
  await b.sync();
  expect((await documentOf(b, 0, 'conflicts')).conflicts).toMatchObject([{ keptIn: 'history', loser: '3~1' }]);
});
