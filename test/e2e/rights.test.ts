import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { documented } from '../documented.ts';
import { type Federation, startFederation } from './support/federation.ts';
import { isRoot } from './support/mount.ts';
import { plant } from './support/plant.ts';
import { differences, snapshot } from './support/tree.ts';

const quiet = { code: 0, signal: null, stdout: '', stderr: '' };
/** Nobody's rights can be taken away; root's cannot. Without root the user of the tests is the one that lacks them. */
const nobody = 65534;
const options = isRoot ? { users: { a: nobody, b: nobody } } : {};
let federation: Federation;

beforeEach(async () => {
  federation = startFederation(['a', 'b'], options);
  onTestFinished(() => {
    execFileSync('chmod', ['-R', 'u+rwX', federation.directory]);
    federation.close();
  });
  plant(federation.root('a'), {
    page: 'page',
    'open/one': 'one',
    'open/gone': 'gone',
    'closed/two': 'two',
    'closed/deep/three': 'three',
    secret: 'secret',
  });
  chmodSync(join(federation.root('a'), 'secret'), 0o600);
  chmodSync(join(federation.root('a'), 'closed'), 0o700);
  giveAway();
  for (const member of ['a', 'b']) expect(await federation.run(member, ['sync'])).toEqual(quiet);
});

function giveAway(): void {
  if (isRoot) execFileSync('chown', ['-R', `${nobody}:${nobody}`, federation.directory]);
}

/** Changes made by root stay nobody's. */
function put(member: string, plan: Parameters<typeof plant>[1]): void {
  plant(federation.root(member), plan);
  if (isRoot) execFileSync('chown', ['-R', `${nobody}:${nobody}`, federation.root(member)]);
}

function path(member: string, name: string): string {
  return join(federation.root(member), name);
}

async function expectHealed(): Promise<void> {
  for (const member of ['b', 'a', 'b']) expect(await federation.run(member, ['sync'])).toEqual(quiet);
  expect(differences(snapshot(federation.root('a')), snapshot(federation.root('b')))).toEqual([]);
}

test.skipIf(!isRoot)('what cannot be read is a problem of its own, told once, deletes nothing, and stops nothing else', async () => {
  put('b', { 'closed/new': 'new', 'open/new': 'new' });
  // Another owner: a mode that shuts the member out would be a change to publish.
  for (const name of ['secret', 'closed']) chownSync(path('b', name), 0, 0);
  const ran = await federation.run('b', ['sync']);
  expect(ran).toMatchObject({ code: 1, stdout: '' });
  expect(ran.stderr).toMatch(documented('unreadable'));
  expect(
    ran.stderr.split('\n').filter((line) => /^flocksync: webroot: (secret|closed): cannot be read .*Make it readable/.test(line)),
  ).toHaveLength(2);
  expect(await federation.run('a', ['sync'])).toEqual(quiet);
  expect([...snapshot(federation.root('a')).keys()].sort()).toEqual(
    ['closed', 'closed/deep', 'closed/deep/three', 'closed/two', 'open', 'open/gone', 'open/new', 'open/one', 'page', 'secret'].sort(),
  );
  rmSync(path('a', 'secret'));
  put('a', { 'closed/two': 'changed', 'open/one': 'changed' });
  expect(await federation.run('a', ['sync'])).toEqual(quiet);
  expect(await federation.run('b', ['sync'])).toEqual({ code: 1, signal: null, stdout: '', stderr: '' });
  expect(snapshot(federation.root('b')).get('open/one')).toBe(snapshot(federation.root('a')).get('open/one'));
  for (const name of ['secret', 'closed']) chownSync(path('b', name), nobody, nobody);
  await expectHealed();
  expect(readdirSync(path('a', 'closed')).sort()).toEqual(['deep', 'new', 'two']);
});

test.skipIf(!isRoot)('a directory that may not be written to keeps its wants, told with the fix, and the rest goes on', async () => {
  chownSync(path('b', 'open'), 0, 0);
  put('a', { 'open/one': 'changed', 'open/new': 'new', other: 'other' });
  rmSync(path('a', 'open/gone'));
  expect(await federation.run('a', ['sync'])).toEqual(quiet);
  const ran = await federation.run('b', ['sync']);
  expect(ran).toMatchObject({ code: 1, stdout: '' });
  expect(ran.stderr).toMatch(documented('refused'));
  expect(ran.stderr).toMatch(/open\/one: the file system refuses it .*Give the user that runs flocksync the right to write there/);
  expect(snapshot(federation.root('b')).has('other')).toBe(true);
  expect(await federation.run('b', ['sync'])).toEqual({ code: 1, signal: null, stdout: '', stderr: '' });
  chownSync(path('b', 'open'), nobody, nobody);
  await expectHealed();
});

test('an unreadable root halts with 3 and deletes nothing anywhere', async () => {
  chmodSync(federation.root('b'), 0);
  const ran = await federation.run('b', ['sync']);
  expect(ran).toMatchObject({ code: 3, stderr: expect.stringMatching(documented('root-unreadable')) });
  expect(await federation.run('a', ['sync'])).toEqual(quiet);
  expect(snapshot(federation.root('a')).has('page')).toBe(true);
  chmodSync(federation.root('b'), 0o755);
  await expectHealed();
});

test('a state directory that may not be used is a problem with a fix, never an internal error', async () => {
  for (const mode of [0o000, 0o500]) {
    chmodSync(federation.state('b'), mode);
    const ran = await federation.run('b', ['sync']);
    expect(ran).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^flocksync: webroot: .*let the user that runs flocksync write/),
    });
    expect(ran.stderr).toMatch(documented('unusable'));
  }
  chmodSync(federation.state('b'), 0o700);
  await expectHealed();
});

test('a bucket directory that may not be written to is 75 with the fix', async () => {
  put('b', { new: 'new' });
  const incoming = join(federation.bucket, 'shop', '.incoming');
  chmodSync(incoming, 0o500);
  const ran = await federation.run('b', ['sync']);
  expect(ran).toMatchObject({ code: 75, stderr: expect.stringMatching(/\(refused\).*read and write the datastore/) });
  chmodSync(incoming, 0o700);
  await expectHealed();
});

describe.skipIf(!isRoot)('a root that is mounted read-only (mounting needs root)', () => {
  test('takes nothing over, says so once, and still publishes', async () => {
    put('b', { local: 'local' });
    rmSync(path('b', 'page'));
    put('a', { remote: 'remote' });
    expect(await federation.run('a', ['sync'])).toEqual(quiet);
    const root = federation.root('b');
    execFileSync('mount', ['--bind', root, root]);
    execFileSync('mount', ['-o', 'remount,ro,bind', root]);
    try {
      const ran = await federation.run('b', ['sync']);
      expect(ran).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^flocksync: webroot: .*mounted read-only.*Mount the file system read-write.*\n$/),
      });
      expect(ran.stderr).toMatch(documented('no-staging'));
      expect(await federation.run('b', ['sync'])).toEqual({ code: 1, signal: null, stdout: '', stderr: '' });
      expect(await federation.run('a', ['sync'])).toEqual(quiet);
      expect([...snapshot(federation.root('a')).keys()]).toEqual(expect.arrayContaining(['local', 'remote']));
      expect(snapshot(federation.root('a')).has('page')).toBe(false);
    } finally {
      execFileSync('umount', [root]);
    }
    await expectHealed();
  });
});

test('a publisher needs no right to write to its root', async () => {
  const root = federation.root('b');
  federation.configure('b', ['settle: 0s', 'role: publisher']);
  giveAway();
  put('b', { local: 'local' });
  chmodSync(root, 0o500);
  chmodSync(join(federation.directory, 'b'), 0o500);
  expect(await federation.run('b', ['sync'])).toEqual(quiet);
  chmodSync(join(federation.directory, 'b'), 0o700);
  chmodSync(root, 0o700);
  expect(await federation.run('a', ['sync'])).toEqual(quiet);
  expect(snapshot(federation.root('a')).has('local')).toBe(true);
});
