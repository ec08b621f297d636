import type { World } from '../../compose.ts';
import { decodeFormat, formatBytesMax } from '../../model/format.ts';
import { formatKey } from '../../model/keys.ts';
import { nameFault } from '../../model/share-name.ts';
import { type Datastore, DatastoreFault } from '../../ports/datastore.ts';

/** A share that stands in the bucket. */
export interface FoundShare {
  readonly federation: string;
  readonly name: string;
  /** Label of the member that founded it. */
  readonly by: string;
  readonly atMs: number;
}

/** `fault`: the bucket gave no answer, or must not be listed. */
export interface Found {
  readonly shares: readonly FoundShare[];
  readonly fault: DatastoreFault | null;
}

/** Other things may lie in the bucket, any number of them. */
const foldersLookedAt = 50;
const sharesLookedAt = 200;

/** The shares of one federation; '' looks for federations first. The world's datastore has to be that of the federation. */
export async function sharesIn(world: World, federation: string): Promise<Found> {
  const shares: FoundShare[] = [];
  try {
    const datastore = await world.datastore();
    const folders = federation === '' ? named((await datastore.listFolders('')).value).slice(0, foldersLookedAt) : [''];
    for (const folder of folders) {
      const prefix = folder === '' ? '' : `${folder}/`;
      const names = named((await datastore.listFolders(prefix)).value).slice(0, sharesLookedAt);
      const found = await Promise.all(names.map((name) => shareAt(datastore, prefix, name)));
      for (const one of found) if (one !== null) shares.push({ ...one, federation: folder || federation });
    }
    return { shares, fault: null };
  } catch (error) {
    if (!(error instanceof DatastoreFault)) throw error;
    return { shares, fault: error };
  }
}

/** Whatever else lies in a bucket is neither a group nor a share that a config could name. */
function named(folders: readonly string[]): string[] {
  return folders.filter((name) => nameFault(name) === undefined);
}

async function shareAt(datastore: Datastore, prefix: string, name: string): Promise<Omit<FoundShare, 'federation'> | null> {
  try {
    const { value } = await datastore.get(`${prefix}${formatKey(name)}`, { bytesMax: formatBytesMax });
    const decoded = value === null ? null : decodeFormat(value.bytes);
    return decoded === null || !decoded.ok ? null : { name, by: decoded.format.created.by, atMs: decoded.format.created.atMs };
  } catch (error) {
    if (error instanceof DatastoreFault && error.code !== 'too-large' && error.code !== 'bad-key') throw error;
    return null;
  }
}
