import type { Hash } from '../../model/entry.ts';
import type { Limits } from '../../model/limits.ts';
import { type Blob, PackBuilder } from '../../model/pack.ts';
import type { ChunkLocation } from '../../model/record.ts';
import { encode, openSender, type Piece, packBytes, type StorePorts, sliceBytesMin, uploadTrustedMs } from './packs.ts';

/** Contents on their way to the bucket before the record that will name them is made. */
export interface Gathered {
  /** Copies `bytes` before it returns. Resolves once there is room for more. */
  offer(hash: Hash, bytes: Buffer): Promise<void> | undefined;
  /** Resolves once everything offered is in the bucket or at hand; throws what the store failed with. */
  ready(): Promise<void>;
  /** A content that is in no pack yet. */
  atHand(hash: Hash): Blob | undefined;
  /** Where a content lies that was sent. */
  sent(hash: Hash): ChunkLocation | undefined;
  /** The log names what was gathered so far. */
  forget(): void;
  /** Resolves once nothing is under way any more, however it went. */
  end(): Promise<void>;
}

/** Slices that are compressed while the next one is read. */
const slicesAhead = 2;

/**
 * Compresses and packs what a look at the disk reads, so that no file is read twice, and while it reads the next. A hash says what the
 * bytes are, whatever becomes of the file: what is then not published is an unreferenced upload (rule P3). Full packs are sent at
 * once; what remains, at most about one pack, stays at hand. After a failure nothing more is gathered, and `ready` tells it. Once the
 * signal aborts, nothing more is sent: then nothing may be published that relies on what was offered.
 */
export function gather(ports: StorePorts, share: string, limits: Limits, bucketNowMs: number, signal: AbortSignal): Gathered {
  const builder = new PackBuilder(Math.min(packBytes, limits.packBytesMax), () => ports.random.hex(16));
  const sender = openSender(ports, share, signal);
  const seen = new Set<Hash>();
  const rest = new Map<Hash, Blob>();
  const slice = openSlice();
  let failed = false;
  const work: Promise<void>[] = [Promise.resolve()];

  const pack = async (encoded: Promise<readonly Blob[]>): Promise<void> => {
    for (const blob of await encoded) {
      const full = builder.add(blob);
      if (full !== undefined) await sender.send(full);
    }
  };
  const next = async (): Promise<void> => {
    const pieces = slice.takeOut();
    const hashes = pieces.map(({ hash }) => hash);
    const known = ports.journal.reachable(hashes, bucketNowMs - uploadTrustedMs);
    const unknown = pieces.filter(({ hash }) => !known.has(hash));
    const encoded = encode(ports, unknown).then((blobs) => {
      slice.giveBack(pieces, blobs);
      return blobs;
    });
    const before = work.at(-1);
    const packed = Promise.all([encoded, before]).then(() => pack(encoded));
    packed.catch(() => {
      failed = true;
    });
    work.push(packed);
    if (work.length > slicesAhead) await work.shift()?.catch(() => undefined);
  };

  return {
    offer: (hash, bytes) => {
      if (failed || bytes.length === 0 || seen.has(hash)) return undefined;
      seen.add(hash);
      slice.add(hash, bytes);
      return slice.bytes() < sliceBytesMin ? undefined : next();
    },
    ready: async () => {
      if (slice.bytes() > 0) await next();
      await Promise.all(work);
      for (const blob of builder.rest()) rest.set(blob.hash, blob);
      await sender.finish();
    },
    atHand: (hash) => rest.get(hash),
    sent: (hash) => sender.located(hash),
    forget: () => {
      seen.clear();
      rest.clear();
      sender.forget();
    },
    end: async () => {
      await Promise.allSettled(work);
      await sender.end();
    },
  };
}

/**
 * Contents side by side in one buffer: thousands of small ones would cost more than what they hold. Buffers come back for the next
 * slices, since they are outside the heap, where garbage is noticed late.
 */
function openSlice() {
  const free: Buffer[] = [];
  let buffer: Buffer = Buffer.alloc(0);
  let pieces: Piece[] = [];
  let used = 0;
  let total = 0;
  return {
    bytes: () => total,
    add: (hash: Hash, bytes: Buffer): void => {
      if (buffer.length - used < bytes.length) {
        // A single small content needs no buffer for many.
        const size = Math.max(bytes.length, pieces.length === 0 ? bytes.length : sliceBytesMin);
        buffer = (size === sliceBytesMin ? free.pop() : undefined) ?? Buffer.allocUnsafeSlow(size);
        used = 0;
      }
      const copy = buffer.subarray(used, used + bytes.length);
      bytes.copy(copy);
      used += bytes.length;
      total += bytes.length;
      pieces.push({ hash, size: bytes.length, bytes: copy });
    },
    takeOut: (): readonly Piece[] => {
      const taken = pieces;
      buffer = Buffer.alloc(0);
      pieces = [];
      used = 0;
      total = 0;
      return taken;
    },
    /** What is stored as it is may still lie in the slice's own buffer. */
    giveBack: (taken: readonly Piece[], blobs: readonly Blob[]): void => {
      const kept = new Set(blobs.map(({ stored }) => stored.buffer));
      for (const whole of new Set(taken.map(({ bytes }) => bytes.buffer))) {
        if (whole.byteLength === sliceBytesMin && !kept.has(whole) && free.length < slicesAhead) free.push(Buffer.from(whole));
      }
    },
  };
}
