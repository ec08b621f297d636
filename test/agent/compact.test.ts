import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratchBelow } from '../../src/adapters/scratch.ts';
import { systemRandom, systemTime } from '../../src/adapters/system.ts';
import { type Compaction, compact } from '../../src/agent/compact.ts';
import { contentHash } from '../../src/model/digest.ts';
import type { Entry } from '../../src/model/entry.ts';
import { logKey, snapshotKey } from '../../src/model/keys.ts';
import type { InlineBlob, Payload } from '../../src/model/record.ts';
import type { SnapshotItem } from '../../src/model/snapshot.ts';
import { type Datastore, DatastoreFault } from '../../src/ports/datastore.ts';
import { JournalFault } from '../../src/ports/journal.ts';
import { type FetchedSnapshot, fetchSnapshot, listSnapshots, load } from '../../src/steps/load.ts';
import { newJournal } from '../adapters/sqlite-fixture.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { changes } from '../steps/snapshot-of.ts';
import { bucketClock } from './clocked.ts';
import { type LogWriter, share, writeLog } from './log-writer.ts';
import { bucketIn, memberIn } from './member.ts';

const dayMs = 24 * 3600 * 1000;
const dir: Entry = { kind: 'dir', mode: 0o755, owner: null, group: null };
const file = (text: string): Entry => ({
  ...{ kind: 'file', mode: 0o644, mtimeUs: 1, owner: null, group: null, size: text.length, hash: contentHash(text), chunks: null },
});
const inline = (text: string): InlineBlob => ({ hash: contentHash(text), size: text.length, codec: 'none', stored: Buffer.from(text) });
const nothing = () => {};
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };

function portsOver(datastore: Datastore, home: string) {
  return { datastore, random: systemRandom, time: systemTime, log, scratch: scratchBelow(join(home, 'scratch')) };
}

type Ports = ReturnType<typeof portsOver>;

async function compacted(ports: Ports, writer: LogWriter, over: Partial<Parameters<typeof compact>[1]> = {}): Promise<Compaction> {
  const signal = new AbortController().signal;
  const options = { share, format: writer.format, base: null, upTo: writer.head, cutoffMs: 0, retiredFromMs: 0, signal, ...over };
  return await compact(ports, options);
}

async function written(ports: Ports, writer: LogWriter, over: Partial<Parameters<typeof compact>[1]> = {}): Promise<FetchedSnapshot> {
  const made = await compacted(ports, writer, over);
  if (made.outcome !== 'written') throw new Error(JSON.stringify(made));
  const fetched = await fetchSnapshot(ports, share, snapshotKey(share, made.upTo, made.id), writer.format.share);
  if (!fetched.ok) throw new Error(fetched.reason);
  expect([fetched.snapshot.head.hash, fetched.snapshot.head.digest, fetched.snapshot.size]).toEqual([made.hash, made.digest, made.bytes]);
  return fetched.snapshot;
}

const signed = (content: Buffer) => Buffer.concat([content, createHash('sha256').update(content).digest()]);
const put = (path: string, base: number, text: string) => ({ op: 'put', path, base, entry: file(text) }) as const;

/** Every kind of record, honest or not. */
async function variedLog(datastore: Datastore): Promise<LogWriter> {
  const writer = await writeLog(datastore);
  const pack = await writer.pack(Buffer.from('packed'));
  const packed = { hash: contentHash('packed'), size: 6, pack, offset: 0, length: 6, codec: 'none' as const };
  const first = changes({ op: 'put', path: 'd', base: 0, entry: dir }, put('d/a', 0, 'a'), put('packed', 0, 'packed'), put('gone', 0, 'a'));
  await writer.append({ ...first, locations: [packed], inline: [inline('a')] } as Payload);
  await writer.append({ ...changes(put('d/a', 1, 'b')), inline: [inline('b')] } as Payload);
  // Its base is wrong, so everybody passes over it as a whole.
  await writer.append(changes(put('d/a', 1, 'b'), put('other', 0, 'b')));
  // Its own hash is right and its content is none.
  await writer.append(changes(), (honest) => signed(honest.subarray(0, -40)));
  const kept = { op: 'kept', path: 'd/a', entry: file('lost'), lostTo: 0 } as const;
  await writer.append({ ...changes({ ...put('d/a', 2, 'c'), beats: 2 }, kept), inline: [inline('c'), inline('lost')] } as Payload);
  await writer.append(changes({ op: 'delete', path: 'gone', base: 1 }));
  await writer.append({ kind: 'approve', record: 6 });
  // Damaged for good, and given up by the approval behind it.
  const broken = randomBytes(64);
  const lost = await writer.append({ kind: 'need', hashes: [contentHash('x')] }, () => broken);
  await writer.append({ kind: 'approve', unavailable: { sequence: lost, stored: contentHash(broken) } });
  await writer.append({ kind: 'snapshot', id: 'a'.repeat(32), upTo: 2, previousHash: '4'.repeat(64) });
  await writer.append({ kind: 'retire', packs: ['7'.repeat(32)], bodies: ['8'.repeat(32)], snapshots: [] });
  // Too long for its record.
  const longNames = Array.from({ length: 1000 }, (_, i) => [1, 2, 3].map((part) => contentHash(`${i} ${part}`)).join('-'));
  await writer.append(changes(...longNames.map((name) => put(name, 0, name))));
  return writer;
}

test('R-H1 R-B1 R-B2: a snapshot of the log is what a member that followed it knows', async () => {
  const home = temporaryDirectory();
  const writer = await variedLog(bucketIn(home));
  const reader = memberIn(home, 'reader', { config: { role: 'subscriber' } });
  await reader.cycle();
  expect(reader.journal.meta('cursor')).toBe(String(writer.head));
  const loaded = newJournal();
  const snapshot = await written(portsOver(bucketIn(home), home), writer);
  await loaded.gradually(
    () => load(loaded, snapshot),
    async () => true,
  );
  expect([...loaded.allVersions()]).toEqual([...reader.journal.allVersions()]);
  const rows = (journal: typeof loaded) =>
    [...journal.allRecords()].map((row) => ({
      ...{ ...row, objectSize: 0, objectModifiedMs: 0, objectTag: '' },
      // When a record was given up is known to each member for itself.
      atMs: row.verdict === 'skipped' ? 0 : row.atMs,
    }));
  expect(rows(loaded)).toEqual(rows(reader.journal));
  expect(rows(loaded).map(({ verdict }) => verdict)).toEqual([
    ...['ok', 'ok', 'bad', 'bad', 'ok', 'ok', 'ok', 'skipped', 'ok', 'ok', 'ok', 'ok'],
  ]);
  expect([...loaded.allLocations()]).toEqual([...reader.journal.allLocations()]);
  expect([loaded.snapshots(), loaded.retired()]).toEqual([reader.journal.snapshots(), reader.journal.retired()]);
  expect(['digest', 'cursorHash', 'cursor'].map((key) => loaded.meta(key as 'digest'))).toEqual(
    ['digest', 'cursorHash', 'cursor'].map((key) => reader.journal.meta(key as 'digest')),
  );
  expect([...loaded.foldedAll()]).toEqual([...reader.journal.foldedAll()]);
  expect(rows(loaded).at(-1)?.bodyId).toMatch(/^[0-9a-f]{32}$/);
  expect(loaded.want('gone')).toMatchObject({ entry: null, version: 6, approved: true });
});

const itemsOf = (snapshot: FetchedSnapshot): SnapshotItem[] => [...snapshot.items()];

test('R-H1: an older snapshot and the records behind it give the same as all records', async () => {
  const home = temporaryDirectory();
  const writer = await variedLog(bucketIn(home));
  const ports = portsOver(bucketIn(home), home);
  const whole = itemsOf(await written(ports, writer));
  for (const upTo of [1, 4, 7, 8, 9, 11, 12]) {
    const base = await written(ports, writer, { upTo });
    expect(itemsOf(await written(ports, writer, { base })), `from ${upTo}`).toEqual(whole);
  }
});

test('R-H1: two members that compact at once write two snapshots of equal worth', async () => {
  const home = temporaryDirectory();
  const writer = await variedLog(bucketIn(home));
  const [one, other] = ['one', 'other'].map((name) => portsOver(bucketIn(home), join(home, name)));
  const both = await Promise.all([one, other].map((ports) => written(ports as Ports, writer)));
  expect(itemsOf(both[0] as FetchedSnapshot)).toEqual(itemsOf(both[1] as FetchedSnapshot));
  expect((await listSnapshots(bucketIn(home), share)).map(({ upTo }) => upTo)).toEqual([12, 12]);
});

test.each<[string, number, (store: Datastore, key: string) => Promise<unknown>]>([
  ['is missing', 6, (store, key) => store.remove(key)],
  ['is damaged', 6, (store, key) => store.put(key, randomBytes(100))],
  ['is the last and missing', 12, (store, key) => store.remove(key)],
])('R-B2 R-H1: where a record %s nothing is written', async (_, sequence, harm) => {
  const home = temporaryDirectory();
  const store = bucketIn(home);
  const writer = await variedLog(store);
  await harm(store, logKey(share, sequence));
  expect(await compacted(portsOver(store, home), writer)).toMatchObject({ outcome: 'gap', sequence });
  expect(await listSnapshots(store, share)).toEqual([]);
});

test('R-L3: a snapshot of another history is no base', async () => {
  const homes = [temporaryDirectory(), temporaryDirectory()];
  const [mine, theirs] = await Promise.all(homes.map((home) => writeLog(bucketIn(home))));
  for (const writer of [mine, theirs]) for (const path of ['a', 'b']) await writer?.append(changes(put(path, 0, 'text')));
  const foreign = await written(portsOver(bucketIn(homes[1] as string), homes[1] as string), theirs as LogWriter, { upTo: 1 });
  const whole = await written(portsOver(bucketIn(homes[1] as string), homes[1] as string), theirs as LogWriter);
  const ports = portsOver(bucketIn(homes[0] as string), homes[0] as string);
  expect(await compacted(ports, mine as LogWriter, { base: foreign })).toMatchObject({ outcome: 'gap', sequence: 2 });
  expect(await compacted(ports, mine as LogWriter, { base: whole })).toMatchObject({ outcome: 'gap', sequence: 2 });
});

test('R-H2: a version goes when what superseded it is too old, a deletion by its own age, the newest put never', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const store = clock.through(bucketIn(home));
  const writer = await writeLog(store);
  const lost = { op: 'kept', path: 'a', entry: file('lost'), lostTo: 0 } as const;
  await writer.append({
    ...changes(put('a', 0, '1'), lost, put('b', 0, 'b'), put('still', 0, 's')),
    inline: [inline('1'), inline('b')],
  } as Payload);
  clock.pass(10 * dayMs);
  await writer.append({ ...changes(put('a', 1, '2'), { op: 'delete', path: 'b', base: 1 }), inline: [inline('2')] } as Payload);
  clock.pass(10 * dayMs);
  const nowMs = clock.nowMs();
  const ports = portsOver(store, home);
  const kept = async (historyMs: number) => {
    const snapshot = await written(ports, writer, { cutoffMs: nowMs - historyMs });
    const items = [...snapshot.items()];
    const versions = items.flatMap((item) => (item.item === 'version' ? [`${item.row.path}@${item.row.version}~${item.row.k}`] : []));
    const contents = items.flatMap((item) => (item.item === 'location' ? [item.row.hash] : []));
    const records = items.flatMap((item) => (item.item === 'record' ? [item.row.sequence] : []));
    return { versions, records, contents: ['1', 'b', '2'].filter((text) => contents.includes(contentHash(text))) };
  };
  const everything = ['a@1~0', 'a@1~1', 'a@2~0', 'b@1~0', 'b@2~0', 'still@1~0'];
  expect(await kept(21 * dayMs)).toEqual({ versions: everything, records: [1, 2], contents: ['1', 'b', '2'] });
  const withoutLoser = everything.filter((version) => version !== 'a@1~1');
  expect(await kept(11 * dayMs)).toEqual({ versions: withoutLoser, records: [2], contents: ['1', 'b', '2'] });
  // Whoever follows the log may still rely on the inline contents, until a snapshot record covers them.
  expect(await kept(9 * dayMs)).toEqual({ versions: ['a@2~0', 'still@1~0'], records: [2], contents: ['1', 'b', '2'] });
  await writer.append({ kind: 'snapshot', id: 'a'.repeat(32), upTo: 2, previousHash: '4'.repeat(64) });
  expect(await kept(9 * dayMs)).toEqual({ versions: ['a@2~0', 'still@1~0'], records: [3], contents: ['2'] });
});

test('R-P2: a content that no version names is still listed while its pack stands, since a new change may rely on it', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const store = clock.through(bucketIn(home));
  const writer = await writeLog(store);
  const packs = [await writer.pack(Buffer.from('a')), await writer.pack(Buffer.from('b'))];
  const locations = ['a', 'b'].map((text, at) => ({
    hash: contentHash(text),
    size: 1,
    pack: packs[at],
    offset: 0,
    length: 1,
    codec: 'none',
  }));
  await writer.append({ kind: 'pack', locations, inline: [] } as Payload);
  const listed = async () => {
    const snapshot = await written(portsOver(store, home), writer, { cutoffMs: clock.nowMs() });
    return [...snapshot.items()].flatMap((item) => (item.item === 'location' ? [item.row.pack] : [])).sort();
  };
  expect(await listed()).toEqual([...packs].sort());
  await writer.append({ kind: 'retire', packs: [packs[0] as string], bodies: [], snapshots: [] });
  expect(await listed()).toEqual([packs[1]]);
});

test('R-P2 R-P3: what a pack holds is no longer said to lie in a record, and objects retired long ago are forgotten', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const store = clock.through(bucketIn(home));
  const writer = await writeLog(store);
  const two = { ...changes(put('a', 0, 'a'), put('b', 0, 'b')), inline: [inline('a'), inline('b')] } as Payload;
  await writer.append(two);
  await writer.append({ kind: 'retire', packs: ['7'.repeat(32)], bodies: [], snapshots: [] });
  clock.pass(10 * dayMs);
  const pack = await writer.pack(Buffer.from('a'));
  await writer.append({
    kind: 'pack',
    locations: [{ hash: contentHash('a'), size: 1, pack, offset: 0, length: 1, codec: 'none' }],
    inline: [],
  });
  await writer.append({ kind: 'retire', packs: [], bodies: ['8'.repeat(32)], snapshots: [] });
  const snapshot = await written(portsOver(store, home), writer, { retiredFromMs: clock.nowMs() - 8 * dayMs });
  const items = [...snapshot.items()];
  const places = items.flatMap((item) => (item.item === 'location' ? [[item.row.hash, item.row.pack]] : []));
  expect(places.sort()).toEqual([[contentHash('a'), pack] as string[], [contentHash('b'), '']].sort());
  expect(items.flatMap((item) => (item.item === 'retired' ? [item.row.id] : []))).toEqual(['8'.repeat(32)]);
});

/** Fails at the k-th call, as a process that dies there would leave the bucket: the call may have happened or not. */
function dyingAt(store: Datastore, k: number, happens: boolean): { store: Datastore; calls: () => number } {
  let calls = 0;
  const fault = () => new DatastoreFault('transient', 'unreachable', 'killed', '');
  const dying = <A extends unknown[], T>(call: (...given: A) => Promise<T>) => {
    return async (...given: A): Promise<T> => {
      const dies = ++calls === k;
      if (dies && !happens) throw fault();
      const answer = await call(...given);
      if (dies) throw fault();
      return answer;
    };
  };
  const plain = bucketClock().through(store);
  return {
    store: { ...plain, get: dying(plain.get), list: dying(plain.list), putStream: dying(plain.putStream) },
    calls: () => calls,
  };
}

test('R-H1: killed at any step it has announced nothing, harmed nothing, and the next run succeeds', async () => {
  const home = temporaryDirectory();
  const writer = await variedLog(bucketIn(home));
  const before = (await bucketIn(home).list(`${share}/log/`, {})).value.objects;
  const counted = dyingAt(bucketIn(home), 0, false);
  const whole = itemsOf(await written(portsOver(counted.store, home), writer));
  expect(counted.calls()).toBeGreaterThan(12);
  for (let k = 1; k <= counted.calls() - 2; k++) {
    for (const happens of [false, true]) {
      await expect(compacted(portsOver(dyingAt(bucketIn(home), k, happens).store, home), writer), `call ${k}`).rejects.toThrow('killed');
      expect(readdirSync(join(home, 'scratch')), `call ${k}`).toEqual([]);
    }
  }
  expect((await bucketIn(home).list(`${share}/log/`, {})).value.objects).toEqual(before);
  // Whatever is there under a snapshot's name is whole.
  for (const { key } of await listSnapshots(bucketIn(home), share)) {
    const fetched = await fetchSnapshot(portsOver(bucketIn(home), home), share, key, writer.format.share);
    expect(fetched.ok && itemsOf(fetched.snapshot)).toEqual(whole);
  }
  expect(itemsOf(await written(portsOver(bucketIn(home), home), writer))).toEqual(whole);
});

test('R-H1: what the store does not give back as it was written does not count', async () => {
  const home = temporaryDirectory();
  const writer = await variedLog(bucketIn(home));
  const store = bucketIn(home);
  const forgetful: Datastore = {
    ...bucketClock().through(store),
    putStream: async (key, _, open) => {
      const pieces: Buffer[] = [];
      for await (const piece of open()) pieces.push(piece);
      return await store.put(key, Buffer.concat(pieces).subarray(0, -1));
    },
  };
  expect(await compacted(portsOver(forgetful, home), writer)).toMatchObject({ outcome: 'unread' });
});

test('a run that is stopped writes nothing, and gives its room back', async () => {
  const home = temporaryDirectory();
  const writer = await variedLog(bucketIn(home));
  mkdirSync(join(home, 'scratch', '1'), { recursive: true });
  writeFileSync(join(home, 'scratch', '1', 'left by a killed run'), 'x');
  expect(await compacted(portsOver(bucketIn(home), home), writer, { signal: AbortSignal.abort() })).toEqual({ outcome: 'stopped' });
  expect(await listSnapshots(bucketIn(home), share)).toEqual([]);
  expect(readdirSync(join(home, 'scratch'))).toEqual([]);
});

test('damage in the scratch room is not taken for damage of the journal, which would be set aside', async () => {
  const home = temporaryDirectory();
  const writer = await variedLog(bucketIn(home));
  const ports = portsOver(bucketIn(home), home);
  const scratch = () => {
    const room = ports.scratch();
    const journal = () => ({
      ...room.journal(),
      pruneVersions: () => {
        throw new JournalFault('damaged', 'a page is gone.');
      },
    });
    return { ...room, journal };
  };
  await expect(compacted({ ...ports, scratch }, writer)).rejects.toMatchObject({ code: 'unusable' });
});
