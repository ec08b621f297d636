import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openCodec } from '../../src/adapters/codec.ts';
import { openCommands } from '../../src/adapters/command.ts';
import { openDirectory } from '../../src/adapters/directory.ts';
import { openShareTree } from '../../src/adapters/disk.ts';
import { compileExcludes } from '../../src/adapters/excludes.ts';
import { openMember } from '../../src/adapters/member-file.ts';
import { systemOwners } from '../../src/adapters/owners.ts';
import { openReadyFile } from '../../src/adapters/ready-file.ts';
import { scratchBelow } from '../../src/adapters/scratch.ts';
import { openJournal } from '../../src/adapters/sqlite.ts';
import { systemRandom, systemTime } from '../../src/adapters/system.ts';
import type { CycleOptions } from '../../src/agent/context.ts';
import { type Outcome, ShareAgent } from '../../src/agent.ts';
import type { ShareConfig } from '../../src/config-types.ts';
import { adaptivePoll } from '../../src/model/pace.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import type { Journal } from '../../src/ports/journal.ts';
import type { Log } from '../../src/ports/log.ts';
import type { Time } from '../../src/ports/time.ts';

export interface TestMember {
  readonly root: string;
  readonly journal: Journal;
  readonly agent: ShareAgent;
  cycle(options?: Partial<CycleOptions>): Promise<Outcome>;
}

export interface MemberOptions {
  readonly config?: Partial<ShareConfig>;
  /** What stands between the member and the bucket; the same for the member's whole life. */
  readonly through?: (datastore: Datastore) => Datastore;
  readonly time?: Partial<Time>;
}

/** A bucket in a directory below `home`, as one member sees it. */
export function bucketIn(home: string): Datastore {
  const path = join(home, 'bucket');
  mkdirSync(path, { recursive: true });
  return openDirectory({ path, federation: 'shop' });
}

/** One member in this process, with real adapters; calls with the same `home` and name continue with the same disk and journal. */
export function composeMember(
  home: string,
  name: string,
  { config = {}, through = (same) => same, time = {} }: MemberOptions,
): TestMember & { close(): Promise<void> } {
  const [root, state] = [join(home, name, 'html'), join(home, name, 'state')];
  mkdirSync(root, { recursive: true });
  mkdirSync(state, { recursive: true });
  const journal = openJournal({ file: join(state, 'webroot.journal') });
  const tree = openShareTree({ root, shareName: 'webroot' });
  const codec = openCodec();
  const datastore = through(bucketIn(home));
  const member = openMember(state, name, systemRandom);
  const ports = {
    ...{ datastore, journal, tree, owners: systemOwners(systemTime), time: { ...systemTime, ...time }, random: systemRandom, codec },
    ...{ log: silent, member, excluded: compileExcludes(config.exclude ?? []), compileExcludes, version: '0' },
    ...{ readiness: openReadyFile(join(state, 'webroot.ready')), commands: openCommands(join(state, 'webroot.changed')) },
    ...{ onProgress: () => {}, stateId: `${member.id} ${state}`, scratch: scratchBelow(join(state, 'webroot.scratch')) },
  };
  const agent = new ShareAgent(ports, { ...plain, path: root, ...config });
  const signal = new AbortController().signal;
  const close = async () => {
    journal.close();
    tree.close();
    await codec.close();
    await datastore.close();
  };
  return { root, journal, agent, cycle: (options = {}) => agent.cycle({ dryRun: false, only: null, signal, ...options }), close };
}

const nothing = () => {};
const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const dayMs = 24 * 3600 * 1000;

/** The defaults, without a pause to settle. */
export const plain: ShareConfig = {
  ...{ name: 'webroot', path: '', pattern: null, mode: 'heavyweight', role: 'both', preset: null, exclude: [], metadata: 'preserve' },
  ...{ conflict: 'newest', delete: 'propagate', maxDelete: { percent: 20, percentBelow40: 50, floor: 20, windowMs: 600_000 } },
  ...{
    settleMs: 0,
    settleMaxMs: 10_000,
    poll: adaptivePoll,
    schedule: null,
    housekeep: null,
    ...{ verify: null, check: null, onChange: null },
    historyMs: 30 * dayMs,
    trashMs: 7 * dayMs,
    join: 'trash',
  },
  statusFile: null,
  sweep: { everyMs: 600_000, at: null },
};
