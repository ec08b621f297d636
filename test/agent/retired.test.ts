import { randomBytes } from 'node:crypto';
import { copyFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packKey } from '../../src/model/keys.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { append, type HousekeptBucket, housekept } from './housekept.ts';
import { memberIn, type TestMember } from './member.ts';

/** All that lies in the only pack lies in another one, and the first is gone: what housekeeping does within days. */
function repack(bucket: HousekeptBucket, { journal }: TestMember): void {
  const directory = join(bucket.share, 'packs');
  const [old = ''] = readdirSync(directory);
  const pack = 'a'.repeat(32);
  copyFileSync(join(directory, old), join(directory, pack));
  const locations = [...journal.allLocations()].map(({ hash, size, codec, offset, length }) => ({
    hash,
    size,
    codec,
    offset,
    length,
    pack,
  }));
  append(bucket, { kind: 'pack', locations, inline: [] });
  append(bucket, { kind: 'retire', packs: [old], bodies: [], snapshots: [] });
  rmSync(join(directory, old));
}

test('R-B3: a pack that was retired while a member lagged is looked up again in the log, and nobody is asked for its contents', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  for (const name of ['one', 'two']) writeFileSync(join(a.root, name), randomBytes(100_000));
  await a.cycle();
  const bucket = housekept(join(home, 'bucket'), join(home, 'scratch'));
  let reads = 0;
  const through = (store: Datastore): Datastore => {
    const get: Datastore['get'] = async (key, options) => {
      if (key.startsWith(packKey('webroot', '')) && ++reads === 1) repack(bucket, a);
      return await store.get(key, options);
    };
    return new Proxy(store, { get: (target, name) => (name === 'get' ? get : Reflect.get(target, name).bind(target)) });
  };
  const b = memberIn(home, 'b', { through });
  const outcome = await b.cycle();
  expect(outcome).toMatchObject({ problems: [], events: [] });
  expect(b.journal.wants()).toEqual([]);
  expect(b.journal.needs().size).toBe(0);
  expect(bucket.sequences()).toEqual([1, 2, 3]);
  expect(reads).toBeGreaterThan(1);
});
