import { existsSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { memberIn, type TestMember } from './member.ts';

const files = 10_500;

/** More than fits into one part, with a link that comes first by its name, and directories on both sides of the cut. */
function fill(root: string): void {
  for (let at = 0; at < files; at++) {
    if (at % 500 === 0) mkdirSync(join(root, `d${at / 500}`));
    writeFileSync(join(root, `d${Math.floor(at / 500)}`, `f${at}`), `${at % 7000}`);
  }
  symlinkSync('d20/f10400', join(root, 'a-link'));
}

/** A store whose conditional puts to the log go through `change`, by their number. */
function onAppend(change: (number: number, put: () => Promise<unknown>) => Promise<void>) {
  let number = 0;
  return (store: Datastore): Datastore => ({
    ...{ get: store.get.bind(store), put: store.put.bind(store), putStream: store.putStream.bind(store) },
    ...{ list: store.list.bind(store), listFolders: store.listFolders.bind(store), remove: store.remove.bind(store) },
    ...{
      unfinishedUploads: store.unfinishedUploads.bind(store),
      abortUpload: store.abortUpload.bind(store),
      close: store.close.bind(store),
    },
    putIfAbsent: async (key, bytes) => {
      if (key.includes('/log/')) await change(++number, () => store.putIfAbsent(key, bytes));
      return await store.putIfAbsent(key, bytes);
    },
  });
}

function changes({ journal }: TestMember) {
  return journal
    .records(100)
    .filter((row) => row.kind === 'changes')
    .reverse();
}

test('R-P4: a large new tree is published part by part, its links in the last record of the changeset', { timeout: 120_000 }, async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  fill(a.root);
  const outcome = await a.cycle();
  expect(outcome.problems).toEqual([]);
  expect(outcome.counts.published).toBe(files + 21 + 1);
  const records = changes(a);
  expect(records.map(({ more }) => more)).toEqual([true, false]);
  expect(new Set(records.map(({ changeset }) => changeset)).size).toBe(1);
  expect(a.journal.versions('a-link').map(({ version }) => version)).toEqual([records.at(-1)?.sequence]);
  expect((await a.cycle()).counts.published).toBe(0);
  const b = memberIn(home, 'b');
  await b.cycle();
  expect(b.journal.meta('digest')).toBe(a.journal.meta('digest'));
  expect(b.journal.wantCount()).toEqual({ puts: 0, deletes: 0, bytes: 0 });
  expect(readlinkSync(join(b.root, 'a-link'))).toBe('d20/f10400');
});

test('R-S2: who loses a race between two parts takes in what came, and publishes the rest after it', { timeout: 120_000 }, async () => {
  const home = temporaryDirectory();
  const b = memberIn(home, 'b');
  let [raced, own] = [false, 0];
  const a = memberIn(home, 'a', {
    config: { join: 'merge' },
    through: onAppend(async () => {
      if (++own !== 2) return;
      // Another member, which has the first part, gets the number.
      writeFileSync(join(b.root, 'of-b'), 'b');
      raced = (await b.cycle()).counts.records > 0;
    }),
  });
  await b.cycle();
  fill(a.root);
  await a.cycle();
  expect(raced).toBe(true);
  await b.cycle();
  await a.cycle();
  expect(existsSync(join(b.root, 'a-link')) && existsSync(join(b.root, `d20/f${files - 1}`))).toBe(true);
  expect(a.journal.meta('digest')).toBe(b.journal.meta('digest'));
});

test('R-P4: a publisher killed between two parts goes on, and the changeset ends', { timeout: 120_000 }, async () => {
  const home = temporaryDirectory();
  const killed = onAppend(async (number) => {
    if (number === 2) throw new Error('killed');
  });
  const a = memberIn(home, 'a', { through: killed });
  fill(a.root);
  await expect(a.cycle()).rejects.toThrow('killed');
  expect(changes(a).map(({ more }) => more)).toEqual([true]);
  const again = memberIn(home, 'a');
  await again.cycle();
  expect(changes(again).map(({ more }) => more)).toEqual([true, false]);
  expect(again.journal.agreedCount()).toMatchObject({ files, links: 1 });
});
