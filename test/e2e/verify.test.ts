import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openShareTree } from '../../src/adapters/disk.ts';
import { openJournal } from '../../src/adapters/sqlite.ts';
import type { PreciseStat } from '../../src/ports/filesystem.ts';
import { stampOf } from '../../src/steps/collate/finding.ts';
import { codesOf, expectSound, flipBit, museum, reportOf } from './support/museum.ts';
import { type Actor, expectEqual, scenario, settled } from './support/pair.ts';

/** Other bytes behind an unchanged look, as a failing disk shows them: the journal's stamp follows the write. */
function rot(member: Actor, path: string, bytes: Buffer): void {
  writeFileSync(join(member.root, path), bytes);
  const tree = openShareTree({ root: member.root, shareName: 'webroot' });
  const journal = openJournal({ file: join(member.state, 'webroot.journal') });
  journal.putStamp(path, stampOf(tree.look(path) as PreciseStat, Number.MAX_SAFE_INTEGER));
  journal.close();
  tree.close();
}

test('a sound share has no flaw; verify says what it has read and changes nothing', async () => {
  const { member, bucket } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { x: 'x1', 'd/f': 'f1', link: { link: 'x' }, big: randomBytes(90_000) });
  const before = readdirSync(bucket, { recursive: true, withFileTypes: true }).map(({ name }) => name);
  const ran = await a.run('verify');
  expect([ran.code, ran.stderr]).toEqual([0, '']);
  expect(ran.stdout).toContain('webroot: all is well at record 1');
  expect(await a.run('verify', '-q')).toMatchObject({ code: 0, stdout: '', stderr: '' });
  const { counts, ok } = await reportOf(b, 0);
  expect(ok).toBe(true);
  expect(counts).toMatchObject({ records: 1, packs: 1, contents: 3, contentsRead: 3, files: 3, filesRead: 3, members: 2, orphans: 0 });
  expect(readdirSync(bucket, { recursive: true, withFileTypes: true }).map(({ name }) => name)).toEqual(before);
});

test('a share without a record, and one that does not exist', async () => {
  const { member, bucket } = scenario(['a']);
  const a = member('a');
  expect(await codesOf(a, 1)).toEqual(['share-missing']);
  await a.sync();
  expect(await codesOf(a, 0)).toEqual([]);
  renameSync(join(bucket, '../..'), join(bucket, '../../../away'));
  expect(await a.run('verify')).toMatchObject({ code: 75, stdout: '' });
});

test('a part of the contents and files is read', async () => {
  const { member, bucket } = scenario(['a']);
  const a = member('a');
  a.put(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, randomBytes(1000)])));
  await a.sync();
  const { counts, sample } = await reportOf(a, 0, '--sample', '5%');
  expect([sample, counts.contents, counts.files]).toEqual([0.05, 300, 300]);
  expect([15, 16]).toContain(counts.contentsRead);
  expect(counts.bytesRead).toBeLessThan(20_000);
  expect(counts.filesRead).toBeLessThan(100);
  expect((await reportOf(a, 0, '--sample', '0.000001%')).counts).toMatchObject({ contents: 300, contentsRead: 0, filesRead: 0 });
  truncateSync(join(bucket, 'packs', readdirSync(join(bucket, 'packs'))[0] as string), 100_000);
  // What is not there is noticed without being read.
  expect((await reportOf(a, 1, '--sample', '0.000001%')).flaws).toContainEqual(expect.objectContaining({ code: 'pack-short' }));
  for (const wrong of ['0', '101%', 'all', '-5%']) expect((await a.run('verify', `--sample=${wrong}`)).code).toBe(2);
});

test('a disk that has lost content: the right one is fetched, the other one is in the trash', async () => {
  const { member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  const large = randomBytes(9_000_000);
  await settled(a, b, { x: 'precious', 'd/large': large, other: 'o' });
  rot(b, 'x', Buffer.from('prec1ous'));
  rot(b, 'd/large', Buffer.concat([large.subarray(0, 8_999_999), Buffer.from([(large.at(-1) as number) ^ 1])]));
  await b.sync();
  expect(b.read('x')).toBe('prec1ous');
  const found = await b.run('verify');
  expect(found.code).toBe(1);
  expect(found.stderr).toMatch(/webroot: d\/large: has other content than it had.*--repair puts the right content in its place/);
  expect(found.stderr).toContain('webroot: x: has other content');
  const repaired = await b.run('verify', '--repair');
  expect([repaired.code, repaired.stderr]).toEqual([0, '']);
  expect(repaired.stdout).toContain('webroot: repair: 2 files are fetched again');
  expectEqual(a, b);
  const trash = join(b.root, '../.flocksync-webroot/trash');
  expect(readdirSync(trash).map((name) => readFileSync(join(trash, name)).length)).toContain(8);
  await b.sync();
  await a.sync();
  expect(await codesOf(b, 0)).toEqual([]);
});

test('an edit that is not published yet is no flaw, and is neither touched nor published by a repair', async () => {
  const { member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { x: 'x1', y: 'y1', gone: 'g' });
  b.put({ x: 'edited', fresh: 'new' });
  b.remove('gone');
  rot(b, 'y', Buffer.from('yy'));
  expect((await reportOf(b, 1)).counts).toMatchObject({ filesChanged: 2 });
  expect(await codesOf(b, 0, '--repair')).toEqual([]);
  expect([b.read('x'), b.read('y'), b.read('fresh'), b.read('gone')]).toEqual(['edited', 'y1', 'new', undefined]);
  await a.sync();
  expect([a.read('x'), a.read('fresh'), a.read('gone')]).toEqual(['x1', undefined, 'g']);
  await b.sync();
  await a.sync();
  expectEqual(a, b);
});

test('a subscriber tells what is wrong in the bucket, and mends its own disk only', async () => {
  const one = await museum();
  one.b.configure('role: subscriber');
  rmSync(one.newPack);
  rot(one.b, 'other', randomBytes(100_000));
  const names = readdirSync(one.bucket, { recursive: true });
  const report = await reportOf(one.b, 1, '--repair');
  expect(report.flaws.map((flaw: { code: string }) => flaw.code).sort()).toEqual(['content-lost', 'pack-missing']);
  expect(report.flaws[0].remedy).toContain('on another member');
  expect(readdirSync(one.bucket, { recursive: true })).toEqual(names);
  expectEqual(one.a, one.b);
  expect(await codesOf(one.a, 0, '--repair')).toEqual([]);
  await expectSound(one);
});

test('a publisher takes nothing home: a spoilt file is told', async () => {
  const { member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { x: 'x1' });
  a.configure('role: publisher');
  rot(a, 'x', Buffer.from('xx'));
  const report = await reportOf(a, 1, '--repair');
  expect(report.flaws).toMatchObject([{ code: 'bit-rot', path: 'x' }]);
  expect(report.flaws[0].remedy).toContain('restore the file from a backup');
  expect(a.read('x')).toBe('xx');
});

test('pieces of a large file that the bucket has lost come from this disk', async () => {
  const { member, bucket } = scenario(['a', 'b', 'c']);
  const [a, b, c] = [member('a'), member('b'), member('c')];
  await settled(a, b, { large: randomBytes(40_000_000) });
  const packs = readdirSync(join(bucket, 'packs')).map((name) => join(bucket, 'packs', name));
  expect(packs.length).toBeGreaterThan(1);
  rmSync(packs[0] as string);
  flipBit(packs[1] as string, 1_000_000);
  expect(await codesOf(a, 1)).toEqual(['content-lost', 'pack-damaged', 'pack-missing']);
  expect(await codesOf(a, 0, '--repair')).toEqual([]);
  await c.sync();
  expectEqual(a, c);
  expect(await codesOf(c, 0)).toEqual([]);
});

test('without its root a member repairs nothing, and says so', async () => {
  const one = await museum();
  rmSync(one.newPack);
  renameSync(one.a.root, `${one.a.root}-away`);
  expect(await codesOf(one.a, 1)).toContain('root-away');
  const ran = await one.a.run('verify', '--repair');
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain('nothing could be repaired: the root');
  expect(ran.stderr).toContain('is missing');
  renameSync(`${one.a.root}-away`, one.a.root);
  expect(await codesOf(one.a, 0, '--repair')).toEqual([]);
});
