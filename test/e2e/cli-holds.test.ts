import { expect, test } from 'vitest';
import { documentOf, holdOf, shareStatus } from './support/document.ts';
import { type Actor, expectEqual, scenario, settled } from './support/pair.ts';
import { manyFiles } from './support/plant.ts';

const most = ['d0', 'd1', 'd2'];
const generous = 'maxDelete: { percent: 100, floor: 100000 }';

/** Three members with 60 files; a has deleted most of them, and its guard holds that. */
async function heldAtPublisher() {
  const { member } = scenario(['a', 'b', 'c']);
  const [a, b, c] = [member('a'), member('b'), member('c')];
  await settled(a, b, manyFiles(60));
  await c.sync();
  a.remove(...most);
  await a.sync(3);
  return { a, b, c };
}

/** As above, but a's guard lets it pass and b and c hold it. */
async function heldAtReceivers() {
  const { member } = scenario(['a', 'b', 'c']);
  const [a, b, c] = [member('a'), member('b'), member('c')];
  await settled(a, b, manyFiles(60));
  await c.sync();
  a.configure(generous);
  a.remove(...most);
  await a.sync();
  await b.sync(3);
  await c.sync(3);
  return { a, b, c };
}

const files = (member: Actor) => member.names().filter((name) => name.includes('/')).length;

test('R-G3: a publisher’s hold is approved on its member', async () => {
  const { a, b } = await heldAtPublisher();
  const { stdout, code } = await a.run('approve');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^[0-9a-f]{8} {2}webroot: 36 deletions made here\n/);
  expect(stdout).toContain('the next sync publishes 36 deletions');
  expect(stdout).toContain('flocksync sync webroot');
  await a.sync();
  await b.sync();
  expect(files(b)).toBe(24);
  expectEqual(a, b);
  expect(await shareStatus(a)).toMatchObject({ holds: [], problems: [] });
});

test('R-G3: a publisher’s hold is approved from another member by its id', async () => {
  const { a, b, c } = await heldAtPublisher();
  const ran = await c.run('approve', await holdOf(a));
  expect(ran.code).toBe(0);
  expect(ran.stdout).toContain('held by a approved (record 2)');
  await a.sync();
  await b.sync();
  expect(files(b)).toBe(24);
});

test('R-G3: an emptied root is approved from another member, by exactly its hold', async () => {
  const { a, b } = await heldAtPublisher();
  const partial = await holdOf(a);
  await a.run('approve', partial);
  a.remove('d3', 'd4');
  await a.sync(3);
  expect((await shareStatus(a, 3)).halt).toMatchObject({ code: 'root-emptied' });
  const { holds } = await shareStatus(a, 3);
  const whole = holds.find((hold: { state: string }) => hold.state === 'open').id;
  expect((await b.run('approve', whole)).code).toBe(0);
  await a.sync();
  await b.sync();
  expect(files(b)).toBe(0);
});

test('R-G3: rejecting a publisher’s hold brings the files back here', async () => {
  const { a, b } = await heldAtPublisher();
  expect((await a.run('reject', await holdOf(a))).stdout).toContain('puts 36 files back here');
  await a.sync();
  expect(files(a)).toBe(60);
  expectEqual(a, b);
  expect(await shareStatus(a)).toMatchObject({ holds: [], cursor: 1 });
});

test('R-G3: a receiver’s hold is approved for every member, by the number of the record', async () => {
  const { a, b, c } = await heldAtReceivers();
  const ran = await b.run('approve', await holdOf(b));
  expect(ran.stdout).toContain('the deletions of record 2 approved (record 3)');
  await b.sync();
  await c.sync();
  expect([files(b), files(c)]).toEqual([24, 24]);
  await a.sync();
  expectEqual(a, c);
});

test('R-G3: the record number alone is enough, from a member that holds nothing', async () => {
  const { a, b, c } = await heldAtReceivers();
  expect((await a.run('approve', '2')).code).toBe(0);
  await b.sync();
  await c.sync();
  expect([files(b), files(c)]).toEqual([24, 24]);
});

test('R-G3: rejecting a receiver’s hold publishes the files again', async () => {
  const { a, b, c } = await heldAtReceivers();
  expect((await b.run('reject')).stdout).toContain('publishes 36 files again');
  await b.sync();
  for (const member of [a, c]) await member.sync();
  expect([files(a), files(b), files(c)]).toEqual([60, 60, 60]);
  expectEqual(a, b);
  expectEqual(a, c);
});

test('R-G3: a subscriber approves for itself alone and may not reject for others', async () => {
  const { member, log } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  b.configure('role: subscriber');
  await settled(a, b, manyFiles(60));
  a.configure(generous);
  a.remove(...most);
  await a.sync();
  await b.sync(3);
  const refused = await b.run('reject');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('a subscriber does not publish');
  const approved = await b.run('approve');
  expect(approved.code).toBe(0);
  expect(approved.stdout).toContain('for this member only');
  await b.sync();
  expect(files(b)).toBe(24);
  expect(log()).toHaveLength(2);
});

test('wrong ids: exit 2, what exists is named, nothing is done', async () => {
  const { a, b } = await heldAtPublisher();
  const id = await holdOf(a);
  for (const wrong of ['deadbeef', '99', '1', 'lineage']) {
    const ran = await a.run('approve', id, wrong);
    expect(ran, wrong).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain(`${id}  webroot: 36 deletions made here`);
  }
  expect((await shareStatus(a, 3)).holds).toMatchObject([{ state: 'open' }]);
  const elsewhere = await b.run('reject', id);
  expect(elsewhere.code).toBe(2);
  expect(elsewhere.stderr).toContain('is held by a: reject it there');
  expect((await a.run('approve', '--share', 'nope')).code).toBe(2);
});

test('nothing held: 0 and a sentence', async () => {
  const a = scenario(['a']).member('a');
  a.put({ x: 'x' });
  await a.sync();
  for (const command of ['approve', 'reject'])
    expect(await a.run(command)).toMatchObject({ code: 0, stdout: 'nothing is held\n', stderr: '' });
  expect((await documentOf(a, 0, 'log')).records).toHaveLength(1);
});
