import type { Chance } from './chance.ts';
import { treeBelow } from './contents.ts';
import { Device } from './disk/device.ts';
import { type Machine, root } from './machine.ts';

/** What befalls servers and bucket, apart from single calls that fail. */
export const troubleWeights = {
  ...{ outage: 3, refused: 4, full: 3, badSector: 3, denied: 4, emptied: 3, covered: 3, rootAway: 2, clock: 3, reboot: 3, stop: 4 },
  ...{ restoreImage: 3, takeImage: 4, clone: 2, newMember: 3, loseJournal: 2, loseState: 1, damageJournal: 1, restoreBucket: 1, time: 3 },
  ...{ restoreDisk: 1 },
};
export type Trouble = keyof typeof troubleWeights;

const yearUs = 365 * 24 * 3600 * 1e6;

/** Another device stands where the directory was; what is below is out of sight. */
export function cover(machine: Machine, path: string): void {
  machine.happen(false, () => machine.disk.mount(new Device(90 + machine.mounts.length), path));
  machine.mounts.push(path);
}

/** Whatever is mounted over something goes. */
export function uncover(machine: Machine): void {
  for (const path of machine.mounts.splice(0).reverse()) machine.happen(false, () => machine.disk.unmount(path));
}

/** The root is somewhere else for a while. */
export function moveRootAway(machine: Machine): void {
  machine.happen(false, () => machine.user.rename(root, `${root}.away`));
}

export function moveRootBack(machine: Machine): void {
  if (machine.user.stat(`${root}.away`) === null) return;
  machine.happen(false, () => {
    if (machine.user.stat(root) !== null) machine.user.remove(root);
    machine.user.rename(`${root}.away`, root);
  });
}

export function turnClock(machine: Machine, chance: Chance): void {
  machine.clockOffsetUs = chance.maybe(0.3) ? 0 : Math.round((chance.fraction() * 8 - 4) * yearUs);
}

/** Some directory or file of the root answers with this errno until it is healed. */
export function spoil(machine: Machine, chance: Chance, errno: string): void {
  const paths = [...treeBelow(machine.disk, root).keys()];
  if (paths.length > 0) machine.disk.refused.set(`${root}/${chance.pick(paths)}`, errno);
}

export function fillUp(machine: Machine, chance: Chance): void {
  machine.disk.fullAt(machine.disk.deviceOf(root).usedBytes + chance.pick([0, 200]));
}

/** All that lasts is over. */
export function heal(machine: Machine): void {
  machine.disk.refused.clear();
  machine.disk.fullAt(Number.POSITIVE_INFINITY);
  uncover(machine);
  moveRootBack(machine);
  machine.clockOffsetUs = 0;
}
