import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Datastore } from '../../src/ports/datastore.ts';

const clients = 16;
const bytesMax = 1024 * 1024;

export interface Racers {
  /** Another client of the same store, with connections of its own. */
  readonly open: () => Promise<Datastore>;
  readonly rounds: number;
  readonly close: () => Promise<void>;
}

/** The log stands on this alone: of any number of conditional puts of one key exactly one creates it. */
export function conditionalPutRaces(name: string, start: () => Promise<Racers>): void {
  describe(`16 clients race: ${name}`, { timeout: 240_000 }, () => {
    let racers: Racers;
    let stores: Datastore[] = [];
    beforeAll(async () => {
      racers = await start();
      stores = await Promise.all(Array.from({ length: clients }, () => racers.open()));
    }, 60_000);
    afterAll(async () => {
      for (const store of stores) await store.close();
      await racers?.close();
    });

    test('R-L1: for one number, again and again: one wins, and all of them read its bytes', async () => {
      const log = `race-${randomUUID()}/log`;
      for (let round = 1; round <= racers.rounds; round++) {
        const key = numbered(log, round);
        const bodies = stores.map((_, racer) => Buffer.from(`racer ${racer} ${'x'.repeat((racer * 997) % 5000)}`));
        const answers = await Promise.all(stores.map((store, racer) => store.putIfAbsent(key, bodies[racer] as Buffer)));
        const winners = answers.flatMap(({ value }, racer) => (value === 'created' ? [racer] : []));
        expect(winners, `winners of ${key}`).toHaveLength(1);
        const read = await Promise.all(stores.map((store) => store.get(key, { bytesMax })));
        for (const { value } of read) expect(value?.bytes.equals(bodies[winners[0] ?? -1] as Buffer), key).toBe(true);
      }
    });

    test('R-L1: for the end of one log: every record once, in the order of its author, without a hole', async () => {
      const log = `chain-${randomUUID()}/log`;
      const each = Math.ceil(racers.rounds / 10);
      await Promise.all(stores.map((store, author) => append(store, log, author, each)));
      const [reader] = stores as [Datastore];
      const records: string[] = [];
      for (let number = 1; number <= clients * each; number++) {
        records.push((await reader.get(numbered(log, number), { bytesMax })).value?.bytes.toString() ?? 'hole');
      }
      for (const author of stores.keys()) {
        const own = records.filter((record) => record.startsWith(`${author}:`));
        expect(own).toEqual(Array.from({ length: each }, (_, n) => `${author}:${n}`));
      }
      expect((await reader.get(numbered(log, clients * each + 1), { bytesMax })).value).toBeNull();
    });
  });
}

/** Whoever loses a number reads it and tries the next one, as members do. */
async function append(store: Datastore, log: string, author: number, count: number): Promise<void> {
  let number = 1;
  for (let n = 0; n < count; n++) {
    while ((await store.putIfAbsent(numbered(log, number), Buffer.from(`${author}:${n}`))).value === 'exists') {
      expect((await store.get(numbered(log, number), { bytesMax })).value, 'who lost sees the winner at once').not.toBeNull();
      number++;
    }
    number++;
  }
}

function numbered(log: string, number: number): string {
  return `${log}/${String(number).padStart(16, '0')}`;
}
