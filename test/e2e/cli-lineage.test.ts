import { readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { documented } from '../documented.ts';
import { documentOf, shareStatus } from './support/document.ts';
import { expectEqual, scenario, setBack, settled } from './support/pair.ts';

test('R-L3: an emptied bucket halts; approve lineage re-joins as a union without a deletion', async () => {
  const { federation, member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { x: 'x', 'd/y': 'y' });
  for (const name of readdirSync(federation.bucket)) rmSync(join(federation.bucket, name), { recursive: true });
  a.put({ onlyA: 'a' });
  b.put({ onlyB: 'b' });
  const halted = await a.sync(3);
  expect(halted.stderr).toMatch(documented('log-shorter'));
  expect(halted.stderr).toContain('flocksync approve lineage --share webroot');
  expect((await shareStatus(a, 3)).halt).toMatchObject({ code: 'log-shorter' });
  await b.sync(3);
  for (const each of [a, b]) {
    const ran = await each.run('approve', 'lineage');
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('deletes nothing');
    await each.sync();
  }
  await a.sync();
  expectEqual(a, b);
  expect(a.names()).toEqual(['d', 'd/y', 'onlyA', 'onlyB', 'x']);
});

test('R-L3: a bucket that was set back halts those who know more; the union brings their files back', async () => {
  const { federation, bucket, member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { x: 'x' });
  await setBack(federation.directory, bucket, async () => {
    a.put({ later: 'after the backup' });
    await a.sync();
  });
  await a.sync(3);
  await b.sync();
  expect((await a.run('approve', 'lineage')).code).toBe(0);
  await a.sync();
  await b.sync();
  expectEqual(a, b);
  expect(b.read('later')).toBe('after the backup');
});

test('approve lineage is refused where nothing is halted', async () => {
  const a = scenario(['a']).member('a');
  a.put({ x: 'x' });
  await a.sync();
  const ran = await a.run('approve', 'lineage');
  expect(ran).toMatchObject({ code: 2, stdout: '' });
  expect(ran.stderr).toContain('no share is halted because of its lineage');
});

/** Record 2 is damaged, and only a, its author, could mend it. */
async function damaged() {
  const { federation, bucket, member } = scenario(['a', 'b', 'c']);
  const [a, b, c] = [member('a'), member('b'), member('c')];
  await settled(a, b, { x: 'x' });
  a.put({ lost: 'in record 2' });
  await a.sync();
  truncateSync(join(bucket, 'log', '0000000000000002'), 100);
  return { federation, bucket, a, b, c };
}

test('R-B2: approve record-N lets everybody past a record that nobody can read', async () => {
  const { a, b, c } = await damaged();
  const { stderr } = await b.sync(1);
  expect(stderr).toMatch(documented('record-unavailable'));
  expect(stderr).toContain('flocksync approve record-2 --share webroot');
  const ran = await b.run('approve', 'record-2');
  expect(ran.code, ran.stderr).toBe(0);
  expect(ran.stdout).toContain('record 2 given up for every member (record 3)');
  for (const member of [b, c]) {
    expect((await member.sync(1)).stderr).toContain('record 2 was given up');
    await member.sync();
  }
  b.put({ next: 'goes on' });
  await b.sync();
  await c.sync();
  expectEqual(b, c);
  expect((await documentOf(c, 0, 'log')).records).toMatchObject([
    { sequence: 4 },
    { sequence: 3, kind: 'approve' },
    { sequence: 2, verdict: 'skipped' },
    { sequence: 1 },
  ]);
  // The one that held the record halts alone, does not undo the decision, and comes back with its files.
  await a.sync(3);
  await b.sync();
  await c.sync();
  await a.run('approve', 'lineage');
  expect((await a.sync(1)).stderr).toContain('given up');
  await b.sync();
  expectEqual(a, b);
  expect(b.read('lost')).toBe('in record 2');
});

test('R-B2: a record that is fine, or that others follow, is not given up', async () => {
  const { bucket, a, b } = await damaged();
  await b.sync(1);
  const wrong = await b.run('approve', 'record-1');
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain('the record in question is 2');
  await a.sync();
  expect(readdirSync(join(bucket, 'log')).filter((name) => /^\d{16}$/.test(name))).toHaveLength(2);
  await b.sync();
  const fine = await b.run('approve', 'record-2');
  expect(fine.code).toBe(1);
  expect(fine.stderr).toContain('every record up to 2 is usable');
  expectEqual(a, b);
});

test('R-B2: a damaged record with successors stays for its holders to mend', async () => {
  const { bucket, member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { x: 'x' });
  for (const name of ['y', 'z']) {
    a.put({ [name]: name });
    await a.sync();
  }
  truncateSync(join(bucket, 'log', '0000000000000002'), 100);
  await b.sync(1);
  const ran = await b.run('approve', 'record-2');
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain('later records follow record 2');
});
