import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openDirectory } from '../../src/adapters/directory.ts';
import type { Intervention } from '../../src/dev-s3/server.ts';
import { birthLimits } from '../../src/model/limits.ts';
import { decodeRecord } from '../../src/model/record-decode.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import { startTestS3 } from '../dev-s3/start.ts';
import { ended, type Federation, startFederation } from './support/federation.ts';
import { differences, snapshot } from './support/tree.ts';

const eight = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const quiet = { code: 0, signal: null, stdout: '', stderr: '' };

/** Every number from 1 on, each record naming the hash of the one before it. Returns the head. */
async function expectChained(store: Datastore): Promise<number> {
  const { objects } = (await store.list('webroot/log/', {})).value;
  let previous = '0'.repeat(64);
  for (const [at, { key }] of objects.entries()) {
    const name = `webroot/log/${String(at + 1).padStart(16, '0')}`;
    expect(key).toBe(name);
    const bytes = (await store.get(key, { bytesMax: birthLimits.recordBytesMax })).value?.bytes ?? Buffer.alloc(0);
    const decoded = decodeRecord(bytes, birthLimits);
    if (!decoded.ok) throw new Error(`record ${name} is ${decoded.verdict}: ${decoded.reason}`);
    if (at > 0) expect(decoded.header.previous).toBe(previous);
    previous = createHash('sha256').update(bytes).digest('hex');
  }
  return objects.length;
}

/** All members publish files of their own and one that all of them write, at the same moment, for some rounds. */
async function race(federation: Federation, members: readonly string[], rounds: number): Promise<void> {
  for (const member of members) expect(await federation.run(member, ['sync'])).toEqual(quiet);
  for (let round = 0; round < rounds; round++) {
    for (const member of members) {
      for (let i = 0; i < 5; i++) writeFileSync(join(federation.root(member), `${member}-${round}-${i}`), `${member} ${round} ${i}`);
      writeFileSync(join(federation.root(member), 'everybody'), `${member} ${round}`);
    }
    const runs = await Promise.all(members.map((member) => federation.run(member, ['sync'])));
    expect(runs).toEqual(members.map(() => quiet));
  }
  for (let pass = 0; pass < 2; pass++) for (const member of members) expect(await federation.run(member, ['sync'])).toEqual(quiet);
  const [first = ''] = members;
  const tree = snapshot(federation.root(first));
  expect(tree.size).toBe(rounds * members.length * 5 + 1);
  for (const member of members) expect(differences(tree, snapshot(federation.root(member))), member).toEqual([]);
}

async function withS3(members: readonly string[], intercept: (request: { method: string; key: string }) => Intervention = () => 'pass') {
  const s3 = await startTestS3({ intercept });
  const datastore = ['url: "s3://bucket/prefix"', `endpoint: "${s3.endpoint}"`, 'region: us-east-1'];
  const federation = startFederation(members, { datastore });
  onTestFinished(async () => {
    await s3.close();
    federation.close();
  }, 60_000);
  return { federation, store: await s3.open({ url: 's3://bucket/prefix' }) };
}

describe('appends at the same moment', { timeout: 240_000 }, () => {
  test('R-L1 R-L2: eight members through S3 lose no record, and the log has no holes', async () => {
    const { federation, store } = await withS3(eight);
    await race(federation, eight, 3);
    expect(await expectChained(store)).toBeGreaterThanOrEqual(3 * eight.length);
  });

  test('R-L1 R-L2: eight members through one directory lose no record, and the log has no holes', async () => {
    const federation = startFederation(eight);
    onTestFinished(() => federation.close(), 60_000);
    await race(federation, eight, 3);
    expect(await expectChained(openDirectory({ path: federation.bucket, federation: 'shop' }))).toBeGreaterThanOrEqual(3 * eight.length);
  });

  test('R-S1 R-S2: answers that get lost, puts that land late and puts that never happen lose no record', async () => {
    const fates: Intervention[] = ['swallow', 'pass', { delayMs: 300 }, 'reset', { status: 503 }, 'pass', { status: 409 }];
    let puts = 0;
    const members = eight.slice(0, 3);
    const { federation, store } = await withS3(members, ({ method, key }) =>
      method === 'PUT' && /\/(log|packs|members)\//.test(key) ? (fates[puts++ % fates.length] ?? 'pass') : 'pass',
    );
    await race(federation, members, 4);
    expect(await expectChained(store)).toBeGreaterThanOrEqual(4 * members.length);
  });
});

describe('a kill while the put of a record is under way', { timeout: 120_000 }, () => {
  test.each<[string, Intervention]>([
    ['never happened', 'hang'],
    ['happened, and nobody heard', 'swallow'],
    ['happens after the kill', { delayMs: 1500 }],
  ])('R-S1 R-S2: that %s is settled by the next run with the same bytes', async (_, fate) => {
    let meets: Intervention = 'pass';
    let arrived: () => void = () => {};
    let deaf = false;
    const { federation, store } = await withS3(['a', 'b'], ({ method, key }) => {
      // Nothing that the process asks after its put is answered, so that it cannot settle before the kill.
      if (deaf) return 'hang';
      if (method !== 'PUT' || !key.includes('/log/') || meets === 'pass') return 'pass';
      deaf = true;
      arrived();
      return meets;
    });
    writeFileSync(join(federation.root('a'), 'before'), 'before');
    for (const member of ['a', 'b']) expect(await federation.run(member, ['sync'])).toEqual(quiet);
    writeFileSync(join(federation.root('a'), 'page'), 'page');
    meets = fate;
    const run = federation.start('a', ['sync']);
    arrived = () => setTimeout(() => run.kill('SIGKILL'), 20);
    expect((await ended(run)).signal).toBe('SIGKILL');
    meets = 'pass';
    deaf = false;
    // Another member may be first at the number; then the killed member's change is a new record behind it.
    writeFileSync(join(federation.root('b'), 'other'), 'other');
    const runs = await Promise.all(['a', 'b'].map((member) => federation.run(member, ['sync'])));
    expect(runs).toEqual([quiet, quiet]);
    for (const member of ['b', 'a', 'b']) expect(await federation.run(member, ['sync'])).toEqual(quiet);
    expect(differences(snapshot(federation.root('a')), snapshot(federation.root('b')))).toEqual([]);
    expect([...snapshot(federation.root('b')).keys()].sort()).toEqual(['before', 'other', 'page']);
    expect(await expectChained(store)).toBe(3);
  });

  test('R-S3: whose number has become a hole meanwhile is withdrawn, and the share halts', async () => {
    let hangs = false;
    let arrived: () => void = () => {};
    const { federation, store } = await withS3(['a'], ({ method, key }) => {
      if (!hangs || method !== 'PUT' || !key.includes('/log/')) return 'pass';
      arrived();
      return 'hang';
    });
    writeFileSync(join(federation.root('a'), 'before'), 'before');
    expect(await federation.run('a', ['sync'])).toEqual(quiet);
    writeFileSync(join(federation.root('a'), 'page'), 'page');
    hangs = true;
    const run = federation.start('a', ['sync']);
    arrived = () => run.kill('SIGKILL');
    await ended(run);
    hangs = false;
    // The bucket is restored from a backup that is older than record 1.
    await store.remove('webroot/log/0000000000000001');
    expect(await federation.run('a', ['sync'])).toMatchObject({ code: 3, stderr: expect.stringContaining('shorter') });
    expect((await store.list('webroot/log/', {})).value.objects).toEqual([]);
  });
});
