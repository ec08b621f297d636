import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { logKey } from '../../src/model/keys.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { type MemberOptions, memberIn } from './member.ts';

type Death = 'before the put' | 'after the put';

/** Dies at its first put of a record once `armed`; its later life goes through. */
function dying(when: Death, armed: () => boolean): NonNullable<MemberOptions['through']> {
  return (store: Datastore) => {
    const putIfAbsent: Datastore['putIfAbsent'] = async (key, bytes) => {
      const dies = armed() && key.includes('/log/');
      if (dies && when === 'before the put') throw new Error('killed');
      const answer = await store.putIfAbsent(key, bytes);
      if (dies) throw new Error('killed');
      return answer;
    };
    return new Proxy(store, { get: (target, name) => (name === 'putIfAbsent' ? putIfAbsent : Reflect.get(target, name).bind(target)) });
  };
}

function logFile(home: string, sequence: number): string {
  return join(home, 'bucket', 'shop', logKey('webroot', sequence));
}

/** b has record `sequence` in its outbox, killed around the put; then a goes on for three records. `watch` stands before b's store. */
async function leftBehind(death: Death, sequence: 1 | 3, watch = (store: Datastore) => store) {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  let armed = false;
  const b = memberIn(home, 'b', { through: (store) => watch(dying(death, () => armed)(store)) });
  for (let record = 1; record < sequence; record++) {
    writeFileSync(join(a.root, 'x'), 'x'.repeat(record));
    await a.cycle();
    await b.cycle();
  }
  armed = true;
  writeFileSync(join(b.root, 'of-b'), 'of b');
  await expect(b.cycle()).rejects.toThrow('killed');
  armed = false;
  for (let round = 1; round <= 3; round++) {
    writeFileSync(join(a.root, 'y'), 'y'.repeat(round));
    await a.cycle();
  }
  expect(b.journal.outbox()?.sequence).toBe(sequence);
  return { home, a, b };
}

const places = [1, 3] as const;

test.each(places)('R-S3: a record that is put into a hole at number %i is taken back', async (sequence) => {
  const { home, b } = await leftBehind('before the put', sequence);
  for (let gone = 1; gone <= sequence + 1; gone++) rmSync(logFile(home, gone));
  // Another life was killed right after it had put it there.
  writeFileSync(logFile(home, sequence), b.journal.outbox()?.bytes ?? '');
  await b.cycle();
  expect(existsSync(logFile(home, sequence))).toBe(false);
  expect(b.journal.outbox()).toBeNull();
  expect(b.journal.records(10).map((row) => row.sequence)).toEqual(sequence === 1 ? [] : [2, 1]);
});

test.each(places)(
  'R-S3: a record that strayed right before the first one that is left is taken back: nothing chains to it',
  async (sequence) => {
    const { home, b } = await leftBehind('before the put', sequence);
    writeFileSync(logFile(home, sequence), b.journal.outbox()?.bytes ?? '');
    await b.cycle();
    expect(existsSync(logFile(home, sequence))).toBe(false);
  },
);

test('R-S3: what others have chained to stays, although its predecessor is gone by now', async () => {
  const { home, b } = await leftBehind('after the put', 3);
  for (const gone of [1, 2]) rmSync(logFile(home, gone));
  await b.cycle();
  expect(existsSync(logFile(home, 3))).toBe(true);
  expect(b.journal.agreed('of-b')?.version).toBe(3);
  expect(b.journal.meta('cursor')).toBe('6');
});

test.each(places)(
  'R-S3: nobody meets a stray record at number %i, since a number that the log has left behind is not written to',
  async (sequence) => {
    const puts: string[] = [];
    const watch = (store: Datastore): Datastore =>
      new Proxy(store, {
        get: (target, name) => {
          const call = Reflect.get(target, name).bind(target);
          return (...values: unknown[]) => {
            if (name === 'putIfAbsent') puts.push(String(values[0]));
            return call(...values);
          };
        },
      });
    const { home, b } = await leftBehind('before the put', sequence, watch);
    for (let gone = 1; gone <= sequence; gone++) rmSync(logFile(home, gone));
    puts.length = 0;
    await b.cycle();
    expect(puts).not.toContain(logKey('webroot', sequence));
    expect(b.journal.outbox()).toBeNull();
  },
);
