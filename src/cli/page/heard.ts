import { Gate } from '../../adapters/bounded.ts';
import type { Heartbeat } from '../../agent/heartbeat.ts';
import { readHeartbeatOf } from '../../agent/members.ts';
import type { Datastore, Listed } from '../../ports/datastore.ts';
import type { Time } from '../../ports/time.ts';

const readsAtOnce = 4;
/** Between the beginnings of two reads: a page that is open all day costs a bounded number of requests. */
const pauseMs = 20;
const keptMax = 25_000;
const nameCharactersMax = 128;
const idCharactersMax = 64;

interface Kept {
  readonly listed: Listed;
  readonly heartbeat: Heartbeat | null;
}

/** Heartbeats as they were last read: one is read again when the listing shows another object. */
export class Heard {
  readonly #time: Time;
  readonly #gate = new Gate(readsAtOnce);
  readonly #kept = new Map<string, Kept>();
  #nextMs = 0;

  constructor(time: Time) {
    this.#time = time;
  }

  /** Throws DatastoreFault. */
  readonly read = async (datastore: Datastore, listed: Listed): Promise<Heartbeat | null> => {
    const kept = this.#kept.get(listed.key);
    if (kept !== undefined && isSame(kept.listed, listed)) return kept.heartbeat;
    return await this.#gate.through(async () => {
      await this.#turn();
      const heartbeat = await readHeartbeatOf(datastore, listed);
      this.#keep({ listed, heartbeat: heartbeat === null ? null : trimmed(heartbeat) });
      return this.#kept.get(listed.key)?.heartbeat ?? null;
    });
  };

  /** Nobody looks any more. */
  clear(): void {
    this.#kept.clear();
  }

  async #turn(): Promise<void> {
    const nowMs = this.#time.monotonicMs();
    const atMs = Math.max(nowMs, this.#nextMs);
    this.#nextMs = atMs + pauseMs;
    if (atMs > nowMs) await this.#time.sleep(atMs - nowMs);
  }

  /** The oldest goes first. */
  #keep(kept: Kept): void {
    this.#kept.delete(kept.listed.key);
    this.#kept.set(kept.listed.key, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > keptMax && oldest !== undefined) this.#kept.delete(oldest);
  }
}

function isSame(a: Listed, b: Listed): boolean {
  return a.size === b.size && a.modifiedMs === b.modifiedMs && a.tag === b.tag;
}

/** What is kept of a heartbeat is bounded, whatever somebody has put there. An id is left whole or out: it names what is decided about. */
function trimmed(heartbeat: Heartbeat): Heartbeat {
  const { schema, id, name, version, role, cursor, digest, applied, appliedTo, state, problems, troubles, halt, progress, atMs } =
    heartbeat;
  const holds = heartbeat.holds.filter((hold) => hold.id.length <= idCharactersMax);
  const short = { id: id.slice(0, idCharactersMax), name: name.slice(0, nameCharactersMax), hash: '' };
  return { schema, ...short, version, role, cursor, digest, applied, appliedTo, state, problems, holds, troubles, halt, progress, atMs };
}
