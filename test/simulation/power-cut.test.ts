import { rmSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { type Machine, root } from './machine.ts';
import { type Death, World } from './world.ts';

const longMs = 5 * 60_000;

/** Two members that publish, and nothing that goes wrong by itself. */
function quietPair(seed: number, mortality: (machine: Machine, what: string) => Death): { world: World; one: Machine; other: Machine } {
  const world = new World({ seed, members: 2, mortality: (machine, _, what) => mortality(machine, what) });
  world.quieten();
  world.calm = true;
  onTestFinished(() => rmSync(world.home, { recursive: true, force: true }));
  const [one, other] = world.machines.map((machine) =>
    Object.assign(machine, { config: { ...machine.config, role: 'both', conflict: 'newest' } }),
  ) as [Machine, Machine];
  return { world, one, other };
}

test('R-I4: what a power cut took back right after a cycle is no deletion, and what it brought back no creation', {
  timeout: longMs,
}, async () => {
  const { world, one, other } = quietPair(2, () => null);
  one.happen(true, () => {
    one.user.makeDirectory(`${root}/a/b`);
    one.user.write(`${root}/a/b/deep`, 'deep');
    one.user.write(`${root}/gone`, 'soon gone');
    one.user.makeLink('a', `${root}/link`);
  });
  await world.run(one, 'sync');
  await world.run(other, 'sync');
  one.happen(true, () => {
    one.user.remove(`${root}/gone`);
    one.user.write(`${root}/new`, 'new');
  });
  await world.run(one, 'sync');
  await world.run(other, 'sync');
  const { head } = world.log;
  // The file system forgets all that it may; the journal, on another one, was written in time.
  const before = other.witness.see();
  other.disk.crash(() => 0);
  other.witness.forget(before);
  await world.run(other, 'sync');
  expect(world.log.head).toBe(head);
  expect(other.user.list(root).sort()).toEqual(one.user.list(root).sort());
  expect(other.user.read(`${root}/a/b/deep`)).toBe('deep');
});

test('R-I4: after a power cut in the midst of an apply nothing that others wrote is taken for an edit made here', {
  timeout: longMs,
}, async () => {
  for (let seed = 1; seed <= 12; seed++) {
    let cuts = 0;
    let armed = false;
    const { world, one, other } = quietPair(seed, (machine, what) => {
      const isTheMoment = machine.name === 'm2' && what === `at fsync ${root}` && cuts === 0 && armed;
      cuts += isTheMoment ? 1 : 0;
      return isTheMoment ? 'power-cut' : null;
    });
    const write = async (text: string) => {
      one.happen(true, () => one.user.save(`${root}/page`, text));
      await world.run(one, 'sync');
    };
    await write('first');
    await world.run(other, 'sync');
    await write('second');
    armed = true;
    await world.run(other, 'sync');
    expect(cuts).toBe(1);
    await write('third, and last');
    // An older time: only its place in the log makes it the newer version.
    one.happen(true, () => one.user.touch(`${root}/page`, 1_000_000));
    await world.run(one, 'sync');
    await world.run(other, 'sync');
    await world.run(one, 'sync');
    expect([one.user.read(`${root}/page`), other.user.read(`${root}/page`)]).toEqual(['third, and last', 'third, and last']);
  }
});
