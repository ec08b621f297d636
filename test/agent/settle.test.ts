import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Answer, type Datastore, DatastoreFault } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { memberIn } from './member.ts';

const yearMs = 365 * 24 * 3600 * 1000;
const refused = () => new DatastoreFault('permanent', 'refused', 'not allowed', 'ask somebody');
const lost = () => new DatastoreFault('unknown', 'timeout', 'no answer', 'wait');

/** Answers of conditional puts to the log may be changed. */
function puts(change: (put: () => Promise<Answer<'created' | 'exists'>>) => Promise<Answer<'created' | 'exists'>>) {
  return (store: Datastore): Datastore => ({
    ...bound(store),
    putIfAbsent: (key, bytes) => (key.includes('/log/') ? change(() => store.putIfAbsent(key, bytes)) : store.putIfAbsent(key, bytes)),
  });
}

function bound(store: Datastore): Datastore {
  return {
    ...{ get: store.get.bind(store), put: store.put.bind(store), putIfAbsent: store.putIfAbsent.bind(store) },
    ...{ putStream: store.putStream.bind(store), list: store.list.bind(store), listFolders: store.listFolders.bind(store) },
    ...{ remove: store.remove.bind(store), close: store.close.bind(store) },
    ...{ unfinishedUploads: store.unfinishedUploads.bind(store), abortUpload: store.abortUpload.bind(store) },
  };
}

test('R-S1, R-G2: deletions settled by a later run count by the bucket, wherever the clock of this machine stands', async () => {
  const home = temporaryDirectory();
  let mode: 'through' | 'killed' = 'through';
  const a = memberIn(home, 'a', {
    config: { settleMaxMs: 0 },
    through: puts(async (put) => {
      if (mode === 'through') return await put();
      await put();
      throw new Error('killed');
    }),
  });
  for (let i = 0; i < 30; i++) writeFileSync(join(a.root, `f${i}`), `content ${i}`);
  await a.cycle();
  mode = 'killed';
  for (let i = 0; i < 9; i++) rmSync(join(a.root, `f${i}`));
  await expect(a.cycle()).rejects.toThrow('killed');
  const again = memberIn(home, 'a', { time: { wallMs: () => Date.now() + 10 * yearMs } });
  await again.cycle();
  expect(again.journal.outbox()).toBeNull();
  expect(again.journal.deletionsSince(Date.now() - 60_000)).toBe(9);
  expect(again.journal.deletionsSince(Date.now() + 60_000)).toBe(0);
});

test('R-S3: a put more than an hour after the look that saw the number free is confirmed by a listing', async () => {
  const home = temporaryDirectory();
  const listed: string[] = [];
  let clockMs = 0;
  const late = (store: Datastore): Datastore => ({
    ...bound(store),
    // Sending the content takes hours.
    put: async (key, bytes) => {
      clockMs += key.includes('/packs/') ? 2 * 3600 * 1000 : 0;
      return { ...(await store.put(key, bytes)), dateMs: Date.now() + clockMs };
    },
    get: async (key, options) => ({ ...(await store.get(key, options)), dateMs: Date.now() + clockMs }),
    putIfAbsent: async (key, bytes) => ({ ...(await store.putIfAbsent(key, bytes)), dateMs: Date.now() + clockMs }),
    list: async (prefix, options) => {
      listed.push(prefix);
      return { ...(await store.list(prefix, options)), dateMs: Date.now() + clockMs };
    },
  });
  const time = { monotonicMs: () => performance.now() + clockMs };
  const a = memberIn(home, 'a', { through: late, time });
  writeFileSync(join(a.root, 'small'), 'inline');
  await a.cycle();
  const before = listed.length;
  writeFileSync(join(a.root, 'more'), 'inline too');
  await a.cycle();
  expect(listed.length - before).toBe(1);
  writeFileSync(join(a.root, 'large'), randomBytes(300_000));
  await a.cycle();
  expect(clockMs).toBeGreaterThan(0);
  expect(listed.length - before).toBe(3);
});

test('R-S2: a member that may write no more still takes in and applies what others write', async () => {
  const home = temporaryDirectory();
  let mode: 'through' | 'lost' | 'refused' = 'through';
  const a = memberIn(home, 'a');
  const b = memberIn(home, 'b', {
    time: { sleep: async () => {} },
    through: puts(async (put) => {
      if (mode === 'through') return await put();
      throw mode === 'lost' ? lost() : refused();
    }),
  });
  writeFileSync(join(a.root, 'x'), 'x1');
  await a.cycle();
  await b.cycle();
  mode = 'lost';
  writeFileSync(join(b.root, 'y'), 'of b');
  await expect(b.cycle()).rejects.toThrow('no answer');
  expect(b.journal.outbox()).not.toBeNull();
  mode = 'refused';
  writeFileSync(join(a.root, 'x'), 'x2, longer');
  await a.cycle();
  await expect(b.cycle()).rejects.toThrow('not allowed');
  expect(b.journal.agreed('x')?.version).toBe(2);
  mode = 'through';
  await b.cycle();
  await a.cycle();
  expect(a.journal.agreed('y')?.version).toBe(3);
});
