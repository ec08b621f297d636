import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Datastore, Key } from '../../src/ports/datastore.ts';
import { DatastoreFault } from '../../src/ports/datastore.ts';

export interface Opened {
  /** An empty datastore. */
  readonly store: Datastore;
  /** Leaves an upload for this key unfinished, two days ago where the store can say so; absent where nobody can. */
  readonly begin?: (key: Key) => Promise<void>;
  readonly close: () => Promise<void>;
}

const mebibyte = 1024 * 1024;
const bytesMax = 64 * mebibyte;
const text = (value: string) => Buffer.from(value);

/** What every datastore promises. Each test uses keys of its own, below a folder named after it. */
export function datastoreContract(name: string, open: () => Promise<Opened>): void {
  describe(`datastore contract: ${name}`, { timeout: 120_000 }, () => {
    let opened: Opened;
    const store = new Proxy({} as Datastore, { get: (_, method: keyof Datastore) => opened.store[method].bind(opened.store) });
    beforeAll(async () => {
      opened = await open();
    }, 60_000);
    afterAll(async () => {
      await opened?.store.close();
      await opened?.close();
    });
    readingAndWriting(store);
    ranges(store);
    conditionalPuts(store);
    streams(store);
    listing(store);
    unfinished(store, () => opened.begin);
    dates(store);
  });
}

async function read(store: Datastore, key: Key): Promise<Buffer | undefined> {
  return (await store.get(key, { bytesMax })).value?.bytes;
}

async function faultOf(promise: Promise<unknown>): Promise<DatastoreFault> {
  const fault = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(fault).toBeInstanceOf(DatastoreFault);
  return fault as DatastoreFault;
}

/** Runs `task` for 0 … count-1, sixteen at a time. */
async function each(count: number, task: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      while (next < count) await task(next++);
    }),
  );
}

function readingAndWriting(store: Datastore): void {
  test.each([0, 1, 2, 511, 4096, 65_537, 3 * mebibyte + 7])('a put of %i bytes is read back', async (size) => {
    const bytes = randomBytes(size);
    await store.put(`sizes/${size}`, bytes);
    expect((await read(store, `sizes/${size}`))?.equals(bytes)).toBe(true);
  });

  test('an object that was never put is null, beside and below existing ones', async () => {
    await store.put('missing/a', text('a'));
    for (const key of ['missing/b', 'missing/a/b', 'missing', 'nowhere/at/all']) {
      expect((await store.get(key, { bytesMax })).value, key).toBeNull();
    }
  });

  test('an overwritten object is the new one, whole, at every moment', async () => {
    const [old, fresh] = [Buffer.alloc(mebibyte, 1), Buffer.alloc(mebibyte + 3, 2)];
    await store.put('overwrite/a', old);
    const reads: Promise<Buffer | undefined>[] = [];
    for (let i = 0; i < 10; i++) {
      reads.push(read(store, 'overwrite/a'), read(store, 'overwrite/a'));
      await store.put('overwrite/a', i % 2 === 0 ? fresh : old);
    }
    await store.put('overwrite/a', fresh);
    for (const bytes of await Promise.all(reads)) expect(bytes?.equals(old) || bytes?.equals(fresh)).toBe(true);
    expect((await read(store, 'overwrite/a'))?.equals(fresh)).toBe(true);
  });

  test('what was written is read and listed at once, by parallel writers too', async () => {
    await each(100, async (i) => {
      await store.put(`at-once/${i}`, text(`value ${i}`));
      expect((await read(store, `at-once/${i}`))?.toString()).toBe(`value ${i}`);
      expect((await store.list(`at-once/${i}`, {})).value.objects.map((object) => object.key)).toContain(`at-once/${i}`);
    });
  });

  test('an object of exactly bytesMax is read, one byte more is refused as too large', async () => {
    await store.put('large/a', Buffer.alloc(1000));
    expect((await store.get('large/a', { bytesMax: 1000 })).value?.bytes.length).toBe(1000);
    const fault = await faultOf(store.get('large/a', { bytesMax: 999 }));
    expect([fault.kind, fault.code]).toEqual(['permanent', 'too-large']);
  });

  test('remove removes, and removing what is not there succeeds', async () => {
    await store.put('remove/a', text('a'));
    await store.remove('remove/a');
    expect((await store.get('remove/a', { bytesMax })).value).toBeNull();
    expect((await store.list('remove/', {})).value.objects).toEqual([]);
    await store.remove('remove/a');
    await store.remove('remove/never/was');
  });
}

function ranges(store: Datastore): void {
  test.each([
    [0, 1, 0, 1],
    [10, 20, 10, 30],
    [990, 10, 990, 1000],
    [990, 500, 990, 1000],
    [0, 1000, 0, 1000],
  ])('the range %i+%i holds the bytes %i to %i', async (offset, length, from, to) => {
    const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251));
    await store.put('range/a', bytes);
    const got = await store.get('range/a', { bytesMax: 1000, range: { offset, length } });
    expect(got.value?.bytes.equals(bytes.subarray(from, to))).toBe(true);
  });

  test.each([
    ['behind the end', 'range/b', 100, 1],
    ['of an empty object', 'range/empty', 0, 1],
    ['of no bytes', 'range/b', 0, 0],
  ])('a range %s is a permanent fault', async (_, key, offset, length) => {
    await store.put('range/b', Buffer.alloc(100));
    await store.put('range/empty', Buffer.alloc(0));
    const fault = await faultOf(store.get(key, { bytesMax, range: { offset, length } }));
    expect([fault.kind, fault.code]).toEqual(['permanent', 'bad-range']);
  });

  test('a range is bounded by bytesMax, the object is not', async () => {
    await store.put('range/c', Buffer.alloc(5000));
    expect((await store.get('range/c', { bytesMax: 10, range: { offset: 4000, length: 10 } })).value?.bytes.length).toBe(10);
    expect((await faultOf(store.get('range/c', { bytesMax: 10, range: { offset: 0, length: 11 } }))).code).toBe('too-large');
  });

  test('a range of a missing object is null', async () => {
    expect((await store.get('range/none', { bytesMax, range: { offset: 0, length: 1 } })).value).toBeNull();
  });
}

function conditionalPuts(store: Datastore): void {
  test('R-L1: putIfAbsent creates once and never changes what is there', async () => {
    expect((await store.putIfAbsent('absent/a', text('first'))).value).toBe('created');
    expect((await store.putIfAbsent('absent/a', text('second'))).value).toBe('exists');
    expect((await store.putIfAbsent('absent/a', text('first'))).value).toBe('exists');
    expect((await read(store, 'absent/a'))?.toString()).toBe('first');
    await store.remove('absent/a');
    expect((await store.putIfAbsent('absent/a', text('third'))).value).toBe('created');
  });

  test('R-L1: of 16 racing putIfAbsent exactly one creates, 20 times over', async () => {
    for (let round = 0; round < 20; round++) {
      const key = `race/${String(round).padStart(16, '0')}`;
      const racers = Array.from({ length: 16 }, (_, i) => text(`racer ${i} ${'x'.repeat(i * 100)}`));
      const answers = await Promise.all(racers.map((bytes) => store.putIfAbsent(key, bytes)));
      const winners = answers.flatMap((answer, i) => (answer.value === 'created' ? [i] : []));
      expect(winners.length, key).toBe(1);
      expect((await read(store, key))?.equals(racers[winners[0] ?? -1] as Buffer)).toBe(true);
    }
  });
}

function streams(store: Datastore): void {
  async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const sha256 = (bytes: Buffer | undefined) =>
    createHash('sha256')
      .update(bytes ?? 'none')
      .digest('hex');

  test.each([
    [0, 1000],
    [1, 1],
    [8 * mebibyte, mebibyte],
    [8 * mebibyte + 1, 777_777],
    [20 * mebibyte + 13, 100_003],
  ])('a stream of %i bytes in chunks of %i is stored whole', async (size, chunkBytes) => {
    const bytes = randomBytes(size);
    await store.putStream(`stream/${size}`, size, () => chunks(bytes, chunkBytes));
    expect(sha256(await read(store, `stream/${size}`))).toBe(sha256(bytes));
    expect((await store.list(`stream/${size}`, { limit: 1 })).value.objects[0]?.size).toBe(size);
  });

  test.each([
    ['shorter', 9 * mebibyte - 1],
    ['longer', 9 * mebibyte + 1],
  ])('a source that is %s than announced stores nothing', async (word, given) => {
    const fault = await faultOf(store.putStream(`wrong/${word}`, 9 * mebibyte, () => chunks(Buffer.alloc(given), mebibyte)));
    expect([fault.kind, fault.code]).toEqual(['permanent', 'source-failed']);
    expect((await store.get(`wrong/${word}`, { bytesMax })).value).toBeNull();
    expect((await store.list('wrong/', {})).value.objects).toEqual([]);
  });

  test('the error of a source is the cause of the fault', async () => {
    const cause = new Error('the file vanished');
    async function* failing(): AsyncGenerator<Buffer> {
      yield Buffer.alloc(9 * mebibyte);
      throw cause;
    }
    const fault = await faultOf(store.putStream('failing/a', 20 * mebibyte, failing));
    expect([fault.kind, fault.code, fault.cause]).toEqual(['permanent', 'source-failed', cause]);
    expect((await store.get('failing/a', { bytesMax })).value).toBeNull();
  });
}

function listing(store: Datastore): void {
  const keysOf = async (prefix: string, options: { after?: Key; limit?: number } = {}) =>
    (await store.list(prefix, options)).value.objects.map((object) => object.key);
  const mixed = [
    'q/A',
    'q/Z',
    'q/a',
    'q/a-b',
    'q/a.d/x',
    'q/a0',
    'q/aa/b/c',
    'q/aa/b0',
    'q/b-x',
    'q/b.d/x',
    'q/b/c',
    'q/b/d',
    'q/z',
    'q=x',
  ];

  test('keys come in byte order, across folders', async () => {
    await each(mixed.length, (i) => store.put(mixed[i] as string, text('x')));
    expect(await keysOf('q')).toEqual([...mixed].sort());
    expect(await keysOf('q/a')).toEqual(mixed.filter((key) => key.startsWith('q/a')).sort());
  });

  test('a page begins behind any key, existing or not, and says whether more follow', async () => {
    await each(mixed.length, (i) => store.put(mixed[i] as string, text('x')));
    const sorted = mixed.filter((key) => key.startsWith('q/')).sort();
    for (const after of [...sorted, 'q/', 'q/a/', 'q/a-', 'q/aa', 'q/aa/', 'q/aa/b/zzz', 'q/zz', 'a', 'r']) {
      const rest = sorted.filter((key) => key > after);
      expect(await keysOf('q/', { after }), after).toEqual(rest);
      const page = (await store.list('q/', { after, limit: 2 })).value;
      expect(page.objects.map((object) => object.key)).toEqual(rest.slice(0, 2));
      expect(page.truncated).toBe(rest.length > 2);
    }
  });

  test('more than 1000 keys come in pages that neither skip nor repeat', async () => {
    const keys = Array.from({ length: 1205 }, (_, i) => `pages/log/${String(i * 7).padStart(16, '0')}`);
    await each(keys.length, (i) => store.put(keys[i] as string, text(`${i}`)));
    const found: string[] = [];
    for (let pages = 1; ; pages++) {
      const after = found.at(-1);
      const page = (await store.list('pages/log/', after === undefined ? {} : { after })).value;
      found.push(...page.objects.map((object) => object.key));
      if (!page.truncated) {
        expect(pages).toBe(2);
        break;
      }
      expect(page.objects.length).toBe(1000);
    }
    expect(found).toEqual(keys);
  });

  test('an entry tells size, time and a tag that changes with the object', async () => {
    await store.put('entry/a', text('12345'));
    const first = (await store.list('entry/', {})).value.objects[0];
    await store.put('entry/a', text('67890'));
    const second = (await store.list('entry/', {})).value.objects[0];
    expect(first?.size).toBe(5);
    expect(Math.abs((first?.modifiedMs ?? 0) - Date.now())).toBeLessThan(60_000);
    expect([second?.tag, second?.modifiedMs]).not.toEqual([first?.tag, first?.modifiedMs]);
  });

  test('a prefix without keys is an empty, complete page', async () => {
    expect((await store.list('no/such/prefix', {})).value).toEqual({ objects: [], truncated: false });
  });

  test('folders are distinct names in byte order, those without keys are none', async () => {
    for (const key of ['folders/b/log/1', 'folders/b/log/2', 'folders/a-1/x', 'folders/a/x', 'folders/file', 'folders/gone/x']) {
      await store.put(key, text('x'));
    }
    await store.remove('folders/gone/x');
    expect((await store.listFolders('folders/')).value).toEqual(['a', 'a-1', 'b']);
    expect((await store.listFolders('folders/b/')).value).toEqual(['log']);
    expect((await store.listFolders('folders/nothing/')).value).toEqual([]);
  });
}

function unfinished(store: Datastore, begin: () => Opened['begin']): void {
  test('what was begun and never finished is found and given up, once or twice; a finished upload is none', async () => {
    await store.putStream('unfinished/done', 9 * mebibyte, async function* () {
      yield Buffer.alloc(9 * mebibyte);
    });
    await store.put('unfinished/small', text('x'));
    const { value: before } = await store.unfinishedUploads('unfinished/');
    expect(before).toEqual([]);
    await begin()?.('unfinished/left');
    const { value: left } = await store.unfinishedUploads('unfinished/');
    expect(left.length).toBe(begin() === undefined ? 0 : 1);
    for (const { key, startedMs } of left) {
      expect(key.startsWith('unfinished/')).toBe(true);
      expect(startedMs).toBeLessThan(Date.now() + 60_000);
    }
    for (const upload of [...left, ...left]) await store.abortUpload(upload);
    expect((await store.unfinishedUploads('unfinished/')).value).toEqual([]);
    expect((await store.list('unfinished/', {})).value.objects.map((object) => object.key)).toEqual([
      'unfinished/done',
      'unfinished/small',
    ]);
  });
}

function dates(store: Datastore): void {
  test('every answer carries the date, and an object the time of its last put', async () => {
    const answers = [
      await store.put('dates/a', text('a')),
      await store.putIfAbsent('dates/b', text('b')),
      await store.putIfAbsent('dates/b', text('b')),
      await store.putStream('dates/c', 1, async function* () {
        yield text('c');
      }),
      await store.get('dates/a', { bytesMax }),
      await store.get('dates/none', { bytesMax }),
      await store.list('dates/', {}),
      await store.listFolders(''),
      await store.remove('dates/c'),
      await store.unfinishedUploads('dates/'),
    ];
    for (const { dateMs } of answers) expect(Math.abs(dateMs - Date.now())).toBeLessThan(60_000);
    const got = await store.get('dates/a', { bytesMax });
    expect(Math.abs((got.value?.modifiedMs ?? 0) - Date.now())).toBeLessThan(60_000);
  });
}
