import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratchBelow } from '../../src/adapters/scratch.ts';
import { digestToHex, emptyDigest } from '../../src/model/digest.ts';
import { snapshotKey } from '../../src/model/keys.ts';
import { birthLimits } from '../../src/model/limits.ts';
import type { SnapshotItem } from '../../src/model/snapshot.ts';
import { encodeItems, encodeSnapshotHead, snapshotPieces } from '../../src/model/snapshot-encode.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import { fetchSnapshot, listSnapshots, load } from '../../src/steps/load.ts';
import { newJournal } from '../adapters/sqlite-fixture.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { bucketClock } from '../agent/clocked.ts';
import { bucketIn } from '../agent/member.ts';
import { at, encode, format, headOf, record, sample, shareId, signed } from '../model/snapshot-samples.ts';

const id = 'd'.repeat(32);

function store() {
  const home = temporaryDirectory();
  const asked: string[] = [];
  const plain = bucketClock().through(bucketIn(home));
  const datastore: Datastore = {
    ...plain,
    get: (key, options) => {
      asked.push(`${options.range?.offset}+${options.range?.length}`);
      return plain.get(key, options);
    },
  };
  const scratch = join(home, 'scratch');
  return { datastore, asked, scratch: scratchBelow(scratch), left: () => readdirSync(scratch) };
}

async function reasonOf(bytes: Buffer | null, key = snapshotKey('webroot', 4, id)): Promise<string> {
  const given = store();
  if (bytes !== null) await given.datastore.put(key, bytes);
  const fetched = await fetchSnapshot(given, 'webroot', key, shareId);
  if (fetched.ok) return 'ok';
  expect(given.left()).toEqual([]);
  return `${fetched.newer ? 'newer: ' : ''}${fetched.reason}`;
}

test('R-H1: a snapshot that does not hold is a reason, and leaves nothing on this disk', async () => {
  expect(await reasonOf(encode(sample))).toBe('ok');
  expect(await reasonOf(null)).toBe('it is not there');
  expect(await reasonOf(Buffer.alloc(0))).toBe('its own hash does not match');
  expect(await reasonOf(encode(sample).subarray(0, -1))).toBe('its own hash does not match');
  expect(await reasonOf(signed(Buffer.from('flocksync snapshot 2\n')))).toMatch(/^newer: it has format 2/);
  for (const key of [snapshotKey('webroot', 5, id), snapshotKey('webroot', 4, 'e'.repeat(32))]) {
    expect(await reasonOf(encode(sample), key)).toBe('it is not the one that its name says');
  }
  expect(await reasonOf(encode(sample), snapshotKey('another', 4, id))).toBe('it is not there');
});

/** Longer than two pieces, as of record 2,200,000 of an idle share. */
const upTo = 2_200_000;
const prefixes = randomBytes(upTo * 8);
const hash = prefixes.toString('hex', prefixes.length - 8).padEnd(64, '0');

function longSnapshot(): Buffer {
  const lines = Array.from({ length: upTo / 1000 }, (_, line) => prefixes.subarray(line * 8000, (line + 1) * 8000));
  const items: SnapshotItem[] = [
    ...lines.map((part) => ({ item: 'lineage' as const, prefixes: part })),
    record(1, { sequence: upTo, hash }),
  ];
  const frames = Buffer.concat([...encodeItems(items, { upTo, hash }, birthLimits)]);
  const head = headOf(items, { upTo, hash, digest: digestToHex(emptyDigest), format });
  return Buffer.concat([...snapshotPieces(encodeSnapshotHead(head), at(frames))]);
}

test('a long snapshot comes in pieces, and what goes or is cut on the way is a reason', async () => {
  const bytes = longSnapshot();
  const MiB = 1024 * 1024;
  expect(bytes.length).toBeGreaterThan(16 * MiB);
  const key = snapshotKey('webroot', upTo, id);
  const given = store();
  await given.datastore.put(key, bytes);
  const fetched = await fetchSnapshot(given, 'webroot', key, shareId);
  if (!fetched.ok) throw new Error(fetched.reason);
  expect(given.asked).toEqual([`0+${8 * MiB}`, `${8 * MiB}+${8 * MiB}`, `${16 * MiB}+${bytes.length - 16 * MiB}`]);
  const journal = newJournal();
  const { snapshot } = fetched;
  await journal.gradually(
    () => load(journal, snapshot),
    async () => true,
  );
  expect(journal.meta('cursor')).toBe(String(upTo));
  fetched.snapshot.remove();
  expect(given.left()).toEqual([]);

  const shrinking: Datastore = {
    ...given.datastore,
    get: async (name, options) => {
      if (options.range?.offset === 8 * MiB) await given.datastore.put(name, bytes.subarray(0, 12 * MiB));
      return given.datastore.get(name, options);
    },
  };
  expect(await fetchSnapshot({ ...given, datastore: shrinking }, 'webroot', key, shareId)).toMatchObject({
    ok: false,
    reason: /changed or went/,
  });
  await given.datastore.put(key, bytes);
  const vanishing: Datastore = {
    ...given.datastore,
    get: async (name, options) => {
      if (options.range?.offset === 8 * MiB) await given.datastore.remove(name);
      return given.datastore.get(name, options);
    },
  };
  expect(await fetchSnapshot({ ...given, datastore: vanishing }, 'webroot', key, shareId)).toMatchObject({
    ok: false,
    reason: /changed or went/,
  });
});

test('of a long snapshot that belongs elsewhere only the first piece is asked for', async () => {
  const key = snapshotKey('webroot', upTo, id);
  const given = store();
  await given.datastore.put(key, longSnapshot());
  const fetched = await fetchSnapshot(given, 'webroot', key, '9'.repeat(32));
  expect(fetched).toMatchObject({ ok: false, newer: false, reason: 'it belongs to another share' });
  expect(given.asked).toHaveLength(1);
});

test('snapshots are listed in the order of what they cover, other objects are left out', async () => {
  const { datastore } = store();
  const keys = [900, 7, 12].map((number) => snapshotKey('webroot', number, id));
  for (const key of [...keys, 'webroot/snapshots/readme', snapshotKey('webroot2', 1, id)]) await datastore.put(key, Buffer.from('12345'));
  expect((await listSnapshots(datastore, 'webroot')).map(({ upTo: covered, size }) => [covered, size])).toEqual([
    [7, 5],
    [12, 5],
    [900, 5],
  ]);
});
