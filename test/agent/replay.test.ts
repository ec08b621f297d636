import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readReplay, timeLeftMs } from '../../src/agent/replay.ts';
import { contentHash } from '../../src/model/digest.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { memberIn, type TestMember } from './member.ts';

const many = 4200;

function plantMany({ root }: TestMember): void {
  mkdirSync(join(root, 'd'));
  for (let file = 0; file < many; file++) writeFileSync(join(root, 'd', `f${file}`), contentHash(`${file}`));
}

/** Calls `onPack` at each read of content from the bucket, and lets through what it leaves alone. */
function watching(onPack: () => Promise<void>, heartbeats: Record<string, unknown>[]) {
  return (store: Datastore): Datastore => {
    const get: Datastore['get'] = async (key, options) => {
      if (key.includes('/packs/')) await onPack();
      return await store.get(key, options);
    };
    const put: Datastore['put'] = async (key, bytes) => {
      if (key.includes('/members/')) heartbeats.push(JSON.parse(bytes.toString()));
      return await store.put(key, bytes);
    };
    const changed: Partial<Datastore> = { get, put };
    return new Proxy(store, { get: (target, name) => Reflect.get(changed, name) ?? Reflect.get(target, name).bind(target) });
  };
}

/** Every read of a pack takes two minutes of b's life, and in the first one a goes on. */
async function slowBootstrap(onFirstPack: (a: TestMember) => Promise<void>) {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  plantMany(a);
  await a.cycle();
  let passedMs = 0;
  const heartbeats: Record<string, unknown>[] = [];
  const onPack = async () => {
    passedMs += 120_000;
    if (passedMs === 120_000) await onFirstPack(a);
  };
  const time = { monotonicMs: () => performance.now() + passedMs, wallMs: () => Date.now() + passedMs };
  const b = memberIn(home, 'b', { through: watching(onPack, heartbeats), time });
  return { home, a, b, heartbeats, readyFile: join(home, 'b', 'state', 'webroot.ready') };
}

test('R-H3: the log is followed while the content of a long bootstrap comes in, and other members see it', async () => {
  const { a, b, heartbeats } = await slowBootstrap(async (publisher) => {
    writeFileSync(join(publisher.root, 'published-meanwhile'), 'new');
    rmSync(join(publisher.root, 'd', `f${many - 1}`));
    await publisher.cycle();
  });
  const outcome = await b.cycle();
  expect(outcome).toMatchObject({ problems: [], events: [], unfinished: false });
  expect(b.journal.agreed('published-meanwhile')?.version).toBe(Number(a.journal.meta('cursor')));
  expect(b.journal.agreedCount()).toEqual(a.journal.agreedCount());
  expect(existsSync(join(b.root, 'd', `f${many - 1}`))).toBe(false);
  expect(heartbeats.map(({ state }) => state)).toContain('replaying');
  expect(heartbeats.at(-1)).toMatchObject({ state: 'idle', applied: true, cursor: outcome.cursor });
  expect(b.journal.meta('progress')).toBeUndefined();
});

test('a replay tells how far it is and the time left, and the share is not ready until it is over', async () => {
  let look = () => {};
  const { home, b, readyFile } = await slowBootstrap(async () => look());
  writeFileSync(readyFile, 'of an earlier life');
  const seen: unknown[] = [];
  look = () => seen.push(existsSync(readyFile));
  const { setMeta } = b.journal;
  const told: string[] = [];
  Object.assign(b.journal, {
    setMeta: (key: Parameters<typeof setMeta>[0], value: string | null) => {
      if (key === 'progress' && value !== null) told.push(value);
      setMeta(key, value);
    },
  });
  await b.cycle();
  expect(seen).toEqual([false]);
  expect(JSON.parse(readFileSync(readyFile, 'utf8'))).toMatchObject({ schema: 1, cursor: 1 });
  const last = JSON.parse(told.at(-1) ?? '{}');
  expect(last).toMatchObject({ phase: 'fetching', filesTotal: many });
  setMeta('progress', JSON.stringify({ ...last, filesDone: 1050, filesTotal: 4200, bytesDone: 0, bytesTotal: 0 }));
  const replay = readReplay(b.journal, last.atMs + 1000);
  expect(replay === null ? null : timeLeftMs({ ...replay, since: { atMs: last.atMs - 60_000, files: 50, bytes: 0 } })).toBe(189_000);
  expect(readReplay(b.journal, last.atMs + 60_000)).toBeNull();
  expect(readReplay(memberIn(home, 'c').journal, 0)).toBeNull();
});
