import { randomBytes } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { birthFormat, encodeFormat } from '../../src/model/format.ts';
import { formatKey } from '../../src/model/keys.ts';
import { birthLimits } from '../../src/model/limits.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { type BucketClock, bucketClock } from './clocked.ts';
import { bucketIn, type MemberOptions, memberIn, type TestMember } from './member.ts';
import { unresolved } from './resolving.ts';

const day = 24 * 3600 * 1000;
const historyMs = 10 * day;
const signal = new AbortController().signal;

/** A bucket in which one housekeeping has something of everything to do. */
async function prepare(home: string, clock: BucketClock): Promise<void> {
  // Small records, so that some need a body.
  const format = { ...birthFormat('5'.repeat(32), historyMs, { atMs: 0, by: 'test' }), limits: { ...birthLimits, recordBytesMax: 5000 } };
  await bucketIn(home).put(formatKey('webroot'), encodeFormat(format));
  const a = open(home, 'a', clock);
  const gone = open(home, 'gone', clock);
  for (let i = 0; i < 12; i++) writeFileSync(join(a.root, `many-${i}`), `${i}`);
  await a.cycle();
  clock.pass(3 * day);
  await gone.cycle();
  clock.pass(17 * day);
  for (let version = 0; version < 3; version++) {
    writeFileSync(join(a.root, 'inline'), `version ${version}`);
    writeFileSync(join(a.root, 'dies'), randomBytes(200_000));
    writeFileSync(join(a.root, `lives-${version}`), randomBytes(20_000));
    await a.cycle();
  }
  await a.agent.housekeep({ dryRun: false, signal });
  clock.pass(5 * day);
  rmSync(join(a.root, 'dies'));
  writeFileSync(join(a.root, 'moves'), randomBytes(100_000));
  for (let i = 0; i < 12; i++) writeFileSync(join(a.root, `many-${i}`), `${i} again`);
  await a.cycle();
  clock.pass(6 * day);
  for (let i = 0; i < 12; i++) writeFileSync(join(a.root, `many-${i}`), `${i} and again`);
  writeFileSync(join(a.root, 'inline'), 'the newest');
  await a.cycle();
  await a.agent.housekeep({ dryRun: false, signal });
  writeFileSync(join(a.root, 'inline'), 'newer still');
  await a.cycle();
  clock.pass(5 * day);
}

function open(home: string, name: string, clock: BucketClock, between: (store: Datastore) => Datastore = (same) => same): TestMember {
  const options: MemberOptions = { config: { historyMs }, through: (store) => between(clock.through(store)) };
  return memberIn(home, name, options);
}

/** Dies at the k-th effect: before it, or right after it; nothing answers from then on. */
function mortal(k: number, when: 'before' | 'after') {
  let effects = 0;
  let dead = false;
  const die = () => {
    dead = true;
    throw new Error('killed');
  };
  const effect = async <T>(run: () => Promise<T>): Promise<T> => {
    if (dead || (++effects === k && when === 'before')) return die();
    const answer = await run();
    return effects === k ? die() : answer;
  };
  const read = <T>(run: () => Promise<T>): Promise<T> => (dead ? Promise.reject(new Error('killed')) : run());
  return (store: Datastore): Datastore => ({
    get: (key, options) => read(() => store.get(key, options)),
    list: (prefix, options) => read(() => store.list(prefix, options)),
    listFolders: (prefix) => read(() => store.listFolders(prefix)),
    unfinishedUploads: (prefix) => read(() => store.unfinishedUploads(prefix)),
    put: (key, bytes) => effect(() => store.put(key, bytes)),
    putIfAbsent: (key, bytes) => effect(() => store.putIfAbsent(key, bytes)),
    putStream: (key, size, from) => effect(() => store.putStream(key, size, from)),
    remove: (key) => effect(() => store.remove(key)),
    abortUpload: (upload) => effect(() => store.abortUpload(upload)),
    close: () => store.close(),
  });
}

/** Nothing dangles: whoever comes new gets everything, and every version within the retention can be had. */
async function check(home: string, clock: BucketClock, told: string): Promise<void> {
  const fresh = open(home, `fresh-${randomBytes(4).toString('hex')}`, clock);
  const outcome = await fresh.cycle();
  expect(outcome.problems, told).toEqual([]);
  expect(treeOf(fresh.root), told).toEqual(treeOf(join(home, 'a', 'html')));
  const store = clock.through(bucketIn(home));
  const cutoffMs = clock.nowMs() - historyMs;
  expect(await unresolved(fresh.journal, store, cutoffMs), told).toEqual([]);
  expect(await unresolved(open(home, 'a', clock).journal, store, cutoffMs), told).toEqual([]);
}

function treeOf(root: string): Record<string, string> {
  return Object.fromEntries(readdirSync(root).map((name) => [name, readFileSync(join(root, name)).toString('base64').slice(0, 40)]));
}

test.each(['before', 'after'] as const)(
  'R-H1, R-P1, R-P3: killed %s any effect, housekeeping leaves nothing dangling, and the next one comes to its end',
  async (when) => {
    const home = temporaryDirectory();
    const clock = bucketClock();
    await prepare(home, clock);
    const whole = await open(copyOf(home), 'a', clock).agent.housekeep({ dryRun: false, signal });
    const kinds = new Set(whole.kept?.chores.map(({ what, subject }) => `${what} ${subject.split('/')[1] ?? ''}`));
    expect([...kinds].sort()).toEqual(everything);
    for (let k = 1; ; k++) {
      const copy = copyOf(home);
      const told = `killed ${when} effect ${k}`;
      const dying = open(copy, 'a', clock, mortal(k, when)).agent.housekeep({ dryRun: false, signal });
      const survived = await dying.then(
        () => true,
        (error: Error) => error.message !== 'killed' && Promise.reject(error),
      );
      await check(copy, clock, told);
      const { kept, cycle } = await open(copy, 'a', clock).agent.housekeep({ dryRun: false, signal });
      expect([kept === null, cycle.problems], told).toEqual([false, []]);
      await check(copy, clock, told);
      if (survived) break;
      expect(k).toBeLessThan(100);
    }
  },
  200_000,
);

const everything = [
  ...['delete bodies', 'delete log', 'delete members', 'delete packs', 'delete snapshots', 'pack packs', 'prune '],
  ...['repack packs', 'retire bodies', 'retire packs', 'retire snapshots', 'snapshot snapshots'],
];

function copyOf(home: string): string {
  const copy = temporaryDirectory();
  cpSync(home, copy, { recursive: true, preserveTimestamps: true });
  return copy;
}
