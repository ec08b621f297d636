import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stillAlive } from '../../src/agent/glance.ts';
import { type Heartbeat, readHeartbeat } from '../../src/agent/heartbeat.ts';
import { lagOf } from '../../src/agent/lag.ts';
import { readLogEnd, readMembers } from '../../src/agent/members.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { bucketClock } from './clocked.ts';
import { bucketIn, memberIn, type TestMember } from './member.ts';

const never = new AbortController().signal;

function put(member: TestMember, path: string, text: string): void {
  mkdirSync(join(member.root, path, '..'), { recursive: true });
  writeFileSync(join(member.root, path), text);
}

async function heard(store: Datastore, name: string): Promise<Heartbeat> {
  const { members } = await readMembers(store, 'webroot');
  const found = members.find(({ heartbeat }) => heartbeat.name === name);
  if (found === undefined) throw new Error(`nothing is heard of ${name}`);
  return found.heartbeat;
}

/** Clocks of bucket and member go forward together. */
function counting() {
  const bucket = bucketClock();
  let aheadMs = 0;
  const clock = {
    ...bucket,
    pass: (ms: number) => {
      aheadMs += ms;
      bucket.pass(ms);
    },
  };
  const time = { monotonicMs: () => performance.now() + aheadMs };
  const written: string[] = [];
  const through = (store: Datastore): Datastore => {
    const clocked = clock.through(store);
    const put: Datastore['put'] = (key, bytes) => {
      if (key.includes('/members/')) written.push(key);
      return clocked.put(key, bytes);
    };
    return { ...clocked, put };
  };
  return { clock, written, through, time };
}

test('written once a minute at most, and at once when it says something else', async () => {
  const home = temporaryDirectory();
  const { clock, written, through, time } = counting();
  const a = memberIn(home, 'a', { through, time });
  put(a, 'x', '1');
  await a.cycle();
  expect(written).toHaveLength(1);
  for (let cycles = 0; cycles < 3; cycles++) {
    await a.cycle();
    await stillAlive(a.agent, never);
  }
  expect(written).toHaveLength(1);
  put(a, 'y', '1');
  await a.cycle();
  expect(written).toHaveLength(2);
  clock.pass(61_000);
  await stillAlive(a.agent, never);
  await stillAlive(a.agent, never);
  expect(written).toHaveLength(3);
  clock.pass(61_000);
  await a.cycle();
  expect(written).toHaveLength(4);
});

test('it carries the work under way, and a halt of the root, which goes with its cause', async () => {
  const home = temporaryDirectory();
  const { clock, through, time } = counting();
  const a = memberIn(home, 'a', { through, time });
  const bucket = through(bucketIn(home));
  put(a, 'x', '1');
  await a.cycle();
  a.agent.memory.doing = {
    ...{ phase: 'uploading', filesDone: 1, filesTotal: 4, bytesDone: 100, bytesTotal: 400 },
    ...{ since: { atMs: Date.now() - 1000, files: 0, bytes: 0 }, atMs: Date.now() },
  };
  clock.pass(61_000);
  await stillAlive(a.agent, never);
  expect((await heard(bucket, 'a')).progress).toMatchObject({ phase: 'uploading', filesTotal: 4, bytesDone: 100, leftMs: 3000 });
  await a.cycle();
  expect(await heard(bucket, 'a')).toMatchObject({ state: 'idle', halt: null, problems: 0 });
  renameSync(a.root, `${a.root}-away`);
  await a.cycle();
  expect(await heard(bucket, 'a')).toMatchObject({
    state: 'halted',
    cursor: 1,
    halt: { code: 'root-missing', text: expect.stringContaining('is missing') },
  });
  renameSync(`${a.root}-away`, a.root);
  await a.cycle();
  expect(await heard(bucket, 'a')).toMatchObject({ state: 'idle', halt: null });
});

test('it carries the first of the problems, with paths and bounded text', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  for (let at = 0; at < 7; at++) put(a, `d/${at}`, '1');
  await a.cycle();
  for (let at = 0; at < 7; at++) {
    rmSync(join(a.root, `d/${at}`));
    execFileSync('mkfifo', [join(a.root, `d/${at}`)]);
  }
  await a.cycle();
  const { problems, troubles } = await heard(bucketIn(home), 'a');
  expect([problems, troubles.length]).toEqual([7, 5]);
  expect(troubles[0]).toEqual({ code: 'special-file', path: 'd/0', text: expect.any(String) });
});

test('a member that was never heard of says nothing of a missing root to a bucket that may be another', async () => {
  const home = temporaryDirectory();
  const { written, through } = counting();
  const a = memberIn(home, 'a', { through });
  await a.cycle();
  a.journal.setMeta('heartbeatText', null);
  const before = written.length;
  renameSync(a.root, `${a.root}-away`);
  await a.cycle();
  expect(written).toHaveLength(before);
});

test.each([
  ['nothing of the new fields', {}, { troubles: [], halt: null, progress: null, holds: [], appliedTo: 0, state: 'idle' }],
  [
    'other types',
    { troubles: 'x', halt: 'x', progress: [], holds: {}, appliedTo: '9', problems: {}, state: 7, version: {} },
    { troubles: [], halt: null, progress: null, holds: [], appliedTo: 0, problems: 0, state: 'idle', version: '' },
  ],
  [
    'escapes, and more than there may be',
    {
      troubles: Array.from({ length: 100 }, () => ({ code: 'c', path: 'p', text: `\u001b[31m${'x'.repeat(999)}` })),
      holds: [{ id: 'h', paths: 1, why: 'a\u0000b' }],
      progress: { phase: 'p\u202e', filesDone: -1, filesTotal: 1.5, bytesDone: 'x', bytesTotal: 7, leftMs: 9 },
    },
    {
      holds: [{ id: 'h', paths: 1, why: 'a b' }],
      progress: { phase: 'p', filesDone: 0, filesTotal: 0, bytesDone: 0, bytesTotal: 7, leftMs: 9 },
    },
  ],
])('a heartbeat with %s is read as far as it can be', (_, fields, expected) => {
  const read = readHeartbeat(Buffer.from(JSON.stringify({ id: 'i', name: 'n', cursor: 3, atMs: 1, ...fields })));
  expect(read).toMatchObject(expected);
  expect(read?.troubles.length).toBeLessThanOrEqual(5);
  for (const { text } of read?.troubles ?? []) expect(text).toMatch(/^…x{199}$/);
});

test('how far a disk is behind: records, bytes, and since when', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const [a, b] = [memberIn(home, 'a', { through: clock.through }), memberIn(home, 'b', { through: clock.through })];
  put(a, 'x', '12345');
  await a.cycle();
  await b.cycle();
  const before = clock.nowMs();
  clock.pass(600_000);
  for (const text of ['1234567', '12']) {
    put(a, 'x', text);
    await a.cycle();
    clock.pass(60_000);
  }
  const end = await readLogEnd(clock.through(bucketIn(home)), 'webroot', 1);
  expect(end.head).toBe(3);
  expect(lagOf(a.journal, 1, end)).toMatchObject({ records: 2, bytes: 9 });
  expect(lagOf(a.journal, 2, end)).toMatchObject({ records: 1, bytes: 2 });
  expect(lagOf(a.journal, 3, end)).toEqual({ records: 0, bytes: 0, sinceMs: null });
  const sinceMs = lagOf(a.journal, 1, end).sinceMs ?? 0;
  expect(sinceMs - before).toBeGreaterThan(590_000);
  // b has read none of them: the listing knows since when, and nobody how much.
  expect(lagOf(b.journal, 1, end)).toMatchObject({ records: 2, bytes: null });
  expect(Math.abs((lagOf(b.journal, 1, end).sinceMs ?? 0) - sinceMs)).toBeLessThan(5000);
  expect(lagOf(null, 0, end)).toMatchObject({ records: 3, bytes: null });
});
