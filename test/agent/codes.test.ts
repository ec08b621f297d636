import { randomBytes } from 'node:crypto';
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { wantProblems } from '../../src/agent/wants.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { documented } from '../documented.ts';
import { memberIn } from './member.ts';

test('bucket-emptied: the share is gone, and the journal has lost what it knew of its format', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  writeFileSync(join(a.root, 'f'), 'x');
  await a.cycle();
  rmSync(join(home, 'bucket/shop'), { recursive: true });
  a.journal.setMeta('format', null);
  const { halt } = await a.cycle();
  expect(halt).toMatchObject({ code: 'bucket-emptied', text: expect.stringMatching(documented('bucket-emptied')) });
});

test('busy: a file that is written to whenever a newer version of it is on its way', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  let [file, writes] = ['', 0];
  const through = (datastore: Datastore) =>
    new Proxy(datastore, {
      get: (store, name: keyof Datastore) => (name === 'get' ? disturbed(store) : (store[name] as () => unknown).bind(store)),
    });
  const disturbed =
    (store: Datastore): Datastore['get'] =>
    async (key, options) => {
      if (key.includes('/packs/')) appendFileSync(file, String(++writes));
      return await store.get(key, options);
    };
  const b = memberIn(home, 'b', { through, config: { conflict: 'remote' } });
  file = join(b.root, 'f');
  writeFileSync(join(a.root, 'f'), randomBytes(100_000));
  await a.cycle();
  await b.cycle();
  writeFileSync(join(a.root, 'f'), randomBytes(100_000));
  await a.cycle();
  for (let cycle = 0; cycle < 5; cycle++) await b.cycle();
  const [busy] = (await b.cycle()).problems;
  expect(writes).toBeGreaterThan(2);
  expect(busy).toMatchObject({ code: 'busy', path: 'f', text: expect.stringMatching(documented('busy')) });
});

test('unsupported: a name that the file system cannot hold waits with the sentence of docs/8', () => {
  const a = memberIn(temporaryDirectory(), 'a');
  const want = { entry: null, version: 1, atMs: 0, approved: false, reason: 'unsupported' as const, detail: 'ENAMETOOLONG', attempts: 1 };
  a.journal.transaction(() => a.journal.putWant({ ...want, path: 'f' }));
  const [problem] = wantProblems(a.journal, 'both');
  expect(problem).toMatchObject({ code: 'unsupported', path: 'f', text: expect.stringMatching(documented('unsupported')) });
});
