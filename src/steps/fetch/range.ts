import { packKey } from '../../model/keys.ts';
import type { Datastore } from '../../ports/datastore.ts';
import { DatastoreFault } from '../../ports/datastore.ts';

/** Null: this place does not have the bytes; trouble with the store as a whole is thrown. */
export async function readRange(datastore: Datastore, share: string, pack: string, offset: number, length: number): Promise<Buffer | null> {
  try {
    return (await datastore.get(packKey(share, pack), { bytesMax: length, range: { offset, length } })).value?.bytes ?? null;
  } catch (error) {
    const ofThisObject = error instanceof DatastoreFault && (error.code === 'bad-range' || error.code === 'too-large');
    if (ofThisObject) return null;
    throw error;
  }
}
