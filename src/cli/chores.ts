import { type Schedule, startSchedule } from '../adapters/scheduler.ts';
import type { ShareConfig } from '../config-types.ts';
import { phaseOf } from '../model/phase.ts';

/** Members with the same config must not begin at once; what a person asks for by the minute still comes soon. */
const spreadMsMax = 10 * 60_000;

export interface Chores {
  housekeep(): void;
  verify(): void;
}

/** Begins what the config schedules for a share, each at its own time after the expression's. */
export async function scheduleChores(
  { name, housekeep, verify }: ShareConfig,
  member: string,
  chores: Chores,
): Promise<readonly Schedule[]> {
  const spreadMs = (what: string) => spreadMsMax * phaseOf(`${what} of ${name} on ${member}`);
  return [
    ...(housekeep === null ? [] : [await startSchedule(housekeep, chores.housekeep, spreadMs('housekeep'))]),
    ...(verify === null ? [] : [await startSchedule(verify.at, chores.verify, spreadMs('verify'))]),
  ];
}
