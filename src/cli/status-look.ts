import { openMember } from '../adapters/member-file.ts';
import { systemRandom, systemTime } from '../adapters/system.ts';
import { type Lag, lagOf } from '../agent/lag.ts';
import { forgottenMs, type HeardMember, type ReadHeartbeat, readLogEnd, readMembers } from '../agent/members.ts';
import type { World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import { askForStatus, type Process } from './ask.ts';
import { readJournal } from './shares.ts';
import { type LocalStatus, localStatus } from './status-local.ts';

/** Everything that is known of one share here and now. */
export interface ShareStatus {
  readonly share: ShareConfig;
  /** Null: never synced here. */
  readonly local: LocalStatus | null;
  /** The process that looks after the share at this moment. */
  readonly process: Process | null;
  /** The newest record of the bucket; null where the bucket gave no answer. */
  readonly head: number | null;
  readonly members: readonly HeardMember[];
  /** How far each member is behind, by its id, and this one; empty where the bucket gave no answer. */
  readonly lags: ReadonlyMap<string, Lag>;
  readonly selfId: string;
  readonly fault: DatastoreFault | null;
  /** The bucket's clock where it answered, else this machine's, ms. */
  readonly nowMs: number;
}

const noLags: ShareStatus['lags'] = new Map();

/** What the journal says, without a word from the bucket or from the process that looks after the share. Throws JournalFault. */
export function lookHere(world: World, share: ShareConfig): ShareStatus {
  const nowMs = systemTime.wallMs();
  const local = readJournal(world, share.name, (journal) => (journal === null ? null : localStatus(journal, share, nowMs)));
  return { ...{ share, local, process: null, head: null, members: [], lags: noLags, fault: null }, selfId: ownId(world), nowMs };
}

/** Throws JournalFault; a bucket that gives no answer is part of the result. */
export async function lookAt(world: World, share: ShareConfig, read?: ReadHeartbeat): Promise<ShareStatus> {
  const here = lookHere(world, share);
  const { local, selfId } = here;
  const asking = askForStatus(world, share);
  try {
    const datastore = await world.datastore();
    const [end, heard] = await Promise.all([
      readLogEnd(datastore, share.name, local?.cursor ?? 0),
      readMembers(datastore, share.name, forgottenMs, read),
    ]);
    const positions = [...heard.members.map(({ heartbeat }) => heartbeat), { id: selfId, appliedTo: local?.appliedTo ?? 0 }];
    const lags = readJournal(
      world,
      share.name,
      (journal) => new Map(positions.map(({ id, appliedTo }) => [id, lagOf(journal, appliedTo, end)])),
    );
    return { ...here, process: await asking, head: end.head, members: heard.members, lags, nowMs: heard.nowMs };
  } catch (error) {
    if (!(error instanceof DatastoreFault)) throw error;
    return { ...here, process: await asking, nowMs: systemTime.wallMs(), fault: error };
  }
}

/** Reads only; a member that never synced gets an id that no heartbeat has. */
export function ownId({ config }: World): string {
  return openMember(config.state, config.member, systemRandom, { temporary: true }).id;
}
