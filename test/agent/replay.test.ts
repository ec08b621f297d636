import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readReplay } from '../../src/agent/replay.ts';
import { timeLeftMs } from '../../src/model/replay.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { memberIn, type TestMember } from './member.ts';

const many = 60;

function plantMany({ root }: TestMember): void {
  mkdirSync(join(root, 'd'));
  for (let file = 0; file < many; file++) writeFileSync(join(root, 'd', `f${file}`), randomBytes(3000));
  symlinkSync('d', join(root, 'link'));
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

test('R-H3: the log is followed while the content of a long bootstrap comes in; others see it, and how far it is', async () => {
  const seen: boolean[] = [];
  const { home, a, b, heartbeats, readyFile } = await slowBootstrap(async (publisher) => {
    seen.push(existsSync(readyFile));
    writeFileSync(join(publisher.root, 'published-meanwhile'), 'new');
    rmSync(join(publisher.root, 'd', `f${many - 1}`));
    await publisher.cycle();
  });
  writeFileSync(readyFile, 'of an earlier life');
  const told = listening(b);
  const outcome = await b.cycle();
  expect(outcome).toMatchObject({ problems: [], events: [], unfinished: false });
  expect(b.journal.agreed('published-meanwhile')?.version).toBe(Number(a.journal.meta('cursor')));
  expect(b.journal.agreedCount()).toEqual(a.journal.agreedCount());
  expect(existsSync(join(b.root, 'd', `f${many - 1}`))).toBe(false);
  expect(heartbeats.map(({ state }) => state)).toContain('replaying');
  expect(heartbeats.at(-1)).toMatchObject({ state: 'idle', applied: true, cursor: outcome.cursor });
  expect(b.journal.meta('progress')).toBeUndefined();
  expect(seen).toEqual([false]);
  expect(JSON.parse(readFileSync(readyFile, 'utf8'))).toMatchObject({ schema: 1, cursor: outcome.cursor });
  const fetching = told.map((text) => JSON.parse(text)).filter(({ phase }) => phase === 'fetching');
  expect(fetching.at(-1)?.filesTotal).toBeGreaterThanOrEqual(many);
  await expectResumed(home);
});

/** A bootstrap that is stopped goes on where it was, and applies nothing twice. */
async function expectResumed(home: string): Promise<void> {
  const stop = new AbortController();
  const c = memberIn(home, 'c', { through: watching(async () => stop.abort(), []) });
  expect(readReplay(c.journal, 0)).toBeNull();
  const first = await c.cycle({ signal: stop.signal });
  expect(first.counts.applied).toBeGreaterThan(0);
  const readyFile = join(home, 'c', 'state', 'webroot.ready');
  expect(existsSync(readyFile)).toBe(false);
  const placed = c.journal.agreedCount();
  const second = await memberIn(home, 'c').cycle();
  expect(placed.links).toBe(0);
  expect(placed.files + placed.directories + second.counts.applied).toBe(many + 2);
  expect(existsSync(readyFile)).toBe(true);
}

/** What the journal is told of progress. */
function listening({ journal }: TestMember): string[] {
  const told: string[] = [];
  const { setMeta } = journal;
  Object.assign(journal, {
    setMeta: (key: Parameters<typeof setMeta>[0], value: string | null) => {
      if (key === 'progress' && value !== null) told.push(value);
      setMeta(key, value);
    },
  });
  return told;
}

test('the time left follows from the speed so far, and the last word of a killed cycle is not believed for long', () => {
  const { journal } = memberIn(temporaryDirectory(), 'a');
  const told = { phase: 'fetching', filesDone: 1050, filesTotal: 4200, bytesDone: 0, bytesTotal: 0, atMs: 1_000_000 };
  const replay = { ...told, since: { atMs: 940_000, files: 50, bytes: 0 } };
  expect(timeLeftMs(replay)).toBe(189_000);
  expect(timeLeftMs({ ...replay, bytesDone: 75, bytesTotal: 100, since: { ...replay.since, bytes: 25 } })).toBe(30_000);
  expect(timeLeftMs({ ...replay, filesDone: 50 })).toBeNull();
  // What comes after it was not counted: "0 s left" would be wrong.
  expect(timeLeftMs({ ...replay, filesDone: replay.filesTotal })).toBeNull();
  journal.setMeta('progress', JSON.stringify(replay));
  expect(readReplay(journal, 1_001_000)).toEqual(replay);
  expect(readReplay(journal, 1_060_000)).toBeNull();
});
