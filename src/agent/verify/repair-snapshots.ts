import type { Sequence } from '../../model/entry.ts';
import { survey } from '../../steps/survey.ts';
import type { Cycle } from '../context.ts';
import { Care, unbounded } from '../housekeep/care.ts';
import { writeSnapshot } from '../housekeep/snapshot.ts';
import { Stock } from '../housekeep/stock.ts';
import { flawsOf, type Repair } from './under-way.ts';

/**
 * A lost or damaged snapshot is replaced by a new one, made as ever from stored records alone, on top of the newest older snapshot that
 * can be read (rule H1). Where records are missing in between there is nothing to make one from, and the bad one stays announced.
 */
export async function repairSnapshots(repair: Repair): Promise<void> {
  const { cycle, examined, done } = repair;
  const bad = new Map(flawsOf(examined, 'snapshot-missing', 'snapshot-damaged').map(({ subject, text }) => [subject, text]));
  const announced = announcedBad(cycle, bad);
  if (announced.length === 0) return;
  if (announced.some(({ upTo }) => upTo > soundUpTo(cycle, bad))) {
    await writeNew(repair, bad);
    if (announced.every(({ upTo }) => upTo > soundUpTo(cycle, bad))) return;
    done.push(`a new snapshot of record ${soundUpTo(cycle, bad)} was made`);
  }
  const record = await repair.append(() => {
    const replaced = announcedBad(cycle, bad).filter(({ upTo }) => upTo <= soundUpTo(cycle, bad));
    return replaced.length === 0 ? null : { kind: 'retire', packs: [], bodies: [], snapshots: replaced.map(({ id }) => id) };
  });
  if (record !== null) done.push(`${bad.size === 1 ? 'the bad snapshot was' : 'bad snapshots were'} taken out of use (record ${record})`);
}

async function writeNew({ cycle, catchUp }: Repair, bad: ReadonlyMap<string, string>): Promise<void> {
  const care = new Care(cycle, unbounded, async () => (await catchUp()) === 'caught-up');
  const stock = new Stock(care, await survey(cycle.ports.datastore, cycle.share));
  for (const [id, text] of bad) stock.damaged.set(id, text);
  await writeSnapshot(care, stock);
}

function announcedBad({ ports }: Cycle, bad: ReadonlyMap<string, string>) {
  return ports.journal.snapshots().filter(({ id }) => bad.has(id));
}

function soundUpTo({ ports }: Cycle, bad: ReadonlyMap<string, string>): Sequence {
  return ports.journal.snapshots().findLast(({ id }) => !bad.has(id))?.upTo ?? 0;
}
