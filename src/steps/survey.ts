import type { Sequence } from '../model/entry.ts';
import { bodiesPrefix, idBelow, logPrefix, packsPrefix, parseLogKey, parseSnapshotKey, snapshotsPrefix } from '../model/keys.ts';
import type { Datastore, Listed } from '../ports/datastore.ts';

/** What the bucket holds of one share, object by object. */
export interface Survey {
  /** Numbers of the records, ascending. */
  readonly log: readonly Sequence[];
  /** By id. */
  readonly packs: ReadonlyMap<string, Listed>;
  readonly bodies: ReadonlyMap<string, Listed>;
  readonly snapshots: ReadonlyMap<string, Listed & { readonly upTo: Sequence }>;
  /** Bucket time of the last listing, ms. */
  readonly dateMs: number;
}

/** Lists everything that housekeeping may touch. Names that this program does not make are nobody's business and left out. */
export async function survey(datastore: Datastore, share: string): Promise<Survey> {
  const log = await listAll(datastore, logPrefix(share));
  const [packsBelow, bodiesBelow] = [packsPrefix(share), bodiesPrefix(share)];
  const packs = await listAll(datastore, packsBelow);
  const bodies = await listAll(datastore, bodiesBelow);
  const snapshots = await listAll(datastore, snapshotsPrefix(share));
  return {
    log: log.objects.flatMap(({ key }) => {
      const parsed = parseLogKey(key);
      return parsed?.share === share ? [parsed.sequence] : [];
    }),
    packs: byId(packsBelow, packs.objects),
    bodies: byId(bodiesBelow, bodies.objects),
    snapshots: new Map(
      snapshots.objects.flatMap((object) => {
        const parsed = parseSnapshotKey(object.key);
        return parsed?.share !== share ? [] : [[parsed.id, { ...object, upTo: parsed.upTo }]];
      }),
    ),
    dateMs: snapshots.dateMs,
  };
}

async function listAll(datastore: Datastore, prefix: string): Promise<{ objects: Listed[]; dateMs: number }> {
  const objects: Listed[] = [];
  for (;;) {
    const after = objects.at(-1)?.key;
    const { value, dateMs } = await datastore.list(prefix, after === undefined ? {} : { after });
    for (const object of value.objects) objects.push(object);
    if (!value.truncated || value.objects.length === 0) return { objects, dateMs };
  }
}

function byId(prefix: string, objects: readonly Listed[]): Map<string, Listed> {
  const found = new Map<string, Listed>();
  for (const object of objects) {
    const id = idBelow(prefix, object.key);
    if (id !== undefined) found.set(id, object);
  }
  return found;
}
