import { mkdirSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openDirectory } from '../../src/adapters/directory.ts';
import { systemRandom, systemTime } from '../../src/adapters/system.ts';
import { checkStore } from '../../src/agent/check-store.ts';
import type { Finding } from '../../src/model/finding.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';

/** What is found in a directory store of which some calls behave otherwise. */
async function problemsOf(flaw: (store: Datastore) => Partial<Datastore>): Promise<[string, string][]> {
  const path = `${temporaryDirectory()}/store`;
  mkdirSync(path);
  const sound = openDirectory({ path, federation: 'shop' });
  const names = ['get', 'put', 'putIfAbsent', 'putStream', 'list', 'listFolders', 'remove', 'close'] as const;
  const bound = Object.fromEntries(names.map((name) => [name, sound[name].bind(sound)])) as unknown as Datastore;
  const datastore = { ...bound, ...flaw(bound) };
  const findings: Finding[] = [];
  const ports = { datastore, time: systemTime, random: systemRandom, signal: new AbortController().signal };
  for await (const each of checkStore(ports, true)) findings.push(each);
  expect((await bound.list('', {})).value.objects).toEqual([]);
  expect(readdirSync(`${path}/shop`)).toEqual(['.incoming']);
  return findings.filter(({ verdict }) => verdict !== 'ok').map(({ check, text }) => [check, text]);
}

test('a sound store has no problem', async () => {
  expect(await problemsOf(() => ({}))).toEqual([]);
});

test('R-L5: a store that ignores the condition lets all 16 win', async () => {
  const flaw = (store: Datastore) => ({
    putIfAbsent: async (key: string, bytes: Buffer) => ({ ...(await store.put(key, bytes)), value: 'created' as const }),
  });
  expect(await problemsOf(flaw)).toEqual([['conditional-put', '16 of 16 puts of one new key succeeded, where one may']]);
});

test('R-L5: a store that tells the wrong racer that it has won', async () => {
  let told = 0;
  const flaw = (store: Datastore) => ({
    putIfAbsent: async (key: string, bytes: Buffer) => ({
      ...(await store.putIfAbsent(key, bytes)),
      value: told++ === 5 ? ('created' as const) : ('exists' as const),
    }),
  });
  expect((await problemsOf(flaw))[0]?.[0]).toBe('conditional-put');
});

test('R-L5: a store that replaces what stands once the race is over', async () => {
  let puts = 0;
  const flaw = (store: Datastore) => ({
    putIfAbsent: async (key: string, bytes: Buffer) =>
      puts++ < 16 ? store.putIfAbsent(key, bytes) : { ...(await store.put(key, bytes)), value: 'created' as const },
  });
  expect(await problemsOf(flaw)).toEqual([['conditional-put', 'a put with If-None-Match: * replaced an object']]);
});

test('changed bytes end the examination of writes', async () => {
  const flaw = (store: Datastore) => ({ put: (key: string, bytes: Buffer) => store.put(key, Buffer.concat([bytes, Buffer.from('\n')])) });
  expect((await problemsOf(flaw)).map(([check]) => check)).toEqual(['put']);
});

test('a listing in another order, a deletion that does not happen, a stream that is cut', async () => {
  const reversed = (store: Datastore) => ({
    list: async (prefix: string, options: { after?: string; limit?: number }) => {
      const answer = await store.list(prefix, options);
      return { ...answer, value: { ...answer.value, objects: [...answer.value.objects].reverse() } };
    },
  });
  expect((await problemsOf(reversed)).map(([check]) => check)).toEqual(['list-order']);
  let removals = 0;
  const kept = (store: Datastore) => ({
    remove: async (key: string) => (removals++ === 0 ? { value: undefined, dateMs: systemTime.wallMs() } : store.remove(key)),
  });
  expect((await problemsOf(kept)).map(([check]) => check)).toEqual(['delete']);
  const cut = (store: Datastore) => ({ putStream: async (key: string) => store.put(key, Buffer.alloc(70_000)) });
  expect((await problemsOf(cut)).map(([check]) => check)).toEqual(['multipart']);
});
