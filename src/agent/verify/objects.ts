import type { Sequence } from '../../model/entry.ts';
import { bodiesPrefix, formatKey, membersPrefix, packsPrefix, parseLogKey, parseSnapshotKey, snapshotsPrefix } from '../../model/keys.ts';
import type { Listed } from '../../ports/datastore.ts';
import { requestKey } from '../../steps/pull.ts';
import type { Cycle } from '../context.ts';
import type { Survey } from './survey.ts';

/** A snapshot as its key tells it. */
export interface ListedSnapshot {
  readonly id: string;
  readonly upTo: Sequence;
  readonly object: Listed;
}

/** Everything that stands below the share's prefix. */
export interface ShareObjects {
  readonly hasFormat: boolean;
  readonly records: ReadonlyMap<Sequence, Listed>;
  /** The lowest and the highest number listed; 0 without any. */
  readonly first: Sequence;
  readonly head: Sequence;
  /** The lowest number from which every record up to the head is listed. */
  readonly solid: Sequence;
  readonly packs: ReadonlyMap<string, Listed>;
  readonly bodies: ReadonlyMap<string, Listed>;
  /** Newest state first. */
  readonly snapshots: readonly ListedSnapshot[];
  /** Keys that belong to nothing that this program knows. */
  readonly strangers: readonly Listed[];
  readonly dateMs: number;
}

const idPattern = /^[0-9a-f]{32}$/;

/** One listing of all objects of the share. Throws DatastoreFault. */
export async function listObjects({ ports, share }: Cycle): Promise<ShareObjects> {
  const found = new Sorting(share);
  for (let after: string | undefined; ; ) {
    const { value, dateMs } = await ports.datastore.list(`${share}/`, after === undefined ? {} : { after });
    for (const object of value.objects) found.add(object);
    after = value.objects.at(-1)?.key;
    ports.onProgress({ phase: 'listing', filesDone: found.count });
    if (!value.truncated || after === undefined) return found.result(dateMs);
  }
}

class Sorting {
  count = 0;
  private readonly share: string;
  private hasFormat = false;
  private readonly records = new Map<Sequence, Listed>();
  private readonly packs = new Map<string, Listed>();
  private readonly bodies = new Map<string, Listed>();
  private readonly snapshots: ListedSnapshot[] = [];
  private readonly strangers: Listed[] = [];

  constructor(share: string) {
    this.share = share;
  }

  add(object: Listed): void {
    const { key } = object;
    this.count++;
    const sequence = parseLogKey(key)?.sequence;
    if (sequence !== undefined) this.records.set(sequence, object);
    else if (this.addById(object, packsPrefix(this.share), this.packs) || this.addById(object, bodiesPrefix(this.share), this.bodies))
      return;
    else if (key.startsWith(snapshotsPrefix(this.share))) this.addSnapshot(object);
    else if (key === formatKey(this.share)) this.hasFormat = true;
    else if (!this.isOther(key)) this.strangers.push(object);
  }

  private addById(object: Listed, prefix: string, map: Map<string, Listed>): boolean {
    const id = object.key.startsWith(prefix) ? object.key.slice(prefix.length) : '';
    if (!idPattern.test(id)) return false;
    map.set(id, object);
    return true;
  }

  private addSnapshot(object: Listed): void {
    const parsed = parseSnapshotKey(object.key);
    if (parsed === undefined) this.strangers.push(object);
    else this.snapshots.push({ id: parsed.id, upTo: parsed.upTo, object });
  }

  /** Heartbeats, and requests for records. */
  private isOther(key: string): boolean {
    const request = requestKey(this.share, 1).replace(/\d+$/, '');
    return key.startsWith(request) || (key.startsWith(membersPrefix(this.share)) && key.endsWith('.json'));
  }

  result(dateMs: number): ShareObjects {
    const { hasFormat, records, packs, bodies, strangers } = this;
    let [first, head] = [0, 0];
    for (const sequence of records.keys()) {
      if (first === 0 || sequence < first) first = sequence;
      if (sequence > head) head = sequence;
    }
    const snapshots = this.snapshots.sort((a, b) => b.upTo - a.upTo || (a.id < b.id ? -1 : 1));
    let solid = head;
    while (records.has(solid - 1)) solid--;
    return { hasFormat, records, first, head, solid, packs, bodies, snapshots, strangers, dateMs };
  }
}

/** Counts what nothing refers to: no fault, since housekeeping removes it once it is old enough. */
export function countOrphans(survey: Survey, objects: ShareObjects, bodiesNamed: ReadonlySet<string>): void {
  const { counts } = survey;
  const { journal } = survey.cycle.ports;
  const known = journal.knownObjects();
  const retired = new Set(journal.retired().map(({ id }) => id));
  const announced = new Set(journal.snapshots().map(({ id }) => id));
  const newest = objects.snapshots[0]?.id;
  const orphans: Listed[] = [...objects.strangers];
  const weigh = (id: string, object: Listed, isNamed: boolean) => {
    if (retired.has(id)) counts.retired++;
    else if (!isNamed) orphans.push(object);
  };
  for (const [id, object] of objects.packs) weigh(id, object, known.packs.has(id));
  for (const [id, object] of objects.bodies) weigh(id, object, known.bodies.has(id) || bodiesNamed.has(id));
  for (const { id, object } of objects.snapshots) weigh(id, object, announced.has(id) || id === newest);
  for (const { size, modifiedMs } of orphans) {
    counts.orphans++;
    counts.orphanBytes += size;
    counts.orphanAgeMs = Math.max(counts.orphanAgeMs, objects.dateMs - modifiedMs);
  }
}
