import { rmSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import type { Change } from '../../src/model/change.ts';
import { contentHash } from '../../src/model/digest.ts';
import type { FileEntry } from '../../src/model/entry.ts';
import { Deeds } from './deeds.ts';
import { judgeBy } from './judge.ts';
import { outside, root } from './machine.ts';
import { World } from './world.ts';

const longMs = 60_000;

test('R-A2: what is written into a displaced file by its other name is kept where the file stood, and is no foreign content', {
  timeout: longMs,
}, async () => {
  let isApplying = false;
  let writes = 0;
  const world = new World({
    seed: 5,
    members: 2,
    // Right after the new version came in its place, and before the second look at the old one.
    mortality: (machine, _, what) => {
      if (isApplying && machine.name === 'm2' && what === `at fsync ${root}` && writes++ === 0)
        machine.happen(true, () => machine.user.write(`${root}/other`, 'by its other name'));
      return null;
    },
  });
  world.quieten();
  world.calm = true;
  onTestFinished(() => rmSync(world.home, { recursive: true, force: true }));
  const [one, two] = world.machines.map((machine) => Object.assign(machine, { config: { ...machine.config, role: 'both' } }));
  if (one === undefined || two === undefined) throw new Error('there are two of them');
  two.happen(true, () => {
    two.user.write(`${root}/page`, 'first');
    two.user.hardLink(`${root}/page`, `${root}/other`);
  });
  await world.run(two, 'sync');
  await world.run(one, 'sync');
  one.happen(true, () => one.user.save(`${root}/page`, 'second'));
  await world.run(one, 'sync');
  isApplying = true;
  await world.run(two, 'sync');
  expect(writes).toBeGreaterThan(0);
  await world.settle();
  expect([one.user.read(`${root}/page`), one.user.read(`${root}/other`)]).toEqual(['second', 'by its other name']);
  expect(world.log.history('page').map(({ op, key }) => [op, key])).toContainEqual(['kept', keyOf('by its other name')]);
});

test('what was written late may be kept where the file stood, and may be nothing else and nowhere else', () => {
  const deeds = new Deeds();
  const judge = judgeBy(deeds);
  const judged = (change: Change) => () => judge(change, { id: 'a', name: 'm1' }, null, { relaxed: false } as never);
  deeds.wroteDisplaced('name in the trash', keyOf('late'));
  expect(judged(kept('page', 'late'))).toThrow('nobody has ever put');
  deeds.displaced('name in the trash', 'page');
  expect(judged(kept('page', 'late'))).not.toThrow();
  expect(judged(kept('page', 'foreign'))).toThrow('nobody has ever put');
  expect(judged(kept('elsewhere', 'late'))).toThrow('nobody has ever put');
  expect(judged({ op: 'put', path: 'page', base: 0, entry: fileOf('late') } as Change)).toThrow('nobody has ever put');
});

test('a user may write outside of the root through a link in it, and nobody else may', () => {
  const world = new World({ seed: 5, members: 1 });
  onTestFinished(() => rmSync(world.home, { recursive: true, force: true }));
  const [machine] = world.machines;
  if (machine === undefined) throw new Error('there is one');
  machine.happen(true, () => {
    machine.user.makeLink(`${outside}/d`, `${root}/link`);
    machine.user.write(`${root}/link/f`, 'by a user');
  });
  expect(machine.user.read(`${outside}/d/f`)).toBe('by a user');
  expect(() => machine.assertOutside()).not.toThrow();
  machine.user.write(`${outside}/d/f`, 'by an agent');
  expect(() => machine.assertOutside()).toThrow('outside of the root');
});

function kept(path: string, text: string): Change {
  return { op: 'kept', path, lostTo: 1, entry: fileOf(text) } as Change;
}

function fileOf(text: string): FileEntry {
  const hash = contentHash(Buffer.from(text));
  return { kind: 'file', mode: 0o644, mtimeUs: 0, size: text.length, hash, chunks: null, owner: null, group: null };
}

function keyOf(text: string): string {
  return `file ${contentHash(Buffer.from(text))}`;
}
