import type { Hash } from '../../model/entry.ts';
import { type FlawCode, flaw, type Run, runsOf } from '../../model/verify.ts';
import type { Location } from '../../ports/journal-rows.ts';
import type { PlannedPack } from '../../ports/journal-verify.ts';
import { readRange } from '../../steps/fetch/range.ts';
import type { ShareObjects } from './objects.ts';
import { inParallel, type Survey, subscriberRemedy } from './survey.ts';

const packsAtOnce = 3;
/** Paths that are told one by one; a lost pack must not become a report of a million lines. */
const bereftTold = 20;
const lostMax = 250_000;

interface BadPack {
  readonly planned: PlannedPack;
  readonly code: FlawCode;
  readonly what: string;
}

/**
 * Looks at each pack that a retained version needs: it must be listed, long enough, and deliver what it holds. Must follow the log,
 * which delivers what lies inline. Returns the contents that nothing delivers. Throws DatastoreFault.
 */
export async function examineContents(survey: Survey, objects: ShareObjects): Promise<readonly Hash[]> {
  const { journal, onProgress } = survey.cycle.ports;
  const planned = journal.plannedPacks();
  const totals = { filesTotal: planned.length, bytesTotal: planned.reduce((sum, { bytes }) => sum + bytes, 0) };
  const bad: BadPack[] = [];
  let bytesDone = 0;
  await inParallel(survey, planned, packsAtOnce, async (pack) => {
    const found = await examinePack(survey, objects, pack, (bytes) => {
      bytesDone += bytes;
      onProgress({ phase: 'reading packs', filesDone: survey.counts.packs, bytesDone, ...totals });
    });
    if (found !== null) bad.push(found);
    survey.counts.packs++;
  });
  for (const pack of bad) tellPack(survey, pack);
  return tellLost(survey);
}

async function examinePack(
  survey: Survey,
  objects: ShareObjects,
  planned: PlannedPack,
  onBytes: (bytes: number) => void,
): Promise<BadPack | null> {
  const { journal } = survey.cycle.ports;
  const { pack } = planned;
  const listed = objects.packs.get(pack);
  if (listed === undefined) return { planned, code: 'pack-missing', what: 'is missing' };
  const places = journal.plannedIn(pack);
  const inside = places.filter(({ offset, length }) => offset + length <= listed.size);
  const wrong = await readPlaces(survey, pack, stretch(survey, inside), onBytes);
  journal.markSound(inside.filter((place) => !wrong.has(place)).map(({ hash }) => hash));
  if (inside.length < places.length)
    return { planned, code: 'pack-short', what: `has ${listed.size} bytes instead of at least ${planned.end}` };
  return wrong.size > 0 ? { planned, code: 'pack-damaged', what: 'is damaged' } : null;
}

/** Of a sample, neighbours from a place that chance chooses: picked one by one they would cost as many requests, or the whole pack. */
function stretch({ cycle, options }: Survey, places: readonly Location[]): readonly Location[] {
  const { random } = cycle.ports;
  const count = Math.floor(places.length * options.fraction + (options.fraction < 1 ? random.fraction() : 0));
  const start = Math.floor(random.fraction() * (places.length - count + 1));
  return places.slice(start, start + count);
}

/** Places that do not deliver what they are said to hold. */
async function readPlaces(
  survey: Survey,
  pack: string,
  places: readonly Location[],
  onBytes: (bytes: number) => void,
): Promise<ReadonlySet<Location>> {
  const { cycle, counts } = survey;
  const wrong = new Set<Location>();
  for (const run of runsOf(places)) {
    if (cycle.options.signal.aborted) break;
    const bytes = await readRange(cycle.ports.datastore, cycle.share, pack, run.offset, run.length);
    const contents =
      bytes === null ? [] : await cycle.ports.codec.decode(run.places.map((place) => ({ ...place, stored: cut(bytes, run, place) })));
    for (const [at, place] of run.places.entries()) if ((contents[at] ?? null) === null) wrong.add(place);
    counts.contentsRead += run.places.length;
    counts.bytesRead += bytes?.length ?? 0;
    onBytes(run.places.reduce((sum, { length }) => sum + length, 0));
  }
  return wrong;
}

function cut(bytes: Buffer, run: Run<Location>, { offset, length }: Location): Buffer {
  return bytes.subarray(offset - run.offset, offset - run.offset + length);
}

/** A pack whose contents all lie elsewhere as well harms nobody. */
function tellPack(survey: Survey, { planned: { pack, contents }, code, what }: BadPack): void {
  const lost = survey.cycle.ports.journal.unsoundIn(pack);
  const harm =
    lost > 0 ? `${lost} of the ${contents} contents in it that versions need lie nowhere else` : 'all that it held lies elsewhere as well';
  survey.flaws.push(flaw(code, pack, `pack ${pack} ${what}; ${harm}`, lost > 0 ? packRemedy(survey) : spareRemedy(survey), lost > 0));
}

function spareRemedy({ cycle: { config } }: Survey): string {
  return config.role === 'subscriber' ? subscriberRemedy : '--repair takes it out of use.';
}

function packRemedy({ cycle: { config } }: Survey): string {
  if (config.role === 'subscriber') return subscriberRemedy;
  return '--repair sends what this disk holds of it again and asks the other members for the rest.';
}

function tellLost(survey: Survey): readonly Hash[] {
  const { journal } = survey.cycle.ports;
  const { count, hashes } = journal.unsound(lostMax);
  if (count === 0) return [];
  const bereft = journal.bereft(bereftTold);
  for (const { path, version, k, live, hash } of bereft.first) {
    const which = live ? 'the content of this file' : `the content of version ${version}${k > 0 ? `~${k}` : ''} of this file`;
    const held = journal.agreedByHash(hash, 1).length > 0 || journal.trashByHash(hash) !== null;
    const remedy = held || survey.cycle.config.role === 'subscriber' ? packRemedy(survey) : '--repair asks the other members for it.';
    survey.flaws.push({ ...flaw('content-lost', '', `${which} cannot be had from the bucket`, remedy), subject: path, path });
  }
  const more = bereft.count - bereft.first.length;
  if (more > 0)
    survey.flaws.push(flaw('content-lost', 'more', `${more} more versions miss their content in the bucket`, packRemedy(survey)));
  return hashes;
}
