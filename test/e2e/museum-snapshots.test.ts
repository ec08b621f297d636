import { copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { codesOf, expectSound, flipBit, type Museum, museum, reportOf } from './support/museum.ts';

/** The same share with one snapshot, of record 3; the log still holds everything. */
async function withSnapshot(): Promise<Museum & { readonly snapshot: string }> {
  const one = await museum();
  const ran = await one.a.run('housekeep');
  expect(ran.code, ran.stderr).toBe(0);
  const [snapshot] = one.objects('snapshots') as [string];
  expect(await codesOf(one.a, 0)).toEqual([]);
  return { ...one, snapshot };
}

const damages: Record<string, { readonly act: (snapshot: string) => void; readonly code: string }> = {
  'a truncated snapshot': { act: (snapshot) => truncateSync(snapshot, readFileSync(snapshot).length >> 1), code: 'snapshot-damaged' },
  'a snapshot with one bit flipped': { act: (snapshot) => flipBit(snapshot, 300), code: 'snapshot-damaged' },
  'a missing snapshot': { act: (snapshot) => rmSync(snapshot), code: 'snapshot-missing' },
};

for (const [name, { act, code }] of Object.entries(damages)) {
  test(`museum: ${name} is found, and made anew from the log`, async () => {
    const one = await withSnapshot();
    act(one.snapshot);
    expect(await codesOf(one.b, 1)).toEqual([code]);
    expect(await codesOf(one.a, 0, '--repair')).toEqual([]);
    expect((await reportOf(one.a, 0)).counts.snapshots).toBe(1);
    await expectSound(one);
  });
}

test('museum: two snapshots are no fault, and a damaged newer one is replaced on top of the older one', async () => {
  const one = await withSnapshot();
  one.a.put({ later: 'l' });
  await one.a.sync();
  await one.a.run('housekeep');
  const newest = one.objects('snapshots').at(-1) as string;
  const { counts, flaws } = await reportOf(one.a, 0);
  expect([counts.snapshots, flaws]).toEqual([2, []]);
  truncateSync(newest, 100);
  rmSync(one.forged.file(1));
  // The older one covers the record that is gone.
  expect(await codesOf(one.a, 1)).toEqual(['snapshot-damaged']);
  expect(await codesOf(one.a, 0, '--repair')).toEqual([]);
  await expectSound(one);
});

test('museum: a snapshot that nobody announced is counted, damaged or not', async () => {
  const one = await withSnapshot();
  const stray = one.snapshot.replace(/[0-9a-f]{32}$/, 'e'.repeat(32)).replace(/\d{16}-/, `${'2'.padStart(16, '0')}-`);
  copyFileSync(one.snapshot, stray);
  expect((await reportOf(one.a, 0)).counts).toMatchObject({ snapshots: 2, orphans: 1 });
  const newer = stray.replace(/\d{16}-/, `${'9999'.padStart(16, '0')}-`);
  writeFileSync(newer, 'junk');
  expect((await reportOf(one.a, 0)).flaws).toMatchObject([{ code: 'snapshot-damaged', harmful: false }]);
});

test('museum: no snapshot and no early records: who is up to date goes on; verify tells that nobody new can join', async () => {
  const one = await withSnapshot();
  rmSync(one.snapshot);
  for (const sequence of [1, 2]) rmSync(one.forged.file(sequence));
  const before = one.objects('log');
  const codes = ['content-lost', 'log-incomplete', 'snapshot-missing'];
  expect([...new Set(await codesOf(one.a, 1))]).toEqual(expect.arrayContaining(['log-incomplete', 'snapshot-missing']));
  const left = await codesOf(one.a, 1, '--repair');
  expect(left.every((code) => codes.includes(code))).toBe(true);
  expect(left).toContain('log-incomplete');
  expect(one.objects('log')).toEqual(expect.arrayContaining(before));
  one.a.put({ goes: 'on' });
  await one.a.sync();
  await one.b.sync();
  expect(one.b.read('goes')).toBe('on');
});
