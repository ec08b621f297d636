import type { FixedMetadata, ShareConfig } from '../../src/config-types.ts';
import { birthFormat, type ShareFormat } from '../../src/model/format.ts';
import { birthLimits } from '../../src/model/limits.ts';
import { adaptivePoll } from '../../src/model/pace.ts';
import type { Chance } from './chance.ts';
import type { MachineRates } from './machine.ts';
import type { NetworkRates } from './network.ts';
import type { Trouble } from './troubles.ts';
import type { Work } from './workload.ts';

const hourMs = 3600 * 1000;
const dayMs = 24 * hourMs;

/** Everything about a run that is decided before it begins. */
export interface Draws {
  readonly members: number;
  readonly operations: number;
  readonly format: ShareFormat;
  /** Size from which a file goes to the bucket by itself. */
  readonly largeBytes: number;
  readonly network: NetworkRates;
  readonly machine: MachineRates;
  readonly trashMs: number;
  readonly pageKeys: number;
  /** Mean pause between two things that people do, and between two processes of a machine, ms. */
  readonly workPauseMs: number;
  readonly cyclePauseMs: number;
  /** How often trouble comes instead of work. */
  readonly trouble: number;
  /** Ends with days that pass, and with housekeeping. */
  readonly ages: boolean;
}

/** What comes more often than it is drawn: to look for one thing. Rates replace those that were drawn. */
export interface Emphasis {
  readonly members?: number;
  readonly network?: Partial<NetworkRates>;
  readonly machine?: Partial<MachineRates>;
  readonly trouble?: number;
  /** Instead of the usual weights. */
  readonly troubles?: Partial<Record<Trouble, number>>;
  /** Beside the usual weights. */
  readonly work?: Partial<Record<Work, number>>;
  readonly ages?: boolean;
  readonly historyMs?: number;
}

export function emphasised(draws: Draws, { network, machine, trouble, ages, historyMs }: Emphasis): Draws {
  return {
    ...draws,
    format: { ...draws.format, historyMs: historyMs ?? draws.format.historyMs },
    network: { ...draws.network, ...network },
    machine: { ...draws.machine, ...machine },
    trouble: trouble ?? draws.trouble,
    ages: ages ?? draws.ages,
  };
}

/** Small numbers everywhere, so that a few files need several packs, bodies, parts, changesets and pages. */
export function drawFormat(chance: Chance, historyMs: number): ShareFormat {
  const packBytesMax = chance.pick([1024, 2048, 4096, 16 * 1024]);
  return {
    ...birthFormat(chance.hex(16), historyMs, { atMs: 0, by: 'nobody' }),
    limits: {
      ...birthLimits,
      packBytesMax,
      recordBytesMax: chance.pick([birthLimits.recordBytesMax, 3000]),
      inlineBytesMax: chance.pick([birthLimits.inlineBytesMax, 400]),
      changesetBytesMax: chance.pick([birthLimits.changesetBytesMax, 3000, 8000]),
    },
    chunking: { kind: 'fixed', bytes: chance.pick([512, 1000, birthLimits.packBytesMax]) },
  };
}

/** `calm`: nothing goes wrong. */
export function draw(chance: Chance, members: number | null, operations: number | null): Draws {
  const rate = (most: number) => (chance.maybe(0.35) ? 0 : chance.fraction() * most);
  const format = drawFormat(chance, chance.pick([6 * hourMs, dayMs, 30 * dayMs]));
  const drawnMembers = chance.maybe(0.75) ? chance.between(2, 4) : chance.between(3, 8);
  const workPauseMs = chance.pick([300, 2000, 10_000]);
  return {
    members: members ?? drawnMembers,
    operations: operations ?? chance.between(8, 32),
    workPauseMs,
    // About as many processes as things that people do, whatever the number of members.
    cyclePauseMs: workPauseMs * drawnMembers * chance.pick([0.6, 1.2, 2.5]),
    format,
    largeBytes: format.limits.packBytesMax + 1,
    network: {
      ...{ failed: rate(0.08), answerLost: rate(0.08), late: rate(0.05), cut: rate(0.05), throttled: rate(0.05), date: rate(0.02) },
    },
    machine: { kill: rate(0.008), powerCut: rate(0.004), io: rate(0.002), race: rate(0.01) },
    trashMs: chance.pick([hourMs, 7 * dayMs]),
    pageKeys: chance.pick([2, 7, 1000]),
    trouble: rate(0.35),
    ages: chance.maybe(0.3),
  };
}

const fixed: FixedMetadata = { owner: null, group: null, fileMode: null, dirMode: null };

export function drawConfig(chance: Chance, first: boolean, { trashMs, format }: Draws): ShareConfig {
  return {
    ...{
      name: 'webroot',
      path: '/srv/html',
      pattern: null,
      preset: null,
      exclude: ['*.log'],
      metadata: chance.maybe(0.9) ? 'preserve' : fixed,
    },
    mode: chance.pick(['heavyweight', 'heavyweight', 'lightweight']),
    role: !first && chance.maybe(0.1) ? 'subscriber' : 'both',
    conflict: chance.pick(['newest', 'newest', 'remote', 'local']),
    delete: 'propagate',
    maxDelete: { percent: 20, percentBelow40: 50, floor: chance.pick([3, 20]), windowMs: 600_000 },
    settleMs: chance.pick([0, 500]),
    ...{ settleMaxMs: 10_000, poll: adaptivePoll, schedule: null, housekeep: null, verify: null, check: null, onChange: null },
    ...{ historyMs: format.historyMs, trashMs, join: chance.pick(['trash', 'trash', 'merge']), statusFile: null },
    sweep: { everyMs: 600_000, at: null },
  };
}
