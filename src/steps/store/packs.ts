import { packKey } from '../../model/keys.ts';
import type { Blob, Pack } from '../../model/pack.ts';
import type { ChunkLocation } from '../../model/record.ts';
import type { ContentCodec } from '../../ports/codec.ts';
import type { Datastore } from '../../ports/datastore.ts';
import type { Journal } from '../../ports/journal.ts';
import type { Log } from '../../ports/log.ts';
import type { Random } from '../../ports/random.ts';

export interface StorePorts {
  readonly codec: ContentCodec;
  readonly datastore: Datastore;
  readonly journal: Journal;
  readonly random: Random;
  readonly log: Log;
}

/** A chunk that has to be sent. */
export interface Piece {
  readonly hash: string;
  readonly size: number;
  readonly bytes: Buffer;
}

/** Stored bytes of a pack: large enough to make requests rare, small enough to hold several in memory. */
export const packBytes = 4 * 1024 * 1024;
/** Bytes of content that are compressed in one go. */
export const sliceBytesMin = 1024 * 1024;
const uploadsAtOnce = 2;

/** Uploads of ours that no record names yet count for this long by the bucket's clock (rule P3 retires at 7 days). */
export const uploadTrustedMs = 6 * 24 * 3600 * 1000;

export async function encode(ports: StorePorts, slice: readonly Piece[]): Promise<readonly Blob[]> {
  const stored = await ports.codec.encode(slice.map((piece) => piece.bytes));
  return slice.map(({ hash, size }, at) => {
    const blob = stored[at];
    if (blob === undefined) throw new Error('a content was not compressed');
    return { hash, size, codec: blob.codec, stored: blob.stored };
  });
}

export interface Sender {
  /** Resolves once there is room for the next one; throws what an earlier one failed with. */
  send(pack: Pack): Promise<void>;
  /** Resolves once everything has arrived. */
  finish(): Promise<readonly ChunkLocation[]>;
  /** Where a content lies that has arrived. */
  located(hash: string): ChunkLocation | undefined;
  /** Locations so far are asked for no more. */
  forget(): void;
  /** Resolves once nothing is under way any more, however it went. */
  end(): Promise<void>;
}

/**
 * Puts packs, a few at once. Each is committed as an upload when it has arrived: a killed run finds it again (rule P4). Once the signal
 * aborts, nobody waits and nothing more is sent; what is on its way arrives meanwhile.
 */
export function openSender(ports: StorePorts, share: string, signal: AbortSignal): Sender {
  const located = new Map<string, ChunkLocation>();
  const flying = new Set<Promise<void>>();
  // A pack that failed while nobody waited for it must not be forgotten: its contents would be named by no location.
  let failure: { readonly cause: unknown } | null = null;
  const fly = async (pack: Pack): Promise<void> => {
    try {
      for (const location of await sendPack(ports, share, pack)) located.set(location.hash, location);
    } catch (cause) {
      failure ??= { cause };
    }
  };
  const waitUntilBelow = async (most: number): Promise<void> => {
    while (flying.size >= most && failure === null && !signal.aborted) await firstOf(flying, signal);
    if (failure !== null) throw failure.cause;
  };
  return {
    send: async (pack) => {
      await waitUntilBelow(uploadsAtOnce);
      if (signal.aborted) return;
      const tracked = fly(pack).finally(() => flying.delete(tracked));
      flying.add(tracked);
    },
    finish: async () => {
      await waitUntilBelow(1);
      return [...located.values()];
    },
    located: (hash) => located.get(hash),
    forget: () => located.clear(),
    end: async () => {
      await Promise.all(flying);
    },
  };
}

/** Resolves with the first of them, or when the signal aborts. */
async function firstOf(promises: Iterable<Promise<void>>, signal: AbortSignal): Promise<void> {
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.race([...promises, stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function sendPack(ports: StorePorts, share: string, pack: Pack): Promise<readonly ChunkLocation[]> {
  const { dateMs } = await ports.datastore.put(packKey(share, pack.id), pack.bytes);
  ports.log.debug({ step: 'pack', share, bytes: pack.bytes.length }, 'pack stored');
  ports.journal.transaction(() => {
    for (const { hash, size, codec, offset, length } of pack.locations) {
      ports.journal.putUpload({ hash, size, codec, record: 0, pack: pack.id, offset, length }, dateMs);
    }
  });
  return pack.locations;
}
