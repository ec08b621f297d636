import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Intervention } from '../../src/dev-s3/server.ts';
import { startTestS3, type TestS3 } from '../dev-s3/start.ts';
import { startDaemon, until } from './support/daemon.ts';
import type { Ran } from './support/federation.ts';
import { type Actor, expectEqual, scenario } from './support/pair.ts';

/** What a key may do, as the policies of the README say it. */
type Rights = 'all' | 'read and heartbeat' | 'read';
type Request = Parameters<NonNullable<NonNullable<Parameters<typeof startTestS3>[0]>['intercept']>>[0];

let s3: TestS3;
/** One member runs at a time, so that what the server is asked comes from it. */
let rights: Rights;
let refused: string[];
/** No pack is delivered. */
let lost = false;

const denied: Intervention = { status: 403, code: 'AccessDenied' };

function policy({ method, key, query }: Request): Intervention {
  if (lost && method === 'GET' && key.includes('/packs/')) return { status: 404, code: 'NoSuchKey' };
  if (rights === 'all') return 'pass';
  const listing = key === '' && query.has('list-type') && (query.get('prefix') ?? '').startsWith('prefix/shop/');
  const heartbeat = method === 'PUT' && rights === 'read and heartbeat' && /^prefix\/shop\/\w+\/members\/[^/]+$/.test(key);
  const reading = key !== '' && (method === 'GET' || method === 'HEAD') && key.startsWith('prefix/shop/');
  if (listing || heartbeat || reading) return 'pass';
  refused.push(`${method} ${key}`);
  return denied;
}

beforeEach(async () => {
  [rights, refused, lost] = ['all', [], false];
  s3 = await startTestS3({ intercept: policy });
});

afterEach(() => s3.close());

function pair(): { a: Actor; b: Actor; start: () => ReturnType<typeof startDaemon> } {
  const { member, federation } = scenario(['a', 'b'], { datastore: ['url: s3://bucket/prefix', `endpoint: ${s3.endpoint}`] });
  const [a, b] = [member('a'), member('b')];
  a.configure('role: publisher');
  b.configure('role: subscriber', 'poll: 200ms', 'maxDelete: { percent: 10, floor: 5 }');
  a.put(Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`f${at}`, `content ${at}`])));
  return { a, b, start: () => startDaemon(federation, 'b') };
}

/** Runs something with the rights of a member that only follows. */
async function following<T>(what: Rights, run: () => Promise<T>): Promise<T> {
  [rights, refused] = [what, []];
  try {
    return await run();
  } finally {
    rights = 'all';
  }
}

function expectQuiet(ran: Ran): void {
  expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
}

describe.each<Rights>(['read and heartbeat', 'read'])('a subscriber whose key may only %s', (what) => {
  const seen = what === 'read and heartbeat';

  test('can sync, and ask everything, without a word', async () => {
    const { a, b } = pair();
    await a.sync();
    await following(what, async () => {
      await b.sync();
      for (const words of [
        ['status'],
        ['status', '--ready'],
        ['wait'],
        ['wait', '--all'],
        ['verify'],
        ['log'],
        ['history', 'f1'],
        ['conflicts'],
        ['sync', '-n'],
        ['housekeep', '-n'],
      ])
        expectQuiet(await b.run(words[0] as string, ...words.slice(1)));
      for (const words of [['verify', '--repair'], ['housekeep'], ['sync', '--only', 'pull']])
        expectQuiet(await b.run(words[0] as string, ...words.slice(1)));
      expect(refused.filter((request) => !request.includes('/members/'))).toEqual([]);
      expect(refused.length).toBeLessThanOrEqual(seen ? 0 : 1);
    });
    expectEqual(a, b);
    const { stdout } = await a.run('status', '--json');
    const { members } = (JSON.parse(stdout) as { shares: [{ members: { name: string; appliedTo: number }[] }] }).shares[0];
    expect(members.filter(({ name }) => name === 'b').map(({ appliedTo }) => appliedTo)).toEqual(seen ? [1] : []);
    expectQuiet(await a.run('wait', '--all', '--timeout', '2s'));
  });

  test('gets all well from doctor, which says what the key is good for', async () => {
    const { a, b } = pair();
    await a.sync();
    const { code, stdout } = await following(what, () => b.run('doctor'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^note {2}put .*\n.*Nothing, for a member that only follows\./m);
    expect(stdout).toContain('checks passed');
  });

  test('follows as a daemon, and decides on what its guard holds by itself', async () => {
    const { a, b, start } = pair();
    await a.sync();
    await following(what, async () => {
      const daemon = start();
      await until('the first content', () => b.names().length === 40, 20_000);
      a.put({ another: 'x' });
      expect((await daemon.stop()).code).toBe(0);
      expect(daemon.stderr()).toBe('');
    });
    for (let at = 0; at < 10; at++) a.remove(`f${at}`);
    a.configure('role: publisher', 'maxDelete: { percent: 100, floor: 1000 }');
    await a.sync();
    await following(what, async () => {
      expect((await b.sync(3)).stderr).toContain('held');
      expectQuiet(await b.run('approve'));
      await b.sync();
    });
    expectEqual(a, b);
  });

  test('that lacks a content says so, asks nobody, and takes it once it is there again', async () => {
    const { a, b } = pair();
    a.put({ large: randomBytes(3_000_000) });
    await a.sync();
    lost = true;
    await following(what, async () => {
      expect((await b.sync(1)).stderr).toMatch(
        /its content cannot be had from the bucket .*Run flocksync verify --repair on a member that publishes/,
      );
      expect(await b.run('sync')).toMatchObject({ code: 1, stderr: '' });
    });
    lost = false;
    await following(what, () => b.sync());
    expectEqual(a, b);
  });
});
