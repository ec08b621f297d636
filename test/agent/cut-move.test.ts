import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ShareConfig } from '../../src/config-types.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { memberIn, type TestMember } from './member.ts';

const unlimited = { percent: 100, percentBelow40: 100, floor: 1_000_000, windowMs: 600_000 };

/** A cycle that ends behind the first new directory, as a kill or a long apply would end it. */
async function cutCycle(member: TestMember): Promise<void> {
  const stop = new AbortController();
  const { tree } = member.agent.ports;
  const { placeTree } = tree;
  const stopping = (...given: Parameters<typeof placeTree>) => {
    const placed = placeTree.apply(tree, given);
    stop.abort();
    return placed;
  };
  Object.assign(tree, { placeTree: stopping });
  await member.cycle({ signal: stop.signal });
  Object.assign(tree, { placeTree });
}

function moved(contentOf: (at: number) => string, config: Partial<ShareConfig> = {}): { a: TestMember; b: TestMember } {
  const home = temporaryDirectory();
  const [a, b] = [memberIn(home, 'a', { config }), memberIn(home, 'b')];
  mkdirSync(join(a.root, 'd'));
  for (let at = 0; at < 100; at++) writeFileSync(join(a.root, 'd', `f${at}`), contentOf(at));
  return { a, b };
}

test('R-G2: a move that was cut short behind its new files is no mass deletion', async () => {
  const { a, b } = moved((at) => `content ${at}`);
  await a.cycle();
  await b.cycle();
  renameSync(join(a.root, 'd'), join(a.root, 'e'));
  expect((await a.cycle()).held).toBe(false);
  await cutCycle(b);
  expect([b.journal.agreedCount().files, b.journal.wantCount().deletes]).toEqual([200, 101]);
  expect((await b.cycle()).held).toBe(false);
  expect([b.journal.agreedCount().files, b.journal.wantCount().deletes]).toEqual([100, 0]);
});

test('R-G2: a new file that is here excuses one deletion of equal content, once and for all', async () => {
  const { a, b } = moved((at) => (at < 60 ? 'the same' : `content ${at}`), { maxDelete: unlimited });
  await a.cycle();
  await b.cycle();
  mkdirSync(join(a.root, 'e'));
  writeFileSync(join(a.root, 'e', 'one'), 'the same');
  rmSync(join(a.root, 'd'), { recursive: true });
  expect((await a.cycle()).held).toBe(false);
  await cutCycle(b);
  for (let cycles = 0; cycles < 3; cycles++) {
    expect((await b.cycle()).held).toBe(true);
    expect(b.journal.agreedCount().files).toBe(100);
  }
});
