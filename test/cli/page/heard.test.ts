import { expect, test } from 'vitest';
import { Heard } from '../../../src/cli/page/heard.ts';
import type { Datastore, Listed } from '../../../src/ports/datastore.ts';

function clock() {
  let nowMs = 0;
  const sleeps: number[] = [];
  const sleep = async (ms: number) => {
    sleeps.push(ms);
    nowMs += ms;
  };
  return { time: { wallMs: () => nowMs, monotonicMs: () => nowMs, sleep }, sleeps };
}

/** Answers with these documents, and counts. */
function bucket(documents: Readonly<Record<string, object>>) {
  const asked: string[] = [];
  const get = async (key: string) => {
    asked.push(key);
    return { value: { bytes: Buffer.from(JSON.stringify(documents[key])), modifiedMs: 0 }, dateMs: 0 };
  };
  return { asked, datastore: { get } as unknown as Datastore };
}

const listed = (key: string, changes: Partial<Listed> = {}): Listed => ({ key, size: 1, modifiedMs: 1, tag: 't', ...changes });
const said = { id: 'i', name: 'web', cursor: 1, atMs: 1 };

test('a heartbeat is read again only when the listing shows another object, or after it was forgotten', async () => {
  const heard = new Heard(clock().time);
  const { asked, datastore } = bucket({ a: said });
  const read = async (one: Listed) => (await heard.read(datastore, one))?.name;
  expect([await read(listed('a')), await read(listed('a'))]).toEqual(['web', 'web']);
  expect(asked).toHaveLength(1);
  for (const change of [{ size: 2 }, { size: 2, modifiedMs: 2 }, { size: 2, modifiedMs: 2, tag: 'u' }]) await read(listed('a', change));
  expect(asked).toHaveLength(4);
  heard.clear();
  await read(listed('a', { size: 2, modifiedMs: 2, tag: 'u' }));
  expect(asked).toHaveLength(5);
});

test('a thousand heartbeats take twenty seconds, so that they cost fifty requests a second at most', async () => {
  const { time } = clock();
  const heard = new Heard(time);
  const keys = Array.from({ length: 1000 }, (_, n) => `k${n}`);
  const { asked, datastore } = bucket(Object.fromEntries(keys.map((key) => [key, said])));
  await Promise.all(keys.map((key) => heard.read(datastore, listed(key))));
  expect(asked).toHaveLength(1000);
  expect(time.monotonicMs()).toBeGreaterThanOrEqual(19_900);
});

test('what is kept of a heartbeat is bounded, whatever stands in it', async () => {
  const heard = new Heard(clock().time);
  const long = 'x'.repeat(20_000);
  const holds = [
    { id: long, paths: 1, why: long },
    { id: 'ab12', paths: 2, why: long },
  ];
  const { datastore } = bucket({
    a: { ...said, id: long, name: long, version: long, hash: long, holds, more: long, troubles: [{ code: long, path: long, text: long }] },
  });
  const kept = await heard.read(datastore, listed('a'));
  expect(kept?.holds.map(({ id }) => id)).toEqual(['ab12']);
  expect(JSON.stringify(kept).length).toBeLessThan(4000);
});

test('what is no heartbeat is nobody', async () => {
  const heard = new Heard(clock().time);
  const { datastore } = bucket({ a: { name: 'no id' } });
  expect(await heard.read(datastore, listed('a'))).toBeNull();
});
