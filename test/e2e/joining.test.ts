import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { forgedLog } from './support/forge.ts';
import { type Actor, expectEqual, scenario, settled } from './support/pair.ts';

function three() {
  const { member, log, bucket } = scenario(['a', 'b', 'c']);
  return { a: member('a'), b: member('b'), c: member('c'), log, bucket };
}

/** Processes of nobody in particular, beside files of root. */
function unprivileged() {
  const { member, federation } = scenario(['a', 'b'], { users: { a: user, b: user } });
  chownSync(federation.bucket, user, user);
  return { a: member('a'), b: member('b') };
}

const user = 1500;
const copy = (from: string, to: string) => {
  rmSync(to, { recursive: true, force: true });
  execFileSync('cp', ['-a', from, to]);
};

function trashed(actor: Actor): string {
  return execFileSync('sh', ['-c', `find "$1/.." -path '*/trash/*' -type f -exec cat {} +`, 'sh', actor.root], { encoding: 'utf8' });
}

test('R-J1: an equal tree is adopted, what differs or is local only goes to the trash and is told once', async () => {
  const { a, b, log, bucket } = three();
  a.put({ 'x/equal': 'same', 'x/other': 'from a', 'only-a': 'a', empty: null });
  b.put({ 'x/equal': 'same', 'x/other': 'from b', 'only-b': 'b', 'b/s/f': 'deep on b' });
  await a.sync();
  const told = await b.sync(1);
  for (const path of ['x/other', 'only-b', 'b/s/f']) expect(told.stderr).toContain(path);
  expect(told.stderr).not.toContain('x/equal');
  await b.sync();
  await a.sync();
  expectEqual(a, b);
  expect(log()).toHaveLength(1);
  expect(a.read('x/other')).toBe('from a');
  for (const lost of ['from b', 'deep on b']) expect(trashed(b)).toContain(lost);
  expect(readFileSync(join(bucket, 'format.json'), 'utf8')).toContain('"by": "a"');
});

test('R-J1: the list of what goes to the trash cannot speak to the terminal', async () => {
  const { a, b } = three();
  a.put({ x: 'x1' });
  await a.sync();
  b.put({ 'evil\u001b[2Jname\n': 'of b' });
  const told = await b.sync(1);
  expect(told.stderr).toContain('1 local file differs');
  expect(told.stderr).toContain('evil\\x1b[2Jname\\n');
  expect(told.stderr.trim().split('\n')).toHaveLength(1);
});

test('R-J1: join: merge publishes what only the newcomer has', async () => {
  const { a, b } = three();
  b.configure('join: merge');
  a.put({ both: 'from a', 'only-a': 'a' });
  b.put({ both: 'from b', 'only-b': 'b', 'd/s/f': 'deep' });
  await a.sync();
  await b.sync(1);
  await b.sync();
  await a.sync();
  expectEqual(a, b);
  expect([a.read('both'), a.read('only-b'), a.read('d/s/f')]).toEqual(['from a', 'b', 'deep']);
});

test('R-J1: while a split changeset is incomplete, local files stay in place and unpublished', async () => {
  const { a, b, bucket, log } = three();
  await settled(a, b, { x: 'x1' });
  b.remove('x');
  rmSync(b.state, { recursive: true });
  const forged = forgedLog(bucket);
  forged.append({ kind: 'changes', changeset: '0123456789abcdef', more: true, changes: [], locations: [], inline: [] });
  b.put({ waits: 'perhaps on its way' });
  await b.run('sync');
  expect([b.read('waits'), b.read('x')]).toEqual(['perhaps on its way', 'x1']);
  expect(log()).toHaveLength(2);
  forged.append({ kind: 'changes', changeset: '0123456789abcdef', more: false, changes: [], locations: [], inline: [] });
  expect((await b.sync(1)).stderr).toContain('waits');
  await b.sync();
  expectEqual(a, b);
});

test('R-J3: a lost journal: deleted files stay deleted, new ones are published', async () => {
  const { a, b } = three();
  await settled(a, b, { gone: 'g1', changed: 'c1', kept: 'k1' });
  a.remove('gone');
  a.put({ changed: 'c2' });
  await a.sync();
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(b.state, `webroot.journal${suffix}`), { force: true });
  b.put({ fresh: 'made on b' });
  await b.sync(1);
  await b.sync();
  await a.sync();
  expectEqual(a, b);
  expect([a.read('gone'), a.read('changed'), a.read('fresh')]).toEqual([undefined, 'c2', 'made on b']);
});

test('R-J3: a damaged journal is set aside and rebuilt', async () => {
  const { a, b } = three();
  await settled(a, b, { x: 'x1', gone: 'g1' });
  a.remove('gone');
  await a.sync();
  writeFileSync(join(b.state, 'webroot.journal'), 'garbage'.repeat(1000));
  expect((await b.sync(1)).stderr).toContain('set aside');
  await b.sync();
  expectEqual(a, b);
});

test('R-J1: without any state an old image brings nothing back', async () => {
  const { a, b, c } = three();
  await settled(a, b, { gone: 'g1', changed: 'c1', kept: 'k1' });
  copy(a.root, c.root);
  a.remove('gone');
  a.put({ changed: 'c2' });
  await a.sync();
  await c.sync(1);
  await c.sync();
  await a.sync();
  expectEqual(a, c);
  expect([a.read('gone'), a.read('changed')]).toEqual([undefined, 'c2']);
});

test('an empty root without a journal is a new member, and so is one whose journal and content are gone', async () => {
  const { a, b } = three();
  await settled(a, b, { x: 'x1', 'd/f': 'f1' });
  rmSync(b.state, { recursive: true });
  b.remove('x', 'd');
  await b.sync();
  expectEqual(a, b);
  expect(a.read('x')).toBe('x1');
});

test('R-J4: a clone takes a name of its own, and both go on', async () => {
  const { a, b, c } = three();
  await settled(a, b, { x: 'x1', y: 'y1' });
  copy(b.root, c.root);
  copy(b.state, c.state);
  for (const round of [1, 2]) {
    b.put({ [`b${round}`]: 'of b' });
    await b.sync();
    c.put({ [`c${round}`]: 'of the clone' });
    await c.sync(round === 1 ? 1 : 0);
  }
  await b.sync();
  await a.sync();
  expectEqual(a, b);
  expectEqual(a, c);
  expect(readFileSync(join(b.state, 'member.json'), 'utf8')).not.toBe(readFileSync(join(c.state, 'member.json'), 'utf8'));
});

test('R-J4: a restored journal, with the disk of then or of now: nothing old is published', async () => {
  for (const disk of ['of then', 'of now']) {
    const { a, b } = three();
    await settled(a, b, { x: 'x1', gone: 'g1' });
    copy(b.state, `${b.state}.old`);
    copy(b.root, `${b.root}.old`);
    a.put({ x: 'x2' });
    a.remove('gone');
    await a.sync();
    await b.sync();
    b.put({ own: 'of b', x: 'x3' });
    await b.sync();
    await a.sync();
    copy(`${b.state}.old`, b.state);
    if (disk === 'of then') copy(`${b.root}.old`, b.root);
    b.put({ fresh: 'after the restore' });
    expect((await b.sync(1)).stderr).toContain('ahead of its journal');
    await b.sync();
    await a.sync();
    expectEqual(a, b);
    expect([a.read('x'), a.read('gone'), a.read('own'), a.read('fresh')]).toEqual(['x3', undefined, 'of b', 'after the restore']);
  }
});

test('R-R1: an edit beats a concurrent delete, a touch does not', async () => {
  const { a, b } = three();
  await settled(a, b, { x: 'x1', 'd/y': 'y1', touched: 't1', z: 'z1' });
  a.remove('x', 'd', 'touched');
  await a.sync();
  b.put({ x: 'edited', 'd/y': 'edited' });
  execFileSync('touch', ['-d', '2031-01-01', join(b.root, 'touched')]);
  await b.sync();
  await a.sync();
  expectEqual(a, b);
  expect(a.names()).toEqual(['d', 'd/y', 'x', 'z']);
});

test('R-J1: a path that waits keeps no newcomer joining: what is made since then is its own', async () => {
  const { a, b } = three();
  b.configure('exclude: ["*.tmp"]');
  a.put({ d: 'a file now', x: 'x1' });
  await a.sync();
  b.put({ 'd/x.tmp': 'of b' });
  await b.sync(1);
  b.put({ fresh: 'new on b' });
  await b.run('sync');
  await a.sync();
  expect([b.read('fresh'), a.read('fresh'), a.read('d')]).toEqual(['new on b', 'new on b', 'a file now']);
});

test.runIf(process.getuid?.() === 0)('R-J1: what a newcomer may not move away is listed and never published', async () => {
  const { a, b } = unprivileged();
  a.put({ x: 'x1', 'locked/gone': 'g1', 'locked/differs': 'd1' });
  await a.sync();
  a.remove('locked/gone');
  a.put({ 'locked/differs': 'd2' });
  await a.sync();
  b.put({ 'locked/gone': 'g1', 'locked/differs': 'of an image', 'locked/never': 'seen by nobody' });
  chmodSync(`${b.root}/locked`, 0o755);
  for (let run = 0; run < 3; run++) {
    const ran = await b.run('sync');
    expect(ran.code).toBe(1);
    if (run === 0) expect(ran.stderr).toContain('locked/never');
  }
  await a.sync();
  expect([a.names(), a.read('locked/differs')]).toEqual([['locked', 'locked/differs', 'x'], 'd2']);
  b.put({ fresh: 'made since then' });
  await b.sync(1);
  await a.sync();
  expect(a.read('fresh')).toBe('made since then');
  for (const path of ['locked', 'locked/gone', 'locked/differs', 'locked/never']) chownSync(`${b.root}/${path}`, user, user);
  await b.run('sync');
  await b.sync();
  expect([b.names(), b.read('locked/differs')]).toEqual([['fresh', 'locked', 'locked/differs', 'x'], 'd2']);
});

test.runIf(process.getuid?.() === 0)('R-J1: a root that nothing can be written to is not joined by looking at it', async () => {
  const { a, b } = unprivileged();
  a.put({ x: 'x1', gone: 'g1' });
  await a.sync();
  a.remove('gone');
  await a.sync();
  b.put({ gone: 'g1', x: 'of an image' });
  mkdirSync(b.state, { recursive: true });
  chownSync(b.state, user, user);
  for (const path of [b.root, dirname(b.root)]) chownSync(path, 0, 0);
  expect((await b.sync(1)).stderr).toContain('nothing can be put in place');
  await b.sync(1);
  chownSync(b.root, user, user);
  await b.sync(1);
  await b.sync();
  await a.sync();
  expect([a.names(), a.read('x'), b.names(), b.read('x')]).toEqual([['x'], 'x1', ['x'], 'x1']);
});

test('R-J4: a restored journal brings back nothing that it never knew', async () => {
  const { a, b } = three();
  await settled(a, b, { x: 'x1' });
  copy(b.state, `${b.state}.old`);
  a.put({ f: 'f1', l: { link: 'x' } });
  await a.sync();
  await b.sync();
  copy(b.root, `${b.root}.old`);
  a.remove('f', 'l');
  await a.sync();
  await b.sync();
  copy(`${b.state}.old`, b.state);
  copy(`${b.root}.old`, b.root);
  expect((await b.sync(1)).stderr).toContain('ahead of its journal');
  await b.sync();
  await a.sync();
  expect([a.names(), b.names()]).toEqual([['x'], ['x']]);
});
