import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { approveHold } from '../../src/steps/fold.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { documented } from '../documented.ts';
import { bucketClock } from './clocked.ts';
import { type MemberOptions, memberIn, type TestMember } from './member.ts';

/** Refuses a tree with the word `broken` in it, and counts how often it was asked. */
const run = 'echo x >> $FLOCKSYNC_ROOT/../asked; cd $FLOCKSYNC_STAGED; ! grep -rn broken .';
const check = { run, timeoutMs: 20_000 };

function pair(options: MemberOptions = {}) {
  const home = temporaryDirectory();
  const config = { check, ...options.config };
  const [a, b] = [
    memberIn(home, 'a', { ...(options.through ? { through: options.through } : {}) }),
    memberIn(home, 'b', { ...options, config }),
  ];
  const asked = () => (existsSync(join(home, 'b', 'asked')) ? readFileSync(join(home, 'b', 'asked'), 'utf8').length / 2 : 0);
  return { home, a, b, asked };
}

function put(member: TestMember, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(member.root, path, '..'), { recursive: true });
    writeFileSync(join(member.root, path), text);
  }
}

const read = (member: TestMember, path: string) =>
  existsSync(join(member.root, path)) ? readFileSync(join(member.root, path), 'utf8') : null;

test('what the check lets through is applied; what it refuses is held as a whole, with what it said', async () => {
  const { a, b } = pair();
  put(a, { x: 'good', 'd/y': 'good' });
  await a.cycle();
  expect(await b.cycle()).toMatchObject({ held: false, problems: [] });
  expect(read(b, 'd/y')).toBe('good');
  put(a, { x: 'broken', z: 'fine' });
  rmSync(join(a.root, 'd/y'));
  await a.cycle();
  const { held, problems, counts } = await b.cycle();
  expect([held, counts.applied, counts.removed]).toEqual([true, 0, 0]);
  expect(problems).toMatchObject([
    {
      code: 'check-refused',
      text: expect.stringMatching(/^3 changes of others are held, because .* \(exit code 1: \.\/x:1:broken\)$/),
      fix: expect.stringMatching(/flocksync approve [0-9a-f]{8} --share webroot/),
    },
  ]);
  expect([read(b, 'x'), read(b, 'd/y'), read(b, 'z')]).toEqual(['good', 'good', null]);
  expect(b.journal.wants(['held']).map(({ path, detail }) => [path, detail])).toEqual(
    ['d/y', 'x', 'z'].map((path) => [path, 'the check refuses it: exit code 1: ./x:1:broken']),
  );
  expect(b.journal.holds()).toMatchObject([{ kind: 'check', state: 'open', detail: 'exit code 1: ./x:1:broken' }]);
});

test('own changes are published all the while, and a repair lets everything through at once', async () => {
  const { a, b } = pair();
  await a.cycle();
  await b.cycle();
  put(a, { x: 'broken', y: '1' });
  await a.cycle();
  await b.cycle();
  put(b, { own: 'own' });
  expect((await b.cycle()).counts.published).toBe(1);
  put(a, { x: 'repaired' });
  await a.cycle();
  expect(read(a, 'own')).toBe('own');
  expect(await b.cycle()).toMatchObject({ held: false, problems: [] });
  expect([read(b, 'x'), read(b, 'y')]).toEqual(['repaired', '1']);
  expect(b.journal.holds()).toEqual([]);
  expect(b.journal.meta('check')).toBeUndefined();
});

test('the same question is asked again after five minutes, and at once when log or disk have changed', async () => {
  const clock = bucketClock();
  const { a, b, asked } = pair({ through: clock.through });
  await a.cycle();
  await b.cycle();
  put(a, { x: 'broken' });
  await a.cycle();
  await b.cycle();
  const first = asked();
  await b.cycle();
  await b.cycle({ only: 'publish' });
  expect((await b.cycle()).held).toBe(true);
  expect(asked()).toBe(first);
  clock.pass(5 * 60_000 + 1000);
  await b.cycle();
  expect(asked()).toBe(first + 1);
  put(b, { own: 'own' });
  await b.cycle();
  expect(asked()).toBe(first + 2);
  put(a, { other: 'other' });
  await a.cycle();
  await b.cycle();
  expect(asked()).toBe(first + 3);
});

test('a cycle that only publishes still says what is held', async () => {
  const { a, b } = pair();
  await a.cycle();
  await b.cycle();
  put(a, { x: 'broken' });
  await a.cycle();
  await b.cycle();
  const text = expect.stringMatching(documented('check-refused'));
  expect(await b.cycle({ only: 'publish' })).toMatchObject({ held: true, problems: [{ code: 'check-refused', text }] });
});

test('an approval lets exactly this past the check, and no deletion past maxDelete', async () => {
  const { a, b } = pair({ config: { maxDelete: { percent: 0, percentBelow40: 0, floor: 1, windowMs: 600_000 } } });
  put(a, { one: '1', two: '2', three: '3', four: '4' });
  await a.cycle();
  await b.cycle();
  put(a, { x: 'broken' });
  rmSync(join(a.root, 'one'));
  await a.cycle();
  await b.cycle();
  const [hold] = b.journal.holds();
  b.journal.transaction(() => approveHold(b.journal, hold?.id ?? ''));
  expect(b.journal.wants().map(({ approved }) => approved)).toEqual([false, false]);
  expect(await b.cycle()).toMatchObject({ held: false, problems: [] });
  expect([read(b, 'x'), read(b, 'one')]).toEqual(['broken', null]);
  await b.cycle();
  expect(b.journal.holds()).toEqual([]);
  put(a, { y: 'another' });
  await a.cycle();
  expect((await b.cycle()).held).toBe(true);
  b.journal.setHoldState(b.journal.holds()[0]?.id ?? '', 'approved');
  put(a, { y: 'yet another' });
  await a.cycle();
  expect((await b.cycle()).held).toBe(true);
  expect(b.journal.holds()).toMatchObject([{ state: 'open' }]);
});

test('what is left of an approved changeset after a kill is not asked about again', async () => {
  const { a, b } = pair();
  await a.cycle();
  await b.cycle();
  put(a, { x: 'broken', y: '1', z: '2' });
  await a.cycle();
  await b.cycle();
  b.journal.setHoldState(b.journal.holds()[0]?.id ?? '', 'approved');
  b.journal.dropWant('y');
  expect((await b.cycle()).held).toBe(false);
  expect([read(b, 'x'), read(b, 'z')]).toEqual(['broken', '2']);
});

test('the check sees the tree as it would be: kinds, links, deletions, excluded and unpublished files', async () => {
  const expected = [
    'test "$(cat file)" = new && test -d dir && test "$(cat dir/in)" = in && test ! -e gone && test ! -e old',
    'test "$(cat link)" = new && test "$(cat local.log)" = log && test "$PWD" = "$FLOCKSYNC_STAGED" -o "$FLOCKSYNC_IN_PLACE" = 1',
    'test "$FLOCKSYNC_SHARE $FLOCKSYNC_RECORD" = "webroot 2" && echo spoilt > file',
  ].join(' && ');
  const { a, b } = pair({
    config: { check: { run: `test ! -e $FLOCKSYNC_ROOT/../started || { ${expected}; }`, timeoutMs: 20_000 }, exclude: ['*.log'] },
  });
  put(a, { file: 'old', gone: 'gone', dir: 'was a file', 'old/deep/x': 'x' });
  await a.cycle();
  await b.cycle();
  put(b, { 'local.log': 'log', '../started': '' });
  put(a, { file: 'new' });
  for (const path of ['gone', 'dir', 'old']) rmSync(join(a.root, path), { recursive: true });
  put(a, { 'dir/in': 'in' });
  symlinkSync('file', join(a.root, 'link'));
  await a.cycle();
  expect(await b.cycle()).toMatchObject({ held: false, problems: [] });
  expect([read(b, 'file'), read(b, 'dir/in'), read(b, 'link'), read(b, 'gone')]).toEqual(['new', 'in', 'new', null]);
});

test('a check that hangs, is killed or cannot be built for refuses', async () => {
  const { home, a, b } = pair({
    config: { check: { run: 'test ! -e $FLOCKSYNC_ROOT/../hang || sleep 1000 # FLOCKSYNC_STAGED', timeoutMs: 300 } },
  });
  await a.cycle();
  await b.cycle();
  writeFileSync(join(home, 'b', 'hang'), '');
  put(a, { x: '1' });
  await a.cycle();
  const hanging = memberIn(home, 'b', { config: { check: { run: ': $FLOCKSYNC_STAGED; sleep 1000', timeoutMs: 300 } } });
  expect((await hanging.cycle()).problems).toMatchObject([{ text: expect.stringContaining('not at its end after 0.3 s') }]);
  const killed = memberIn(home, 'b', { config: { check: { run: ': $FLOCKSYNC_STAGED; kill -9 $$', timeoutMs: 5000 } } });
  expect((await killed.cycle()).problems).toMatchObject([{ text: expect.stringContaining('killed by SIGKILL') }]);
  writeFileSync(join(b.root, 'huge.log'), '');
  truncateSync(join(b.root, 'huge.log'), 257 * 1024 * 1024);
  const large = memberIn(home, 'b', { config: { check, exclude: ['*.log'] } });
  const { problems } = await large.cycle();
  expect(problems).toMatchObject([{ text: expect.stringContaining('more than 10,000 names or 256 MiB') }]);
  const without = memberIn(home, 'b', { config: { check: null, exclude: ['*.log'] } });
  expect(await without.cycle()).toMatchObject({ held: false, problems: [] });
  expect(read(b, 'x')).toBe('1');
});

test('words that differ in numbers alone are no news', async () => {
  const clock = bucketClock();
  const { a, b } = pair({
    through: clock.through,
    config: { check: { run: 'cd $FLOCKSYNC_STAGED; test ! -e x -a ! -e bad || { echo "pid $$"; exit 1; }', timeoutMs: 20_000 } },
  });
  await a.cycle();
  await b.cycle();
  put(a, { bad: '1' });
  await a.cycle();
  const [first] = (await b.cycle()).problems;
  clock.pass(6 * 60_000);
  expect((await b.cycle()).problems).toEqual([first]);
});

test('a join that is refused displaces nothing and publishes nothing; once it is let through it is a join', async () => {
  const { a, b } = pair();
  put(a, { x: 'broken', shared: 'theirs' });
  await a.cycle();
  put(b, { shared: 'mine', local: 'only here' });
  const { held, events } = await b.cycle();
  expect([held, events]).toEqual([true, []]);
  await b.cycle();
  await a.cycle();
  expect([read(a, 'local'), read(a, 'shared'), read(b, 'shared'), read(b, 'local')]).toEqual([null, 'theirs', 'mine', 'only here']);
  put(a, { x: 'repaired' });
  await a.cycle();
  expect((await b.cycle()).held).toBe(false);
  await b.cycle();
  await a.cycle();
  expect([read(a, 'local'), read(b, 'local'), read(b, 'shared'), read(b, 'x')]).toEqual([null, null, 'theirs', 'repaired']);
});

test('a dry run asks nobody, and a cycle that is told to stop decides nothing', async () => {
  const { home, a, b, asked } = pair();
  await a.cycle();
  await b.cycle();
  put(a, { x: 'broken' });
  await a.cycle();
  await b.cycle({ dryRun: true });
  expect(asked()).toBe(0);
  const slow = memberIn(home, 'b', {
    config: { check: { run: 'touch $FLOCKSYNC_ROOT/../asking; cd $FLOCKSYNC_STAGED; sleep 1000', timeoutMs: 60_000 } },
  });
  const stop = new AbortController();
  const running = slow.cycle({ signal: stop.signal });
  await expect.poll(() => existsSync(join(home, 'b', 'asking')), { timeout: 20_000 }).toBe(true);
  stop.abort();
  expect(await running).toMatchObject({ held: false, problems: [] });
  expect(slow.journal.holds()).toEqual([]);
});

test('an emptied root and a root that came back are not the business of the check', async () => {
  const { a, b } = pair();
  put(a, { x: '1' });
  await a.cycle();
  await b.cycle();
  renameSync(b.root, `${b.root}-away`);
  expect((await b.cycle()).halt?.code).toBe('root-missing');
  renameSync(`${b.root}-away`, b.root);
  expect(await b.cycle()).toMatchObject({ halt: null, held: false });
});
