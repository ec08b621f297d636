import { membersPrefix } from '../model/keys.ts';
import { type Datastore, DatastoreFault, type Listed } from '../ports/datastore.ts';
import { listLog } from '../steps/pull.ts';
import { type Heartbeat, heartbeatBytesMax, readHeartbeat } from './heartbeat.ts';

/** A heartbeat as it stands in the bucket. */
export interface HeardMember {
  readonly heartbeat: Heartbeat;
  /** How long ago it was written, by the bucket's clock. */
  readonly agoMs: number;
}

const dayMs = 24 * 3600 * 1000;
/** A member of which nothing was heard for so long is gone: servers of a scaled group come and go under ever new ids. */
export const goneMs = 7 * dayMs;
/** Housekeeping removes its heartbeat then. */
export const forgottenMs = 30 * dayMs;
/** Heard of within this time, a member counts as running. */
export const aliveMs = 3 * 60_000;
const membersMax = 1000;

/** Null for what is no heartbeat. Throws DatastoreFault. */
export type ReadHeartbeat = (datastore: Datastore, listed: Listed) => Promise<Heartbeat | null>;

/** All members that were heard of within `withinMs`, in the order of their labels. Throws DatastoreFault. */
export async function readMembers(
  datastore: Datastore,
  share: string,
  withinMs = goneMs,
  read: ReadHeartbeat = readHeartbeatOf,
): Promise<{ members: HeardMember[]; nowMs: number }> {
  const prefix = membersPrefix(share);
  const keys: { listed: Listed; agoMs: number }[] = [];
  let nowMs = 0;
  for (let after: string | undefined; ; ) {
    const { value, dateMs } = await datastore.list(prefix, after === undefined ? {} : { after });
    nowMs = dateMs;
    keys.push(...value.objects.map((listed) => ({ listed, agoMs: Math.max(0, dateMs - listed.modifiedMs) })));
    after = value.objects.at(-1)?.key;
    if (!value.truncated || after === undefined) break;
  }
  const recent = keys.filter(({ agoMs }) => agoMs < withinMs).sort((a, b) => a.agoMs - b.agoMs);
  const members = await Promise.all(
    recent.slice(0, membersMax).map(async ({ listed, agoMs }) => ({ heartbeat: await read(datastore, listed), agoMs })),
  );
  return { members: members.filter((member): member is HeardMember => member.heartbeat !== null).sort(byName), nowMs };
}

export async function readHeartbeatOf(datastore: Datastore, { key }: Listed): Promise<Heartbeat | null> {
  try {
    const { value } = await datastore.get(key, { bytesMax: heartbeatBytesMax });
    return value === null ? null : readHeartbeat(value.bytes);
  } catch (error) {
    if (error instanceof DatastoreFault && error.code === 'too-large') return null;
    throw error;
  }
}

function byName(a: HeardMember, b: HeardMember): number {
  return a.heartbeat.name < b.heartbeat.name ? -1 : a.heartbeat.name > b.heartbeat.name ? 1 : a.heartbeat.id < b.heartbeat.id ? -1 : 1;
}

/** The end of a share's log as a listing shows it. */
export interface LogEnd {
  /** The newest record, 0 without any. */
  readonly head: number;
  /** When each record from the member's position on came into the bucket, by the bucket's clock, ms. */
  readonly sinceMs: ReadonlyMap<number, number>;
}

/** `cursor` is where this member stands. Throws DatastoreFault. */
export async function readLogEnd(datastore: Datastore, share: string, cursor: number): Promise<LogEnd> {
  const near = await listLog(datastore, share, Math.max(1, cursor));
  const { head, listed } = near.head >= cursor ? near : await listLog(datastore, share, 1);
  return { head, sinceMs: new Map([...listed].map(([sequence, { modifiedMs }]) => [sequence, modifiedMs])) };
}

/** The newest record of the share, 0 without any. `cursor` is where this member stands. Throws DatastoreFault. */
export async function readHead(datastore: Datastore, share: string, cursor: number): Promise<number> {
  return (await readLogEnd(datastore, share, cursor)).head;
}
