import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { bounded } from '../../src/adapters/bounded.ts';
import { counting } from '../../src/adapters/counting.ts';
import type { Datastore } from '../../src/ports/datastore.ts';

/** A store whose calls end when told. */
function manual() {
  const running: { key: string; end: (error?: Error) => void }[] = [];
  const call = (key: string) =>
    new Promise((resolve, reject) => {
      running.push({ key, end: (error) => (error ? reject(error) : resolve({ value: null, dateMs: 0 })) });
    });
  return { store: { get: call, put: call, putStream: call } as unknown as Datastore, running };
}

test('at most callsMax calls run at once, in order, and a failed call frees its place', async () => {
  const { store, running } = manual();
  const narrow = bounded(store, { callsMax: 2 });
  const calls = ['a', 'b', 'c', 'd'].map((key) => narrow.get(key, { bytesMax: 1 }).catch(() => 'failed'));
  await turn();
  expect(running.map((call) => call.key)).toEqual(['a', 'b']);
  running[1]?.end(new Error('x'));
  await turn();
  expect(running.map((call) => call.key)).toEqual(['a', 'b', 'c']);
  running[0]?.end();
  await turn();
  for (const call of running) call.end();
  expect(await calls[1]).toBe('failed');
  await Promise.all(calls);
  expect(running.map((call) => call.key)).toEqual(['a', 'b', 'c', 'd']);
});

test('R-P4: small calls find room beside long uploads', async () => {
  const { store, running } = manual();
  const narrow = bounded(store, { callsMax: 3, streamsMax: 2 });
  const calls = ['s1', 's2', 's3'].map((key) => narrow.putStream(key, 1, async function* () {}));
  calls.push(narrow.put('small', Buffer.alloc(1)));
  await turn();
  expect(running.map((call) => call.key).sort()).toEqual(['s1', 's2', 'small']);
  running[0]?.end();
  await turn();
  for (let i = 0; i < 4; i++) {
    for (const call of running) call.end();
    await turn();
  }
  await Promise.all(calls);
  expect(running.length).toBe(4);
});

test('counting counts calls, bytes and faults per operation', async () => {
  const answer = { value: undefined, dateMs: 0 };
  const store = {
    put: async () => answer,
    putStream: async () => answer,
    get: async (key: string) => ({ ...answer, value: key === 'none' ? null : { bytes: Buffer.alloc(7), modifiedMs: 0 } }),
    remove: async () => Promise.reject(new Error('x')),
  } as unknown as Datastore;
  const counted = counting(store);
  await counted.put('a', Buffer.alloc(5));
  await counted.put('a', Buffer.alloc(6));
  await counted.putStream('a', 100, async function* () {});
  await counted.get('a', { bytesMax: 9 });
  await counted.get('none', { bytesMax: 9 });
  await counted.remove('a').catch(() => undefined);
  expect(counted.counts()).toMatchObject({
    put: { calls: 2, sentBytes: 11, faults: 0 },
    putStream: { calls: 1, sentBytes: 100 },
    get: { calls: 2, receivedBytes: 7 },
    remove: { calls: 1, faults: 1 },
    list: { calls: 0 },
  });
});
