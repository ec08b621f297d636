import { expect, test } from 'vitest';
import { openJournal } from '../../src/adapters/sqlite.ts';
import { systemRandom, systemTime } from '../../src/adapters/system.ts';
import { birthLimits } from '../../src/model/limits.ts';
import type { ChangesPayload } from '../../src/model/record.ts';
import { noPrevious } from '../../src/model/record.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import { prepareAppend } from '../../src/steps/append.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { bucketIn } from '../agent/member.ts';

const header = { share: 'a'.repeat(32), author: { id: 'b'.repeat(32), name: 'web' }, sequence: 1, previous: noPrevious };
const extra = { freeAtMs: 0, notOnDisk: [] };

function payload(path: string): ChangesPayload {
  const entry = { kind: 'dir' as const, mode: 0o755, owner: null, group: null };
  return {
    kind: 'changes',
    changeset: 'c'.repeat(16),
    more: false,
    changes: [{ op: 'put', path, base: 0, entry }],
    locations: [],
    inline: [],
  };
}

function ports() {
  const home = temporaryDirectory();
  const touched: string[] = [];
  const store = bucketIn(home);
  const note = (name: string) => (key: string, bytes: Buffer) => {
    touched.push(`${name} ${key}`);
    return store.put(key, bytes);
  };
  const datastore: Datastore = {
    ...store,
    put: note('put'),
    putIfAbsent: async (key, bytes) => ({ ...(await note('create')(key, bytes)), value: 'created' }),
  };
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const journal = openJournal({ file: `${home}/journal` });
  return { datastore, journal, random: systemRandom, time: systemTime, log, touched };
}

test('R-S5: what the reader would refuse is never sent, and never enters the outbox', async () => {
  const given = ports();
  for (const path of ['../../etc/passwd', '/etc/passwd', 'a//b', 'a/./b', '']) {
    await expect(prepareAppend(given, 'webroot', header, payload(path), birthLimits, extra)).rejects.toThrow(/would be bad/);
  }
  expect(given.touched).toEqual([]);
  expect(given.journal.outbox()).toBeNull();
});

test('R-S1 R-S5: what the reader takes is in the outbox before anything is sent', async () => {
  const given = ports();
  const outbox = await prepareAppend(given, 'webroot', header, payload('a'), birthLimits, extra);
  expect(given.touched).toEqual([]);
  expect(given.journal.outbox()?.hash).toBe(outbox.hash);
  expect(given.journal.outbox()?.bytes.equals(outbox.bytes)).toBe(true);
});
