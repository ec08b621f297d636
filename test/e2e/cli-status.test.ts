import { chmodSync, existsSync, readdirSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { documented } from '../documented.ts';
import { documentOf, shareStatus } from './support/document.ts';
import { scenario, settled } from './support/pair.ts';
import { manyFiles } from './support/plant.ts';

test('a share that was never synced says so, and nothing is created', async () => {
  const a = scenario(['a']).member('a');
  const ran = await a.run('status');
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  expect(ran.stdout).toContain('never synced here');
  expect(await shareStatus(a)).toMatchObject({ synced: false, cursor: 0, head: 0, behind: 0, digest: null, members: [], fault: null });
  expect(existsSync(a.state)).toBe(false);
});

test('position, counts, digest and the other members', async () => {
  const { member } = scenario(['a', 'b', 'c']);
  const [a, b, c] = [member('a'), member('b'), member('c')];
  await settled(a, b, { x: '12345', 'd/y': 'yy', link: { link: 'x' } });
  await c.sync();
  a.put({ z: 'z' });
  await a.sync();
  const [one, two] = [await shareStatus(a), await shareStatus(b)];
  expect(Object.keys(one).sort()).toEqual(
    [
      ...['name', 'path', 'role', 'synced', 'cursor', 'head', 'behind', 'digest', 'joined', 'files', 'directories', 'links', 'bytes'],
      ...['incoming', 'outgoing', 'holds', 'halt', 'problems', 'conflicts', 'deviations', 'lastCycle', 'missed', 'requests', 'retention'],
      ...['members', 'fault', 'ready', 'unready', 'replay', 'appliedTo', 'lag', 'process', 'exclude', 'preset'],
    ].sort(),
  );
  expect(one).toMatchObject({ name: 'webroot', path: a.root, role: 'both', synced: true, joined: true, cursor: 2, head: 2, behind: 0 });
  expect(one).toMatchObject({ files: 3, directories: 1, links: 1, bytes: 8, conflicts: 0, problems: [], holds: [], halt: null });
  expect(two).toMatchObject({ cursor: 1, head: 2, behind: 1, files: 2 });
  expect(one.digest).toMatch(/^[0-9a-f]{64}$/);
  expect(one.digest).not.toBe(two.digest);
  expect(one.members.map((other: { name: string; self: boolean; behind: number }) => [other.name, other.self, other.behind])).toEqual([
    ['a', true, 0],
    ['b', false, 1],
    ['c', false, 1],
  ]);
  expect(Math.abs(Date.now() - Date.parse(one.lastCycle))).toBeLessThan(60_000);
});

test('the screen fits 80 columns and names what a person needs', async () => {
  const { member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, manyFiles(60));
  for (const name of ['d0', 'd1', 'd2']) a.remove(name);
  await a.sync(3);
  const { code, stdout } = await a.run('status');
  expect(code).toBe(3);
  expect(stdout).toMatch(/held +[0-9a-f]{8}: 36 deletions made here/);
  expect(stdout).toMatch(/flocksync approve [0-9a-f]{8} --share webroot/);
  expect(stdout).toContain('… and 31 more');
  const { stdout: other } = await b.run('status');
  expect(other).toMatch(/ a +1 +- .* [0-9a-f]{8}$/m);
  const ownLines = stdout.split('\n').filter((line) => !line.includes(a.root));
  expect(ownLines.filter((line) => line.length > 80)).toEqual([]);
});

test('a bucket that gives no answer: exit 75, the journal still speaks', async () => {
  const { federation, member } = scenario(['a']);
  const a = member('a');
  a.put({ x: 'x' });
  await a.sync();
  renameSync(federation.bucket, `${federation.bucket}-gone`);
  const share = await shareStatus(a, 75);
  expect(share).toMatchObject({ cursor: 1, head: null, behind: null, files: 1, members: [], fault: { code: 'no-bucket' } });
  const { stdout } = await a.run('status');
  expect(stdout).toMatch(/bucket +no answer \(no-bucket\)/);
});

test('a state directory that cannot be looked at is a fault, not a member that was never synced', async () => {
  const a = scenario(['a']).member('a');
  // Answers with an error for root, too, as one without rights does for others.
  symlinkSync(a.state, a.state);
  const asked = [
    ['status', '--ready'],
    ['wait', '--all'],
    ['log', '--local'],
    ['sync', '-n'],
    ['forget', 'webroot'],
  ] as const;
  for (const [command, word] of asked) {
    expect(await a.run(command, word)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/cannot be looked at \(ELOOP\): run this as root, or as the user/),
    });
  }
  const checked = await a.run('status', '--check');
  expect(checked).toMatchObject({ code: 2, stdout: expect.stringMatching(/CRITICAL - webroot: the journal cannot be read/) });
  const examined = await a.run('doctor');
  expect(examined).toMatchObject({ code: 1, stdout: expect.stringMatching(/FAIL +journal .*ELOOP/) });
});

test.skipIf(process.getuid?.() === 0 && !existsSync('/proc/self/fd'))(
  'problems: exit 1 with text and fix; they go when they are mended',
  async () => {
    const { member } = scenario(['a']);
    const a = member('a');
    a.put({ x: 'x', 'sub/y': 'y' });
    await a.sync();
    renameSync(`${a.root}/sub`, `${a.root}/../sub`);
    renameSync(a.root, `${a.root}-away`);
    await a.sync(3);
    const halted = await shareStatus(a, 3);
    expect(halted.halt).toMatchObject({ code: 'root-missing' });
    renameSync(`${a.root}-away`, a.root);
    await a.sync();
    expect(await shareStatus(a)).toMatchObject({ halt: null, problems: [] });
  },
);

test.skipIf(process.getuid?.() === 0)('an unreadable file is a listed problem (needs a user other than root)', async () => {
  const a = scenario(['a']).member('a');
  a.put({ x: 'x', secret: 's' });
  chmodSync(`${a.root}/secret`, 0);
  await a.sync(1);
  expect((await shareStatus(a, 1)).problems).toMatchObject([{ path: 'secret' }]);
});

test('deviations: what the config keeps apart is listed with its reason, and what is equal is not', async () => {
  const { member } = scenario(['a', 'b', 'c']);
  const [a, b, c] = [member('a'), member('b'), member('c')];
  c.configure('role: subscriber');
  b.configure('exclude: ["*.log"]');
  a.put({ x: 'x', 'e.log': 'log' });
  await a.sync();
  await b.sync();
  await c.sync();
  c.put({ x: 'drift' });
  await c.sync();
  expect((await shareStatus(b)).deviations).toMatchObject({
    count: 1,
    paths: [{ path: 'e.log', why: expect.stringContaining('excluded') }],
  });
  expect((await shareStatus(c)).deviations).toMatchObject({ count: 1, paths: [{ path: 'x', why: expect.stringContaining('subscriber') }] });
  expect((await shareStatus(a)).deviations).toEqual({ count: 0, paths: [] });
});

test('a different history in the config is mentioned and no problem', async () => {
  const { member } = scenario(['a']);
  const a = member('a');
  a.put({ x: 'x' });
  await a.sync();
  a.configure('history: 5d');
  const { code, stdout } = await a.run('status');
  expect(code).toBe(0);
  expect(stdout).toMatch(/history +30 d, as set when the share was created; the config says 5 d/);
});

test('names that are no share: exit 2 and the names that are', async () => {
  const a = scenario(['a']).member('a');
  const ran = await a.run('status', 'web');
  expect(ran).toMatchObject({ code: 2, stdout: '' });
  expect(ran.stderr).toContain('the config has: webroot');
  expect((await documentOf(a, 0, 'status', 'web*')).shares).toHaveLength(1);
});

test('a journal that is damaged: exit 1, nothing is repaired by looking', async () => {
  const { member } = scenario(['a']);
  const a = member('a');
  a.put({ x: 'x' });
  await a.sync();
  writeFileSync(`${a.state}/webroot.journal`, 'garbage');
  for (const command of ['status', 'log', 'conflicts', 'wait']) {
    const ran = await a.run(command);
    expect(ran.code, command).toBe(1);
    expect(ran.stderr).toMatch(documented('damaged'));
  }
  expect(readdirSync(a.state).filter((name) => name.includes('damaged'))).toEqual([]);
});

test('-q leaves out what is fine and still says what is wrong', async () => {
  const { member } = scenario(['a']);
  const a = member('a');
  expect((await a.run('status', 'web', '-q')).stderr).toContain('no share is called "web"');
  a.put({ x: 'x' });
  await a.sync();
  expect(await a.run('approve', '-q')).toMatchObject({ code: 0, stdout: '', stderr: '' });
});

test('R-A4, promise 4: what this disk does not follow is listed with its reason, once the config does not ask for it', async () => {
  const { member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  a.put({ tool: 'x', plain: 'x', late: 'x' });
  chmodSync(`${a.root}/tool`, 0o4755);
  await a.sync();
  await b.sync();
  expect((await shareStatus(a)).deviations).toEqual({ count: 0, paths: [] });
  expect((await shareStatus(b)).deviations).toMatchObject({ count: 1, paths: [{ path: 'tool', why: 'mode 0755 here, 4755 in the log' }] });
  utimesSync(`${a.root}/late`, 13_569_465_600, 13_569_465_600);
  await a.sync();
  expect((await shareStatus(a)).deviations).toMatchObject({ count: 1, paths: [{ path: 'late' }] });
});
