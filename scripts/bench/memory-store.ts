import { createHash } from 'node:crypto';
import { type Answer, type Datastore, DatastoreFault } from '../../src/ports/datastore.ts';

export interface MemoryStore extends Datastore {
  count(): number;
  bytes(): number;
  /** Calls since the last time this was asked. */
  takeRequests(): number;
}

/** A bucket in memory, for measuring what a federation keeps, not how fast it is. */
export function memoryStore(nowMs: () => number): MemoryStore {
  const objects = new Map<string, { bytes: Buffer; modifiedMs: number; tag: string }>();
  let requests = 0;
  const answer = <T>(value: T): Promise<Answer<T>> => {
    requests++;
    return Promise.resolve({ value, dateMs: nowMs() });
  };
  const set = (key: string, bytes: Buffer) => {
    objects.set(key, { bytes: Buffer.from(bytes), modifiedMs: nowMs(), tag: createHash('md5').update(bytes).digest('hex') });
  };
  const keys = (prefix: string) => [...objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  return {
    get: async (key, { bytesMax, range }) => {
      const found = objects.get(key);
      if (found === undefined) return await answer(null);
      const bytes = range === undefined ? found.bytes : found.bytes.subarray(range.offset, range.offset + range.length);
      if (bytes.length > bytesMax) throw new DatastoreFault('permanent', 'too-large', 'too large', '');
      if (range !== undefined && bytes.length === 0) throw new DatastoreFault('permanent', 'bad-range', 'outside', '');
      return await answer({ bytes, modifiedMs: found.modifiedMs });
    },
    put: (key, bytes) => answer(set(key, bytes)),
    putIfAbsent: (key, bytes) => {
      if (objects.has(key)) return answer('exists' as const);
      set(key, bytes);
      return answer('created' as const);
    },
    putStream: async (key, _, open) => {
      const pieces: Buffer[] = [];
      for await (const piece of open()) pieces.push(piece);
      return await answer(set(key, Buffer.concat(pieces)));
    },
    list: (prefix, { after = '', limit = 1000 }) => {
      const found = keys(prefix).filter((key) => key > after);
      const page = found.slice(0, limit).map((key) => {
        const { bytes, modifiedMs, tag } = objects.get(key) as { bytes: Buffer; modifiedMs: number; tag: string };
        return { key, size: bytes.length, modifiedMs, tag };
      });
      return answer({ objects: page, truncated: found.length > limit });
    },
    listFolders: (prefix) => answer([...new Set(keys(prefix).map((key) => key.slice(prefix.length).split('/')[0] ?? ''))]),
    remove: (key) => answer(void objects.delete(key)),
    unfinishedUploads: () => answer([]),
    abortUpload: () => answer(undefined),
    close: () => Promise.resolve(),
    count: () => objects.size,
    bytes: () => [...objects.values()].reduce((sum, { bytes }) => sum + bytes.length, 0),
    takeRequests: () => {
      const taken = requests;
      requests = 0;
      return taken;
    },
  };
}
