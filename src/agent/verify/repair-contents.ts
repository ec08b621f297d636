import type { Hash } from '../../model/entry.ts';
import { decodeBlob } from '../../model/pack.ts';
import type { Location } from '../../ports/journal-rows.ts';
import { readRange } from '../../steps/fetch/range.ts';
import { askForMissing, fetchPorts, held, packUp, type Whole } from '../content.ts';
import type { Cycle } from '../context.ts';
import { flawsOf, type Repair } from './under-way.ts';

const requestsMax = 50;
const contentsPerRecord = 20_000;

/**
 * Rule B3: contents that no place delivers, and those that only a bad pack delivers, are sent again from this disk, or from what is
 * still good of the pack. What neither has is asked for.
 */
export async function repairContents(repair: Repair): Promise<void> {
  const { cycle, examined, done } = repair;
  const lost = new Set(examined.lost);
  const wanted = [...new Set([...lost, ...planned(cycle, () => cycle.ports.journal.onlyInPacks(badPacks(repair)))])];
  const missing: Hash[] = [];
  for (let at = 0; at < wanted.length; at += contentsPerRecord) {
    const part = wanted.slice(at, at + contentsPerRecord);
    const locations = await packUp(cycle, gather(cycle, part, lost));
    const sent = new Set(locations.map(({ hash }) => hash));
    missing.push(...part.filter((hash) => !sent.has(hash)));
    if (locations.length === 0) continue;
    const record = await repair.append(() => ({ kind: 'pack', instead: true, locations, inline: [] }));
    done.push(`${contents(locations.length)} sent again (record ${record})`);
  }
  await ask(repair, missing);
}

/** What nothing delivers, and all that bad packs are said to hold. */
export function contentsInQuestion(repair: Repair): Hash[] {
  const { cycle, examined } = repair;
  const { journal } = cycle.ports;
  const inBad = planned(cycle, () => badPacks(repair).flatMap((pack) => journal.plannedIn(pack)));
  return [...examined.lost, ...inBad.map(({ hash }) => hash)];
}

function contents(count: number): string {
  return count === 1 ? '1 content was' : `${count} contents were`;
}

async function ask({ cycle, done }: Repair, missing: readonly Hash[]): Promise<void> {
  if (missing.length === 0) return;
  for (let requests = 0; requests < requestsMax; requests++) {
    const before = cycle.cursor;
    await askForMissing(cycle, missing);
    if (cycle.cursor === before) break;
  }
  done.push(
    `the other members are asked for ${missing.length === 1 ? '1 content' : `${missing.length} contents`} that this one does not have`,
  );
}

function badPacks({ examined }: Repair): string[] {
  return flawsOf(examined, 'pack-missing', 'pack-short', 'pack-damaged').map(({ subject }) => subject);
}

/** Asks the journal about the contents that retained versions need. */
function planned<T>(cycle: Cycle, question: () => T): T {
  const { journal } = cycle.ports;
  journal.planVerify(cycle.bucketNowMs() - cycle.inForce.historyMs, null);
  try {
    return question();
  } finally {
    journal.endVerify();
  }
}

async function* gather(cycle: Cycle, hashes: readonly Hash[], lost: ReadonlySet<Hash>): AsyncGenerator<Whole> {
  const left = new Set(hashes);
  for (const one of held(cycle, hashes)) {
    left.delete(one.hash);
    yield one;
  }
  for (const hash of left) {
    const bytes = lost.has(hash) ? null : await readStored(cycle, hash);
    if (bytes !== null) yield { hash, bytes };
  }
}

async function readStored(cycle: Cycle, hash: Hash): Promise<Buffer | null> {
  const { inlineOf } = fetchPorts(cycle);
  for (const place of cycle.ports.journal.locations(hash)) {
    const stored =
      place.pack === '' ? (await inlineOf(place.record)).find((blob) => blob.hash === hash)?.stored : await readPack(cycle, place);
    const decoded = stored == null ? null : decodeBlob(stored, place.codec, hash, place.size);
    if (decoded?.ok) return decoded.bytes;
  }
  return null;
}

async function readPack({ ports, share }: Cycle, { pack, offset, length }: Location): Promise<Buffer | null> {
  return await readRange(ports.datastore, share, pack, offset, length);
}

/** A bad pack on which nothing depends any more is taken out of use; housekeeping deletes it after the grace time (rule P3). */
export async function retireBadPacks(repair: Repair): Promise<void> {
  const { cycle, done } = repair;
  const bad = badPacks(repair);
  if (bad.length === 0) return;
  let packs: string[] = [];
  const record = await repair.append(() => {
    packs = planned(cycle, () => needless(cycle, bad));
    return packs.length === 0 ? null : { kind: 'retire', packs, bodies: [], snapshots: [] };
  });
  if (record !== null) done.push(`${packs.length === 1 ? '1 pack was' : `${packs.length} packs were`} taken out of use (record ${record})`);
}

function needless({ ports: { journal } }: Cycle, bad: readonly string[]): string[] {
  const only = new Set(journal.onlyInPacks(bad));
  return bad.filter((pack) => journal.plannedIn(pack).every(({ hash }) => !only.has(hash)));
}
