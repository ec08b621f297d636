import type { Sequence } from '../../model/entry.ts';
import { outdated } from '../../model/housekeeping.ts';
import { bodyKey, packKey, snapshotKey } from '../../model/keys.ts';
import type { RetirePayload } from '../../model/record.ts';
import { appendDecided } from './append.ts';
import type { Care } from './care.ts';
import type { Stock } from './stock.ts';

/** Objects that one record retires. */
const objectsPerRecord = 20_000;

interface Retiring {
  readonly kind: 'pack' | 'body' | 'snapshot';
  readonly id: string;
  readonly key: string;
  readonly reason: string;
}

/** Rule P3: what nothing needs any more is named in a `retire` record; nothing may be built on it from then on. */
export async function retire(care: Care, stock: Stock, mayDropSnapshots: boolean): Promise<void> {
  const told = new Set<string>();
  for (let full = true; full && !care.over(); ) {
    const chosen = candidates(care, stock, mayDropSnapshots).slice(0, objectsPerRecord);
    if (chosen.length === 0) return;
    for (const { key, reason } of chosen) {
      if (!told.has(key)) care.tell('retire', key, reason);
      told.add(key);
    }
    if (care.dryRun) return void care.wouldAppend++;
    await appendDecided(care, () => payloadOf(candidates(care, stock, mayDropSnapshots).slice(0, objectsPerRecord)));
    full = chosen.length === objectsPerRecord;
  }
}

function payloadOf(retiring: readonly Retiring[]): RetirePayload | null {
  const idsOf = (kind: Retiring['kind']) => retiring.filter((one) => one.kind === kind).map(({ id }) => id);
  if (retiring.length === 0) return null;
  return { kind: 'retire', packs: idsOf('pack'), bodies: idsOf('body'), snapshots: idsOf('snapshot') };
}

/** By the fold as it is now. In a dry run the mostly dead packs are among them, since what lives in them would have moved. */
function candidates(care: Care, stock: Stock, mayDropSnapshots: boolean): Retiring[] {
  const { share } = care.cycle;
  const packs = stock.packs().flatMap(({ id, fate }): Retiring[] => {
    if (fate === 'keep' || (fate === 'repack' && !care.dryRun)) return [];
    return [{ kind: 'pack', id, key: packKey(share, id), reason: packReasons[fate] }];
  });
  const bodies = stock
    .deadBodies(mayDropSnapshots ? stock.deletable() : [])
    .map(({ id, reason }): Retiring => ({ kind: 'body', id, key: bodyKey(share, id), reason }));
  const retired = stock.retired();
  return [...packs, ...bodies, ...snapshots(care, stock, mayDropSnapshots)].filter(({ kind, id }) => !retired.has(`${kind} ${id}`));
}

const packReasons = {
  dead: 'nothing in it is needed within the retention',
  stray: 'no record names it',
  repack: 'what it held is in another pack',
};

function snapshots(care: Care, stock: Stock, mayDrop: boolean): Retiring[] {
  const { share, ports } = care.cycle;
  const announced = ports.journal.snapshots();
  const known = new Set(announced.map(({ id }) => id));
  const kept = stock.ripe();
  const replaced = mayDrop
    ? outdated(announced, care.ages, care.nowMs).filter(({ id, upTo }) => id !== kept?.id && upTo <= (kept?.upTo ?? 0))
    : [];
  const newest = announced.findLast(({ id }) => !stock.damaged.has(id))?.upTo ?? 0;
  const damaged = announced.filter((one) => stock.damaged.has(one.id) && one.upTo <= newest && !replaced.includes(one));
  const strays = [...stock.listed.snapshots].filter(
    ([id, { modifiedMs }]) => !known.has(id) && care.nowMs - modifiedMs >= care.ages.unreferencedMs,
  );
  const retiring = (id: string, upTo: Sequence, reason: string): Retiring => ({
    kind: 'snapshot',
    id,
    key: snapshotKey(share, upTo, id),
    reason,
  });
  return [
    ...replaced.map(({ id, upTo }) => retiring(id, upTo, 'a newer one replaces it')),
    ...damaged.map(({ id, upTo }) => retiring(id, upTo, 'it cannot be used')),
    ...strays.map(([id, { upTo }]) => retiring(id, upTo, 'no record names it')),
  ];
}
