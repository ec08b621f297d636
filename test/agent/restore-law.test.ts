import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Asked } from '../../src/agent/earlier.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { editOnce } from '../e2e/support/edits.ts';
import { dice } from '../e2e/support/random.ts';
import { differences, snapshot, type Tree } from '../e2e/support/tree.ts';
import { memberIn, type TestMember } from './member.ts';

const options = { dryRun: false, signal: new AbortController().signal };
const open = { config: { maxDelete: { percent: 100, percentBelow40: 100, floor: 1_000_000, windowMs: 600_000 } } };
const rounds = 12;

async function bring(member: TestMember, asked: Asked): Promise<void> {
  expect(await member.agent.restore(asked, new Map(), options)).toMatchObject({ result: 'done', conflicts: [] });
  await member.cycle();
}

function cursorOf(member: TestMember): number {
  return Number(member.journal.meta('cursor') ?? '0');
}

test.each([1, 2, 3, 4, 5, 6])(
  'seed %i: any state that two members once had comes back exactly, on both',
  { timeout: 120_000 },
  async (seed) => {
    const home = temporaryDirectory();
    const [a, b] = [memberIn(home, 'a', open), memberIn(home, 'b', open)];
    const random = dice(seed);
    // An emptied root would be held, which is another matter.
    writeFileSync(join(a.root, 'keep'), 'no edit touches it');
    await a.cycle();
    await b.cycle();
    const told: string[] = [];
    const states: { cursor: number; tree: Tree }[] = [];
    const expectTree = (member: TestMember, wanted: Tree, what: string) =>
      expect(differences(wanted, snapshot(member.root)), [...told, what].join('\n')).toEqual([]);
    for (let round = 0; round < rounds; round++) {
      const [author, other] = random.oneIn(2) ? [a, b] : [b, a];
      const before = states.at(-1);
      for (let edits = 1 + random.below(6); edits > 0; edits--) told.push(editOnce(author.root, random));
      await author.cycle();
      const tree = snapshot(author.root);
      await other.cycle();
      expectTree(other, tree, `round ${round}`);
      if (before !== undefined && random.oneIn(3) && cursorOf(author) > before.cursor) {
        told.push(`undo ${cursorOf(author)}`);
        await bring(other, { ask: 'undo', sequence: cursorOf(author) });
        expectTree(other, before.tree, 'the undo');
        await author.cycle();
        expectTree(author, before.tree, 'the undo, at the other member');
      }
      states.push({ cursor: cursorOf(a), tree: snapshot(a.root) });
    }
    for (const { cursor, tree } of random.shuffled(states).slice(0, 5)) {
      const [asker, other] = random.oneIn(2) ? [a, b] : [b, a];
      told.push(`back to ${cursor}`);
      await bring(asker, { ask: 'version', path: '', version: cursor, k: 0, exact: true });
      expectTree(asker, tree, 'here');
      await other.cycle();
      expectTree(other, tree, 'there');
    }
    expect(b.journal.meta('digest')).toBe(a.journal.meta('digest'));
  },
);
