import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startDaemon, until } from './support/daemon.ts';
import { shareStatus } from './support/document.ts';
import { type Actor, expectEqual, type Scenario, scenario, setBack, settled } from './support/pair.ts';

const site = { kept: 'kept', changed: 'changed', missing: 'missing' };

/** b's disk has gone wrong in every way, and nothing of it was published. */
async function spoilt(): Promise<Scenario & { readonly a: Actor; readonly b: Actor }> {
  const made = scenario(['a', 'b']);
  const [a, b] = [made.member('a'), made.member('b')];
  await settled(a, b, site);
  b.put({ changed: 'spoilt', mine: 'only here' });
  b.remove('missing');
  return { ...made, a, b };
}

const told = [
  'Joining webroot anew would mean for the files in ROOT:',
  '1 file equal: they stay as they are',
  '1 file (6 B) with another content: the log wins, yours go to the trash',
  '1 file (9 B) only here: they go to the trash (`--merge` would publish them)',
  '1 file (7 B) only in the share: they come from it',
];

const linesOf = (text: string, { root }: Actor): string[] =>
  text
    .replaceAll(root, 'ROOT')
    .trim()
    .split('\n')
    .map((line) => line.trim());

test('-n shows it line by line; without --yes and a terminal nothing is done; with it the disk follows the log', async () => {
  const { a, b, log } = await spoilt();
  const before = { names: b.names(), log: log() };
  const dry = await b.run('join', 'webroot', '-n');
  expect(dry).toMatchObject({ code: 0, stderr: '' });
  expect(linesOf(dry.stdout, b)).toEqual(['>f.changed.. changed', '>*deleting  mine', '>f+++++++++ missing', ...told]);
  const unasked = await b.run('join', 'webroot');
  expect(unasked).toMatchObject({
    code: 2,
    stderr: 'flocksync: webroot: nothing was done: without a terminal to ask on, say --yes; -n only shows it\n',
  });
  expect({ names: b.names(), log: log() }).toEqual(before);
  const done = await b.run('join', 'webroot', '--yes');
  expect(done.code).toBe(1);
  expect(done.stderr).toBe(
    'flocksync: webroot: 2 local files differ from the share that this member joins and go to the trash: changed, mine\n',
  );
  expect(linesOf(done.stdout, b)).toEqual(told);
  expectEqual(a, b);
  expect(log()).toEqual(before.log);
  const trash = join(b.root, '..', '.flocksync-webroot', 'trash');
  expect(
    readdirSync(trash)
      .map((name) => readFileSync(join(trash, name), 'utf8'))
      .sort(),
  ).toEqual(['only here', 'spoilt']);
  await b.sync();
  expect(await shareStatus(b)).toMatchObject({ joined: true, ready: true, problems: [] });
});

test('--merge publishes what is only here', async () => {
  const { a, b } = await spoilt();
  expect((await b.run('join', 'webroot', '--merge', '-y', '-q')).stdout).toBe('');
  await a.sync();
  expectEqual(a, b);
  expect([a.read('mine'), a.read('changed')]).toEqual(['only here', 'changed']);
});

test('beside a daemon, which goes on from there', async () => {
  const { federation, a, b } = await spoilt();
  b.configure('poll: 100ms', 'mode: lightweight', 'role: subscriber');
  const daemon = startDaemon(federation, 'b');
  await until('the daemon listens', () => existsSync(join(b.state, 'webroot.sock')), 30_000);
  const ran = await b.run('join', 'webroot', '--yes');
  expect(ran, ran.stderr).toMatchObject({ code: 1 });
  expectEqual(a, b);
  a.put({ later: 'later' });
  await a.sync();
  await until('the next change comes', () => b.read('later') === 'later', 30_000);
  expect((await daemon.stop()).code).toBe(0);
});

test('after a halt because of the lineage the bucket wins', async () => {
  const { federation, bucket, member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { x: 'x' });
  await setBack(federation.directory, bucket, async () => {
    a.put({ later: 'after the backup' });
    await a.sync();
  });
  await a.sync(3);
  expect((await a.run('join', 'webroot', '-y')).code).toBe(1);
  await a.sync();
  expectEqual(a, b);
  expect(a.names()).toEqual(['x']);
});

test('what cannot be joined is refused, and says why', async () => {
  const { member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  expect(await a.run('join', 'webroot', '-y')).toMatchObject({
    code: 1,
    stderr: 'flocksync: webroot: the share is not in the bucket, so there is nothing to join; flocksync sync founds it\n',
  });
  expect(await a.run('join', 'nope', '-y')).toMatchObject({ code: 2, stderr: expect.stringContaining('no share is called "nope"') });
  await settled(a, b, { x: 'x' });
  b.configure('role: publisher');
  expect(await b.run('join', 'webroot', '-y')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('a publisher takes over nothing'),
  });
  rmSync(a.root, { recursive: true });
  expect(await a.run('join', 'webroot', '-y')).toMatchObject({ code: 3, stderr: expect.stringContaining('is missing') });
  expect(await shareStatus(a)).toMatchObject({ joined: true });
});
