import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { contentHash } from '../../src/model/digest.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { memberIn } from './member.ts';

const files = 4600;
const contents = 1500;
const textOf = (file: number) => contentHash(`${file % contents}`).repeat(3);

/** Counts the bytes of content that are read from the bucket. */
function counting(read: { bytes: number }): (store: Datastore) => Datastore {
  return (store) => {
    const get: Datastore['get'] = async (key, options) => {
      const answer = await store.get(key, options);
      if (key.includes('/packs/')) read.bytes += answer.value?.bytes.length ?? 0;
      return answer;
    };
    return new Proxy(store, { get: (target, name) => (name === 'get' ? get : Reflect.get(target, name).bind(target)) });
  };
}

test('a content that the batch before is bringing is not fetched a second time', { timeout: 60_000 }, async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  mkdirSync(join(a.root, 'd'));
  for (let file = 0; file < files; file++) writeFileSync(join(a.root, 'd', `f${String(file).padStart(5, '0')}`), textOf(file));
  await a.cycle();
  const packs = join(home, 'bucket', 'shop', 'webroot', 'packs');
  const stored = readdirSync(packs).reduce((sum, name) => sum + statSync(join(packs, name)).size, 0);
  const read = { bytes: 0 };
  const b = memberIn(home, 'b', { through: counting(read) });
  expect(await b.cycle()).toMatchObject({ problems: [], unfinished: false });
  expect(b.journal.agreedCount()).toEqual(a.journal.agreedCount());
  for (const file of [0, contents, files - 1]) {
    expect(readFileSync(join(b.root, 'd', `f${String(file).padStart(5, '0')}`), 'utf8')).toBe(textOf(file));
  }
  expect(stored).toBeGreaterThan(0);
  expect(read.bytes).toBeLessThanOrEqual(stored);
});
