import { memberKey } from '../model/keys.ts';
import { lastWords } from '../model/said.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import { adoptTrash } from './adopt-trash.ts';
import { appliedTo } from './applied.ts';
import type { Cycle } from './context.ts';
import {
  count,
  readHalt,
  readTroubles,
  readUnderway,
  said,
  type Trouble,
  troublesOf,
  type Underway,
  underwayIn,
} from './heartbeat-parts.ts';

const repeatMs = 60_000;
const holdsMax = 100;
export const heartbeatBytesMax = 256 * 1024;

/** What a member says of itself in `members/<id>.json`; see docs/format.md. */
export interface Heartbeat {
  readonly schema: 1;
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly role: string;
  readonly cursor: number;
  readonly hash: string;
  readonly digest: string;
  /** The member has applied everything up to `cursor`. */
  readonly applied: boolean;
  /** The member's disk holds every change up to this record; at most `cursor`. */
  readonly appliedTo: number;
  readonly state: 'idle' | 'replaying' | 'halted';
  readonly problems: number;
  /** `why` is what the command of `check` said, '' for deletions. */
  readonly holds: readonly { readonly id: string; readonly paths: number; readonly why: string }[];
  /** The first of the problems; `path` is '' where the share as a whole is meant. */
  readonly troubles: readonly Trouble[];
  readonly halt: { readonly code: string; readonly text: string } | null;
  /** What was under way when it was written; told once a minute while something lasts. */
  readonly progress: Underway | null;
  readonly atMs: number;
}

/** Written at most once a minute, and at once when anything but the time has changed. Follows a flushed journal (rule J4). */
export async function beat(cycle: Cycle, state: Heartbeat['state']): Promise<void> {
  const { journal, member } = cycle.ports;
  const applied = appliedTo(journal);
  const facts = {
    ...{ schema: 1 as const, id: member.id, name: member.name, version: cycle.ports.version, role: cycle.config.role },
    ...{ cursor: cycle.cursor, hash: journal.meta('cursorHash') ?? '', digest: journal.meta('digest') ?? '' },
    ...{ applied: applied === cycle.cursor, appliedTo: applied },
    ...{ state, problems: cycle.problems.length },
    holds: journal
      .holds()
      .filter((hold) => hold.state === 'open')
      .map(({ id, kind, detail }) => ({ id, paths: journal.holdPaths(id).length, why: kind === 'check' ? detail : '' })),
    ...{ troubles: troublesOf(cycle.problems), halt: haltIn(cycle) },
  };
  await write(cycle, JSON.stringify(facts));
}

function haltIn({ halt }: Cycle): Heartbeat['halt'] {
  return halt === null ? null : { code: halt.code, text: lastWords(halt.text) };
}

/**
 * A share that stands still because of its root says so, as far as it was heard of before: the bucket is none of its trouble. Where the
 * bucket itself is doubted, nothing is written to it.
 */
export async function beatHalted(cycle: Cycle): Promise<void> {
  const text = cycle.ports.journal.meta('heartbeatText');
  if (text === undefined || cycle.halt === null || !saidOfRoot.test(cycle.halt.code)) return;
  try {
    await write(cycle, JSON.stringify({ ...(JSON.parse(text) as object), state: 'halted', halt: haltIn(cycle) }));
  } catch (error) {
    if (!(error instanceof DatastoreFault)) throw error;
    cycle.ports.log.warn({ share: cycle.share, code: error.code }, 'the heartbeat of a halt could not be written');
  }
}

/** A root that another state looks after has heartbeats of that one. */
const saidOfRoot = /^root-(?!in-use$)/;

/** At once when it says something else than before, else once a minute. */
async function write(cycle: Cycle, text: string): Promise<void> {
  const { journal } = cycle.ports;
  if (text === journal.meta('heartbeatText') && isBeatYoung(cycle)) return;
  const nowMs = cycle.bucketNowMs();
  await send(cycle, { ...(JSON.parse(text) as Told), progress: underwayIn(cycle), atMs: nowMs });
  cycle.ports.log.debug({ step: 'heartbeat', share: cycle.share, cursor: cycle.cursor }, 'heartbeat written');
  journal.transaction(() => {
    journal.setMeta('heartbeatText', text);
    journal.setMeta('heartbeatAtMs', String(nowMs));
  });
}

type Told = Omit<Heartbeat, 'progress' | 'atMs'>;

/** Another one would say no more than it does. */
export function isBeatYoung(cycle: Cycle): boolean {
  const age = cycle.bucketNowMs() - Number(cycle.ports.journal.meta('heartbeatAtMs') ?? '0');
  return age >= 0 && age < repeatMs;
}

/** A member that has nothing to say still says that it lives: what the last cycle told, and how far the one under way is. */
export async function repeatBeat(cycle: Cycle): Promise<void> {
  const { journal } = cycle.ports;
  const text = journal.meta('heartbeatText');
  if (text === undefined) return;
  const nowMs = cycle.bucketNowMs();
  await send(cycle, { ...(JSON.parse(text) as Told), progress: underwayIn(cycle), atMs: nowMs });
  journal.setMeta('heartbeatAtMs', String(nowMs));
}

async function send(cycle: Cycle, heartbeat: Heartbeat): Promise<void> {
  const { datastore, member, log } = cycle.ports;
  try {
    await datastore.put(memberKey(cycle.share, member.id), Buffer.from(`${JSON.stringify(heartbeat)}\n`));
  } catch (error) {
    // A subscriber may be given read-only credentials; others will notice at their next append.
    if (!(error instanceof DatastoreFault)) throw error;
    log.warn({ share: cycle.share, code: error.code }, 'the heartbeat could not be written');
    if (cycle.config.role !== 'subscriber') throw error;
  }
}

/** Anything from the bucket may be hostile: unusable heartbeats are null. */
export function readHeartbeat(bytes: Buffer): Heartbeat | null {
  if (bytes.length > heartbeatBytesMax) return null;
  try {
    const json = JSON.parse(bytes.toString('utf8')) as Partial<Heartbeat>;
    const usable =
      typeof json.id === 'string' && typeof json.name === 'string' && Number.isSafeInteger(json.cursor) && typeof json.atMs === 'number';
    if (!usable) return null;
    const { state } = json;
    const facts = {
      state: state === 'replaying' || state === 'halted' ? state : 'idle',
      appliedTo: count(json.appliedTo),
      problems: count(json.problems),
    } as const;
    const texts = { version: said(json.version), role: said(json.role), digest: said(json.digest) };
    const parts = { troubles: readTroubles(json.troubles), halt: readHalt(json.halt), progress: readUnderway(json.progress) };
    return { ...blank, ...json, ...facts, ...texts, holds: readHolds(json.holds), ...parts };
  } catch {
    return null;
  }
}

function readHolds(json: unknown): Heartbeat['holds'] {
  if (!Array.isArray(json)) return [];
  const usable = json.filter((hold) => typeof hold?.id === 'string' && Number.isSafeInteger(hold.paths)).slice(0, holdsMax);
  return usable.map(({ id, paths, why }) => ({ id, paths, why: typeof why === 'string' ? lastWords(why) : '' }));
}

const blank: Heartbeat = {
  ...{ schema: 1, id: '', name: '', version: '', role: 'both', cursor: 0, hash: '', digest: '' },
  ...{ applied: false, appliedTo: 0, state: 'idle', problems: 0, holds: [], troubles: [], halt: null, progress: null, atMs: 0 },
};

/** Null where there is none or an unusable one, however large. */
async function readOwn({ ports, share }: Cycle): Promise<Heartbeat | null> {
  try {
    const { value } = await ports.datastore.get(memberKey(share, ports.member.id), { bytesMax: heartbeatBytesMax });
    return value === null ? null : readHeartbeat(value.bytes);
  } catch (error) {
    if (error instanceof DatastoreFault && error.code === 'too-large') return null;
    throw error;
  }
}

/**
 * Rule J4: a heartbeat of our own id that is ahead of our journal was written by a clone, or by ourselves before the journal was
 * restored. This member takes a new id, keeps the journal as base, and distrusts old content for one replay.
 */
export async function noticeClone(cycle: Cycle): Promise<void> {
  const { journal, member } = cycle.ports;
  // A first replay that was killed is behind its own past as well, and has no base yet that could be old.
  if (cycle.cursor === 0 || cycle.options.dryRun || journal.meta('joined') !== '1') return;
  const own = await readOwn(cycle);
  const ahead = Math.max(own?.cursor ?? 0, rememberedCursor(cycle));
  if (ahead <= cycle.cursor) return;
  if (own !== null) cycle.otherLifeMs = own.atMs + cycle.ports.time.wallMs() - cycle.bucketNowMs();
  // In this order: under the new id a killed run would find no heartbeat that is ahead of it.
  journal.setMeta('suspectBase', '1');
  journal.flush();
  member.renew();
  cycle.events.push(
    `this member's own heartbeat was ahead of its journal (record ${ahead} against ${cycle.cursor}): a clone or a restored disk; it goes on under a new id and nothing old is published`,
  );
  adoptTrash(cycle);
}

/** The position in `state/member.json`, which follows the journal: whoever may write no heartbeat has that. */
function rememberedCursor({ ports: { member }, share, inForce }: Cycle): number {
  const known = member.lastKnown(share);
  return known?.shareId === inForce.share ? known.cursor : 0;
}
