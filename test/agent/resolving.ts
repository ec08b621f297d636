import { chunksOf } from '../../src/model/entry.ts';
import { packKey } from '../../src/model/keys.ts';
import { birthLimits } from '../../src/model/limits.ts';
import { decodeBlob } from '../../src/model/pack.ts';
import { decodePayload, decodeRecord } from '../../src/model/record-decode.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import type { Journal, Location } from '../../src/ports/journal.ts';
import { fetchRecord } from '../../src/steps/pull.ts';

/** Versions within the retention whose content no place of the bucket delivers, as this journal sees it: `path@version`. */
export async function unresolved(journal: Journal, datastore: Datastore, cutoffMs: number): Promise<string[]> {
  journal.pruneVersions(cutoffMs);
  const known = new Map<string, Promise<boolean>>();
  const lost: string[] = [];
  for (const { path, version, k, entry } of journal.allVersions()) {
    for (const { hash } of entry?.kind === 'file' ? chunksOf(entry) : []) {
      const found = known.get(hash) ?? delivers(datastore, journal.locations(hash));
      known.set(hash, found);
      if (!(await found)) lost.push(`${path}@${version}${k === 0 ? '' : `~${k}`}`);
    }
  }
  return lost;
}

async function delivers(datastore: Datastore, locations: readonly Location[]): Promise<boolean> {
  for (const location of locations) {
    const stored = location.pack === '' ? await inline(datastore, location) : await inPack(datastore, location);
    if (stored !== null && decodeBlob(stored, location.codec, location.hash, location.size).ok) return true;
  }
  return false;
}

async function inPack(datastore: Datastore, { pack, offset, length }: Location): Promise<Buffer | null> {
  const range = { offset, length };
  return (await datastore.get(packKey('webroot', pack), { bytesMax: length, range })).value?.bytes ?? null;
}

async function inline(datastore: Datastore, { record, hash }: Location): Promise<Buffer | null> {
  const fetched = await fetchRecord(datastore, 'webroot', record, birthLimits);
  const decoded = fetched.found ? decodeRecord(fetched.bytes, birthLimits) : null;
  const payload = decoded?.ok ? decodePayload(decoded, fetched.found ? fetched.body : null, birthLimits) : null;
  if (!payload?.ok || !('inline' in payload.payload)) return null;
  return payload.payload.inline.find((blob) => blob.hash === hash)?.stored ?? null;
}
