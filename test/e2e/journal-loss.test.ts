import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { documented } from '../documented.ts';
import { startDaemon, until } from './support/daemon.ts';
import { type Actor, expectEqual, scenario, settled } from './support/pair.ts';

const journalOf = (actor: Actor) => join(actor.state, 'webroot.journal');
const user = 1501;

function two() {
  const { member, federation } = scenario(['a', 'b']);
  return { a: member('a'), b: member('b'), federation };
}

/** What b's trash holds. */
function trashed(b: Actor): string[] {
  const trash = join(b.root, '../.flocksync-webroot/trash');
  return existsSync(trash) ? readdirSync(trash).map((name) => readFileSync(join(trash, name), 'utf8')) : [];
}

/** Both agree; then a goes on, and b is edited while its journal comes to harm. */
async function parted(a: Actor, b: Actor, harm: () => void): Promise<void> {
  await settled(a, b, { gone: 'g1', changed: 'c1', edited: 'e1', 'd/same': 's1' });
  a.put({ changed: 'c2, longer' });
  await a.sync();
  await b.sync();
  a.put({ changed: 'c3, even longer' });
  a.remove('gone');
  await a.sync();
  b.put({ edited: 'edited on b', fresh: 'made on b' });
  harm();
}

/** What holds after every rebuild: nothing is deleted elsewhere, nothing comes back, no edit is gone. */
async function expectRebuilt(a: Actor, b: Actor): Promise<void> {
  await b.sync();
  await a.sync();
  await b.sync();
  expectEqual(a, b);
  expect([a.read('gone'), a.read('changed'), a.read('d/same')]).toEqual([undefined, 'c3, even longer', 's1']);
  for (const edit of ['edited on b', 'made on b']) expect([a.read('edited'), a.read('fresh'), ...trashed(b)]).toContain(edit);
}

function noiseOnPage(file: string, page: number): void {
  const bytes = readFileSync(file);
  for (let at = page * 4096; at < (page + 1) * 4096; at++) bytes[at] = (at * 2_654_435_761) >>> 24;
  writeFileSync(file, bytes);
}

/** Leaves a WAL as a killed run does, over whatever becomes of the journal itself. */
function leaveWal(file: string): void {
  const writer = new Database(file);
  writer.pragma('wal_autocheckpoint = 0');
  writer.exec("UPDATE meta SET value = value WHERE key = 'cursor'");
  for (const part of ['-wal', '-shm']) copyFileSync(file + part, `${file}.kept${part}`);
  writer.close();
  for (const part of ['-wal', '-shm']) renameSync(`${file}.kept${part}`, file + part);
}

/** Damage that no check of pages finds, only whoever reads the row. */
function breakRow(file: string): void {
  const raw = new Database(file);
  raw.exec("UPDATE agreed SET chunks = 'no JSON' WHERE name = 'edited'");
  raw.close();
}

interface Harm {
  readonly name: string;
  readonly harm: (file: string) => void;
  readonly says: RegExp;
}

const harms: readonly Harm[] = [
  { name: 'deleted', harm: (file) => rmSync(file), says: /was missing; it is rebuilt/ },
  {
    name: 'deleted, with the WAL of a killed run left',
    harm: (file) => {
      leaveWal(file);
      rmSync(file);
    },
    says: /was missing; it is rebuilt/,
  },
  { name: 'cut to nothing', harm: (file) => truncateSync(file, 0), says: /was missing; it is rebuilt/ },
  { name: 'cut to one page', harm: (file) => truncateSync(file, 4096), says: /was damaged .* set aside/ },
  { name: 'cut in half', harm: (file) => truncateSync(file, readFileSync(file).length / 2), says: /was damaged .* set aside/ },
  { name: 'cut within a page', harm: (file) => truncateSync(file, 5.25 * 4096), says: /was damaged .* set aside/ },
  { name: 'replaced by a text', harm: (file) => writeFileSync(file, 'not a journal at all'), says: /was damaged .* set aside/ },
  { name: 'broken on its first page', harm: (file) => noiseOnPage(file, 0), says: /was damaged .* set aside/ },
  { name: 'broken on a page within', harm: (file) => noiseOnPage(file, 4), says: /was damaged .* set aside/ },
];

describe('R-J3: a lost or damaged journal is said once and rebuilt, and no edit made meanwhile is lost', () => {
  test.each(harms)('$name', async ({ harm, says }) => {
    const { a, b } = two();
    await parted(a, b, () => harm(journalOf(b)));
    const told = await b.sync(1);
    expect(told.stderr).toMatch(says);
    // Its content differs from the share's and cannot be told from an old one: it is displaced, and named.
    expect(told.stderr).toContain('edited');
    await expectRebuilt(a, b);
    expect(a.read('fresh')).toBe('made on b');
  });

  test('with the whole state directory: what nobody else has goes to the trash, and is named', async () => {
    const { a, b } = two();
    await parted(a, b, () => rmSync(b.state, { recursive: true }));
    const told = await b.sync(1);
    expect(told.stderr).toMatch(/2 files? .*trash.*unknown|1 file in the trash is unknown/);
    for (const path of ['edited', 'fresh']) expect(told.stderr).toContain(path);
    await expectRebuilt(a, b);
    expect(a.read('fresh')).toBeUndefined();
  });
});

test('damage that only a cycle meets ends this run, and the next one rebuilds', async () => {
  const { a, b } = two();
  await parted(a, b, () => breakRow(journalOf(b)));
  expect((await b.sync(1)).stderr).toMatch(/is damaged|no JSON/);
  expect((await b.sync(1)).stderr).toMatch(/was damaged .*no JSON.* set aside/);
  await expectRebuilt(a, b);
});

test('damage that a daemon meets is set aside and rebuilt while it runs', async () => {
  const { a, b, federation } = two();
  await settled(a, b, { edited: 'e1', other: 'o1' });
  const daemon = startDaemon(federation, 'b');
  await until('the first cycle is over', () => existsSync(join(b.state, 'webroot.ready')), 20_000);
  breakRow(journalOf(b));
  b.put({ edited: 'edited on b', fresh: 'made on b' });
  await until('the journal is set aside', () => daemon.stderr().includes('set aside'), 40_000);
  await until('the tree is displaced', () => trashed(b).includes('edited on b'), 20_000);
  await daemon.stop();
  await b.run('sync');
  await b.sync();
  await a.sync();
  expectEqual(a, b);
  expect([a.read('edited'), a.read('fresh')]).toEqual(['e1', 'made on b']);
});

test('what was set aside is told even when the bucket is away', async () => {
  const { a, b, federation } = two();
  await parted(a, b, () => truncateSync(journalOf(b), 4096));
  renameSync(federation.bucket, `${federation.bucket}.away`);
  const away = await b.run('sync');
  expect(away.code).toBe(75);
  expect(away.stderr).toContain('set aside');
  renameSync(`${federation.bucket}.away`, federation.bucket);
  await b.sync(1);
  await expectRebuilt(a, b);
});

test('a journal of a newer flocksync is refused in one sentence and stays as it is, byte for byte', async () => {
  const { a, b } = two();
  await settled(a, b, { x: 'x1' });
  const raw = new Database(journalOf(b));
  const version = raw.pragma('user_version', { simple: true }) as number;
  raw.pragma(`user_version = ${version + 1}`);
  raw.close();
  const before = readFileSync(journalOf(b));
  a.put({ x: 'x2, longer' });
  await a.sync();
  const ran = await b.run('sync');
  expect(ran).toMatchObject({ code: 1, stdout: '' });
  expect(ran.stderr).toMatch(documented('newer'));
  expect(ran.stderr.trim().split('\n')).toEqual([expect.stringMatching(/has version \d+; .* Upgrade flocksync on this member\.$/)]);
  expect((await b.run('status')).code).toBe(1);
  expect(readFileSync(journalOf(b)).equals(before)).toBe(true);
  expect([b.read('x'), readdirSync(b.state).filter((name) => name.includes('damaged'))]).toEqual(['x1', []]);
});

test.runIf(process.getuid?.() === 0)('a state directory that cannot be written to is no damage', async () => {
  const { member, federation } = scenario(['a', 'b'], { users: { a: user, b: user } });
  chownSync(federation.bucket, user, user);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { x: 'x1' });
  const before = readFileSync(journalOf(b));
  chmodSync(b.state, 0o500);
  chmodSync(journalOf(b), 0o400);
  const ran = await b.run('sync');
  expect([ran.code, ran.stderr.trim().split('\n').length]).toEqual([1, 1]);
  expect(ran.stderr).toContain('cannot be');
  chmodSync(b.state, 0o700);
  chmodSync(journalOf(b), 0o600);
  expect(readFileSync(journalOf(b)).equals(before)).toBe(true);
  await b.sync();
});
