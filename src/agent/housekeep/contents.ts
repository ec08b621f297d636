import type { Sequence } from '../../model/entry.ts';
import { packKey } from '../../model/keys.ts';
import type { ChunkLocation, PackPayload } from '../../model/record.ts';
import type { Location } from '../../ports/journal.ts';
import { type RepackPorts, repack } from '../../steps/repack.ts';
import { fetchPorts } from '../content.ts';
import { appendDecided } from './append.ts';
import type { Care } from './care.ts';
import type { Stock } from './stock.ts';

/** Contents that one `pack` record announces. */
const contentsPerRecord = 20_000;

/**
 * Rule P2: contents that live on and lie only inline in records which a snapshot covers, or is about to, move to packs. Up to which record
 * is asked each time: others go on writing meanwhile.
 */
export async function packInline(care: Care, stock: Stock, coveredUpTo: () => Sequence): Promise<void> {
  const { journal } = care.cycle.ports;
  for (let before = ''; !care.over(); ) {
    stock.weigh();
    const contents = journal.homelessInline(coveredUpTo(), contentsPerRecord);
    const first = contents[0];
    // What could not be moved would be met for ever.
    if (first === undefined || first.hash === before) return;
    before = first.hash;
    const records = new Set(contents.map(({ record }) => record)).size;
    care.tell('pack', `${care.cycle.share}/packs/`, `${contents.length} contents lie only in ${records} records of the log that are to go`);
    if (care.dryRun) return void care.wouldAppend++;
    await move(care, stock, contents);
  }
}

/** Rule P3: what still lives in mostly dead packs moves to new ones; the old ones are retired by a later record. */
export async function repackSparse(care: Care, stock: Stock): Promise<void> {
  const { journal } = care.cycle.ports;
  const sparse = stock.packs().filter(({ fate }) => fate === 'repack');
  let batch: Location[] = [];
  const flush = async () => {
    if (batch.length > 0) await move(care, stock, batch);
    batch = [];
  };
  for (const { id, bytes } of sparse) {
    if (care.cutShort()) break;
    stock.weigh();
    const contents = journal.homeIn(id);
    const live = contents.reduce((sum, { length }) => sum + length, 0);
    care.tell('repack', packKey(care.cycle.share, id), `${live} of its ${bytes} bytes are needed; they move to another pack`);
    care.bytesLeft -= live;
    batch.push(...contents);
    if (!care.dryRun && batch.length >= contentsPerRecord) await flush();
  }
  if (!care.dryRun) await flush();
  else if (batch.length > 0) care.wouldAppend++;
}

/** Copies the contents and says where they lie now. A killed run has noted its packs as uploads, so that the next one names them. */
async function move(care: Care, stock: Stock, contents: readonly Location[]): Promise<void> {
  const { cycle } = care;
  const ports: RepackPorts = { ...cycle.ports, inlineOf: fetchPorts(cycle).inlineOf };
  const since = care.nowMs - care.ages.uploadTrustedMs;
  const missing = contents.filter(({ hash }) => cycle.ports.journal.upload(hash, since) === null);
  await repack(ports, cycle.share, missing, cycle.inForce.limits);
  await appendDecided(care, () => announcement(care, stock, contents));
}

/** What was copied and was not retired meanwhile: nobody knew what it was for. */
function announcement(care: Care, stock: Stock, contents: readonly Location[]): PackPayload | null {
  const { journal } = care.cycle.ports;
  const retired = stock.retired();
  const since = care.nowMs - care.ages.uploadTrustedMs;
  const locations: ChunkLocation[] = [];
  for (const { hash } of contents) {
    const upload = journal.upload(hash, since);
    if (upload === null || retired.has(`pack ${upload.pack}`)) continue;
    const { size, codec, pack, offset, length } = upload;
    locations.push({ hash, size, codec, pack, offset, length });
  }
  stock.noteMoved(locations);
  return locations.length === 0 ? null : { kind: 'pack', locations, inline: [] };
}
