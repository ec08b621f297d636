import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { differences, snapshot } from '../e2e/support/tree.ts';
import { memberIn } from './member.ts';

const files = 48;
const settled = { settleMs: 0 };

/** A store whose packs take their time; `onPack` is told of each, before it is read. */
function slowly(onPack: (count: number) => Promise<void>): (store: Datastore) => Datastore {
  let count = 0;
  return (store) => ({
    ...store,
    get: async (key, options) => {
      if (key.includes('/packs/')) {
        await onPack(++count);
        await delay(700);
      }
      return await store.get(key, options);
    },
    put: (key, bytes) => store.put(key, bytes),
    putIfAbsent: (key, bytes) => store.putIfAbsent(key, bytes),
    putStream: (key, size, open) => store.putStream(key, size, open),
    list: (prefix, options) => store.list(prefix, options),
    listFolders: (prefix) => store.listFolders(prefix),
    remove: (key) => store.remove(key),
    unfinishedUploads: (prefix) => store.unfinishedUploads(prefix),
    abortUpload: (upload) => store.abortUpload(upload),
    close: () => store.close(),
  });
}

test('R-H3: what others change meanwhile comes before the rest of a long apply, where it is little', { timeout: 60_000 }, async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a', { config: settled });
  const at = (name: string) => join(a.root, name);
  const seen: { news: boolean; gone: boolean; bulk: number }[] = [];
  const bulkHere = () => Array.from({ length: files }, (_, n) => join(b.root, `bulk/${n}`)).filter((path) => existsSync(path)).length;
  const onPack = async (count: number) => {
    if (count === 2) {
      writeFileSync(at('news'), 'news');
      mkdirSync(at('new/directory'), { recursive: true });
      writeFileSync(at('new/directory/file'), 'file');
      rmSync(at('gone'));
      // A directory in place of a file is no small thing, and what is in it comes with it.
      rmSync(at('turned'));
      mkdirSync(at('turned'));
      writeFileSync(at('turned/file'), 'file');
      await a.cycle();
    }
    const has = (name: string) => existsSync(join(b.root, name));
    seen.push({ news: has('news') && has('new/directory/file'), gone: !has('gone'), bulk: bulkHere() });
  };
  const b = memberIn(home, 'b', { config: settled, through: slowly(onPack) });
  mkdirSync(at('bulk'));
  for (const name of ['bulk/first', 'gone', 'turned']) writeFileSync(at(name), name);
  for (const member of [a, b]) await member.cycle();
  for (let n = 0; n < files; n++) writeFileSync(at(`bulk/${n}`), randomBytes(1024 * 1024));
  await a.cycle();
  expect(await b.cycle()).toMatchObject({ problems: [], events: [], unfinished: false });
  const last = seen.at(-1);
  expect(last).toMatchObject({ news: true, gone: true });
  expect(last?.bulk).toBeLessThan(files);
  expect(differences(snapshot(a.root), snapshot(b.root))).toEqual([]);
  // What was staged when the news came is not fetched again.
  expect(seen.length).toBeLessThan(files / 2);
});

test('what changes here meanwhile is published, however often others have something small', { timeout: 60_000 }, async () => {
  const home = temporaryDirectory();
  let aheadMs = 0;
  const a = memberIn(home, 'a', { config: settled });
  const seen: boolean[] = [];
  const onPack = async (count: number) => {
    seen.push(b.journal.folded('mine') !== null);
    if (count % 3 !== 2 || count > 8) return;
    if (count === 2) writeFileSync(join(b.root, 'mine'), 'mine');
    writeFileSync(join(a.root, `news ${count}`), 'news');
    await a.cycle();
    // Less than what ends a long apply by itself.
    aheadMs += 40_000;
  };
  const b = memberIn(home, 'b', {
    config: settled,
    through: slowly(onPack),
    time: { monotonicMs: () => performance.now() + aheadMs },
  });
  mkdirSync(join(a.root, 'bulk'));
  for (const name of ['bulk/first', 'keep']) writeFileSync(join(a.root, name), name);
  for (const member of [a, b]) await member.cycle();
  for (let n = 0; n < files / 2; n++) writeFileSync(join(a.root, `bulk/${n}`), randomBytes(1024 * 1024));
  await a.cycle();
  expect(await b.cycle()).toMatchObject({ problems: [], events: [], unfinished: false });
  expect(seen.at(-1)).toBe(true);
  await a.cycle();
  expect(differences(snapshot(a.root), snapshot(b.root))).toEqual([]);
});
