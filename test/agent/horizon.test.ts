import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { forgetLineage } from '../../src/agent/lineage.ts';
import { requestKey } from '../../src/steps/pull.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { documented } from '../documented.ts';
import { housekept } from './housekept.ts';
import { memberIn, type TestMember } from './member.ts';

function put(member: TestMember, path: string, text: string): void {
  mkdirSync(join(member.root, path, '..'), { recursive: true });
  writeFileSync(join(member.root, path), text);
}

function read(member: TestMember, path: string): string | undefined {
  return existsSync(join(member.root, path)) ? readFileSync(join(member.root, path), 'utf8') : undefined;
}

function expectSame(left: TestMember, right: TestMember): void {
  expect(left.journal.meta('cursor')).toBe(right.journal.meta('cursor'));
  expect(left.journal.meta('digest')).toBe(right.journal.meta('digest'));
  expect(left.journal.wants()).toEqual([]);
}

/** a and b hold the same; b stays away from then on. */
async function apart() {
  const home = temporaryDirectory();
  const [a, b] = [memberIn(home, 'a'), memberIn(home, 'b')];
  for (const name of ['kept', 'changed', 'edited', 'gone', 'gone-edited', 'removed-here']) put(a, name, `${name} 1`);
  await a.cycle();
  await b.cycle();
  expectSame(b, a);
  const bucket = housekept(join(home, 'bucket'), join(home, 'scratch'));
  return { home, a, b, bucket };
}

/** a goes on for some records, and all that b would need leaves the log; `cutoffMs` leaves old versions out of the snapshot. */
async function goOn(a: TestMember, bucket: ReturnType<typeof housekept>, cutoffMs = 0) {
  put(a, 'changed', 'changed 2');
  await a.cycle();
  rmSync(join(a.root, 'gone'));
  rmSync(join(a.root, 'gone-edited'));
  await a.cycle();
  put(a, 'new', 'new 1');
  await a.cycle();
  const snapshot = await bucket.compact({ cutoffMs });
  await a.cycle();
  bucket.forget(snapshot.upTo);
  return snapshot;
}

test.each([
  ['within retention', 0],
  ['whose tombstones are forgotten', Date.now() * 2],
])('R-H3: a member behind the horizon goes on from a snapshot %s, with its journal as base', async (_, cutoffMs) => {
  const { a, b, bucket } = await apart();
  await goOn(a, bucket, cutoffMs);
  put(b, 'edited', 'edited on b');
  put(b, 'gone-edited', 'an edit beats a deletion');
  put(b, 'made', 'made on b');
  rmSync(join(b.root, 'removed-here'));
  const outcome = await b.cycle();
  expect(outcome.halt).toBeNull();
  expect(outcome.problems).toEqual([]);
  expect(outcome.events).toHaveLength(1);
  expect(outcome.events[0]).toMatch(/^records 2 to \d are in the log no more; this member, at record 1, goes on from the snapshot/);
  await a.cycle();
  expect((await b.cycle()).events).toEqual([]);
  expectSame(b, a);
  for (const member of [a, b]) {
    expect(read(member, 'edited')).toBe('edited on b');
    expect(read(member, 'gone-edited')).toBe('an edit beats a deletion');
    expect(read(member, 'made')).toBe('made on b');
    expect(read(member, 'changed')).toBe('changed 2');
    expect(read(member, 'new')).toBe('new 1');
    for (const path of ['gone', 'removed-here']) expect(read(member, path)).toBeUndefined();
  }
});

test('R-L4: a journal of another history is no base: the share halts, and approve re-joins it as a union', async () => {
  const { home, a, b, bucket } = await apart();
  b.journal.setMeta('cursorHash', 'd'.repeat(64));
  await goOn(a, bucket);
  put(b, 'made', 'made on b');
  const halted = await b.cycle();
  expect(halted.halt).toMatchObject({ code: 'another-history', text: expect.stringMatching(documented('another-history')) });
  expect(halted.halt?.fix).toContain('flocksync approve lineage --share webroot');
  expect(existsSync(join(home, 'b', 'state', 'webroot.ready'))).toBe(false);
  expect(read(b, 'gone')).toBe('gone 1');
  forgetLineage(b.journal);
  await b.cycle();
  await a.cycle();
  await b.cycle();
  expectSame(b, a);
  // A union: what this member had is published, what the other side deleted comes back with it.
  expect(read(a, 'made')).toBe('made on b');
  expect(read(a, 'gone')).toBe('gone 1');
  expect(read(b, 'changed')).toBe('changed 2');
});

test('R-B2: a gap without any snapshot stays a lost record: it is asked for, and whoever has it puts it back', async () => {
  const { home, a, b, bucket } = await apart();
  for (const text of ['2', '3', '4']) {
    put(a, 'changed', `changed ${text}`);
    await a.cycle();
  }
  bucket.forget(4);
  const stuck = await b.cycle();
  expect(stuck.problems.map(({ code }) => code)).toEqual(['record-unavailable']);
  expect(b.journal.meta('cursor')).toBe('1');
  expect(existsSync(join(home, 'bucket', 'shop', requestKey('webroot', 2)))).toBe(true);
  await a.cycle();
  expect(bucket.sequences()).toEqual([1, 2, 3, 4]);
  expect((await b.cycle()).problems).toEqual([]);
  expectSame(b, a);
});

test('R-H2: what was housekept is neither put back nor asked for, and a request for it goes away', async () => {
  const { home, a, bucket } = await apart();
  const { upTo } = await goOn(a, bucket);
  const request = join(home, 'bucket', 'shop', requestKey('webroot', 2));
  await a.cycle();
  writeFileSync(request, 'somebody\n');
  await a.cycle();
  expect(bucket.sequences()[0]).toBe(upTo);
  expect(a.journal.meta('horizon')).toBe(String(upTo));
  expect(existsSync(request)).toBe(false);
});

test('a gap that snapshots cover, none of which can be used, is told, and nothing is published over it', async () => {
  const { home, a, b, bucket } = await apart();
  const { file } = await goOn(a, bucket);
  const good = readFileSync(file);
  writeFileSync(file, good.subarray(0, 100));
  put(b, 'made', 'made on b');
  const stuck = await b.cycle();
  expect(stuck.problems.map(({ code }) => code).sort()).toEqual(['behind-horizon', 'snapshot-unusable']);
  const texts = Object.fromEntries(stuck.problems.map(({ code, text }) => [code, text]));
  expect(texts['behind-horizon']).toMatch(documented('behind-horizon'));
  expect(texts['snapshot-unusable']).toMatch(documented('snapshot-unusable'));
  expect(existsSync(join(home, 'bucket', 'shop', requestKey('webroot', 2)))).toBe(false);
  expect(read(b, 'gone')).toBe('gone 1');
  writeFileSync(file, good);
  expect((await b.cycle()).problems).toEqual([]);
  await a.cycle();
  expectSame(b, a);
  expect(read(a, 'made')).toBe('made on b');
});

test('R-B2: a record that nobody can read any more is passed over where a snapshot covers it', async () => {
  const { a, b, bucket } = await apart();
  const { upTo } = await (async () => {
    put(a, 'changed', 'changed 2');
    await a.cycle();
    put(a, 'changed', 'changed 3');
    await a.cycle();
    return await bucket.compact();
  })();
  await a.cycle();
  writeFileSync(bucket.file(2), 'garbage');
  a.journal.keepRecordBytes(0);
  const outcome = await b.cycle();
  expect(outcome.problems).toEqual([]);
  expect(outcome.events).toHaveLength(1);
  expect(outcome.events[0]).toContain(`record 2 cannot be read; this member, at record 1, goes on from the snapshot of record ${upTo}`);
  expectSame(b, a);
  expect(read(b, 'changed')).toBe('changed 3');
});

test('R-L3: behind the horizon of a bucket that is another share now, the share halts', async () => {
  const { home, a, b, bucket } = await apart();
  await goOn(a, bucket);
  const other = temporaryDirectory();
  const stranger = memberIn(other, 'stranger');
  for (const text of ['1', '2', '3', '4']) {
    put(stranger, 'x', text);
    await stranger.cycle();
  }
  for (const snapshots of ['without', 'with'] as const) {
    const theirs = housekept(join(other, 'bucket'), join(other, 'scratch'));
    if (snapshots === 'with') await theirs.compact();
    rmSync(bucket.share, { recursive: true });
    cpSync(theirs.share, bucket.share, { recursive: true });
    bucket.forget(4);
    const halted = await b.cycle();
    expect([snapshots, halted.halt?.code]).toEqual([snapshots, 'another-share']);
    expect(read(b, 'gone')).toBe('gone 1');
  }
  expect(existsSync(join(home, 'b', 'html', 'x'))).toBe(false);
});
