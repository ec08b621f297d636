import { appendFileSync, closeSync, openSync, readdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { contentHash } from '../../src/model/digest.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { memberIn } from './member.ts';

test('R-A2: a late write into what a killed burst displaced is found by the next run', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  const b = memberIn(home, 'b');
  for (const name of ['x', 'y']) writeFileSync(join(a.root, name), `${name}1`);
  await a.cycle();
  await b.cycle();
  writeFileSync(join(a.root, 'x'), 'x2, longer');
  appendFileSync(join(a.root, 'y'), ', longer');
  await a.cycle();
  const writer = openSync(join(b.root, 'x'), 'r+');
  const { journal, tree } = b.agent.ports;
  const placeOver = tree.placeOver.bind(tree);
  let placed = 0;
  tree.placeOver = (...call) => {
    if (placed++ > 0) throw new Error('killed');
    return placeOver(...call);
  };
  await expect(b.cycle()).rejects.toThrow('killed');
  tree.placeOver = placeOver;
  expect(journal.intents()).not.toEqual([]);
  writeSync(writer, 'written late', 0);
  closeSync(writer);
  await memberIn(home, 'b').cycle();
  await a.cycle();
  const kept = a.journal.versions('x').filter((row) => row.op === 'kept');
  expect(kept.map(({ entry }) => entry?.kind === 'file' && entry.hash)).toEqual([contentHash(Buffer.from('written late'))]);
  expect(readdirSync(b.root).sort()).toEqual(['x', 'y']);
});
